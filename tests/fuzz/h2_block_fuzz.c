/* Header blocks that are written anew. Raw ones mean the same to nghttp2 before and after, and are
 * taken alike however they are cut. Of those that are packed from fields, long ones too, all fields
 * come back. The first byte says which it is. */
#include "culvert/http/h2_block.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    TEXT_MAX = 32 * 1024 * 1024,
    VALUES_MAX = 512 * 1024,
    FIELDS_MAX = 64,
    FIELD_SIZE = 4, /* of the input: flags, letter, length */
    LENGTH_UNIT = 5,
    PACKED_MAX = 24, /* a few megabytes of fields: more are slow, and tell nothing new */
};

struct text {
    struct buf bytes;
    size_t fields;
};

static bool feed(struct h2_block *block, struct span bytes, size_t step)
{
    while (bytes.len > 0) {
        struct span part = span_first(bytes, step);
        bytes = span_skip(bytes, part.len);
        if (!h2_block_feed(block, part))
            return false;
    }
    return h2_block_is_whole(block);
}

/* Appends all fields as lines, with the values that `block` (NULL: none) kept. */
static bool unpack(nghttp2_hd_inflater *inflater, struct span bytes, const struct h2_block *block,
                   struct text *out)
{
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, (const uint8_t *)bytes.data,
                                              bytes.len, 1);
        if (used < 0)
            return false;
        bytes = span_skip(bytes, (size_t)used);
        if (flags & NGHTTP2_HD_INFLATE_EMIT) {
            struct span value = block ? h2_block_value(block, out->fields) : SPAN_NONE;
            out->fields++;
            if (!value.data)
                value = span_make((const char *)nv.value, nv.valuelen);
            bool ok = buf_put(&out->bytes, nv.name, nv.namelen) && buf_put_char(&out->bytes, ':') &&
                      buf_put_span(&out->bytes, value) && buf_put_char(&out->bytes, '\n');
            if (!ok)
                return false; /* a few bytes may unpack to many */
        }
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            return nghttp2_hd_inflate_end_headers(inflater) == 0;
    }
}

static bool unpack_fresh(struct span bytes, struct text *out)
{
    nghttp2_hd_inflater *inflater = NULL;
    int failed = nghttp2_hd_inflate_new(&inflater);
    assert(failed == 0);
    bool ok = unpack(inflater, bytes, NULL, out);
    nghttp2_hd_inflate_del(inflater);
    return ok;
}

static void check_raw(struct span bytes, size_t step)
{
    struct h2_block *whole = h2_block_new(VALUES_MAX);
    struct h2_block *cut = h2_block_new(VALUES_MAX);
    struct text before = {.bytes = BUF_LIMIT(TEXT_MAX)};
    struct text after = {.bytes = BUF_LIMIT(TEXT_MAX)};
    assert(whole && cut);
    bool taken = feed(whole, bytes, bytes.len + 1);
    assert(feed(cut, bytes, step) == taken);
    if (taken) {
        assert(span_equal(h2_block_bytes(whole), h2_block_bytes(cut)));
        bool ok = unpack_fresh(bytes, &before);
        assert(unpack_fresh(h2_block_bytes(whole), &after) == ok);
        assert(!ok || span_equal(buf_span(&before.bytes), buf_span(&after.bytes)));
    }
    buf_release(&before.bytes);
    buf_release(&after.bytes);
    h2_block_free(whole);
    h2_block_free(cut);
}

/* ---- packed from fields ---- */

struct packing {
    nghttp2_hd_deflater *deflater;
    nghttp2_hd_inflater *inflater;
    struct buf values; /* of the fields of one block, one behind the other */
    nghttp2_nv fields[FIELDS_MAX];
    size_t count;
};

/* Fields of one letter, so that some are packed and some are not. */
static void read_fields(struct packing *packing, const uint8_t *data, size_t count)
{
    size_t at = 0;
    packing->count = count;
    for (size_t i = 0; i < count; i++, data += FIELD_SIZE) {
        size_t len = LENGTH_UNIT * ((size_t)data[2] << 8 | data[3]);
        char *room = len > 0 ? buf_room(&packing->values, len) : NULL;
        assert(room || len == 0);
        if (room) {
            memset(room, data[1], len);
            buf_added(&packing->values, len);
        }
        packing->fields[i] = (nghttp2_nv){
            .name = (uint8_t *)(uintptr_t) "abcdefgh" + (data[0] & 7),
            .namelen = 1,
            .valuelen = len,
            .flags = data[0] & 8 ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE,
        };
    }
    for (size_t i = 0; i < count; at += packing->fields[i++].valuelen)
        packing->fields[i].value =
            (uint8_t *)(packing->values.data ? packing->values.data + at : (char *)(uintptr_t) "");
}

static void put_lines(const struct packing *packing, struct buf *out)
{
    for (size_t i = 0; i < packing->count; i++) {
        const nghttp2_nv *nv = &packing->fields[i];
        bool ok = buf_put(out, nv->name, 1) && buf_put_char(out, ':') &&
                  buf_put(out, nv->value, nv->valuelen) && buf_put_char(out, '\n');
        assert(ok);
    }
}

static void check_packed(struct packing *packing, size_t step)
{
    struct buf bytes = BUF_LIMIT(TEXT_MAX);
    struct buf wanted = BUF_LIMIT(TEXT_MAX);
    struct text got = {.bytes = BUF_LIMIT(TEXT_MAX)};
    struct h2_block *block = h2_block_new(VALUES_MAX);
    size_t most = nghttp2_hd_deflate_bound(packing->deflater, packing->fields, packing->count);
    char *room = buf_room(&bytes, most);
    assert(block && room);
    ssize_t len = nghttp2_hd_deflate_hd(packing->deflater, (uint8_t *)room, most, packing->fields,
                                        packing->count);
    assert(len >= 0);
    buf_added(&bytes, (size_t)len);
    bool fed = feed(block, buf_span(&bytes), step);
    bool unpacked = unpack(packing->inflater, h2_block_bytes(block), block, &got);
    assert(fed && unpacked && got.fields == packing->count);
    put_lines(packing, &wanted);
    assert(h2_block_is_cut(block) ? packing->values.len > VALUES_MAX
                                  : span_equal(buf_span(&got.bytes), buf_span(&wanted)));
    buf_release(&bytes);
    buf_release(&wanted);
    buf_release(&got.bytes);
    h2_block_free(block);
}

/* Several blocks, which share their table. */
static void check_blocks(const uint8_t *data, size_t size, size_t step)
{
    struct packing packing = {.values = BUF_LIMIT(TEXT_MAX)};
    int failed = nghttp2_hd_deflate_new(&packing.deflater, 4096);
    failed += nghttp2_hd_inflate_new(&packing.inflater);
    assert(failed == 0);
    while (size > FIELD_SIZE) {
        size_t count = *data++ % 8;
        size--;
        if (count > size / FIELD_SIZE)
            count = size / FIELD_SIZE;
        buf_clear(&packing.values);
        read_fields(&packing, data, count);
        check_packed(&packing, step);
        data += count * FIELD_SIZE;
        size -= count * FIELD_SIZE;
    }
    nghttp2_hd_deflate_del(packing.deflater);
    nghttp2_hd_inflate_del(packing.inflater);
    buf_release(&packing.values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t step = data[0] / 2 + 1u;
    if (data[0] % 2 == 0)
        check_raw(span_make((const char *)data + 1, size - 1), step);
    else
        check_blocks(data + 1, size - 1 < PACKED_MAX ? size - 1 : PACKED_MAX, 100 * step);
    return 0;
}
