/* The input is a set of keys, or not one; a token is held against each set that is one. */
#include "culvert/base/encode.h"
#include "culvert/token/jwks.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    struct jwks *jwks = jwks_parse(span_make(data, size), &err);
    if (!jwks) {
        assert(err.kind != ERROR_NONE && err.text[0] != '\0');
        return 0;
    }
    assert(jwks_count(jwks) > 0 && jwks_count(jwks) <= JWKS_KEYS_MAX);
    /* {"alg":"RS256"}.{}. and four bytes that nobody signed. */
    struct jwt *jwt = jwt_parse(SPAN("eyJhbGciOiJSUzI1NiJ9.e30.AAAAAA"), &err);
    assert(jwt && jwks_judge(jwks, jwt) == JWKS_NOT_SIGNED);
    jwt_free(jwt);
    assert(jwks_ref(jwks) == jwks);
    jwks_unref(jwks);
    jwks_unref(jwks);
    return 0;
}
