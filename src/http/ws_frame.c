/* Frames: two bytes, perhaps a longer length, perhaps a mask, payload (RFC 6455 5.2). */
#include "culvert/http/ws_frame.h"

#include "culvert/base/digest.h"
#include "culvert/base/encode.h"

#include <string.h>

enum {
    FIN = 0x80,
    RESERVED = 0x70, /* bits of extensions; none was agreed on */
    OPCODE = 0x0f,
    MASKED = 0x80,
    LENGTH = 0x7f,
    LENGTH_16 = 126, /* two bytes of length follow, or */
    LENGTH_64 = 127, /* eight */
};

void ws_reader_init(struct ws_reader *reader, bool is_server)
{
    *reader = (struct ws_reader){.is_masked = is_server};
}

static enum ws_opcode opcode_of(const struct ws_reader *reader)
{
    return (enum ws_opcode)(reader->first & OPCODE);
}

static bool is_control(unsigned first)
{
    return (first & WS_CLOSE) != 0;
}

/* ---- heads ---- */

static uint64_t read_number(const unsigned char *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

static size_t length_size(unsigned length)
{
    if (length < LENGTH_16)
        return 0;
    return length == LENGTH_16 ? 2 : 8;
}

/* The first two bytes say what the frame is. */
static const char *judge_kind(const struct ws_reader *reader)
{
    unsigned first = reader->kept[0];
    unsigned second = reader->kept[1];
    unsigned opcode = first & OPCODE;
    if (first & RESERVED)
        return "a frame with bits that nobody agreed on";
    if (opcode != WS_CONTINUATION && opcode != WS_TEXT && opcode != WS_BINARY &&
        opcode != WS_CLOSE && opcode != WS_PING && opcode != WS_PONG)
        return "a frame of an unknown kind";
    if (is_control(first) && (!(first & FIN) || (second & LENGTH) > WS_CONTROL_MAX))
        return "a control frame in fragments, or too long";
    if (opcode == WS_CONTINUATION && !reader->in_message)
        return "a fragment of no message";
    if ((opcode == WS_TEXT || opcode == WS_BINARY) && reader->in_message)
        return "a message within a message";
    if (((second & MASKED) != 0) != reader->is_masked)
        return reader->is_masked ? "a frame without a mask" : "a frame with a mask";
    return NULL;
}

/* The whole head is kept: takes it apart. */
static const char *take_head(struct ws_reader *reader)
{
    size_t size = length_size(reader->kept[1] & LENGTH);
    reader->left = size == 0 ? (reader->kept[1] & LENGTH) : read_number(reader->kept + 2, size);
    if (reader->left > INT64_MAX) /* longer than need be is read like the rest */
        return "a length beyond 63 bits";
    reader->first = reader->kept[0];
    if (reader->is_masked)
        memcpy(reader->mask, reader->kept + 2 + size, WS_MASK_SIZE);
    if (!is_control(reader->first))
        reader->in_message = !(reader->first & FIN);
    reader->at = 0;
    reader->len = 0;
    reader->in_payload = true;
    return NULL;
}

/* How long the head is, as far as that is known. */
static size_t head_size(const struct ws_reader *reader)
{
    if (reader->len < 2)
        return 2;
    return 2 + length_size(reader->kept[1] & LENGTH) + (reader->is_masked ? WS_MASK_SIZE : 0);
}

/* Keeps bytes of the input until `want` of them are there; says whether they are. */
static bool keep(struct ws_reader *reader, struct ws_step *step, size_t want)
{
    struct span part = span_first(step->input, want - reader->len);
    if (part.len > 0)
        memcpy(reader->kept + reader->len, part.data, part.len);
    reader->len = (unsigned char)(reader->len + part.len);
    step->input = span_skip(step->input, part.len);
    return reader->len == want;
}

static bool read_head(struct ws_reader *reader, struct ws_step *step, const char **fault)
{
    if (!keep(reader, step, head_size(reader)))
        return false;
    if (reader->len == 2)
        *fault = judge_kind(reader);
    if (*fault || !keep(reader, step, head_size(reader)))
        return false;
    *fault = take_head(reader);
    return !*fault;
}

/* ---- payload ---- */

static void unmask(struct ws_reader *reader, void *to, const void *from, size_t len)
{
    if (reader->is_masked)
        ws_mask_apply(to, from, len, reader->mask, reader->at);
    else if (to != from)
        memcpy(to, from, len);
    reader->at = (unsigned char)((reader->at + len) % WS_MASK_SIZE);
}

static enum ws_verdict read_control(struct ws_reader *reader, struct ws_step *step)
{
    size_t size = reader->len + (size_t)reader->left;
    bool whole = keep(reader, step, size);
    reader->left = size - reader->len;
    if (!whole)
        return WS_MORE;
    unmask(reader, reader->kept, reader->kept, size);
    step->opcode = opcode_of(reader);
    step->payload = span_make(reader->kept, size);
    reader->len = 0;
    reader->in_payload = false;
    return WS_CONTROL;
}

static enum ws_verdict read_data(struct ws_reader *reader, struct ws_step *step)
{
    struct span part = span_first(step->input, step->room);
    if (part.len > reader->left)
        part.len = (size_t)reader->left;
    unmask(reader, step->to, part.data, part.len);
    reader->left -= part.len;
    reader->in_payload = reader->left > 0;
    step->input = span_skip(step->input, part.len);
    step->payload = span_make(step->to, part.len);
    return WS_DATA;
}

enum ws_verdict ws_reader_next(struct ws_reader *reader, struct ws_step *step, struct error *err)
{
    const char *fault = NULL;
    step->payload = SPAN_NONE;
    while (step->input.len > 0) {
        if (!reader->in_payload && !read_head(reader, step, &fault))
            break;
        if (is_control(reader->first))
            return read_control(reader, step);
        if (reader->left > 0 && step->input.len > 0)
            return read_data(reader, step);
        reader->in_payload = reader->left > 0;
    }
    if (!fault)
        return WS_MORE;
    error_set(err, ERROR_PROTOCOL, 0, "WebSocket: %s", fault);
    return WS_BAD;
}

bool ws_reader_is_between(const struct ws_reader *reader)
{
    return !reader->in_payload && !reader->in_message && reader->len == 0;
}

bool ws_close_parse(struct span payload, unsigned *code)
{
    *code = WS_CODE_NONE;
    if (payload.len == 0)
        return true;
    if (payload.len < 2)
        return false;
    *code = (unsigned)read_number((const unsigned char *)payload.data, 2);
    return (*code >= 1000 && *code <= 1003) || (*code >= 1007 && *code <= 1014) ||
           (*code >= 3000 && *code <= 4999);
}

/* ---- writing ---- */

static size_t write_head(unsigned char *out, enum ws_opcode opcode, uint64_t len, unsigned masked)
{
    unsigned length = LENGTH_64;
    if (len < LENGTH_16)
        length = (unsigned)len;
    else if (len <= UINT16_MAX)
        length = LENGTH_16;
    size_t size = length_size(length);
    out[0] = (unsigned char)(FIN | opcode);
    out[1] = (unsigned char)(masked | length);
    for (size_t i = 0; i < size; i++)
        out[2 + i] = (unsigned char)(len >> (8 * (size - 1 - i)));
    return 2 + size;
}

size_t ws_head_write(unsigned char out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len)
{
    return write_head(out, opcode, len, 0);
}

size_t ws_head_write_masked(unsigned char out[WS_HEAD_MAX], enum ws_opcode opcode, uint64_t len,
                            const unsigned char mask[WS_MASK_SIZE])
{
    size_t size = write_head(out, opcode, len, MASKED);
    memcpy(out + size, mask, WS_MASK_SIZE);
    return size + WS_MASK_SIZE;
}

/* Words of the mask, turned to where the payload stands: the compiler makes wide steps of them. */
void ws_mask_apply(void *to, const void *from, size_t len, const unsigned char mask[WS_MASK_SIZE],
                   size_t offset)
{
    unsigned char *out = to;
    const unsigned char *in = from;
    unsigned char turned[sizeof(uint64_t)];
    uint64_t word;
    uint64_t key;
    size_t i = 0;
    for (size_t k = 0; k < sizeof turned; k++)
        turned[k] = mask[(offset + k) % WS_MASK_SIZE];
    memcpy(&key, turned, sizeof key);
    for (; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, in + i, sizeof word);
        word ^= key;
        memcpy(out + i, &word, sizeof word);
    }
    for (; i < len; i++)
        out[i] = (unsigned char)(in[i] ^ turned[i % sizeof turned]);
}

/* ---- the handshake ---- */

bool ws_accept(struct span key, char out[WS_ACCEPT_SIZE])
{
    unsigned char sum[SHA1_SIZE];
    struct buf text = BUF_LIMIT(key.len + 64);
    struct buf value = BUF_LIMIT(WS_ACCEPT_SIZE);
    bool ok = buf_put_span(&text, key) &&
              buf_put_span(&text, SPAN("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) &&
              digest_sha1(buf_span(&text), sum) &&
              base64_encode(BASE64_STANDARD, span_make(sum, sizeof sum), &value);
    if (ok)
        span_copy(buf_span(&value), out, WS_ACCEPT_SIZE);
    buf_release(&text);
    buf_release(&value);
    return ok;
}
