/* A bounded byte buffer, also the builder of texts. It grows up to its limit and no further. */
#ifndef CULVERT_BASE_BUF_H
#define CULVERT_BASE_BUF_H

#include "culvert/base/span.h"

struct buf {
    char *data; /* NULL until the first byte; always followed by a NUL when not NULL */
    size_t len;
    size_t cap;
    size_t limit; /* most bytes it may hold */
};

/* Declares an empty buffer of at most `n` bytes: struct buf b = BUF_LIMIT(4096); */
#define BUF_LIMIT(n)                                                                               \
    {                                                                                              \
        .limit = (n)                                                                               \
    }

/* Appends; false: over the limit or out of memory, then nothing was appended. */
bool buf_put(struct buf *b, const void *data, size_t len) MUST_CHECK;
bool buf_put_span(struct buf *b, struct span s) MUST_CHECK;
bool buf_put_char(struct buf *b, char c) MUST_CHECK;

/* Appends formatted text; false as above. */
bool buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* Makes room for `len` more bytes and returns where they go; NULL as above. Call buf_added next. */
char *buf_room(struct buf *b, size_t len);
void buf_added(struct buf *b, size_t len);

/* Removes `n` bytes at the front (n <= len). */
void buf_drop(struct buf *b, size_t n);

static inline struct span buf_span(const struct buf *b)
{
    return span_make(b->data, b->len);
}

/* The text, "" when empty. Valid until the next change. */
static inline const char *buf_text(const struct buf *b)
{
    return b->data ? b->data : "";
}

/* Empties it, keeps the memory and the limit. */
void buf_clear(struct buf *b);

/* Frees the memory; the buffer may be used again with the same limit. */
void buf_release(struct buf *b);

/* As buf_release, but overwrites the memory first: for secrets. Growth wipes what it leaves. */
void buf_wipe(struct buf *b);

#endif
