/* SHA-256 and comparison in constant time, over libcrypto. */
#ifndef CULVERT_BASE_DIGEST_H
#define CULVERT_BASE_DIGEST_H

#include "culvert/base/span.h"

enum { SHA256_SIZE = 32 };

/* Writes the digest of `bytes`. False: libcrypto or memory. */
bool digest_sha256(struct span bytes, unsigned char out[SHA256_SIZE]) MUST_CHECK;

/* Equal length and bytes; the time depends on the length only. */
bool digest_equal(struct span a, struct span b);

#endif
