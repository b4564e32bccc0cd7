/* Cap'n Proto pointers, followed with care. A pointer is one word; `place` says where it stands,
 * `target` what it means once far pointers are followed. Words are loaded byte by byte, so that
 * neither alignment nor byte order matter. */
#include "culvert/rpc/capnp_read.h"

#include <assert.h>

enum pointer_kind { POINTER_STRUCT, POINTER_LIST, POINTER_FAR, POINTER_OTHER };

/* Bits of one element by its size code; 0 for composite, where the tag tells. */
static const uint8_t element_bits[] = {0, 1, 8, 16, 32, 64, 64, 0};

struct place {
    uint32_t segment;
    size_t word;
};

struct target {
    uint64_t pointer; /* kind and sizes; its offset is used up */
    struct place start;
};

static uint64_t load(const char *from, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i-- > 0;)
        value = value << 8 | (unsigned char)from[i];
    return value;
}

static enum pointer_kind kind_of(uint64_t pointer)
{
    return (enum pointer_kind)(pointer & 3);
}

/* The signed offset of a struct or list pointer, in words: bits 2 to 31. */
static int64_t offset_of(uint64_t pointer)
{
    int64_t offset = (int64_t)(pointer >> 2 & 0x3fffffff);
    return offset < 0x20000000 ? offset : offset - 0x40000000;
}

static uint64_t data_words_of(uint64_t pointer)
{
    return pointer >> 32 & 0xffff;
}

static uint64_t pointers_of(uint64_t pointer)
{
    return pointer >> 48;
}

static size_t words_in(const struct capnp_message *message, uint32_t segment)
{
    return message->segments[segment].len / CAPNP_WORD;
}

static const char *bytes_at(const struct capnp_message *message, struct place place)
{
    return message->segments[place.segment].data + place.word * CAPNP_WORD;
}

static uint64_t load_word(const struct capnp_message *message, struct place place)
{
    return load(bytes_at(message, place), CAPNP_WORD);
}

static bool refuse(struct error *err, struct place place, const char *what)
{
    return error_set(err, ERROR_PROTOCOL, 0, "Cap'n Proto: %s (segment %u, word %zu)", what,
                     (unsigned)place.segment, place.word);
}

/* Are `words` words from `place` on inside of their segment? */
static bool check_inside(const struct capnp_message *message, struct place place, uint64_t words,
                         struct error *err)
{
    if (place.segment >= message->segment_count)
        return refuse(err, place, "no such segment");
    size_t have = words_in(message, place.segment);
    if (place.word > have || words > have - place.word)
        return refuse(err, place, "a pointer leads outside of the message");
    return true;
}

/* Takes the work of visiting `words` words from the budget; even nothing costs one. */
static bool spend(struct capnp_message *message, struct place place, uint64_t words,
                  struct error *err)
{
    if (words == 0)
        words = 1;
    if (words > message->budget)
        return refuse(err, place, "the same words are pointed at too often");
    message->budget -= words;
    return true;
}

/* What a pointer at `place` that is not far leads to. */
static bool follow_near(const struct capnp_message *message, struct place place, uint64_t pointer,
                        struct target *target, struct error *err)
{
    int64_t word = (int64_t)place.word + 1 + offset_of(pointer);
    if (word < 0 || (uint64_t)word > words_in(message, place.segment))
        return refuse(err, place, "a pointer leads outside of the message");
    *target = (struct target){pointer, {place.segment, (size_t)word}};
    return true;
}

/* A far pointer leads to a landing pad: one near pointer, or a far pointer to the bare object and
 * behind it a tag that describes the object. */
static bool follow_far(struct capnp_message *message, uint64_t far, struct target *target,
                       struct error *err)
{
    bool is_double = far & 4;
    struct place pad = {(uint32_t)(far >> 32), far >> 3 & 0x1fffffff};
    if (!check_inside(message, pad, is_double ? 2 : 1, err) || !spend(message, pad, 1, err))
        return false;
    uint64_t first = load_word(message, pad);
    if (!is_double) {
        if (kind_of(first) == POINTER_FAR)
            return refuse(err, pad, "a far pointer leads to a far pointer");
        return follow_near(message, pad, first, target, err);
    }
    if (kind_of(first) != POINTER_FAR || first & 4)
        return refuse(err, pad, "a double far pointer leads to no far pointer");
    uint64_t tag = load_word(message, (struct place){pad.segment, pad.word + 1});
    if (offset_of(tag) != 0)
        return refuse(err, pad, "the tag of a double far pointer has an offset");
    *target = (struct target){tag, {(uint32_t)(first >> 32), first >> 3 & 0x1fffffff}};
    return true;
}

static bool follow(struct capnp_message *message, struct place place, uint64_t pointer,
                   struct target *target, struct error *err)
{
    if (kind_of(pointer) == POINTER_FAR)
        return follow_far(message, pointer, target, err);
    return follow_near(message, place, pointer, target, err);
}

static bool open_struct(struct capnp_message *message, struct target target, unsigned depth,
                        struct capnp_struct *to, struct error *err)
{
    if (kind_of(target.pointer) != POINTER_STRUCT)
        return refuse(err, target.start, "no struct where one must be");
    if (depth > CAPNP_DEPTH_MAX)
        return refuse(err, target.start, "pointers are nested too deeply");
    uint64_t data_words = data_words_of(target.pointer);
    uint64_t pointers = pointers_of(target.pointer);
    if (!check_inside(message, target.start, data_words + pointers, err) ||
        !spend(message, target.start, data_words + pointers, err))
        return false;
    *to = (struct capnp_struct){
        .message = message,
        .data = bytes_at(message, target.start),
        .data_size = data_words * CAPNP_WORD,
        .pointers = target.start.word + data_words,
        .pointer_count = (uint32_t)pointers,
        .segment = target.start.segment,
        .depth = depth,
    };
    return true;
}

/* A composite list: one tag word with the count and the shape of the elements, then these. */
static bool open_composite(struct capnp_message *message, struct target target,
                           struct capnp_list *to, struct error *err)
{
    uint64_t words = target.pointer >> 35;
    if (!check_inside(message, target.start, words + 1, err) ||
        !spend(message, target.start, words + 1, err))
        return false;
    uint64_t tag = load_word(message, target.start);
    if (kind_of(tag) != POINTER_STRUCT)
        return refuse(err, target.start, "a list of structs has a wrong tag");
    uint64_t count = tag >> 2 & 0x3fffffff;
    uint64_t step = data_words_of(tag) + pointers_of(tag);
    if (count * step > words)
        return refuse(err, target.start, "a list claims more elements than it has");
    /* Elements without size are counted as work: a word could claim a billion of them. */
    if (step == 0 && !spend(message, target.start, count, err))
        return false;
    target.start.word++;
    to->count = count;
    to->step = step;
    to->first.data = bytes_at(message, target.start);
    to->first.data_size = data_words_of(tag) * CAPNP_WORD;
    to->first.pointers = target.start.word + data_words_of(tag);
    to->first.pointer_count = (uint32_t)pointers_of(tag);
    return true;
}

static bool open_list(struct capnp_message *message, struct target target, unsigned depth,
                      struct capnp_list *to, struct error *err)
{
    if (kind_of(target.pointer) != POINTER_LIST)
        return refuse(err, target.start, "no list where one must be");
    if (depth > CAPNP_DEPTH_MAX)
        return refuse(err, target.start, "pointers are nested too deeply");
    *to = (struct capnp_list){.first = {
                                  .message = message,
                                  .segment = target.start.segment,
                                  .depth = depth,
                              }};
    unsigned element = target.pointer >> 32 & 7;
    to->element = (enum capnp_element)element;
    if (element == CAPNP_ELEMENT_COMPOSITE)
        return open_composite(message, target, to, err);
    uint64_t count = target.pointer >> 35;
    uint64_t words = (count * element_bits[element] + 63) / 64;
    uint64_t work = element_bits[element] == 0 ? count : words;
    if (!check_inside(message, target.start, words, err) ||
        !spend(message, target.start, work, err))
        return false;
    to->count = count;
    to->first.data = bytes_at(message, target.start);
    if (element == CAPNP_ELEMENT_POINTER) {
        to->step = 1;
        to->first.pointers = target.start.word;
        to->first.pointer_count = 1;
    }
    return true;
}

/* The word of pointer field `index`; 0 (null) when the struct has no such field. */
static uint64_t field(const struct capnp_struct *from, size_t index, struct place *place)
{
    if (index >= from->pointer_count)
        return 0;
    *place = (struct place){from->segment, from->pointers + index};
    return load_word(from->message, *place);
}

bool capnp_read_struct(const struct capnp_struct *from, size_t index, struct capnp_struct *to,
                       struct error *err)
{
    struct place place;
    struct target target;
    uint64_t pointer = field(from, index, &place);
    if (pointer == 0) {
        *to = (struct capnp_struct){0};
        return true;
    }
    return follow(from->message, place, pointer, &target, err) &&
           open_struct(from->message, target, from->depth + 1, to, err);
}

bool capnp_read_list(const struct capnp_struct *from, size_t index, struct capnp_list *to,
                     struct error *err)
{
    struct place place;
    struct target target;
    uint64_t pointer = field(from, index, &place);
    if (pointer == 0) {
        *to = (struct capnp_list){0};
        return true;
    }
    return follow(from->message, place, pointer, &target, err) &&
           open_list(from->message, target, from->depth + 1, to, err);
}

bool capnp_read_data(const struct capnp_struct *from, size_t index, struct span *data,
                     struct error *err)
{
    struct capnp_list list = {0};
    *data = SPAN_NONE;
    if (!capnp_read_list(from, index, &list, err))
        return false;
    if (!list.first.message)
        return true;
    if (list.element != CAPNP_ELEMENT_BYTE)
        return error_set(err, ERROR_PROTOCOL, 0, "Cap'n Proto: a list that is not of bytes");
    *data = span_make(list.first.data, list.count);
    return true;
}

bool capnp_read_text(const struct capnp_struct *from, size_t index, struct span *text,
                     struct error *err)
{
    if (!capnp_read_data(from, index, text, err))
        return false;
    if (!text->data)
        return true;
    if (text->len == 0 || text->data[text->len - 1] != '\0')
        return error_set(err, ERROR_PROTOCOL, 0, "Cap'n Proto: a text without its final NUL");
    text->len--;
    return true;
}

bool capnp_read_capability(const struct capnp_struct *from, size_t index, uint32_t *number)
{
    struct place place;
    uint64_t pointer = field(from, index, &place);
    /* Of the kind "other" only capabilities exist, and those have no further low bits. */
    if ((pointer & UINT32_MAX) != POINTER_OTHER)
        return false;
    *number = (uint32_t)(pointer >> 32);
    return true;
}

bool capnp_list_struct(const struct capnp_list *list, size_t index, struct capnp_struct *to,
                       struct error *err)
{
    assert(index < list->count);
    if (list->element != CAPNP_ELEMENT_POINTER && list->element != CAPNP_ELEMENT_COMPOSITE)
        return error_set(err, ERROR_PROTOCOL, 0, "Cap'n Proto: a list that is not of structs");
    *to = list->first;
    to->data += index * list->step * CAPNP_WORD;
    to->pointers += index * list->step;
    return true;
}

bool capnp_list_text(const struct capnp_list *list, size_t index, struct span *text,
                     struct error *err)
{
    struct capnp_struct element = {0};
    return capnp_list_struct(list, index, &element, err) && capnp_read_text(&element, 0, text, err);
}

bool capnp_read_bit(const struct capnp_struct *from, size_t bit)
{
    return capnp_read_u8(from, bit / 8) >> bit % 8 & 1;
}

static uint64_t scalar(const struct capnp_struct *from, size_t at, size_t size)
{
    if (at + size > from->data_size)
        return 0;
    return load(from->data + at, size);
}

uint8_t capnp_read_u8(const struct capnp_struct *from, size_t at)
{
    return (uint8_t)scalar(from, at, 1);
}

uint16_t capnp_read_u16(const struct capnp_struct *from, size_t at)
{
    return (uint16_t)scalar(from, at, 2);
}

uint32_t capnp_read_u32(const struct capnp_struct *from, size_t at)
{
    return (uint32_t)scalar(from, at, 4);
}

uint64_t capnp_read_u64(const struct capnp_struct *from, size_t at)
{
    return scalar(from, at, 8);
}

bool capnp_message_need(struct span start, uint64_t *need, struct error *err)
{
    *need = CAPNP_WORD;
    if (start.len < CAPNP_WORD)
        return true;
    uint64_t segments = load(start.data, 4) + 1;
    if (segments > CAPNP_SEGMENTS_MAX)
        return error_set(err, ERROR_PROTOCOL, 0, "Cap'n Proto: a message of %llu segments, over %d",
                         (unsigned long long)segments, CAPNP_SEGMENTS_MAX);
    /* The count, a size for each segment, and padding to a whole word. */
    *need = (segments / 2 + 1) * CAPNP_WORD;
    if (start.len < *need)
        return true;
    uint64_t words = 0;
    for (size_t i = 0; i < segments; i++)
        words += load(start.data + 4 + 4 * i, 4);
    *need += words * CAPNP_WORD;
    if (load(start.data + 4, 4) == 0)
        return error_set(err, ERROR_PROTOCOL, 0, "Cap'n Proto: a message without a root");
    return true;
}

bool capnp_message_open(struct capnp_message *message, struct span bytes, struct capnp_struct *root,
                        struct error *err)
{
    uint64_t need;
    if (!capnp_message_need(bytes, &need, err))
        return false;
    if (need != bytes.len)
        return error_set(err, ERROR_PROTOCOL, 0, "Cap'n Proto: a message of %llu bytes in %zu",
                         (unsigned long long)need, bytes.len);
    *message = (struct capnp_message){.segment_count = load(bytes.data, 4) + 1};
    struct span rest = span_skip(bytes, (message->segment_count / 2 + 1) * CAPNP_WORD);
    message->budget = rest.len / CAPNP_WORD * CAPNP_BUDGET_FACTOR;
    for (size_t i = 0; i < message->segment_count; i++) {
        size_t size = load(bytes.data + 4 + 4 * i, 4) * CAPNP_WORD;
        message->segments[i] = span_first(rest, size);
        rest = span_skip(rest, size);
    }
    struct place place = {0, 0};
    struct target target;
    uint64_t pointer = load_word(message, place);
    if (pointer == 0)
        return refuse(err, place, "the root is null");
    return follow(message, place, pointer, &target, err) &&
           open_struct(message, target, 1, root, err);
}
