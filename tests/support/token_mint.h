/* Signs tokens and writes key sets with the keys of tests/vectors/token, over libcrypto: what an
 * issuer does. */
#ifndef CULVERT_TESTS_SUPPORT_TOKEN_MINT_H
#define CULVERT_TESTS_SUPPORT_TOKEN_MINT_H

#include "culvert/base/buf.h"

enum { TOKEN_TEXT_MAX = 64 * 1024 };

/* The token of these two JSON texts, signed by the key "k1" ... "k3" with RS256; `key` NULL: with
 * an empty signature. Appends; aborts when it cannot. */
void token_mint(struct span header, struct span claims, const char *key, struct buf *out);

/* The same for {"alg":"RS256","kid":`key`}. */
void token_mint_usual(struct span claims, const char *key, struct buf *out);

/* One key of a set, as JSON, under the name `key_id`. */
void token_mint_jwk(const char *key, const char *key_id, struct buf *out);

/* A set of these keys, each under its own name; the list ends with NULL. */
void token_mint_set(const char *const *keys, struct buf *out);

#endif
