/* The table of RFC 3629, chapter 4. */
#include "culvert/base/utf8.h"

/* Lead bytes and what may follow them at the second place; later places are 80..BF. */
static const struct {
    unsigned char first, last; /* of the lead byte */
    unsigned char low, high;   /* of the second byte */
    size_t len;
} forms[] = {
    {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

size_t utf8_first(struct span text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    if (text.len == 0)
        return 0;
    size_t i = 0;
    while (i < ARRAY_LEN(forms) && (bytes[0] < forms[i].first || bytes[0] > forms[i].last))
        i++;
    if (i == ARRAY_LEN(forms) || text.len < forms[i].len)
        return 0;
    if (forms[i].len > 1 && (bytes[1] < forms[i].low || bytes[1] > forms[i].high))
        return 0;
    for (size_t at = 2; at < forms[i].len; at++)
        if (bytes[at] < 0x80 || bytes[at] > 0xBF)
            return 0;
    return forms[i].len;
}

uint32_t utf8_rune(struct span text, size_t len)
{
    unsigned char lead = (unsigned char)text.data[0];
    uint32_t rune = len == 1 ? lead : lead & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++)
        rune = rune << 6 | ((unsigned char)text.data[i] & 0x3F);
    return rune;
}

bool utf8_is_valid(struct span text)
{
    while (text.len > 0) {
        size_t len = utf8_first(text);
        if (len == 0)
            return false;
        text = span_skip(text, len);
    }
    return true;
}
