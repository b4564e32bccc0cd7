/* Packed strings: what nghttp2 takes we take, and it is the same text, however it is cut. */
#include "culvert/http/huffman.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STRING_MAX = 60 * 1024, TEXT_MAX = 1024 * 1024 };

static bool unpack(struct span packed, size_t step, struct buf *out)
{
    struct huffman huffman = {0};
    while (packed.len > 0) {
        struct span part = span_first(packed, step);
        packed = span_skip(packed, part.len);
        enum huffman_verdict verdict = huffman_feed(&huffman, part, out);
        assert(verdict != HUFFMAN_FULL);
        if (verdict == HUFFMAN_BAD)
            return false;
    }
    return huffman_is_whole(&huffman);
}

/* "n: " and the string, as a literal. */
static void put_literal(struct buf *to, struct span packed)
{
    size_t len = packed.len;
    bool ok =
        buf_put(to, "\x10\x01n", 3) && buf_put_char(to, (char)(0x80 | (len < 127 ? len : 127)));
    if (len >= 127) {
        for (len -= 127; len >= 128; len >>= 7)
            ok = ok && buf_put_char(to, (char)(128 | (len & 127)));
        ok = ok && buf_put_char(to, (char)len);
    }
    ok = ok && buf_put_span(to, packed);
    assert(ok);
}

/* Does the library take it, and is it that text? */
static void check_library(struct span packed, bool taken, struct span text)
{
    struct buf block = BUF_LIMIT(TEXT_MAX);
    nghttp2_hd_inflater *inflater = NULL;
    nghttp2_nv nv = {0};
    int flags = 0;
    int failed = nghttp2_hd_inflate_new(&inflater);
    assert(failed == 0);
    put_literal(&block, packed);
    ssize_t used =
        nghttp2_hd_inflate_hd2(inflater, &nv, &flags, (const uint8_t *)block.data, block.len, 1);
    assert((used >= 0) == taken);
    if (taken) {
        assert(flags & NGHTTP2_HD_INFLATE_EMIT);
        assert(span_equal(span_make((const char *)nv.value, nv.valuelen), text));
    }
    nghttp2_hd_inflate_del(inflater);
    buf_release(&block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span packed = span_make((const char *)data, size < STRING_MAX ? size : STRING_MAX);
    struct buf whole = BUF_LIMIT(TEXT_MAX);
    struct buf cut = BUF_LIMIT(TEXT_MAX);
    bool taken = unpack(packed, size + 1, &whole);
    bool again = unpack(packed, size > 0 ? data[0] % 5 + 1u : 1, &cut);
    assert(again == taken && (!taken || span_equal(buf_span(&whole), buf_span(&cut))));
    check_library(packed, taken, buf_span(&whole));
    buf_release(&whole);
    buf_release(&cut);
    return 0;
}
