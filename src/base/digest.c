/* Digests by libcrypto's one-shot calls. */
#include "culvert/base/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <limits.h>

/* libcrypto reads a NULL key as "keep the old one"; an empty span must not mean that. */
static const char *data_of(struct span s)
{
    return s.data ? s.data : "";
}

bool digest_sha1(struct span bytes, unsigned char out[SHA1_SIZE])
{
    return EVP_Digest(data_of(bytes), bytes.len, out, NULL, EVP_sha1(), NULL) == 1;
}

bool digest_sha256(struct span bytes, unsigned char out[SHA256_SIZE])
{
    return EVP_Digest(data_of(bytes), bytes.len, out, NULL, EVP_sha256(), NULL) == 1;
}

bool digest_hmac_sha256(struct span key, struct span bytes, unsigned char out[SHA256_SIZE])
{
    if (key.len > INT_MAX)
        return false;
    const unsigned char *text = (const unsigned char *)data_of(bytes);
    return HMAC(EVP_sha256(), data_of(key), (int)key.len, text, bytes.len, out, NULL) != NULL;
}

bool digest_equal(struct span a, struct span b)
{
    return a.len == b.len && CRYPTO_memcmp(data_of(a), data_of(b), a.len) == 0;
}
