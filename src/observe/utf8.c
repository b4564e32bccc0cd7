/* The well-formed byte sequences of RFC 3629, chapter 4, as a table. */
#include "utf8.h"

static const struct {
    unsigned char first_low, first_high;
    unsigned char second_low, second_high;
    size_t length;
} forms[] = {
    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

size_t utf8_length(struct span s)
{
    const unsigned char *byte = (const unsigned char *)s.data;
    for (size_t i = 0; s.len > 0 && i < ARRAY_LEN(forms); i++) {
        if (byte[0] < forms[i].first_low || byte[0] > forms[i].first_high)
            continue;
        if (forms[i].length > s.len)
            return 0;
        if (forms[i].length > 1 &&
            (byte[1] < forms[i].second_low || byte[1] > forms[i].second_high))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((byte[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}
