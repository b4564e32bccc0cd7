/* Frames are RFC 9113 4.1 and 6.2, the representations of fields RFC 7541 6. */
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
    /* A field that is larger than the table empties it (RFC 7541 4.4), whatever is in it. */
    EMPTIES_TABLE = 5000,
    NUMBER_BITS = 28,
};

enum part { KIND, KIND_NUMBER, LENGTH, LENGTH_NUMBER, BYTES };

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
    /* The representation in hand: */
    enum part part;
    bool is_indexed; /* it becomes an entry of the table */
    bool has_name;   /* a string for the name comes first */
    bool is_value;   /* the string in hand is the value */
    bool is_packed;  /* by Huffman's code */
    unsigned shift;
    size_t number;
    size_t string; /* bytes of it that still come */
    bool is_cut;   /* they are left out */
    bool has_cut;  /* some string of the block was */
    struct buf kept;
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

void h2_sieve_init(struct h2_sieve *sieve, bool is_server)
{
    *sieve = (struct h2_sieve){.left = is_server ? PREFACE_SIZE : 0,
                               .frames = BUF_LIMIT(SIEVE_KEPT_MAX + 64 * 1024)};
}

static void drop_block(struct h2_sieve *sieve)
{
    if (sieve->block)
        buf_release(&sieve->block->kept);
    free(sieve->block);
    sieve->block = NULL;
}

void h2_sieve_release(struct h2_sieve *sieve)
{
    drop_block(sieve);
    buf_release(&sieve->frames);
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
        buf_release(&sieve->frames);
        sieve->given = 0;
        sieve->shortened = 0;
        return;
    }
    size_t at = sieve->left;
    while (at < len)
        at += FRAME_HEAD + frame_len((const unsigned char *)bytes.data + at);
    sieve->left = at - len;
}

/* ---- fields ---- */

static bool keep(struct sieve_block *block, const void *bytes, size_t len)
{
    return buf_put(&block->kept, bytes, len);
}

static bool keep_byte(struct sieve_block *block, unsigned char byte)
{
    return keep(block, &byte, 1);
}

/* In the place of a string that is left out: one that does the same to the table. */
static bool keep_substitute(struct sieve_block *block)
{
    static const unsigned char large[] = {0x7f, 0x89, 0x26}; /* 5000, not packed */
    static const unsigned char small[] = {1, 'x'};
    block->has_cut = true;
    if (!block->is_indexed)
        return keep(block, small, sizeof small);
    char *room = keep(block, large, sizeof large) ? buf_room(&block->kept, EMPTIES_TABLE) : NULL;
    if (!room)
        return false;
    memset(room, 'x', EMPTIES_TABLE);
    buf_added(&block->kept, EMPTIES_TABLE);
    return true;
}

/* Writes a number with a prefix of 7 bits, the first bit being the code. */
static bool keep_length(struct sieve_block *block, size_t len)
{
    unsigned char first = block->is_packed ? 0x80 : 0;
    if (len < 127)
        return keep_byte(block, (unsigned char)(first | len));
    bool ok = keep_byte(block, (unsigned char)(first | 127));
    for (len -= 127; ok && len >= 128; len >>= 7)
        ok = keep_byte(block, (unsigned char)(128 | (len & 127)));
    return ok && keep_byte(block, (unsigned char)len);
}

static void next_representation(struct sieve_block *block)
{
    block->part = KIND;
}

static void string_is_over(struct sieve_block *block)
{
    if (block->is_value) {
        next_representation(block);
        return;
    }
    block->is_value = true;
    block->part = LENGTH;
}

static bool begin_string(struct sieve_block *block)
{
    bool is_crowded = block->kept.len > SIEVE_KEPT_MAX / 2;
    block->string = block->number;
    block->is_cut = block->string > (is_crowded ? EMPTIES_TABLE : SIEVE_STRING_MAX);
    block->part = BYTES;
    bool ok = block->is_cut ? keep_substitute(block) : keep_length(block, block->string);
    if (block->string == 0)
        string_is_over(block);
    return ok;
}

static bool begin_strings(struct sieve_block *block)
{
    block->is_value = !block->has_name;
    block->part = LENGTH;
    return true;
}

/* The first byte of a representation: how many bits of it begin a number, and what follows. */
static bool read_kind(struct sieve_block *block, unsigned char byte)
{
    bool has_strings = !(byte & 0x80) && (byte & 0xe0) != 0x20;
    unsigned prefix = byte & 0x80 ? 0x7f : (byte & 0xc0) == 0x40 ? 0x3f : has_strings ? 0x0f : 0x1f;
    block->is_indexed = (byte & 0xc0) == 0x40;
    block->has_name = has_strings && (byte & prefix) == 0;
    block->is_value = !has_strings; /* nothing follows */
    block->shift = 0;
    if (!keep_byte(block, byte))
        return false;
    if ((byte & prefix) == prefix) {
        block->part = KIND_NUMBER;
        return true;
    }
    return has_strings ? begin_strings(block) : true;
}

static bool read_kind_number(struct sieve_block *block, unsigned char byte)
{
    block->shift += 7;
    if (block->shift > 35 || !keep_byte(block, byte))
        return false;
    if (byte & 0x80)
        return true;
    if (!block->is_value)
        return begin_strings(block);
    next_representation(block);
    return true;
}

static bool read_length(struct sieve_block *block, unsigned char byte)
{
    block->is_packed = (byte & 0x80) != 0;
    block->number = byte & 0x7f;
    block->shift = 0;
    if (block->number < 127)
        return begin_string(block);
    block->part = LENGTH_NUMBER;
    return true;
}

static bool read_length_number(struct sieve_block *block, unsigned char byte)
{
    if (block->shift > 21)
        return false;
    block->number += (size_t)(byte & 0x7f) << block->shift;
    block->shift += 7;
    return (byte & 0x80) || (block->number >> NUMBER_BITS == 0 && begin_string(block));
}

/* Returns how many bytes were used; 0: the block is none, or too long. */
static size_t read_some(struct sieve_block *block, struct span bytes)
{
    unsigned char byte = (unsigned char)bytes.data[0];
    switch (block->part) {
    case KIND:
        return read_kind(block, byte);
    case KIND_NUMBER:
        return read_kind_number(block, byte);
    case LENGTH:
        return read_length(block, byte);
    case LENGTH_NUMBER:
        return read_length_number(block, byte);
    case BYTES:
        break;
    }
    struct span part = span_first(bytes, block->string);
    if (!block->is_cut && !keep(block, part.data, part.len))
        return 0;
    block->string -= part.len;
    if (block->string == 0)
        string_is_over(block);
    return part.len;
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
    return is_ours && block->payload <= FRAME_SIZE && block->total <= SIEVE_BLOCK_MAX &&
           block->frames <= SIEVE_FRAMES_MAX &&
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
        used = read_some(block, span_first(bytes, block->payload - block->padding));
        *broken = used == 0;
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
    const struct sieve_block *block = sieve->block;
    struct span rest = buf_span(&block->kept);
    bool first = true;
    bool ok = true;
    do {
        struct span part = span_first(rest, FRAME_SIZE);
        rest = span_skip(rest, part.len);
        ok = put_frame(&sieve->frames, block, part, first, rest.len == 0);
        first = false;
    } while (ok && rest.len > 0);
    sieve->shortened = block->has_cut ? block->stream : 0;
    return ok && block->part == KIND;
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
    sieve->block->kept = (struct buf)BUF_LIMIT(SIEVE_KEPT_MAX);
    return true;
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
