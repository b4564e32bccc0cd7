/* The input is JSON or not. What is read is written, and read again it is the same. As a
 * configuration more is taken: all that is JSON, with the same meaning, and what comes of the rest
 * is JSON. */
#include "culvert/base/doc.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 16 * 1024 * 1024 };

static void check_again(const struct doc *root)
{
    struct buf once = BUF_LIMIT(OUT_MAX);
    struct buf twice = BUF_LIMIT(OUT_MAX);
    struct error err = {0};
    assert(doc_format(root, DOC_COMPACT, &once));
    struct doc *again = doc_parse(buf_span(&once), &err);
    assert(again && doc_format(again, DOC_COMPACT, &twice));
    assert(span_equal(buf_span(&once), buf_span(&twice)));
    doc_free(again);
    buf_release(&once);
    buf_release(&twice);
}

static void check_same(const struct doc *one, const struct doc *other)
{
    struct buf first = BUF_LIMIT(OUT_MAX);
    struct buf second = BUF_LIMIT(OUT_MAX);
    assert(doc_format(one, DOC_COMPACT, &first) && doc_format(other, DOC_COMPACT, &second));
    assert(span_equal(buf_span(&first), buf_span(&second)));
    buf_release(&first);
    buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    struct doc *root = doc_parse(span_make(data, size), &err);
    assert(root || (err.kind != ERROR_NONE && err.text[0] != '\0'));
    struct doc *last = doc_parse_last(span_make(data, size), &err);
    assert(last || (!root && err.kind != ERROR_NONE && err.text[0] != '\0'));
    if (root) {
        check_again(root);
        check_same(root, last);
    }
    if (last)
        check_again(last);
    doc_wipe(root);
    doc_wipe(last);
    return 0;
}
