/* See the header. */
#include "support/h2_wire.h"

#include "support/must.h"

enum { FRAME_HEAD = 9, BLOCK_MAX = 4 * 1024 * 1024 };

static void put_bytes(struct buf *to, uint64_t number, size_t count)
{
    while (count-- > 0)
        must(buf_put_char(to, (char)(number >> (8 * count) & 0xff)));
}

void wire_put(struct buf *to, const struct wire_frame *frame)
{
    put_bytes(to, frame->payload.len, 3);
    put_bytes(to, frame->type, 1);
    put_bytes(to, frame->flags, 1);
    put_bytes(to, frame->stream, 4);
    must(buf_put_span(to, frame->payload));
}

/* An integer with a prefix of seven bits (RFC 7541 5.1). */
static void put_length(struct buf *to, size_t len)
{
    if (len < 127) {
        put_bytes(to, len, 1);
        return;
    }
    put_bytes(to, 127, 1);
    for (len -= 127; len >= 128; len /= 128)
        put_bytes(to, 128 + len % 128, 1);
    put_bytes(to, len, 1);
}

void wire_put_field(struct buf *block, const char *name, struct span value)
{
    put_bytes(block, 0x10, 1);
    put_length(block, strlen(name));
    must(buf_put_span(block, span_of(name)));
    put_length(block, value.len);
    must(buf_put_span(block, value));
}

void wire_put_headers(struct buf *to, uint32_t stream, uint8_t flags, const char *const *fields)
{
    struct buf block = BUF_LIMIT(BLOCK_MAX);
    for (; *fields; fields += 2)
        wire_put_field(&block, fields[0], span_of(fields[1]));
    const struct wire_frame frame = {WIRE_HEADERS, (uint8_t)(flags | WIRE_END_HEADERS), stream,
                                     buf_span(&block)};
    wire_put(to, &frame);
    buf_release(&block);
}

void wire_put_data(struct buf *to, uint32_t stream, uint8_t flags, struct span bytes)
{
    wire_put(to, &(struct wire_frame){WIRE_DATA, flags, stream, bytes});
}

void wire_put_settings(struct buf *to, uint16_t id, uint32_t value)
{
    struct buf payload = BUF_LIMIT(6);
    if (id > 0) {
        put_bytes(&payload, id, 2);
        put_bytes(&payload, value, 4);
    }
    wire_put(to, &(struct wire_frame){WIRE_SETTINGS, 0, 0, buf_span(&payload)});
    buf_release(&payload);
}

void wire_put_ack(struct buf *to)
{
    wire_put(to, &(struct wire_frame){WIRE_SETTINGS, WIRE_ACK, 0, SPAN_NONE});
}

void wire_put_number(struct buf *to, enum wire_type type, uint32_t stream, uint32_t number)
{
    struct buf payload = BUF_LIMIT(4);
    put_bytes(&payload, number, 4);
    wire_put(to, &(struct wire_frame){(uint8_t)type, 0, stream, buf_span(&payload)});
    buf_release(&payload);
}

void wire_put_goaway(struct buf *to, uint32_t last_stream, uint32_t code)
{
    struct buf payload = BUF_LIMIT(8);
    put_bytes(&payload, last_stream, 4);
    put_bytes(&payload, code, 4);
    wire_put(to, &(struct wire_frame){WIRE_GOAWAY, 0, 0, buf_span(&payload)});
    buf_release(&payload);
}

static uint32_t number_at(struct span bytes, size_t at, size_t count)
{
    uint32_t number = 0;
    for (size_t i = 0; i < count; i++)
        number = number << 8 | (unsigned char)bytes.data[at + i];
    return number;
}

bool wire_take(struct span *bytes, struct wire_frame *frame)
{
    if (span_starts(*bytes, SPAN(WIRE_PREFACE)))
        *bytes = span_skip(*bytes, strlen(WIRE_PREFACE));
    if (bytes->len < FRAME_HEAD)
        return false;
    size_t len = number_at(*bytes, 0, 3);
    if (bytes->len < FRAME_HEAD + len)
        return false;
    *frame = (struct wire_frame){
        .type = (uint8_t)bytes->data[3],
        .flags = (uint8_t)bytes->data[4],
        .stream = number_at(*bytes, 5, 4),
        .payload = span_first(span_skip(*bytes, FRAME_HEAD), len),
    };
    *bytes = span_skip(*bytes, FRAME_HEAD + len);
    return true;
}

uint32_t wire_number(const struct wire_frame *frame)
{
    size_t at = frame->type == WIRE_GOAWAY ? 4 : 0;
    return frame->payload.len >= at + 4 ? number_at(frame->payload, at, 4) : 0;
}

size_t wire_count(struct span bytes, enum wire_type type, uint32_t stream, struct wire_frame *last)
{
    struct wire_frame frame;
    size_t count = 0;
    while (wire_take(&bytes, &frame))
        if (frame.type == type && frame.stream == stream) {
            count++;
            if (last)
                *last = frame;
        }
    return count;
}
