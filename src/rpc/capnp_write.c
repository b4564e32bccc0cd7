/* A segment that only grows: each object is allocated at its end, the pointer to it filled in. */
#include "culvert/rpc/capnp_write.h"

#include "culvert/rpc/capnp_read.h"

#include <assert.h>

enum {
    FRAMING_SIZE = 8, /* count of segments less 1, words of the only segment */
    POINTER_LIST = 1,
    POINTER_CAPABILITY = 3,
};

static void store(char *to, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (char)(unsigned char)(value >> 8 * i & 0xff);
}

/* Appends `size` bytes, padded with zeros to whole words. Returns where they are; 0 on failure. */
static size_t append(struct capnp_writer *writer, const char *data, size_t size)
{
    size_t at = writer->bytes.len;
    size_t padded = (size + CAPNP_WORD - 1) / CAPNP_WORD * CAPNP_WORD;
    if (writer->failed)
        return 0;
    char *room = buf_room(&writer->bytes, padded);
    if (!room) {
        writer->failed = padded > writer->bytes.limit - at ? ERROR_LIMIT : ERROR_SYSTEM;
        return 0;
    }
    memset(room, 0, padded);
    if (data)
        memcpy(room, data, size);
    buf_added(&writer->bytes, padded);
    return at;
}

static void put(struct capnp_writer *writer, struct capnp_place to, size_t at, size_t size,
                uint64_t value)
{
    if (writer->failed)
        return;
    assert(at + size <= (size_t)to.data_words * CAPNP_WORD);
    store(writer->bytes.data + to.at + at, size, value);
}

static size_t pointer_at(struct capnp_place to, size_t index)
{
    assert(index < to.pointer_count);
    return to.at + (to.data_words + index) * CAPNP_WORD;
}

/* Fills the pointer at byte `at` so that it leads to byte `target`; `rest` is all but the offset.
 */
static void point(struct capnp_writer *writer, size_t at, size_t target, uint64_t rest)
{
    if (writer->failed)
        return;
    assert(target >= at); /* objects lie behind their pointers; an empty struct at its pointer */
    uint64_t offset = (target - at) / CAPNP_WORD - 1;
    store(writer->bytes.data + at, CAPNP_WORD, rest | (offset & 0x3fffffff) << 2);
}

static uint64_t shape(uint16_t data_words, uint16_t pointer_count)
{
    return (uint64_t)data_words << 32 | (uint64_t)pointer_count << 48;
}

static uint64_t list_of(enum capnp_element element, uint64_t count)
{
    return POINTER_LIST | (uint64_t)element << 32 | count << 35;
}

void capnp_write_start(struct capnp_writer *writer, size_t limit)
{
    assert(limit <= UINT32_C(1) << 29); /* so that no count or offset can overflow its bits */
    *writer = (struct capnp_writer){.bytes = BUF_LIMIT(limit)};
    (void)append(writer, NULL, FRAMING_SIZE);
}

static struct capnp_place add_struct(struct capnp_writer *writer, size_t pointer,
                                     uint16_t data_words, uint16_t pointer_count)
{
    struct capnp_place place = {pointer, data_words, pointer_count};
    size_t words = (size_t)data_words + pointer_count;
    /* A struct without fields takes no room: its pointer leads to itself. */
    if (words > 0)
        place.at = append(writer, NULL, words * CAPNP_WORD);
    point(writer, pointer, place.at, shape(data_words, pointer_count));
    return place;
}

struct capnp_place capnp_write_root(struct capnp_writer *writer, uint16_t data_words,
                                    uint16_t pointer_count)
{
    size_t pointer = append(writer, NULL, CAPNP_WORD);
    return add_struct(writer, pointer, data_words, pointer_count);
}

struct capnp_place capnp_write_struct(struct capnp_writer *writer, struct capnp_place to,
                                      size_t index, uint16_t data_words, uint16_t pointer_count)
{
    return add_struct(writer, pointer_at(to, index), data_words, pointer_count);
}

struct capnp_place capnp_write_pointers(struct capnp_writer *writer, struct capnp_place to,
                                        size_t index, uint16_t count)
{
    size_t list = append(writer, NULL, (size_t)count * CAPNP_WORD);
    point(writer, pointer_at(to, index), list, list_of(CAPNP_ELEMENT_POINTER, count));
    return (struct capnp_place){list, 0, count};
}

struct capnp_place capnp_write_structs(struct capnp_writer *writer, struct capnp_place to,
                                       size_t index, uint32_t count, struct capnp_place element)
{
    uint64_t words = (uint64_t)count * ((uint64_t)element.data_words + element.pointer_count);
    size_t tag = append(writer, NULL, (words + 1) * CAPNP_WORD);
    if (!writer->failed)
        store(writer->bytes.data + tag, CAPNP_WORD,
              (uint64_t)count << 2 | shape(element.data_words, element.pointer_count));
    point(writer, pointer_at(to, index), tag, list_of(CAPNP_ELEMENT_COMPOSITE, words));
    element.at = tag + CAPNP_WORD;
    return element;
}

void capnp_write_data(struct capnp_writer *writer, struct capnp_place to, size_t index,
                      struct span data)
{
    if (data.len == 0)
        return;
    size_t list = append(writer, data.data, data.len);
    point(writer, pointer_at(to, index), list, list_of(CAPNP_ELEMENT_BYTE, data.len));
}

void capnp_write_text(struct capnp_writer *writer, struct capnp_place to, size_t index,
                      struct span text)
{
    if (text.len == 0)
        return;
    size_t list = append(writer, NULL, text.len + 1);
    if (!writer->failed)
        memcpy(writer->bytes.data + list, text.data, text.len);
    point(writer, pointer_at(to, index), list, list_of(CAPNP_ELEMENT_BYTE, text.len + 1));
}

void capnp_write_capability(struct capnp_writer *writer, struct capnp_place to, size_t index,
                            uint32_t number)
{
    if (!writer->failed)
        store(writer->bytes.data + pointer_at(to, index), CAPNP_WORD,
              POINTER_CAPABILITY | (uint64_t)number << 32);
}

void capnp_write_bit(struct capnp_writer *writer, struct capnp_place to, size_t bit, bool value)
{
    if (writer->failed)
        return;
    unsigned char mask = (unsigned char)BIT(bit % 8);
    unsigned char byte = (unsigned char)writer->bytes.data[to.at + bit / 8];
    put(writer, to, bit / 8, 1, value ? byte | mask : byte & ~mask);
}

void capnp_write_u8(struct capnp_writer *writer, struct capnp_place to, size_t at, uint8_t value)
{
    put(writer, to, at, 1, value);
}

void capnp_write_u16(struct capnp_writer *writer, struct capnp_place to, size_t at, uint16_t value)
{
    put(writer, to, at, 2, value);
}

void capnp_write_u32(struct capnp_writer *writer, struct capnp_place to, size_t at, uint32_t value)
{
    put(writer, to, at, 4, value);
}

void capnp_write_u64(struct capnp_writer *writer, struct capnp_place to, size_t at, uint64_t value)
{
    put(writer, to, at, 8, value);
}

bool capnp_write_finish(struct capnp_writer *writer, struct span *bytes, struct error *err)
{
    struct buf *b = &writer->bytes;
    if (writer->failed == ERROR_LIMIT)
        return error_set(err, ERROR_LIMIT, 0, "Cap'n Proto: the message is over %zu bytes",
                         b->limit);
    if (writer->failed)
        return error_memory(err);
    store(b->data + 4, 4, (b->len - FRAMING_SIZE) / CAPNP_WORD);
    *bytes = buf_span(b);
    return true;
}

void capnp_write_release(struct capnp_writer *writer)
{
    buf_wipe(&writer->bytes);
}
