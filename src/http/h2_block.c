/* Reads representations (RFC 7541 6) byte by byte, in step with what it writes. */
#include "culvert/http/h2_block.h"
#include "culvert/http/huffman.h"

#include <stdlib.h>

enum {
    /* A field that is larger than the table empties it (RFC 7541 4.4), whatever is in it. */
    EMPTIES_TABLE = 5000,
    PACKED_EMPTIES_TABLE = EMPTIES_TABLE * 30 / 8, /* what takes 30 bits for each byte */
    NUMBER_BITS = 28,
};

enum part { KIND, KIND_NUMBER, LENGTH, LENGTH_NUMBER, BYTES };

/* A value in `values`. */
struct long_value {
    size_t field, at, len;
};

struct h2_block {
    enum part part;   /* of the representation in hand */
    bool is_indexed;  /* it becomes an entry of the table */
    bool has_strings; /* names or values follow */
    bool is_entry;    /* else: it is one of the table, not a new size of that */
    bool has_name;    /* a string for the name comes first */
    bool is_value;    /* the string in hand is the value */
    bool is_packed;   /* by Huffman's code */
    unsigned shift;
    size_t number;
    size_t string;          /* bytes of it that still come */
    bool is_long;           /* they are left out */
    bool is_kept;           /* and kept */
    struct huffman huffman; /* which unpacks them */
    size_t fields;          /* that came before the one in hand */
    bool is_cut;
    struct buf bytes;
    struct buf values;
    struct long_value list[H2_BLOCK_LONG_MAX];
    size_t count;
};

struct h2_block *h2_block_new(size_t values_max)
{
    struct h2_block *block = calloc(1, sizeof *block);
    if (!block)
        return NULL;
    block->bytes = (struct buf)BUF_LIMIT(H2_BLOCK_KEPT_MAX);
    block->values = (struct buf)BUF_LIMIT(values_max);
    return block;
}

void h2_block_free(struct h2_block *block)
{
    if (!block)
        return;
    buf_release(&block->bytes);
    buf_release(&block->values);
    free(block);
}

void h2_block_forget_bytes(struct h2_block *block)
{
    buf_release(&block->bytes);
}

bool h2_block_is_whole(const struct h2_block *block)
{
    return block->part == KIND;
}

struct span h2_block_bytes(const struct h2_block *block)
{
    return buf_span(&block->bytes);
}

bool h2_block_is_cut(const struct h2_block *block)
{
    return block->is_cut;
}

struct span h2_block_value(const struct h2_block *block, size_t index)
{
    for (size_t i = 0; i < block->count; i++)
        if (block->list[i].field == index)
            return span_first(span_skip(buf_span(&block->values), block->list[i].at),
                              block->list[i].len);
    return SPAN_NONE;
}

/* ---- what is written ---- */

static bool put(struct h2_block *block, const void *bytes, size_t len)
{
    return buf_put(&block->bytes, bytes, len);
}

static bool put_byte(struct h2_block *block, unsigned char byte)
{
    return put(block, &byte, 1);
}

/* In the place of a string that is left out: one that does the same to the table, and that may be a
 * name, or the value of any field, even of ":path". */
static bool put_substitute(struct h2_block *block)
{
    static const unsigned char large[] = {0x7f, 0x89, 0x26}; /* 5000, not packed */
    unsigned char letter = block->is_value ? '/' : 'x';
    if (!block->is_indexed)
        return put_byte(block, 1) && put_byte(block, letter);
    char *room = put(block, large, sizeof large) ? buf_room(&block->bytes, EMPTIES_TABLE) : NULL;
    if (!room)
        return false;
    memset(room, letter, EMPTIES_TABLE);
    buf_added(&block->bytes, EMPTIES_TABLE);
    return true;
}

/* Writes a number with a prefix of 7 bits, the first bit being the code. */
static bool put_length(struct h2_block *block, size_t len)
{
    unsigned char first = block->is_packed ? 0x80 : 0;
    if (len < 127)
        return put_byte(block, (unsigned char)(first | len));
    bool ok = put_byte(block, (unsigned char)(first | 127));
    for (len -= 127; ok && len >= 128; len >>= 7)
        ok = put_byte(block, (unsigned char)(128 | (len & 127)));
    return ok && put_byte(block, (unsigned char)len);
}

/* ---- values that are kept ---- */

static void begin_long(struct h2_block *block)
{
    block->is_kept = block->is_value && !block->is_cut && block->count < H2_BLOCK_LONG_MAX;
    block->is_cut |= !block->is_kept;
    block->huffman = (struct huffman){0};
    if (block->is_kept)
        block->list[block->count] =
            (struct long_value){.field = block->fields, .at = block->values.len};
}

/* The values are of no use any more. */
static void cut(struct h2_block *block)
{
    block->is_cut = true;
    block->is_kept = false;
    block->count = 0;
    buf_release(&block->values);
}

/* What has no room is cut; false: it is none of the code. */
static bool keep(struct h2_block *block, struct span part)
{
    enum huffman_verdict verdict = HUFFMAN_GOOD;
    if (block->is_packed)
        verdict = huffman_feed(&block->huffman, part, &block->values);
    else if (!buf_put_span(&block->values, part))
        verdict = HUFFMAN_FULL;
    if (verdict == HUFFMAN_FULL)
        cut(block);
    return verdict != HUFFMAN_BAD;
}

static bool end_long(struct h2_block *block)
{
    struct long_value *value = &block->list[block->count];
    if (!block->is_kept)
        return true;
    value->len = block->values.len - value->at;
    block->count++;
    return !block->is_packed || huffman_is_whole(&block->huffman);
}

/* ---- what is read ---- */

static void end_field(struct h2_block *block)
{
    block->part = KIND;
    block->fields++;
}

static bool end_string(struct h2_block *block)
{
    if (block->is_long && !end_long(block))
        return false;
    if (block->is_value) {
        end_field(block);
        return true;
    }
    block->is_value = true;
    block->part = LENGTH;
    return true;
}

/* The longest string that stays. One that is left out has to be larger than the table in any case,
 * since what is in its place is. */
static size_t longest(const struct h2_block *block)
{
    bool is_crowded = block->bytes.len > H2_BLOCK_KEPT_MAX / 2;
    if (!is_crowded)
        return H2_BLOCK_STRING_MAX;
    return block->is_packed ? PACKED_EMPTIES_TABLE : EMPTIES_TABLE;
}

static bool begin_string(struct h2_block *block)
{
    block->string = block->number;
    block->is_long = block->string > longest(block);
    block->part = BYTES;
    if (block->is_long)
        begin_long(block);
    return (block->is_long ? put_substitute(block) : put_length(block, block->string)) &&
           (block->string > 0 || end_string(block));
}

static bool begin_strings(struct h2_block *block)
{
    block->is_value = !block->has_name;
    block->part = LENGTH;
    return true;
}

/* No strings follow: an entry of the table, or a new size of it, which is no field. */
static bool end_number(struct h2_block *block)
{
    block->part = KIND;
    block->fields += block->is_entry ? 1 : 0;
    return true;
}

/* The first byte of a representation: how many bits of it begin a number, and what follows. */
static bool read_kind(struct h2_block *block, unsigned char byte)
{
    bool is_entry = (byte & 0x80) != 0;
    bool has_strings = !is_entry && (byte & 0xe0) != 0x20;
    unsigned prefix = is_entry ? 0x7f : (byte & 0xc0) == 0x40 ? 0x3f : has_strings ? 0x0f : 0x1f;
    block->is_indexed = (byte & 0xc0) == 0x40;
    block->has_name = has_strings && (byte & prefix) == 0;
    block->has_strings = has_strings;
    block->is_entry = is_entry;
    block->shift = 0;
    if (!put_byte(block, byte))
        return false;
    if ((byte & prefix) == prefix) {
        block->part = KIND_NUMBER;
        return true;
    }
    return has_strings ? begin_strings(block) : end_number(block);
}

static bool read_kind_number(struct h2_block *block, unsigned char byte)
{
    block->shift += 7;
    if (block->shift > 35 || !put_byte(block, byte))
        return false;
    if (byte & 0x80)
        return true;
    return block->has_strings ? begin_strings(block) : end_number(block);
}

static bool read_length(struct h2_block *block, unsigned char byte)
{
    block->is_packed = (byte & 0x80) != 0;
    block->number = byte & 0x7f;
    block->shift = 0;
    if (block->number < 127)
        return begin_string(block);
    block->part = LENGTH_NUMBER;
    return true;
}

static bool read_length_number(struct h2_block *block, unsigned char byte)
{
    if (block->shift > 21)
        return false;
    block->number += (size_t)(byte & 0x7f) << block->shift;
    block->shift += 7;
    return (byte & 0x80) || (block->number >> NUMBER_BITS == 0 && begin_string(block));
}

static bool read_bytes(struct h2_block *block, struct span part)
{
    bool ok = true;
    if (!block->is_long)
        ok = put(block, part.data, part.len);
    else if (block->is_kept)
        ok = keep(block, part);
    block->string -= part.len;
    return ok && (block->string > 0 || end_string(block));
}

/* Returns how many bytes were used; 0: the block is none, or too long. */
static size_t read_some(struct h2_block *block, struct span bytes)
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
    return read_bytes(block, part) ? part.len : 0;
}

bool h2_block_feed(struct h2_block *block, struct span bytes)
{
    while (bytes.len > 0) {
        size_t used = read_some(block, bytes);
        if (used == 0)
            return false;
        bytes = span_skip(bytes, used);
    }
    return true;
}
