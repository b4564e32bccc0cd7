/* An ordered list of HTTP fields; names compare without case, repeated names stay separate. The
 * list copies what is put in and is bounded in bytes and count. */
#ifndef CULVERT_HTTP_HEADERS_H
#define CULVERT_HTTP_HEADERS_H

#include "culvert/base/buf.h"

enum {
    HEADERS_BYTES_MAX = 1536 * 1024, /* names and values of one head: an answer's, packed */
    HEADERS_COUNT_MAX = 512,         /* fields of one head */
};

struct header_list; /* the fields; there is none before the first one */

/* Embedded; all zero is an empty list. Fields stay valid until the next change of the list. */
struct headers {
    struct header_list *list;
    size_t count;
};

struct header {
    struct span name, value;
};

void headers_init(struct headers *headers);
void headers_release(struct headers *headers);

/* Empties the list, keeps its memory unless that is much. */
void headers_clear(struct headers *headers);

/* Appends a copy. False: a limit (kind LIMIT) or memory. Bytes are not judged here: the parsers and
 * writers do that. `name` and `value` must not point into the list itself. */
bool headers_add(struct headers *headers, struct span name, struct span value,
                 struct error *err) MUST_CHECK;

/* Removes all fields of that name, then appends one. */
bool headers_set(struct headers *headers, struct span name, struct span value,
                 struct error *err) MUST_CHECK;

/* Bytes of all names and values. */
size_t headers_bytes(const struct headers *headers);

/* The `index`th field, in order; index < headers->count. */
struct header headers_at(const struct headers *headers, size_t index);

/* The first field of that name; false: none. */
bool headers_find(const struct headers *headers, struct span name, struct span *value);
bool headers_has(const struct headers *headers, struct span name);

/* How many fields bear the name. */
size_t headers_count_of(const struct headers *headers, struct span name);

/* Removes all fields of that name. */
void headers_remove(struct headers *headers, struct span name);

/* Removes all for which `unwanted` returns true. */
void headers_remove_if(struct headers *headers, bool (*unwanted)(struct header field, void *arg),
                       void *arg);

/* Does one of the comma-separated members of that field (all lines of it) equal `token` (RFC 9110
 * 5.6.1), without case? */
bool headers_has_token(const struct headers *headers, struct span name, struct span token);

/* Appends the values of all fields of that name as one list, ", " between them (RFC 9110 5.3).
 * False: `out` is full or out of memory, with a part of them in it. */
bool headers_join(const struct headers *headers, struct span name, struct buf *out) MUST_CHECK;

/* Replaces what `to` holds by the fields of `from`, which is empty then. Cannot fail. */
void headers_move(struct headers *to, struct headers *from);

/* Appends copies of all fields of `from`. */
bool headers_copy(struct headers *to, const struct headers *from, struct error *err) MUST_CHECK;

/* The rules of RFC 9110 5.1 and 5.5, for every reader and writer of fields. */
bool header_name_is_valid(struct span name);   /* a token, not empty */
bool header_value_is_valid(struct span value); /* no CR, LF, NUL or other control but tab */

/* Writes the customary spelling, "x-forwarded-for" as "X-Forwarded-For": `out` takes name.len bytes
 * and no NUL; it may be the name itself. */
void header_canonical_name(struct span name, char *out);

#endif
