/* See the header. */
#include "support/packed_string.h"

#include "support/must.h"

#include <nghttp2/nghttp2.h>

enum { FRONT = 8 /* "a", which are five bytes when packed */ };

/* The library packs what gets shorter by it: enough letters in front make anything do so. */
void packed_string_put(struct buf *to, struct span text)
{
    struct buf whole = BUF_LIMIT(256 * 1024 * 1024);
    struct buf block = BUF_LIMIT(256 * 1024 * 1024);
    nghttp2_hd_deflater *deflater = NULL;
    size_t front = FRONT * (1 + text.len);
    char *room = buf_room(&whole, front);
    must(room != NULL && nghttp2_hd_deflate_new(&deflater, 4096) == 0);
    memset(room, 'a', front);
    buf_added(&whole, front);
    must(buf_put_span(&whole, text));
    nghttp2_nv field = {.name = (uint8_t *)(uintptr_t) "x",
                        .value = (uint8_t *)whole.data,
                        .namelen = 1,
                        .valuelen = whole.len,
                        .flags = NGHTTP2_NV_FLAG_NO_INDEX};
    size_t most = nghttp2_hd_deflate_bound(deflater, &field, 1);
    room = buf_room(&block, most);
    must(room != NULL);
    ssize_t len = nghttp2_hd_deflate_hd(deflater, (uint8_t *)room, most, &field, 1);
    must(len > 0);
    buf_added(&block, (size_t)len);
    /* The kind, the name, the code and the length of the value are in front of it. */
    size_t at = 1 + 1 + (size_t)(block.data[1] & 0x7f);
    must((block.data[at] & 0x80) != 0);
    if ((block.data[at++] & 0x7f) == 0x7f)
        while (block.data[at++] & 0x80)
            ;
    must(buf_put_span(to, span_skip(buf_span(&block), at + front / FRONT * 5)));
    nghttp2_hd_deflate_del(deflater);
    buf_release(&whole);
    buf_release(&block);
}
