/* Blackening a text twice changes nothing more, and no length of text harms it. */
#include "culvert/observe/redact.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = BUF_LIMIT(1 << 20);
    struct buf twice = BUF_LIMIT(1 << 20);
    if (redact_text(span_make(data, size), &once) && redact_text(buf_span(&once), &twice))
        assert(span_equal(buf_span(&once), buf_span(&twice)));
    buf_release(&once);
    buf_release(&twice);
    return 0;
}
