/* Frames are RFC 9113 4.1 and 6.2. */
#include "h2_sieve.h"

#include <assert.h>
#include <stdlib.h>

enum {
    FRAME_HEAD = 9,
    FRAME_SIZE = 16 * 1024, /* what we announce, by silence */
    TYPE_HEADERS = 1,
    TYPE_CONTINUATION = 9,
    END_STREAM = 0x1,
    END_HEADERS = 0x4,
    PADDED = 0x8,
    HAS_PRIORITY = 0x20,
    PRIORITY_SIZE = 5,
    PREFACE_SIZE = 24,
    FRAME_HEADS = 64 * 1024, /* room for those of a block that is written anew */
};

struct sieve_block {
    uint32_t stream;
    bool ends_stream, is_over; /* END_HEADERS came */
    bool is_first;             /* of its frames */
    size_t total, frames;      /* as it travels */
    /* The frame in hand: */
    unsigned char head[FRAME_HEAD];
    size_t head_len;
    size_t payload, skip, padding; /* bytes of it that still come; of those: in front, at its end */
    bool wants_padding;            /* the next byte says how much there is */
    struct h2_block *fields;
};

static size_t frame_len(const unsigned char *head)
{
    return (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
}

static uint32_t frame_stream(const unsigned char *head)
{
    return ((uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8]) &
           0x7fffffffu;
}

/* A head that goes on in another frame. */
static bool is_unfinished(const unsigned char *head)
{
    return head[3] == TYPE_HEADERS && !(head[4] & END_HEADERS);
}

void h2_sieve_init(struct h2_sieve *sieve, bool is_server, size_t values_max)
{
    *sieve = (struct h2_sieve){.values_max = values_max,
                               .left = is_server ? PREFACE_SIZE : 0,
                               .frames = BUF_LIMIT(H2_BLOCK_KEPT_MAX + FRAME_HEADS)};
}

static void drop_block(struct h2_sieve *sieve)
{
    if (sieve->block)
        h2_block_free(sieve->block->fields);
    free(sieve->block);
    sieve->block = NULL;
}

/* All of a block that was written anew is given. */
static void drop_frames(struct h2_sieve *sieve)
{
    buf_release(&sieve->frames);
    h2_block_free(sieve->fields);
    sieve->fields = NULL;
    sieve->told = sieve->given = 0;
    sieve->shortened = 0;
}

void h2_sieve_release(struct h2_sieve *sieve)
{
    drop_block(sieve);
    drop_frames(sieve);
}

struct span h2_sieve_next_long(struct h2_sieve *sieve)
{
    return sieve->fields ? h2_block_value(sieve->fields, sieve->told++) : SPAN_NONE;
}

/* ---- what passes ---- */

struct span h2_sieve_next(const struct h2_sieve *sieve, struct span bytes, bool *anew)
{
    size_t at = sieve->left;
    *anew = sieve->given < sieve->frames.len;
    if (*anew)
        return span_skip(buf_span(&sieve->frames), sieve->given);
    if (sieve->block)
        return SPAN("");
    while (at + FRAME_HEAD <= bytes.len) {
        const unsigned char *head = (const unsigned char *)bytes.data + at;
        if (is_unfinished(head))
            return span_first(bytes, at);
        at += FRAME_HEAD + frame_len(head);
    }
    return span_first(bytes, at); /* of a frame's head all or nothing */
}

void h2_sieve_given(struct h2_sieve *sieve, struct span bytes, size_t len, bool anew)
{
    if (anew) {
        sieve->given += len;
        if (sieve->given < sieve->frames.len)
            return;
        drop_frames(sieve);
        return;
    }
    size_t at = sieve->left;
    while (at < len)
        at += FRAME_HEAD + frame_len((const unsigned char *)bytes.data + at);
    sieve->left = at - len;
}

/* ---- frames ---- */

static bool begin_frame(struct sieve_block *block)
{
    const unsigned char *head = block->head;
    unsigned char flags = head[4];
    bool is_ours = head[3] == (block->is_first ? TYPE_HEADERS : TYPE_CONTINUATION) &&
                   (block->is_first || frame_stream(head) == block->stream);
    block->payload = frame_len(head);
    block->skip = block->padding = 0;
    block->is_over = (flags & END_HEADERS) != 0;
    block->wants_padding = block->is_first && (flags & PADDED);
    if (block->is_first) {
        block->stream = frame_stream(head);
        block->ends_stream = (flags & END_STREAM) != 0;
        block->skip = flags & HAS_PRIORITY ? PRIORITY_SIZE : 0;
    }
    block->is_first = false;
    block->total += block->payload;
    block->frames++;
    return is_ours && block->payload <= FRAME_SIZE && block->total <= H2_LONG_BLOCK_MAX &&
           block->frames <= H2_LONG_FRAMES_MAX &&
           block->payload >= block->skip + (block->wants_padding ? 1 : 0);
}

static size_t take_head(struct sieve_block *block, struct span bytes, bool *broken)
{
    struct span part = span_first(bytes, FRAME_HEAD - block->head_len);
    memcpy(block->head + block->head_len, part.data, part.len);
    block->head_len += part.len;
    if (block->head_len == FRAME_HEAD)
        *broken = !begin_frame(block);
    return part.len;
}

static size_t take_payload(struct sieve_block *block, struct span bytes, bool *broken)
{
    size_t used = 1;
    if (block->wants_padding) {
        block->wants_padding = false;
        block->padding = (unsigned char)bytes.data[0];
        *broken = block->payload - 1 < block->padding + block->skip;
    } else if (block->skip > 0) {
        block->skip--;
    } else if (block->payload <= block->padding) {
        block->padding--;
    } else {
        struct span part = span_first(bytes, block->payload - block->padding);
        used = part.len;
        *broken = !h2_block_feed(block->fields, part);
    }
    block->payload -= used;
    return used;
}

static bool put_frame(struct buf *to, const struct sieve_block *block, struct span part, bool first,
                      bool last)
{
    unsigned char flags =
        (unsigned char)((first && block->ends_stream ? END_STREAM : 0) | (last ? END_HEADERS : 0));
    const unsigned char head[FRAME_HEAD] = {
        (unsigned char)(part.len >> 16),
        (unsigned char)(part.len >> 8),
        (unsigned char)part.len,
        first ? TYPE_HEADERS : TYPE_CONTINUATION,
        flags,
        (unsigned char)(block->stream >> 24),
        (unsigned char)(block->stream >> 16),
        (unsigned char)(block->stream >> 8),
        (unsigned char)block->stream,
    };
    return buf_put(to, head, sizeof head) && buf_put_span(to, part);
}

/* The block as frames again. */
static bool write_anew(struct h2_sieve *sieve)
{
    struct sieve_block *block = sieve->block;
    struct span rest = h2_block_bytes(block->fields);
    bool first = true;
    bool ok = true;
    do {
        struct span part = span_first(rest, FRAME_SIZE);
        rest = span_skip(rest, part.len);
        ok = put_frame(&sieve->frames, block, part, first, rest.len == 0);
        first = false;
    } while (ok && rest.len > 0);
    h2_block_forget_bytes(block->fields);
    sieve->shortened = h2_block_is_cut(block->fields) ? block->stream : 0;
    sieve->fields = block->fields;
    block->fields = NULL;
    return ok && h2_block_is_whole(sieve->fields);
}

/* The frame in hand is over. */
static bool end_frame(struct h2_sieve *sieve)
{
    struct sieve_block *block = sieve->block;
    block->head_len = 0;
    if (!block->is_over)
        return true;
    bool ok = write_anew(sieve);
    drop_block(sieve);
    return ok;
}

static bool begin_block(struct h2_sieve *sieve)
{
    sieve->block = calloc(1, sizeof *sieve->block);
    if (!sieve->block)
        return false;
    sieve->block->is_first = true;
    sieve->block->fields = h2_block_new(sieve->values_max);
    return sieve->block->fields != NULL;
}

size_t h2_sieve_take(struct h2_sieve *sieve, struct span bytes, bool *broken)
{
    size_t used = 0;
    *broken = false;
    if (sieve->given < sieve->frames.len)
        return 0;
    if (!sieve->block) {
        bool is_block = sieve->left == 0 && bytes.len >= FRAME_HEAD &&
                        is_unfinished((const unsigned char *)bytes.data);
        if (!is_block)
            return 0;
        *broken = !begin_block(sieve);
    }
    while (sieve->block && !*broken && used < bytes.len) {
        struct sieve_block *block = sieve->block;
        struct span rest = span_skip(bytes, used);
        used += block->head_len < FRAME_HEAD ? take_head(block, rest, broken)
                                             : take_payload(block, rest, broken);
        if (!*broken && block->head_len == FRAME_HEAD && block->payload == 0)
            *broken = !end_frame(sieve);
    }
    return used;
}
