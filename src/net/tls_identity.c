/* Certificates and keys: from PEM and back, names and times in them. No context, no session. */
#include "tls_identity.h"
#include "culvert/net/tls_issue.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

bool tls_library_error(struct error *err, enum error_kind kind, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    int cause = ERR_GET_REASON(code);
    ERR_clear_error();
    if (cause == ERR_R_MALLOC_FAILURE)
        return error_memory(err);
    return error_set(err, kind, cause, "%s: %s", what, reason ? reason : "no reason given");
}

static BIO *open_text(struct span pem, struct error *err)
{
    if (pem.len > INT_MAX) {
        (void)error_set(err, ERROR_LIMIT, 0, "the PEM text is too large");
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(pem.data ? pem.data : "", (int)pem.len);
    if (!bio)
        (void)error_memory(err);
    return bio;
}

/* The library would ask at the terminal; a daemon has none. */
static int no_password(char *to, int size, int writing, void *arg)
{
    (void)writing;
    (void)arg;
    if (size > 0)
        to[0] = '\0';
    return -1;
}

/* Has the reader stopped because nothing more is there, not because something is broken? */
static bool is_end_of_text(void)
{
    unsigned long code = ERR_peek_last_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

size_t tls_pem_certificates(struct span pem, bool (*take)(void *arg, X509 *, struct error *err),
                            void *arg, struct error *err)
{
    size_t count = 0;
    bool ok = false;

    ERR_clear_error();
    BIO *bio = open_text(pem, err);
    if (!bio)
        return 0;
    for (;;) {
        X509 *certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL);
        if (!certificate)
            break;
        if (count == TLS_CERTIFICATES_MAX) {
            X509_free(certificate);
            (void)error_set(err, ERROR_LIMIT, 0, "more than %d certificates", TLS_CERTIFICATES_MAX);
            goto out;
        }
        count++;
        if (!take(arg, certificate, err))
            goto out;
    }
    if (!is_end_of_text()) {
        char what[64];
        (void)snprintf(what, sizeof what, "certificate %zu of the PEM text", count + 1);
        (void)tls_library_error(err, ERROR_INVALID, what);
        goto out;
    }
    if (count == 0)
        (void)error_set(err, ERROR_INVALID, 0, "no certificate in the PEM text");
    ok = count > 0;

out:
    ERR_clear_error();
    BIO_free(bio);
    return ok ? count : 0;
}

static bool says(struct span pem, const char *word)
{
    return pem.len > 0 && memmem(pem.data, pem.len, word, strlen(word));
}

EVP_PKEY *tls_pem_key(struct span pem, struct error *err)
{
    ERR_clear_error();
    BIO *bio = open_text(pem, err);
    if (!bio)
        return NULL;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    if (!key && says(pem, "ENCRYPTED"))
        (void)error_set(err, ERROR_INVALID, 0,
                        "the private key is encrypted, and nobody can be asked for the password: "
                        "store it decrypted");
    else if (!key && !says(pem, "PRIVATE KEY-----"))
        (void)error_set(err, ERROR_INVALID, 0, "no private key in the PEM text");
    else if (!key)
        (void)tls_library_error(err, ERROR_INVALID, "private key");
    ERR_clear_error();
    BIO_free(bio);
    return key;
}

struct tls_identity *tls_identity_make(X509 *leaf, EVP_PKEY *key, struct error *err)
{
    struct tls_identity *identity = calloc(1, sizeof *identity);
    STACK_OF(X509) *chain = sk_X509_new_null();
    if (!identity || !chain) {
        (void)error_memory(err);
        sk_X509_free(chain);
        free(identity);
        X509_free(leaf);
        EVP_PKEY_free(key);
        return NULL;
    }
    *identity = (struct tls_identity){.leaf = leaf, .chain = chain, .key = key};
    return identity;
}

void tls_identity_free(struct tls_identity *identity)
{
    if (!identity)
        return;
    X509_free(identity->leaf);
    sk_X509_pop_free(identity->chain, X509_free);
    EVP_PKEY_free(identity->key);
    free(identity);
}

/* Tries what a handshake will do later, so that a weak key is a sentence at start-up. */
static bool is_usable(const struct tls_identity *identity, struct error *err)
{
    SSL_CTX *trial = SSL_CTX_new(TLS_server_method());
    if (!trial)
        return tls_library_error(err, ERROR_SYSTEM, "TLS context");
    bool ok = SSL_CTX_use_cert_and_key(trial, identity->leaf, identity->key, identity->chain, 1);
    if (!ok)
        (void)tls_library_error(err, ERROR_INVALID, "certificate");
    SSL_CTX_free(trial);
    return ok;
}

static bool add_to_chain(void *arg, X509 *certificate, struct error *err)
{
    struct tls_identity *identity = arg;
    if (!identity->leaf) {
        identity->leaf = certificate;
        return true;
    }
    if (sk_X509_push(identity->chain, certificate) > 0)
        return true;
    X509_free(certificate);
    return error_memory(err);
}

struct tls_identity *tls_identity_parse(struct span chain_pem, struct span key_pem,
                                        struct error *err)
{
    bool ok = false;
    struct tls_identity *identity = tls_identity_make(NULL, NULL, err);
    if (!identity)
        return NULL;
    if (tls_pem_certificates(chain_pem, add_to_chain, identity, err) == 0)
        goto out;
    identity->key = tls_pem_key(key_pem, err);
    if (!identity->key)
        goto out;
    if (X509_check_private_key(identity->leaf, identity->key) != 1) {
        ERR_clear_error();
        (void)error_set(err, ERROR_INVALID, 0,
                        "the private key does not belong to the first certificate");
        goto out;
    }
    ok = is_usable(identity, err);

out:
    if (!ok) {
        tls_identity_free(identity);
        identity = NULL;
    }
    return identity;
}

bool tls_name_normalise(const char *from, char to[TLS_NAME_MAX + 1])
{
    size_t len = strlen(from);
    if (len > 0 && from[len - 1] == '.')
        len--;
    if (len == 0 || len > TLS_NAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = from[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
            return false;
        to[i] = c;
    }
    to[len] = '\0';
    return true;
}

bool tls_name_is_address(const char *name)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

bool tls_certificate_covers(X509 *certificate, const char *name)
{
    enum { FLAGS = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT };
    int found = 0;
    if (certificate && tls_name_is_address(name))
        found = X509_check_ip_asc(certificate, name, 0);
    else if (certificate)
        found = X509_check_host(certificate, name, 0, FLAGS, NULL);
    ERR_clear_error();
    return found == 1;
}

static bool put_memory(BIO *bio, struct buf *out, struct error *err)
{
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    if (len > 0 && buf_put(out, text, (size_t)len))
        return true;
    return error_set(err, ERROR_LIMIT, 0, "no room for a PEM text");
}

bool tls_pem_put_certificate(X509 *certificate, struct buf *out, struct error *err)
{
    ERR_clear_error();
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio && PEM_write_bio_X509(bio, certificate) == 1;
    ok = ok ? put_memory(bio, out, err) : tls_library_error(err, ERROR_SYSTEM, "writing PEM");
    BIO_free(bio);
    return ok;
}

bool tls_pem_put_key(EVP_PKEY *key, struct buf *out, struct error *err)
{
    ERR_clear_error();
    BIO *bio = BIO_new(BIO_s_secmem());
    bool ok = bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    ok = ok ? put_memory(bio, out, err) : tls_library_error(err, ERROR_SYSTEM, "writing PEM");
    BIO_free(bio);
    return ok;
}

bool tls_identity_format(const struct tls_identity *identity, struct buf *chain, struct buf *key,
                         struct error *err)
{
    if (chain && !tls_pem_put_certificate(identity->leaf, chain, err))
        return false;
    for (int i = 0; chain && i < sk_X509_num(identity->chain); i++)
        if (!tls_pem_put_certificate(sk_X509_value(identity->chain, i), chain, err))
            return false;
    return !key || tls_pem_put_key(identity->key, key, err);
}

int64_t tls_time_ms(const ASN1_TIME *time)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1)
        return 0;
    return (int64_t)timegm(&parts) * 1000;
}

void tls_identity_validity(const struct tls_identity *identity, int64_t *from_ms, int64_t *until_ms)
{
    *from_ms = tls_time_ms(X509_get0_notBefore(identity->leaf));
    *until_ms = tls_time_ms(X509_get0_notAfter(identity->leaf));
}

void tls_identity_names(const struct tls_identity *identity,
                        void (*each)(void *arg, struct span name), void *arg)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(identity->leaf, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_DNS)
            continue;
        int len = ASN1_STRING_length(name->d.dNSName);
        each(arg, span_make(ASN1_STRING_get0_data(name->d.dNSName), len > 0 ? (size_t)len : 0));
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}
