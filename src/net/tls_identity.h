/* Certificates and keys as OpenSSL's objects, for the TLS files of this room only. */
#ifndef CULVERT_SRC_NET_TLS_IDENTITY_H
#define CULVERT_SRC_NET_TLS_IDENTITY_H

#include "culvert/base/buf.h"
#include "culvert/net/tls.h"

#include <openssl/x509.h>

struct tls_identity {
    X509 *leaf;
    STACK_OF(X509) * chain; /* what is sent behind the leaf; may be empty */
    EVP_PKEY *key;
};

/* The most certificates read from one PEM text: the bundle of a system has about 150. */
enum { TLS_CERTIFICATES_MAX = 1024 };

/* Hands every certificate of the text to `take`, which owns it from then on and returns false to
 * stop with `err` filled. Returns how many there were; 0: `err` says why (none is a failure). */
size_t tls_pem_certificates(struct span pem, bool (*take)(void *arg, X509 *, struct error *err),
                            void *arg, struct error *err);

/* The private key of the text; an encrypted one is refused, nobody is asked. NULL: `err`. */
EVP_PKEY *tls_pem_key(struct span pem, struct error *err);

/* Takes leaf and key over in every case; `chain` is empty. NULL: `err` (memory). */
struct tls_identity *tls_identity_make(X509 *leaf, EVP_PKEY *key, struct error *err);

/* Append PEM texts. False: `err`. */
bool tls_pem_put_certificate(X509 *certificate, struct buf *out, struct error *err) MUST_CHECK;
bool tls_pem_put_key(EVP_PKEY *key, struct buf *out, struct error *err) MUST_CHECK;

/* Milliseconds since 1970; 0: not a time. */
int64_t tls_time_ms(const ASN1_TIME *time);

enum { TLS_NAME_MAX = 253 }; /* RFC 1035 2.3.4, as text without the last dot */

/* The name as routing knows it: lower case, no last dot. False: not the name of a host. */
bool tls_name_normalise(const char *from, char to[TLS_NAME_MAX + 1]);

/* Is it an IP address, not a name? */
bool tls_name_is_address(const char *name);

/* Is the certificate for this name or address? Its common name counts for nothing (RFC 9525). */
bool tls_certificate_covers(X509 *certificate, const char *name);

/* Empties OpenSSL's queue into one sentence "<what>: <reason>"; false. */
bool tls_library_error(struct error *err, enum error_kind kind, const char *what);

#endif
