/* SHA-256, SHA-1 and comparison in constant time, over libcrypto. */
#ifndef CULVERT_BASE_DIGEST_H
#define CULVERT_BASE_DIGEST_H

#include "culvert/base/span.h"

enum { SHA256_SIZE = 32, SHA1_SIZE = 20 };

/* Writes the digest of `bytes`. False: libcrypto or memory. */
bool digest_sha256(struct span bytes, unsigned char out[SHA256_SIZE]) MUST_CHECK;

/* The same with SHA-1: only where a protocol asks for it and nothing rests on its strength, as in
 * WebSocket's handshake. */
bool digest_sha1(struct span bytes, unsigned char out[SHA1_SIZE]) MUST_CHECK;

/* Equal length and bytes; the time depends on the length only. */
bool digest_equal(struct span a, struct span b);

#endif
