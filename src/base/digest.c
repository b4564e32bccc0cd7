/* Digests by libcrypto's one-shot calls. */
#include "culvert/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* libcrypto wants an address even for nothing. */
static const char *data_of(struct span s)
{
    return s.data ? s.data : "";
}

bool digest_sha256(struct span bytes, unsigned char out[SHA256_SIZE])
{
    return EVP_Digest(data_of(bytes), bytes.len, out, NULL, EVP_sha256(), NULL) == 1;
}

bool digest_sha1(struct span bytes, unsigned char out[SHA1_SIZE])
{
    return EVP_Digest(data_of(bytes), bytes.len, out, NULL, EVP_sha1(), NULL) == 1;
}

bool digest_equal(struct span a, struct span b)
{
    return a.len == b.len && CRYPTO_memcmp(data_of(a), data_of(b), a.len) == 0;
}
