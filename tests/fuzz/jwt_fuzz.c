/* The input is tried as a token, and as the JSON of its header and of its claims. */
#include "culvert/base/encode.h"
#include "culvert/token/jwt.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 256 * 1024 };

static void try(struct span text)
{
    struct error err = {0};
    struct jwt *jwt = jwt_parse(text, &err);
    assert(jwt || (err.kind != ERROR_NONE && err.text[0] != '\0'));
    if (!jwt)
        return;
    assert(text.len <= JWT_BYTES_MAX && jwt->signed_text.len < text.len);
    assert(jwt->algorithm.data && jwt->signature.len < text.len);
    assert(!jwt->has_expiry || jwt->expires_ms >= 0);
    assert(!jwt->has_not_before || jwt->not_before_ms >= 0);
    (void)jwt_is_for(jwt, SPAN("aud1"));
    jwt_free(jwt);
}

static void try_parts(struct span header, struct span claims)
{
    struct buf text = BUF_LIMIT(TEXT_MAX);
    if (base64_encode(BASE64_URL_RAW, header, &text) && buf_put_char(&text, '.') &&
        base64_encode(BASE64_URL_RAW, claims, &text) && buf_put_char(&text, '.') &&
        base64_encode(BASE64_URL_RAW, SPAN("signature"), &text))
        try(buf_span(&text));
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    try(input);
    try_parts(input, SPAN("{}"));
    try_parts(SPAN("{\"alg\":\"RS256\"}"), input);
    return 0;
}
