/* TLS contexts and what belongs to one session: names, the agreed protocol, the words of a failure.
 * Reading and writing is conn's; certificates and keys are in tls_identity. */
#include "culvert/net/tls.h"

#include "culvert/base/file.h"
#include "culvert/base/refs.h"
#include "tls_identity.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_context {
    struct refs refs;
    SSL_CTX *ctx;
    bool is_server;
    bool verifies;
    struct tls_server_options server;
};

enum {
    TLS_CA_FILE_MAX = 4 * 1024 * 1024, /* the bundle of a system has about 250 KiB */
    TLS_CHAIN_DEPTH = 10,              /* intermediates between a leaf and a root; three are much */
};

/* Of TLS 1.2 only what HTTP/2 allows (RFC 9113 9.2.2): ephemeral keys and AEAD. */
#define TLS12_SUITES                                                                               \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"     \
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384"
#define TLS13_SUITES "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"

#define GROUP_POST_QUANTUM "X25519MLKEM768"
/* P-384 is last and for certificates: under TLS 1.2 a client refuses a leaf whose curve it does
 * not list. */
#define GROUPS_CLASSIC "X25519:P-256:P-384"

static bool set_groups(SSL_CTX *ctx, bool post_quantum_only, struct error *err)
{
    if (post_quantum_only) {
        if (SSL_CTX_set1_groups_list(ctx, GROUP_POST_QUANTUM) == 1 &&
            SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1)
            return true;
        ERR_clear_error();
        return error_set(err, ERROR_INVALID, 0,
                         "post-quantum key agreement needs OpenSSL 3.5 or later, this is %s",
                         OpenSSL_version(OPENSSL_VERSION_STRING));
    }
    if (SSL_CTX_set1_groups_list(ctx, GROUP_POST_QUANTUM ":" GROUPS_CLASSIC) == 1)
        return true;
    ERR_clear_error();
    if (SSL_CTX_set1_groups_list(ctx, GROUPS_CLASSIC) == 1)
        return true;
    return tls_library_error(err, ERROR_SYSTEM, "TLS groups");
}

/* What clients and servers have in common. Buffers go back while a session is idle: thousands of
 * quiet connections would hold 34 KiB each. */
static struct tls_context *context_new(bool is_server, struct error *err)
{
    ERR_clear_error();
    struct tls_context *context = calloc(1, sizeof *context);
    if (!context) {
        (void)error_memory(err);
        return NULL;
    }
    refs_init(&context->refs);
    context->is_server = is_server;
    context->ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    SSL_CTX *ctx = context->ctx;
    if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(ctx, TLS12_SUITES) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, TLS13_SUITES) != 1) {
        (void)tls_library_error(err, ERROR_SYSTEM, "TLS context");
        tls_context_unref(context);
        return NULL;
    }
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    return context;
}

static bool add_root(void *arg, X509 *certificate, struct error *err)
{
    bool ok = X509_STORE_add_cert(arg, certificate) == 1;
    if (!ok)
        (void)tls_library_error(err, ERROR_INVALID, "root certificate");
    X509_free(certificate);
    return ok;
}

static bool add_roots_file(X509_STORE *store, const char *path, struct error *err)
{
    struct buf pem = BUF_LIMIT(TLS_CA_FILE_MAX);
    bool ok = file_read(path, &pem, err);
    if (ok && tls_pem_certificates(buf_span(&pem), add_root, store, err) == 0)
        ok = error_wrap(err, "CA file %s", path);
    buf_release(&pem);
    return ok;
}

bool tls_add_roots(SSL_CTX *ctx, const struct tls_client_options *options, struct error *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    if (options->system_roots && SSL_CTX_set_default_verify_paths(ctx) != 1)
        return tls_library_error(err, ERROR_SYSTEM, "the machine's CA certificates");
    if (options->ca_pem.len > 0 && tls_pem_certificates(options->ca_pem, add_root, store, err) == 0)
        return error_wrap(err, "CA certificates");
    if (options->ca_file && !add_roots_file(store, options->ca_file, err))
        return false;
    if (!options->no_verify && !options->system_roots && options->ca_pem.len == 0 &&
        !options->ca_file)
        return error_set(err, ERROR_INVALID, 0, "no CA certificate to verify the peer with");
    return true;
}

static bool client_init(struct tls_context *context, const struct tls_client_options *options,
                        struct error *err)
{
    static const unsigned char protocols[] = "\x02h2\x08http/1.1";
    SSL_CTX *ctx = context->ctx;

    context->verifies = !options->no_verify;
    SSL_CTX_set_verify(ctx, options->no_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_depth(param, TLS_CHAIN_DEPTH);
    /* A certificate somebody put among the roots is trusted, also when it is no root itself. */
    (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    /* RFC 9525: the common name is no name of a host. */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (options->http2_alpn && SSL_CTX_set_alpn_protos(ctx, protocols, sizeof protocols - 1) != 0)
        return tls_library_error(err, ERROR_SYSTEM, "ALPN");
    return set_groups(ctx, options->post_quantum_only, err) && tls_add_roots(ctx, options, err);
}

struct tls_context *tls_client_new(const struct tls_client_options *options, struct error *err)
{
    struct tls_context *context = context_new(false, err);
    if (context && !client_init(context, options, err)) {
        tls_context_unref(context);
        return NULL;
    }
    return context;
}

static int on_server_name(SSL *session, int *alert, void *arg)
{
    struct tls_context *context = arg;
    const char *sent = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    char name[TLS_NAME_MAX + 1] = "";

    *alert = SSL_AD_UNRECOGNIZED_NAME;
    if (sent && !tls_name_normalise(sent, name))
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    const struct tls_identity *identity = context->server.choose(context->server.arg, name);
    if (!identity)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *alert = SSL_AD_INTERNAL_ERROR;
    if (SSL_use_cert_and_key(session, identity->leaf, identity->key, identity->chain, 1) != 1)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

static int on_protocols(SSL *session, const unsigned char **out, unsigned char *out_len,
                        const unsigned char *in, unsigned in_len, void *arg)
{
    static const struct span wanted[] = {SPAN_INIT("h2"), SPAN_INIT("http/1.1")};
    (void)session;
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        for (unsigned at = 0; at < in_len; at += 1u + in[at]) {
            if (!span_equal(span_make(in + at + 1, in[at]), wanted[i]))
                continue;
            *out = in + at + 1;
            *out_len = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool server_init(struct tls_context *context, const struct tls_server_options *options,
                        struct error *err)
{
    SSL_CTX *ctx = context->ctx;
    context->server = *options;
    if (!set_groups(ctx, false, err))
        return false;
    if (SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
        SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name) != 1 ||
        SSL_CTX_set_tlsext_servername_arg(ctx, context) != 1)
        return tls_library_error(err, ERROR_SYSTEM, "TLS context");
    if (options->http2_alpn)
        SSL_CTX_set_alpn_select_cb(ctx, on_protocols, NULL);
    return true;
}

struct tls_context *tls_server_new(const struct tls_server_options *options, struct error *err)
{
    struct tls_context *context = context_new(true, err);
    if (context && !server_init(context, options, err)) {
        tls_context_unref(context);
        return NULL;
    }
    return context;
}

struct tls_context *tls_context_ref(struct tls_context *context)
{
    refs_take(&context->refs);
    return context;
}

void tls_context_unref(struct tls_context *context)
{
    if (!context || !refs_drop(&context->refs))
        return;
    SSL_CTX_free(context->ctx);
    free(context);
}

/* An address is never sent as SNI (RFC 6066 3) but is looked for among the certificate's. */
static bool set_peer_name(struct tls_context *context, SSL *session, const char *server_name,
                          struct error *err)
{
    char name[TLS_NAME_MAX + 1];
    bool ok = true;
    if (tls_name_is_address(server_name)) {
        if (context->verifies)
            ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), server_name) == 1;
    } else if (!tls_name_normalise(server_name, name)) {
        return error_set(err, ERROR_INVALID, 0, "\"%.100s\" cannot be the name of a TLS server",
                         server_name);
    } else {
        ok = SSL_set_tlsext_host_name(session, name) == 1 &&
             (!context->verifies || SSL_set1_host(session, name) == 1);
    }
    return ok || tls_library_error(err, ERROR_SYSTEM, "TLS server name");
}

struct ssl_st *tls_session_new(struct tls_context *context, const char *server_name,
                               struct error *err)
{
    ERR_clear_error();
    SSL *session = SSL_new(context->ctx);
    if (!session) {
        (void)tls_library_error(err, ERROR_SYSTEM, "TLS session");
        return NULL;
    }
    if (context->is_server) {
        SSL_set_accept_state(session);
        return session;
    }
    SSL_set_connect_state(session);
    if (server_name && !set_peer_name(context, session, server_name, err)) {
        SSL_free(session);
        return NULL;
    }
    return session;
}

struct span tls_session_protocol(const struct ssl_st *session)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(session, &name, &len);
    return len > 0 ? span_make(name, len) : SPAN("");
}
