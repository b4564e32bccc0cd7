/* The input is tried as a token, and as the JSON inside of one; what is read comes back the same.
 */
#include "culvert/base/encode.h"
#include "culvert/tunnel/credentials.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try(struct span token)
{
    struct buf first = BUF_LIMIT(4 * CREDENTIALS_TOKEN_MAX);
    struct buf second = BUF_LIMIT(4 * CREDENTIALS_TOKEN_MAX);
    struct error err = {0};
    struct credentials *creds = credentials_from_token(token, &err);
    assert(creds || err.kind != ERROR_NONE);
    if (creds && credentials_format_token(creds, &first)) {
        struct credentials *again = credentials_from_token(buf_span(&first), &err);
        assert(again && uuid_equal(&again->tunnel_id, &creds->tunnel_id));
        assert(credentials_format_token(again, &second));
        assert(span_equal(buf_span(&first), buf_span(&second)));
        credentials_free(again);
    }
    credentials_free(creds);
    buf_wipe(&first);
    buf_wipe(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf wrapped = BUF_LIMIT(CREDENTIALS_TOKEN_MAX);
    struct span input = span_make(data, size);
    try(input);
    if (base64_encode(BASE64_STANDARD, input, &wrapped))
        try(buf_span(&wrapped));
    buf_wipe(&wrapped);
    return 0;
}
