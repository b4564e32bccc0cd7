/* The public keys of an issuer of tokens (JWK set, RFC 7517 5), and whether one of them signed a
 * token. Immutable and counted: one set serves all threads. */
#ifndef CULVERT_TOKEN_JWKS_H
#define CULVERT_TOKEN_JWKS_H

#include "culvert/token/jwt.h"

enum {
    JWKS_BYTES_MAX = 256 * 1024, /* of the text: certificates may stand in it */
    JWKS_KEYS_MAX = 32,          /* a token without a key's name is tried with each of them */
};

struct jwks;

/* Reads {"keys": [...]}. Keys of other kinds, other uses and other algorithms, and those that make
 * no RSA key of a fit size, are left out: a new kind must not shut everybody out. The caller holds
 * one reference. NULL: no such text, or no key is left (kind INVALID), more of them than
 * JWKS_KEYS_MAX (LIMIT), memory. */
struct jwks *jwks_parse(struct span text, struct error *err);

/* One more reference, and one less; NULL is allowed for both. Safe in any thread. */
struct jwks *jwks_ref(struct jwks *jwks);
void jwks_unref(struct jwks *jwks);

size_t jwks_count(const struct jwks *jwks);

enum jwks_finding {
    JWKS_SIGNED,    /* by a key of the set */
    JWKS_NO_KEY,    /* the token names a key that is not in it */
    JWKS_NOT_SIGNED /* by any of the keys that it may be from */
};

/* Looks at the signature and at nothing else; the token's algorithm must be RS256. */
enum jwks_finding jwks_judge(const struct jwks *jwks, const struct jwt *jwt);

#endif
