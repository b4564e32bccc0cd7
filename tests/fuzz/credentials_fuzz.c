/* A credentials file that is read can be written, and reads and writes the same again. */
#include "culvert/tunnel/credentials.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf first = BUF_LIMIT(4 * CREDENTIALS_MAX);
    struct buf second = BUF_LIMIT(4 * CREDENTIALS_MAX);
    struct error err = {0};
    struct credentials *creds = credentials_parse(span_make(data, size), &err);
    assert(creds || err.kind != ERROR_NONE);
    if (creds) {
        assert(credentials_format(creds, &first));
        struct credentials *again = credentials_parse(buf_span(&first), &err);
        assert(again && credentials_format(again, &second));
        assert(span_equal(buf_span(&first), buf_span(&second)));
        credentials_free(again);
    }
    credentials_free(creds);
    buf_wipe(&first);
    buf_wipe(&second);
    return 0;
}
