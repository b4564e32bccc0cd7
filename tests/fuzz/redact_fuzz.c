/* A text is as it was or has black in it, and what is black once stays black. */
#include "culvert/observe/redact.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How many black pieces there are. */
static size_t black_in(struct span text)
{
    size_t count = 0;
    for (; text.len > 0; text = span_skip(text, 1))
        count += span_starts(text, SPAN(REDACTED));
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = span_make(data, size);
    struct buf once = BUF_LIMIT(1 << 20);
    struct buf twice = BUF_LIMIT(1 << 20);
    assert(redact_text(input, &once));
    assert(redact_text(buf_span(&once), &twice));
    assert(span_equal(buf_span(&once), input) || black_in(buf_span(&once)) > 0);
    /* A second reading may join two black pieces, but brings back neither. */
    assert(black_in(buf_span(&once)) == 0 || black_in(buf_span(&twice)) > 0);
    buf_release(&once);
    buf_release(&twice);
    return 0;
}
