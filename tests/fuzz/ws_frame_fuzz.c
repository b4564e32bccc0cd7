/* WebSocket frames: however the bytes are cut and whatever room there is for payload, what is read
 * is the same; what was read, written as frames of a client and read again, is the same. */
#include "culvert/base/buf.h"
#include "culvert/http/ws_frame.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct ws_reader reader;
    struct buf told;  /* payload of messages, and control frames with their kind in front */
    struct buf again; /* the same as frames of a client */
    struct error err;
    enum ws_verdict verdict;
};

static void put(struct buf *to, struct span bytes)
{
    bool ok = buf_put_span(to, bytes);
    assert(ok);
}

static void put_frame(struct outcome *o, enum ws_opcode opcode, struct span payload)
{
    static const unsigned char mask[WS_MASK_SIZE] = {1, 2, 3, 4};
    unsigned char head[WS_HEAD_MAX];
    char *masked = malloc(payload.len + 1);
    assert(masked);
    size_t len = ws_head_write_masked(head, opcode, payload.len, mask);
    ws_mask_apply(masked, payload.data, payload.len, mask, 0);
    put(&o->again, span_make(head, len));
    put(&o->again, span_make(masked, payload.len));
    free(masked);
}

static void tell(struct outcome *o, const struct ws_step *step)
{
    unsigned char kind =
        o->verdict == WS_DATA ? (unsigned char)WS_BINARY : (unsigned char)step->opcode;
    if (o->verdict == WS_CONTROL) {
        unsigned code;
        put(&o->told, span_make(&kind, 1));
        assert(step->payload.len <= WS_CONTROL_MAX);
        if (kind == WS_CLOSE && ws_close_parse(step->payload, &code))
            assert(code == WS_CODE_NONE || (code >= 1000 && code < 5000));
    } else {
        assert(step->payload.len > 0);
    }
    put(&o->told, step->payload);
    put_frame(o, (enum ws_opcode)kind, step->payload);
}

/* Reads in pieces of `cut` bytes, each in memory of its exact size, as is the room for payload. */
static void outcome_read(struct outcome *o, struct span input, size_t cut, size_t room)
{
    char *to = malloc(room);
    assert(to);
    *o = (struct outcome){.told = BUF_LIMIT(1 << 22), .again = BUF_LIMIT(1 << 24)};
    ws_reader_init(&o->reader, true);
    while (input.len > 0 && o->verdict != WS_BAD) {
        struct span part = span_first(input, cut);
        char *piece = malloc(part.len);
        assert(piece);
        memcpy(piece, part.data, part.len);
        struct ws_step step = {.input = span_make(piece, part.len), .to = to, .room = room};
        do {
            size_t before = step.input.len;
            o->verdict = ws_reader_next(&o->reader, &step, &o->err);
            assert(step.input.len <= before && (o->verdict != WS_MORE || step.input.len == 0));
            if (o->verdict == WS_DATA || o->verdict == WS_CONTROL)
                tell(o, &step);
        } while (o->verdict == WS_DATA || o->verdict == WS_CONTROL);
        input = span_skip(input, cut);
        free(piece);
    }
    free(to);
}

static void outcome_release(struct outcome *o)
{
    buf_release(&o->told);
    buf_release(&o->again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole;
    struct outcome other;
    struct span input = span_make(data, size);
    size_t mix = size;
    for (size_t i = 0; i < size; i++)
        mix = mix * 31 + data[i];
    outcome_read(&whole, input, size + 1, size + 1);
    const size_t cuts[] = {1, 1 + mix % (size + 1)};
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        outcome_read(&other, input, cuts[i], 1 + mix / 7 % 20);
        assert(other.verdict == whole.verdict && strcmp(other.err.text, whole.err.text) == 0);
        assert(span_equal(buf_span(&other.told), buf_span(&whole.told)));
        assert(ws_reader_is_between(&other.reader) == ws_reader_is_between(&whole.reader));
        outcome_release(&other);
    }
    outcome_read(&other, buf_span(&whole.again), size + 1, size + 1);
    assert(other.verdict == WS_MORE && ws_reader_is_between(&other.reader));
    assert(span_equal(buf_span(&other.told), buf_span(&whole.told)));
    outcome_release(&other);
    outcome_release(&whole);
    return 0;
}
