/* The table behind chars.h; each entry is a sum of its classes. */
#include "chars.h"

const unsigned char char_classes[256] = {
    /* clang-format off */
    0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    2, 55, 38, 35, 55, 55, 55, 55, 54, 54, 55, 55, 54, 63, 63, 54,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 54, 54, 38, 54, 38, 54,
    54, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 54, 38, 54, 39, 63,
    39, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 38, 39, 38, 55, 0,
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34,
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34,
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34,
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34,
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34,
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34,
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34,
    34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34, 34,
    /* clang-format on */
};

size_t chars_span(struct span s, enum char_class which)
{
    size_t i = 0;
    while (i < s.len && char_is(s.data[i], which))
        i++;
    return i;
}

/* The top bit of a byte is set where `word` holds a byte below 0x20 or 0x7F; a neighbour above a
 * hit may be set too, so a hit is looked at byte by byte. */
static uint64_t suspects(uint64_t word)
{
    static const uint64_t ones = 0x0101010101010101u;
    static const uint64_t tops = 0x8080808080808080u;
    uint64_t dels = word ^ (ones * 0x7F);
    uint64_t low = (word - ones * 0x20) & ~word;
    return (low | ((dels - ones) & ~dels)) & tops;
}

bool chars_are_value(struct span s)
{
    size_t i = 0;
    for (; i + sizeof(uint64_t) <= s.len; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s.data + i, sizeof word);
        if (suspects(word) == 0)
            continue;
        struct span part = span_make(s.data + i, sizeof word);
        if (chars_span(part, CHAR_VALUE) < part.len)
            return false;
    }
    struct span rest = span_skip(s, i);
    return chars_span(rest, CHAR_VALUE) == rest.len;
}
