/* UUIDs: parse, print, make (RFC 4122). */
#ifndef CULVERT_BASE_UUID_H
#define CULVERT_BASE_UUID_H

#include "culvert/base/span.h"

enum { UUID_SIZE = 16, UUID_TEXT_SIZE = 37 };

struct uuid {
    unsigned char bytes[UUID_SIZE];
};

/* A random version 4 UUID. */
struct uuid uuid_make(void);

/* Takes the four spellings: plain with dashes, 32 digits, in braces, behind "urn:uuid:"; any case.
 */
bool uuid_parse(struct span text, struct uuid *uuid) MUST_CHECK;

/* Lower case with dashes and a NUL. */
void uuid_format(const struct uuid *uuid, char out[UUID_TEXT_SIZE]);

/* Its bytes, as the key of a map; borrowed. */
static inline struct span uuid_span(const struct uuid *uuid)
{
    return span_make(uuid->bytes, sizeof uuid->bytes);
}

bool uuid_equal(const struct uuid *a, const struct uuid *b);
bool uuid_is_nil(const struct uuid *uuid);

#endif
