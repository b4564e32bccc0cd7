/* Characters of an expression: plain ones, escapes, and how they are written for PCRE2. */
#include "pattern_scan.h"

#include "culvert/base/utf8.h"

#include "culvert/base/encode.h"

enum { RUNE_MAX = 0x10FFFF };

bool scan_refuse(struct scanner *s, const char *why)
{
    return error_set(s->err, ERROR_INVALID, 0, "%s", why);
}

bool scan_put(struct scanner *s, const char *text)
{
    return buf_put_span(s->out, span_of(text)) || scan_refuse(s, "the expression is too large");
}

unsigned scan_rune(struct scanner *s)
{
    size_t len = utf8_first(s->rest);
    unsigned rune = len > 0 ? utf8_rune(s->rest, len) : 0;
    scan_skip(s, len);
    return rune;
}

bool scan_put_rune(struct scanner *s, unsigned rune)
{
    char text[16];
    if (rune >= 0xD800 && rune <= 0xDFFF)
        return scan_refuse(s, "an escape for half of a surrogate pair");
    if (rune < 0x80 && is_ascii_alnum((char)rune))
        (void)snprintf(text, sizeof text, "%c", (char)rune);
    else
        (void)snprintf(text, sizeof text, "\\x{%X}", rune);
    return scan_put(s, text);
}

static bool take_octal(struct scanner *s, unsigned *rune)
{
    *rune = 0;
    for (int i = 0; i < 3 && scan_peek(s, 0) >= '0' && scan_peek(s, 0) <= '7'; i++) {
        *rune = *rune * 8 + (unsigned)(scan_peek(s, 0) - '0');
        scan_skip(s, 1);
    }
    return true;
}

/* Behind "\x": two digits, or any number of them in braces. */
static bool take_hex(struct scanner *s, unsigned *rune)
{
    bool braces = scan_peek(s, 0) == '{';
    size_t digits = 0;
    *rune = 0;
    if (braces)
        scan_skip(s, 1);
    while (hex_value(scan_peek(s, 0)) >= 0 && (braces || digits < 2)) {
        *rune = *rune * 16 + (unsigned)hex_value(scan_peek(s, 0));
        if (*rune > RUNE_MAX)
            return scan_refuse(s, "a character beyond U+10FFFF");
        scan_skip(s, 1);
        digits++;
    }
    if (braces ? digits == 0 || scan_peek(s, 0) != '}' : digits != 2)
        return scan_refuse(s, "a bad \\x escape");
    if (braces)
        scan_skip(s, 1);
    return true;
}

bool scan_escape(struct scanner *s, unsigned *rune)
{
    static const struct {
        char letter;
        unsigned rune;
    } letters[] = {{'a', 7}, {'f', 12}, {'n', 10}, {'r', 13}, {'t', 9}, {'v', 11}};
    char c = scan_peek(s, 1);
    if (s->rest.len < 2)
        return scan_refuse(s, "a backslash at the end");
    if (c == '0' || (c >= '1' && c <= '7' && scan_peek(s, 2) >= '0' && scan_peek(s, 2) <= '7')) {
        scan_skip(s, 1);
        return take_octal(s, rune);
    }
    scan_skip(s, 2);
    if (c == 'x')
        return take_hex(s, rune);
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        if (c == letters[i].letter) {
            *rune = letters[i].rune;
            return true;
        }
    }
    if (is_ascii_digit(c))
        return scan_refuse(s, "back-references are not supported");
    if (is_ascii_alnum(c) || (unsigned char)c >= 0x80)
        return error_set(s->err, ERROR_INVALID, 0, "the escape \\%c is not supported",
                         is_ascii_alnum(c) ? c : '?');
    *rune = (unsigned char)c;
    return true;
}
