/* Keys are read anew each time: a test signs a few dozen tokens. */
#include "support/token_mint.h"

#include "culvert/base/encode.h"
#include "harness.h"
#include "support/must.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

static EVP_PKEY *read_key(const char *key)
{
    char name[64];
    (void)snprintf(name, sizeof name, "token/%s.key", key);
    FILE *file = fopen(vector_path(name), "re");
    must(file != NULL);
    EVP_PKEY *pkey = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    must(pkey != NULL);
    (void)fclose(file);
    return pkey;
}

static void sign(const char *key, struct span text, struct buf *out)
{
    unsigned char signature[1024];
    size_t len = sizeof signature;
    EVP_PKEY *pkey = read_key(key);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    must(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pkey) == 1 &&
         EVP_DigestSign(context, signature, &len, (const unsigned char *)text.data, text.len) ==
             1 &&
         base64_encode(BASE64_URL_RAW, span_make(signature, len), out));
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pkey);
}

void token_mint(struct span header, struct span claims, const char *key, struct buf *out)
{
    struct buf token = BUF_LIMIT(TOKEN_TEXT_MAX);
    struct buf signature = BUF_LIMIT(TOKEN_TEXT_MAX);
    must(base64_encode(BASE64_URL_RAW, header, &token) && buf_put_char(&token, '.') &&
         base64_encode(BASE64_URL_RAW, claims, &token));
    if (key)
        sign(key, buf_span(&token), &signature);
    must(buf_put_char(&token, '.') && buf_put_span(&token, buf_span(&signature)) &&
         buf_put_span(out, buf_span(&token)));
    buf_release(&signature);
    buf_release(&token);
}

void token_mint_usual(struct span claims, const char *key, struct buf *out)
{
    char header[64];
    (void)snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":\"%s\"}", key);
    token_mint(span_of(header), claims, key, out);
}

static void put_number(EVP_PKEY *pkey, const char *name, struct buf *out)
{
    unsigned char bytes[1024];
    BIGNUM *number = NULL;
    must(EVP_PKEY_get_bn_param(pkey, name, &number) == 1);
    int len = BN_bn2bin(number, bytes);
    must(base64_encode(BASE64_URL_RAW, span_make(bytes, (size_t)len), out));
    BN_free(number);
}

void token_mint_jwk(const char *key, const char *key_id, struct buf *out)
{
    EVP_PKEY *pkey = read_key(key);
    must(buf_printf(
        out, "{\"kid\":\"%s\",\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"n\":\"", key_id));
    put_number(pkey, OSSL_PKEY_PARAM_RSA_N, out);
    must(buf_put_span(out, SPAN("\",\"e\":\"")));
    put_number(pkey, OSSL_PKEY_PARAM_RSA_E, out);
    must(buf_put_span(out, SPAN("\"}")));
    EVP_PKEY_free(pkey);
}

void token_mint_set(const char *const *keys, struct buf *out)
{
    must(buf_put_span(out, SPAN("{\"keys\":[")));
    for (size_t i = 0; keys[i]; i++) {
        must(i == 0 || buf_put_char(out, ','));
        token_mint_jwk(keys[i], keys[i], out);
    }
    must(buf_put_span(out, SPAN("],\"public_cert\":{\"kid\":\"x\",\"cert\":\"y\"}}")));
}
