/* Chunked bodies: however the bytes are cut, payload, trailers and verdict are the same; what was
 * read, written as chunks and read again is the same. */
#include "culvert/http/h1_body.h"
#include "culvert/http/h1_write.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct h1_body body;
    struct buf payload;
    struct error err;
    size_t used;
    enum h1_verdict verdict;
};

/* Reads `size` bytes in pieces of `step`, each in memory of its exact size. */
static void outcome_read(struct outcome *o, const uint8_t *data, size_t size, size_t step,
                         bool is_answer)
{
    static const struct h1_framing framing = {.body = H1_BODY_CHUNKED, .length = LENGTH_UNKNOWN};
    *o = (struct outcome){.payload = BUF_LIMIT(1 << 22), .verdict = H1_MORE};
    h1_body_init(&o->body, &framing, is_answer);
    while (o->verdict == H1_MORE && o->used < size) {
        size_t n = size - o->used < step ? size - o->used : step;
        char *piece = malloc(n);
        assert(piece);
        memcpy(piece, data + o->used, n);
        size_t done = 0;
        while (o->verdict == H1_MORE && done < n) {
            size_t used;
            struct span payload;
            o->verdict =
                h1_body_feed(&o->body, span_make(piece + done, n - done), &used, &payload, &o->err);
            assert(used > 0 && used <= n - done);
            assert(payload.len == 0 || (payload.data >= piece + done &&
                                        payload.data + payload.len <= piece + done + used));
            bool kept = buf_put_span(&o->payload, payload);
            assert(kept);
            done += used;
        }
        o->used += done;
        free(piece);
    }
    assert(h1_body_is_done(&o->body) == (o->verdict == H1_DONE));
}

static void outcome_release(struct outcome *o)
{
    h1_body_release(&o->body);
    buf_release(&o->payload);
}

static void compare(const struct outcome *a, const struct outcome *b)
{
    const struct headers *x = &a->body.trailers;
    const struct headers *y = &b->body.trailers;
    assert(a->verdict == b->verdict && a->err.kind == b->err.kind);
    assert(strcmp(a->err.text, b->err.text) == 0);
    assert(span_equal(buf_span(&a->payload), buf_span(&b->payload)));
    assert(x->count == y->count);
    for (size_t i = 0; i < x->count; i++) {
        assert(span_equal_nocase(headers_at(x, i).name, headers_at(y, i).name));
        assert(span_equal(headers_at(x, i).value, headers_at(y, i).value));
    }
}

static void check_again(const struct outcome *o)
{
    struct buf out = BUF_LIMIT(1 << 22);
    struct outcome again;
    char room[H1_CHUNK_HEAD_MAX];
    bool ok = true;
    if (o->payload.len > 0)
        ok = buf_put_span(&out, h1_chunk_head(o->payload.len, room)) &&
             buf_put_span(&out, buf_span(&o->payload)) && buf_put_span(&out, SPAN("\r\n"));
    ok = ok && h1_write_last_chunk(&out, &o->body.trailers, NULL);
    assert(ok);
    outcome_read(&again, (const uint8_t *)out.data, out.len, out.len, false);
    if (again.verdict == H1_BAD) {
        assert(again.err.kind == ERROR_LIMIT); /* a space behind each colon may be one too many */
    } else {
        assert(again.used == out.len);
        compare(o, &again);
    }
    outcome_release(&again);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t mix = size;
    for (size_t i = 0; i < size; i++)
        mix = mix * 31 + data[i];
    struct outcome lenient;
    for (int is_answer = 1; is_answer >= 0; is_answer--) {
        struct outcome whole;
        struct outcome cut;
        outcome_read(&whole, data, size, size, is_answer);
        const size_t steps[] = {1, 1 + (mix >> 8) % (size + 1)};
        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
            outcome_read(&cut, data, size, steps[i], is_answer);
            assert(cut.used == whole.used || whole.verdict == H1_BAD);
            compare(&whole, &cut);
            outcome_release(&cut);
        }
        if (whole.verdict == H1_DONE)
            check_again(&whole);
        if (is_answer)
            lenient = whole;
        else if (whole.verdict == H1_DONE)
            compare(&whole, &lenient); /* what a visitor may send an origin may send too */
        if (!is_answer)
            outcome_release(&whole);
    }
    outcome_release(&lenient);
    return 0;
}
