/* SHA-1, SHA-256, HMAC and comparison in constant time, over libcrypto. */
#ifndef CULVERT_BASE_DIGEST_H
#define CULVERT_BASE_DIGEST_H

#include "culvert/base/span.h"

enum { SHA1_SIZE = 20, SHA256_SIZE = 32 };

/* Write the digest of `bytes`, or the keyed one (RFC 2104). False: libcrypto or memory. */
bool digest_sha1(struct span bytes, unsigned char out[SHA1_SIZE]) MUST_CHECK;
bool digest_sha256(struct span bytes, unsigned char out[SHA256_SIZE]) MUST_CHECK;
bool digest_hmac_sha256(struct span key, struct span bytes,
                        unsigned char out[SHA256_SIZE]) MUST_CHECK;

/* Equal length and bytes; the time depends on the length only. */
bool digest_equal(struct span a, struct span b);

#endif
