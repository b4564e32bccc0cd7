/* Which bytes may stand where (RFC 9110 5.5 and 5.6.2, RFC 9112 3.2): one table for all readers and
 * writers of this room. */
#ifndef CULVERT_HTTP_CHARS_H
#define CULVERT_HTTP_CHARS_H

#include "culvert/base/span.h"

enum char_class {
    CHAR_TOKEN = 1u << 0,  /* methods and field names */
    CHAR_VALUE = 1u << 1,  /* field values: printable ASCII, blanks, 0x80 ... 0xFF */
    CHAR_TARGET = 1u << 2, /* request targets: printable ASCII without "#" */
    CHAR_HOST = 1u << 3,   /* host names: letters, digits, "-", ".", "_" */
    CHAR_PATH = 1u << 4,   /* targets without what RFC 3986 does not know, as quotes and braces */
    CHAR_QUERY =
        1u << 5, /* targets, "#" and 0x80 ... 0xFF, which may come in a query as they are */
};

extern const unsigned char char_classes[256];

static inline bool char_is(char c, enum char_class which)
{
    return (char_classes[(unsigned char)c] & which) != 0;
}

/* Index of the first byte that is not of the class; s.len: all are. */
size_t chars_span(struct span s, enum char_class which);

/* As chars_span for CHAR_VALUE, eight bytes at a time: values are most of what is read. */
bool chars_are_value(struct span s);

#endif
