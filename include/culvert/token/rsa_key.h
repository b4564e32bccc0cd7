/* Public RSA keys, and whether one of them signed something: PKCS #1 v1.5 with SHA-256, which is
 * RS256 (RFC 7518 3.3), over libcrypto. */
#ifndef CULVERT_TOKEN_RSA_KEY_H
#define CULVERT_TOKEN_RSA_KEY_H

#include "culvert/base/span.h"

enum {
    RSA_KEY_BITS_MIN = 2048, /* RFC 7518 3.3 */
    RSA_KEY_BITS_MAX = 8192, /* the work for one signature grows with the square */
    RSA_KEY_EXPONENT_BYTES = 4,
};

/* Immutable: several threads may verify with one at a time. */
struct rsa_key;

/* From big-endian numbers, as a JWK has them. The caller owns the key. NULL: a size that is out of
 * bounds, numbers that make no key (kind INVALID), or memory. */
struct rsa_key *rsa_key_new(struct span modulus, struct span exponent, struct error *err);
void rsa_key_free(struct rsa_key *key); /* NULL is allowed */

/* Is `signature` this key's over `message`? False also without memory. */
bool rsa_key_verifies(const struct rsa_key *key, struct span message, struct span signature);

#endif
