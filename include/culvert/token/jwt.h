/* A signed token in the compact form (RFC 7515 7.1) with its claims (RFC 7519 4.1): taken apart,
 * types checked, nothing believed yet. Strict: what two readers could read differently is refused.
 */
#ifndef CULVERT_TOKEN_JWT_H
#define CULVERT_TOKEN_JWT_H

#include "culvert/base/buf.h"

enum {
    JWT_BYTES_MAX = 16 * 1024, /* of the text: what most servers take as one field */
};

struct doc;

/* Texts are borrowed from the token itself and live as long; "" when absent. */
struct jwt {
    struct span algorithm;
    bool has_key_id;
    struct span key_id;
    struct span issuer;
    bool has_expiry, has_not_before;
    int64_t expires_ms, not_before_ms; /* since 1970 */
    struct span signed_text;           /* what the signature is over */
    struct span signature;
    struct doc *header, *claims;
    struct buf text, bytes; /* the token; its parts decoded */
};

/* Copies the text. The caller frees the token. NULL: it is none; `err` says why and never quotes
 * it; kind LIMIT (JWT_BYTES_MAX), INVALID, or SYSTEM for memory. */
struct jwt *jwt_parse(struct span text, struct error *err);

/* Overwrites the token. NULL is allowed. */
void jwt_free(struct jwt *jwt);

/* Is `audience` its audience, or one of them? */
bool jwt_is_for(const struct jwt *jwt, struct span audience);

#endif
