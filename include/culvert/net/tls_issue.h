/* Certificates of our own making: an issuer (a CA with its key) and leaves for exact names.
 * Keys are P-256, signatures ECDSA with SHA-256 (RFC 5280, RFC 9525). */
#ifndef CULVERT_NET_TLS_ISSUE_H
#define CULVERT_NET_TLS_ISSUE_H

#include "culvert/base/buf.h"
#include "culvert/net/tls.h"

enum {
    TLS_ISSUER_DAYS = 3650,      /* of a CA */
    TLS_LEAF_DAYS = 90,          /* of a leaf; renew when a third is left */
    TLS_BACKDATE_SECONDS = 3600, /* clocks of clients that are behind */
    TLS_PEM_MAX = 64 * 1024,     /* a chain or a key as PEM text */
    TLS_LEAF_NAMES_MAX = 16      /* names in one leaf that we issue */
};

/* A CA certificate with its key. Immutable; the caller owns it. */
struct tls_issuer;

/* A new CA whose name is `common_name` and a few random digits, on the key of `key_pem` (empty: a
 * new key). NULL: `err` (INVALID: not such a key). */
struct tls_issuer *tls_issuer_make(const char *common_name, struct span key_pem, int64_t unix_ms,
                                   struct error *err);

/* One CA certificate and its key as PEM. NULL: `err` (INVALID: no CA, or the key of another). */
struct tls_issuer *tls_issuer_parse(struct span certificate_pem, struct span key_pem,
                                    struct error *err);
void tls_issuer_free(struct tls_issuer *issuer); /* NULL is allowed */

/* Append PEM texts. The key is a secret: buf_wipe it. False: `out` is full, or memory. */
bool tls_issuer_certificate(const struct tls_issuer *issuer, struct buf *out,
                            struct error *err) MUST_CHECK;
bool tls_issuer_key(const struct tls_issuer *issuer, struct buf *out, struct error *err) MUST_CHECK;

/* The last moment at which the CA is valid, in milliseconds since 1970. */
int64_t tls_issuer_until(const struct tls_issuer *issuer);

/* A leaf for servers with a fresh key. `names`: host names in lower case (no wildcards) and IP
 * addresses, 1 ... TLS_LEAF_NAMES_MAX. It never outlives the CA. NULL: `err` (INVALID: a name). */
struct tls_identity *tls_issue(const struct tls_issuer *issuer, const char *const *names,
                               size_t count, int64_t unix_ms, struct error *err);

/* Append the chain (leaf first) and the key as PEM texts; NULL: not asked. The key is a secret. */
bool tls_identity_format(const struct tls_identity *identity, struct buf *chain, struct buf *key,
                         struct error *err) MUST_CHECK;

/* When the leaf is valid, in milliseconds since 1970. */
void tls_identity_validity(const struct tls_identity *identity, int64_t *from_ms,
                           int64_t *until_ms);

/* Calls `each` for every DNS name of the leaf as written there ("*.example.com" too). */
void tls_identity_names(const struct tls_identity *identity,
                        void (*each)(void *arg, struct span name), void *arg);

#endif
