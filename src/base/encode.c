/* base64, hex and percent encoding by table. RFC 4648 chapters 4, 5 and 8; RFC 3986 chapter 2.1. */
#include "culvert/base/encode.h"

static const char standard_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of each base64 character plus one; 0: not a character of the alphabet. */
#define LETTERS_AND_DIGITS                                                                         \
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,        \
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, \
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23,            \
    ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,            \
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37,            \
    ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44,            \
    ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51,            \
    ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58,            \
    ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62

static const unsigned char standard_values[256] = {LETTERS_AND_DIGITS, ['+'] = 63, ['/'] = 64};
static const unsigned char url_values[256] = {LETTERS_AND_DIGITS, ['-'] = 63, ['_'] = 64};

static const struct {
    const char *digits;
    const unsigned char *values;
    bool padded;
} dialects[] = {
    [BASE64_STANDARD] = {standard_digits, standard_values, true},
    [BASE64_STANDARD_RAW] = {standard_digits, standard_values, false},
    [BASE64_URL] = {url_digits, url_values, true},
    [BASE64_URL_RAW] = {url_digits, url_values, false},
};

bool base64_encode(enum base64_dialect dialect, struct span bytes, struct buf *out)
{
    const char *digits = dialects[dialect].digits;
    size_t whole = bytes.len / 3;
    size_t rest = bytes.len % 3;
    if (whole > SIZE_MAX / 4 - 1)
        return false;
    size_t tail = rest == 0 ? 0 : dialects[dialect].padded ? 4 : rest + 1;
    char *to = buf_room(out, whole * 4 + tail);
    if (!to)
        return false;
    const unsigned char *from = (const unsigned char *)bytes.data;
    for (size_t i = 0; i < whole; i++, from += 3, to += 4) {
        uint32_t group = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
        to[0] = digits[group >> 18];
        to[1] = digits[group >> 12 & 63];
        to[2] = digits[group >> 6 & 63];
        to[3] = digits[group & 63];
    }
    if (rest > 0) {
        uint32_t group = (uint32_t)from[0] << 16 | (rest == 2 ? (uint32_t)from[1] << 8 : 0);
        char last[4] = {digits[group >> 18], digits[group >> 12 & 63],
                        rest == 2 ? digits[group >> 6 & 63] : '=', '='};
        memcpy(to, last, tail);
    }
    buf_added(out, whole * 4 + tail);
    return true;
}

/* The characters without the padding; false: the padding is not of the dialect. */
static bool strip_padding(bool padded, struct span *text)
{
    if (!padded)
        return text->len % 4 != 1;
    if (text->len % 4 != 0)
        return false;
    if (text->len > 0 && text->data[text->len - 1] == '=')
        text->len -= text->data[text->len - 2] == '=' ? 2 : 1;
    return true;
}

/* Two or three characters become one or two bytes; false: a foreign character or stray bits. */
static bool decode_tail(const unsigned char *values, const unsigned char *from, size_t len,
                        char *to)
{
    uint32_t group = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned value = values[from[i]];
        if (value == 0)
            return false;
        group |= (uint32_t)(value - 1) << (18 - 6 * i);
    }
    to[0] = (char)(unsigned char)(group >> 16);
    if (len == 2)
        return (group & 0xffff) == 0;
    to[1] = (char)(unsigned char)(group >> 8);
    return (group & 0xff) == 0;
}

static bool decode_all(const unsigned char *values, struct span text, char *to)
{
    const unsigned char *from = (const unsigned char *)text.data;
    size_t whole = text.len / 4;
    for (size_t i = 0; i < whole; i++, from += 4, to += 3) {
        uint32_t a = values[from[0]];
        uint32_t b = values[from[1]];
        uint32_t c = values[from[2]];
        uint32_t d = values[from[3]];
        if (!a || !b || !c || !d)
            return false;
        uint32_t group = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        to[0] = (char)(unsigned char)(group >> 16);
        to[1] = (char)(unsigned char)(group >> 8);
        to[2] = (char)(unsigned char)group;
    }
    size_t rest = text.len % 4;
    return rest == 0 || decode_tail(values, from, rest, to);
}

bool base64_decode(enum base64_dialect dialect, struct span text, struct buf *out)
{
    if (!strip_padding(dialects[dialect].padded, &text))
        return false;
    size_t rest = text.len % 4;
    size_t size = text.len / 4 * 3 + (rest > 0 ? rest - 1 : 0);
    char *to = buf_room(out, size);
    if (!to)
        return false;
    if (!decode_all(dialects[dialect].values, text, to)) {
        *to = '\0'; /* the text before it ends here again */
        return false;
    }
    buf_added(out, size);
    return true;
}

bool hex_encode(struct span bytes, struct buf *out)
{
    static const char digits[] = "0123456789abcdef";
    if (bytes.len > SIZE_MAX / 2)
        return false;
    char *to = buf_room(out, bytes.len * 2);
    if (!to)
        return false;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        to[2 * i] = digits[byte >> 4];
        to[2 * i + 1] = digits[byte & 15];
    }
    buf_added(out, bytes.len * 2);
    return true;
}

int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte that two hex digits spell, -1 if they do not. */
static int hex_pair(const char *at)
{
    int high = hex_value(at[0]);
    int low = hex_value(at[1]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool hex_decode(struct span text, struct buf *out)
{
    if (text.len % 2 != 0)
        return false;
    char *to = buf_room(out, text.len / 2);
    if (!to)
        return false;
    for (size_t i = 0; i < text.len / 2; i++) {
        int byte = hex_pair(text.data + 2 * i);
        if (byte < 0) {
            *to = '\0';
            return false;
        }
        to[i] = (char)(unsigned char)byte;
    }
    buf_added(out, text.len / 2);
    return true;
}

bool percent_decode(struct span text, struct buf *out)
{
    size_t escapes = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '%')
            continue;
        if (text.len - i < 3 || hex_pair(text.data + i + 1) < 0)
            return false;
        escapes++;
        i += 2;
    }
    size_t size = text.len - 2 * escapes;
    char *to = buf_room(out, size);
    if (!to)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '%') {
            *to++ = text.data[i];
            continue;
        }
        *to++ = (char)(unsigned char)hex_pair(text.data + i + 1);
        i += 2;
    }
    buf_added(out, size);
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

bool percent_encode(struct span text, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t size = 0;
    for (size_t i = 0; i < text.len; i++)
        size += is_unreserved(text.data[i]) ? 1 : 3;
    char *to = buf_room(out, size);
    if (!to)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (is_unreserved(text.data[i])) {
            *to++ = text.data[i];
            continue;
        }
        *to++ = '%';
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
    buf_added(out, size);
    return true;
}
