/* libidn2 with the one set of flags that everybody here uses. It follows IDNA 2008 and so refuses
 * pictures, which UTS 46 and the registries of some domains let pass: labels with them are encoded
 * here. */
#include "culvert/base/idn.h"

#include "culvert/base/utf8.h"
#include "punycode.h"

#include <idn2.h>

/* Arrows, symbols and pictures that stay as they are (UTS 46: valid). */
static const struct {
    uint32_t first, last;
} pictures[] = {
    {0x2190, 0x21FF},   {0x2300, 0x2307},   {0x230C, 0x2328},   {0x232B, 0x2426},
    {0x2500, 0x2767},   {0x2794, 0x27BF},   {0x2900, 0x297F},   {0x2B00, 0x2B73},
    {0x2B76, 0x2B95},   {0x2B97, 0x2BFF},   {0x1F000, 0x1F02B}, {0x1F030, 0x1F093},
    {0x1F0A0, 0x1F0AE}, {0x1F0B1, 0x1F0BF}, {0x1F0C1, 0x1F0CF}, {0x1F0D1, 0x1F0F5},
    {0x1F1E6, 0x1F1FF}, {0x1F260, 0x1F265}, {0x1F300, 0x1F6D7}, {0x1F6DC, 0x1F6EC},
    {0x1F6F0, 0x1F6FC}, {0x1F780, 0x1F7D8}, {0x1F7E0, 0x1F7EB}, {0x1F7F0, 0x1F7F0},
    {0x1F800, 0x1F80B}, {0x1F810, 0x1F847}, {0x1F850, 0x1F859}, {0x1F860, 0x1F887},
    {0x1F890, 0x1F8AD}, {0x1F8B0, 0x1F8B1}, {0x1F900, 0x1FA53}, {0x1FA60, 0x1FA6D},
    {0x1FA70, 0x1FA7C}, {0x1FA80, 0x1FA88}, {0x1FA90, 0x1FABD}, {0x1FABF, 0x1FAC5},
    {0x1FACE, 0x1FADB}, {0x1FAE0, 0x1FAE8}, {0x1FAF0, 0x1FAF8},
};

enum { VARIATION_SELECTOR = 0xFE0F }; /* how the character before it is drawn; vanishes */

/* Letters, digits, hyphens and dots. libidn2's own flag for this drops other characters silently
 * and so makes one name of two. */
static bool is_host_name(struct span ascii)
{
    for (size_t i = 0; i < ascii.len; i++) {
        char c = ascii.data[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
        if (!fine)
            return false;
    }
    return true;
}

/* By libidn2 alone. False: `out` is as before, `err` has libidn2's code. */
static bool put_labels(struct span name, struct buf *out, struct error *err)
{
    char text[IDN_NAME_MAX + 1];
    if (name.len > IDN_NAME_MAX || span_find(name, '\0') < name.len)
        return error_set(err, ERROR_INVALID, 0, "too long for a host name, or a NUL in it");
    memcpy(text, name.data ? name.data : "", name.len);
    text[name.len] = '\0';
    char *ascii = NULL;
    int rc = idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK)
        return error_set(err, ERROR_INVALID, rc, "%s", idn2_strerror(rc));
    bool ok = true;
    if (!is_host_name(span_of(ascii)))
        ok = error_set(err, ERROR_INVALID, 0, "a character that host names may not have");
    else if (!buf_put_span(out, span_of(ascii)))
        ok = error_set(err, ERROR_LIMIT, 0, "too long for a host name");
    idn2_free(ascii);
    return ok;
}

static bool is_picture(uint32_t rune)
{
    for (size_t i = 0; i < ARRAY_LEN(pictures); i++)
        if (rune >= pictures[i].first && rune <= pictures[i].last)
            return true;
    return false;
}

/* Takes a label of letters, digits, hyphens and pictures apart. False: it has something else, or
 * hyphens where none may be, or it is too long. */
static bool read_pictures(struct span label, uint32_t runes[PUNYCODE_LABEL_MAX], size_t *count)
{
    bool has_picture = false;
    *count = 0;
    for (size_t len; (len = utf8_first(label)) > 0; label = span_skip(label, len)) {
        uint32_t rune = utf8_rune(label, len);
        bool is_letter = (rune >= 'a' && rune <= 'z') || (rune >= '0' && rune <= '9');
        if (rune >= 'A' && rune <= 'Z') {
            rune += 'a' - 'A';
            is_letter = true;
        }
        if (rune == VARIATION_SELECTOR)
            continue;
        has_picture = has_picture || is_picture(rune);
        if ((!is_letter && rune != '-' && !is_picture(rune)) || *count == PUNYCODE_LABEL_MAX)
            return false;
        runes[(*count)++] = rune;
    }
    bool is_tagged = *count >= 4 && runes[2] == '-' && runes[3] == '-';
    return label.len == 0 && has_picture && runes[0] != '-' && runes[*count - 1] != '-' &&
           !is_tagged;
}

/* Label by label: those that libidn2 takes, and those with pictures. */
static bool put_with_pictures(struct span name, struct buf *out)
{
    struct span label;
    bool is_first = true;
    while (span_cut(&name, '.', &label)) {
        uint32_t runes[PUNYCODE_LABEL_MAX];
        size_t count;
        if (!is_first && !buf_put_char(out, '.'))
            return false;
        is_first = false;
        if (label.len == 0 || put_labels(label, out, NULL))
            continue;
        if (!read_pictures(label, runes, &count) || !buf_put_span(out, SPAN("xn--")) ||
            !punycode_encode(runes, count, out))
            return false;
    }
    return true;
}

bool idn_to_ascii(struct span name, struct buf *out, struct error *err)
{
    struct error why = {0};
    struct buf whole = BUF_LIMIT(IDN_NAME_MAX);
    if (put_labels(name, out, &why))
        return true;
    bool ok = why.cause == IDN2_DISALLOWED && put_with_pictures(name, &whole) &&
              buf_put_span(out, buf_span(&whole));
    buf_release(&whole);
    return ok || error_set(err, why.kind, why.cause, "%s", why.text);
}
