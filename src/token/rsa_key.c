/* Keys are built from their numbers, never from what names an algorithm of its own: nobody but us
 * chooses how a signature is read. */
#include "culvert/token/rsa_key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdlib.h>

struct rsa_key {
    EVP_PKEY *pkey;
};

static struct span without_zeros(struct span number)
{
    while (number.len > 0 && number.data[0] == '\0')
        number = span_skip(number, 1);
    return number;
}

static bool check(const BIGNUM *n, const BIGNUM *e, struct error *err)
{
    int bits = BN_num_bits(n);
    if (bits < RSA_KEY_BITS_MIN || bits > RSA_KEY_BITS_MAX)
        return error_set(err, ERROR_INVALID, 0, "an RSA key of %d bits, not of %d to %d", bits,
                         RSA_KEY_BITS_MIN, RSA_KEY_BITS_MAX);
    if (!BN_is_odd(n) || !BN_is_odd(e) || BN_is_one(e) || BN_num_bytes(e) > RSA_KEY_EXPONENT_BYTES)
        return error_set(err, ERROR_INVALID, 0, "numbers that make no RSA key");
    return true;
}

/* NULL: libcrypto wants no such key, or memory. */
static EVP_PKEY *build(const BIGNUM *n, const BIGNUM *e)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (builder && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        params = OSSL_PARAM_BLD_to_param(builder);
    if (!params || !context || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}

static BIGNUM *number_of(struct span bytes)
{
    return BN_bin2bn((const unsigned char *)bytes.data, (int)bytes.len, NULL);
}

struct rsa_key *rsa_key_new(struct span modulus, struct span exponent, struct error *err)
{
    struct rsa_key *key = NULL;
    modulus = without_zeros(modulus);
    exponent = without_zeros(exponent);
    if (modulus.len == 0 || modulus.len > RSA_KEY_BITS_MAX / 8 || exponent.len == 0 ||
        exponent.len > RSA_KEY_EXPONENT_BYTES) {
        (void)error_set(err, ERROR_INVALID, 0, "numbers that make no RSA key");
        return NULL;
    }
    BIGNUM *n = number_of(modulus);
    BIGNUM *e = number_of(exponent);
    bool ok = (n && e) || error_memory(err);
    ok = ok && check(n, e, err);
    if (ok) {
        key = calloc(1, sizeof *key);
        if (key)
            key->pkey = build(n, e);
        ok = (key && key->pkey) || error_memory(err);
    }
    BN_free(n);
    BN_free(e);
    ERR_clear_error();
    if (ok)
        return key;
    rsa_key_free(key);
    return NULL;
}

void rsa_key_free(struct rsa_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

bool rsa_key_verifies(const struct rsa_key *key, struct span message, struct span signature)
{
    EVP_PKEY_CTX *padding = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context &&
              EVP_DigestVerifyInit(context, &padding, EVP_sha256(), NULL, key->pkey) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PADDING) == 1 &&
              EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.len,
                               (const unsigned char *)message.data, message.len) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return ok;
}
