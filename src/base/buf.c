/* A bounded byte buffer. Growth copies by hand so that no stale copy of a secret is left behind. */
#include "culvert/base/buf.h"

#include <stdarg.h>

/* What may become long, a head with its fields, begins with room for a usual one. */
enum { BUF_FIRST = 64, BUF_LONG = 64 * 1024, BUF_LONG_FIRST = 256 };

static bool grow(struct buf *b, size_t want)
{
    if (want > b->limit)
        return false;
    if (b->data && want <= b->cap)
        return true;
    size_t first = b->limit >= BUF_LONG ? BUF_LONG_FIRST : BUF_FIRST;
    size_t cap = b->cap ? b->cap : first;
    while (cap < want)
        cap = cap > b->limit / 2 ? b->limit : cap * 2;
    char *data = malloc(cap + 1);
    if (!data)
        return false;
    if (b->data) {
        memcpy(data, b->data, b->len + 1);
        explicit_bzero(b->data, b->len);
        free(b->data);
    } else {
        data[0] = '\0';
    }
    b->data = data;
    b->cap = cap;
    return true;
}

char *buf_room(struct buf *b, size_t len)
{
    if (len > b->limit - b->len || !grow(b, b->len + len))
        return NULL;
    return b->data + b->len;
}

void buf_added(struct buf *b, size_t len)
{
    b->len += len;
    b->data[b->len] = '\0';
}

bool buf_put(struct buf *b, const void *data, size_t len)
{
    char *to = buf_room(b, len);
    if (!to)
        return false;
    if (len)
        memcpy(to, data, len);
    buf_added(b, len);
    return true;
}

bool buf_put_span(struct buf *b, struct span s)
{
    return buf_put(b, s.data, s.len);
}

bool buf_put_char(struct buf *b, char c)
{
    return buf_put(b, &c, 1);
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return false;
    char *to = buf_room(b, (size_t)n);
    if (!to)
        return false;
    va_start(args, format);
    (void)vsnprintf(to, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
    return true;
}

void buf_drop(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = '\0';
}

void buf_release(struct buf *b)
{
    free(b->data);
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
}

void buf_wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    buf_release(b);
}
