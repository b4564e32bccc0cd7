/* A borrowed piece of text or bytes: pointer and length. Never owns, never ends in a NUL by right.
 */
#ifndef CULVERT_BASE_SPAN_H
#define CULVERT_BASE_SPAN_H

#include "culvert/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct span {
    const char *data;
    size_t len;
};

/* SPAN in expressions, SPAN_INIT in the initialisers of static tables. */
#define SPAN_INIT(literal)                                                                         \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }
#define SPAN(literal) ((struct span)SPAN_INIT(literal))
#define SPAN_NONE     ((struct span){NULL, 0})

/* For printf: "%.*s", SPAN_ARG(s). */
#define SPAN_ARG(s) (int)(s).len, (s).data ? (s).data : ""

/* The text up to its NUL; NULL gives the empty span. */
struct span span_of(const char *text);

static inline struct span span_make(const void *data, size_t len)
{
    return (struct span){data, len};
}

bool span_equal(struct span a, struct span b);

/* ASCII letters compare without case; all other bytes exactly. */
bool span_equal_nocase(struct span a, struct span b);
bool span_starts(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);

/* Memory order, shorter first: <0, 0, >0 as memcmp. */
int span_compare(struct span a, struct span b);

/* Index of the first `c`; s.len if there is none. */
size_t span_find(struct span s, char c);

/* Without `n` bytes at the front; n is cut to the length. */
struct span span_skip(struct span s, size_t n);

/* At most `n` bytes from the front. */
struct span span_first(struct span s, size_t n);

/* Without spaces and tabs at both ends (HTTP's OWS). */
struct span span_trim(struct span s);

/* Takes the part up to `separator` from the front of `rest`; false when `rest` is exhausted.
 * Start with a copy of the whole; "a,,b" gives "a", "", "b". rest->data NULL means exhausted. */
bool span_cut(struct span *rest, char separator, struct span *part);

/* Decimal digits only, no sign, no blanks, at least one, at most `max`. False: not such a number.
 */
bool span_to_u64(struct span s, uint64_t max, uint64_t *value) MUST_CHECK;

/* The number in decimal; it lies in `room`, which must outlive the span. */
enum { SPAN_U64_SIZE = 20 };
struct span span_from_u64(uint64_t value, char room[SPAN_U64_SIZE]);

/* Copies into `to` of `size` > 0 bytes, cut to what fits, and ends it with a NUL. */
void span_copy(struct span s, char *to, size_t size);

/* A NUL-ended copy in fresh memory, the caller frees it. NULL: out of memory. */
char *span_dup(struct span s);

#endif
