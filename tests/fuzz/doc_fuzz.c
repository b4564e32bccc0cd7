/* The input is JSON or not. What is read is written, and read again it is the same. */
#include "culvert/base/doc.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = BUF_LIMIT(OUT_MAX);
    struct buf twice = BUF_LIMIT(OUT_MAX);
    struct error err = {0};
    struct doc *root = doc_parse(span_make(data, size), &err);
    if (!root) {
        assert(err.kind != ERROR_NONE && err.text[0] != '\0');
        return 0;
    }
    assert(doc_format(root, DOC_COMPACT, &once));
    struct doc *again = doc_parse(buf_span(&once), &err);
    assert(again && doc_format(again, DOC_COMPACT, &twice));
    assert(span_equal(buf_span(&once), buf_span(&twice)));
    doc_free(again);
    doc_wipe(root);
    buf_release(&once);
    buf_release(&twice);
    return 0;
}
