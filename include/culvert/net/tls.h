/* TLS contexts: roots, own certificate, ALPN, groups, the check of names. Sessions are made by
 * conn. */
#ifndef CULVERT_NET_TLS_H
#define CULVERT_NET_TLS_H

#include "culvert/base/span.h"

/* OpenSSL's; only net/tls, net/tls_issue and net/conn look inside. */
struct ssl_st;
struct ssl_ctx_st;
struct x509_st;
struct evp_pkey_st;

/* Immutable once made, counted: workers share it. */
struct tls_context;

struct tls_client_options {
    bool system_roots;      /* trust the machine's store */
    struct span ca_pem;     /* more roots, as PEM text; empty: none */
    const char *ca_file;    /* more roots, a PEM file; NULL: none. Without a certificate: refused */
    bool no_verify;         /* take any certificate */
    bool http2_alpn;        /* offer h2 and http/1.1; else no ALPN at all */
    bool post_quantum_only; /* refused with a sentence where libcrypto lacks the group */
};

/* A client context, TLS 1.2 and 1.3, without session tickets. NULL: `err` names file and cause. */
struct tls_context *tls_client_new(const struct tls_client_options *options, struct error *err);

/* For fetch: adds the roots that the options name to a context which libcurl made. */
bool tls_add_roots(struct ssl_ctx_st *ctx, const struct tls_client_options *options,
                   struct error *err) MUST_CHECK;

/* A certificate chain with its key. The caller owns it. */
struct tls_identity;

/* Chain (leaf first) and key as PEM texts; the key must fit the leaf. NULL: `err`. */
struct tls_identity *tls_identity_parse(struct span chain_pem, struct span key_pem,
                                        struct error *err);
void tls_identity_free(struct tls_identity *identity);

struct tls_server_options {
    /* Asked in the handshake with the SNI name in lower case without trailing dot ("" when none was
     * sent); returns a borrowed identity or NULL to refuse (alert unrecognized_name). */
    const struct tls_identity *(*choose)(void *arg, const char *server_name);
    void *arg;
    bool http2_alpn; /* choose h2 over http/1.1 when offered; a client offering neither is refused
                      * (RFC 9113 3.2); one without ALPN goes on */
};

/* A server context, TLS 1.2 (with the suites HTTP/2 allows) and 1.3. NULL: `err`. */
struct tls_context *tls_server_new(const struct tls_server_options *options, struct error *err);

/* Another owner; the last one to let go frees it. From any thread. */
struct tls_context *tls_context_ref(struct tls_context *context);
void tls_context_unref(struct tls_context *context); /* NULL is allowed */

/* For conn: a new session. `server_name` (client only): sent as SNI unless it is an address, and
 * verified unless the context does not verify; NULL: neither. A server's context must outlive the
 * handshake. The caller frees it with SSL_free. NULL: `err`. */
struct ssl_st *tls_session_new(struct tls_context *context, const char *server_name,
                               struct error *err);

/* For conn, right after a call that failed for good: turns OpenSSL's queue, the verify result and
 * errno into one sentence of kind NETWORK or PROTOCOL, for example "certificate of the peer: unable
 * to get local issuer certificate". The queue is empty afterwards. False. */
bool tls_session_error(struct ssl_st *session, struct error *err);

/* "h2", "http/1.1" or "": what was agreed. */
struct span tls_session_protocol(const struct ssl_st *session);

#endif
