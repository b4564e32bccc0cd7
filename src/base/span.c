/* Borrowed text: comparing, cutting, reading numbers. */
#include "culvert/base/span.h"

struct span span_of(const char *text)
{
    return (struct span){text, text ? strlen(text) : 0};
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool span_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_equal(span_first(s, prefix.len), prefix);
}

bool span_ends(struct span s, struct span suffix)
{
    return s.len >= suffix.len && span_equal(span_skip(s, s.len - suffix.len), suffix);
}

int span_compare(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

size_t span_find(struct span s, char c)
{
    const char *hit = s.len ? memchr(s.data, c, s.len) : NULL;
    return hit ? (size_t)(hit - s.data) : s.len;
}

struct span span_skip(struct span s, size_t n)
{
    if (n > s.len)
        n = s.len;
    return (struct span){s.data ? s.data + n : NULL, s.len - n};
}

struct span span_first(struct span s, size_t n)
{
    return (struct span){s.data, n < s.len ? n : s.len};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
    while (s.len > 0 && is_blank(s.data[0]))
        s = span_skip(s, 1);
    while (s.len > 0 && is_blank(s.data[s.len - 1]))
        s.len--;
    return s;
}

bool span_cut(struct span *rest, char separator, struct span *part)
{
    if (!rest->data)
        return false;
    size_t at = span_find(*rest, separator);
    *part = span_first(*rest, at);
    *rest = at == rest->len ? SPAN_NONE : span_skip(*rest, at + 1);
    return true;
}

bool span_to_u64(struct span s, uint64_t max, uint64_t *value)
{
    uint64_t n = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.data[i] - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    if (n > max)
        return false;
    *value = n;
    return true;
}

struct span span_from_u64(uint64_t value, char room[SPAN_U64_SIZE])
{
    size_t at = SPAN_U64_SIZE;
    do {
        room[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return span_make(room + at, SPAN_U64_SIZE - at);
}

void span_copy(struct span s, char *to, size_t size)
{
    struct span part = span_first(s, size - 1);
    if (part.len > 0)
        memcpy(to, part.data, part.len);
    to[part.len] = '\0';
}

char *span_dup(struct span s)
{
    char *copy = malloc(s.len + 1);
    if (!copy)
        return NULL;
    if (s.len)
        memcpy(copy, s.data, s.len);
    copy[s.len] = '\0';
    return copy;
}
