/* Recorded data under tests/vectors. */
#ifndef CULVERT_TESTS_SUPPORT_VECTORS_H
#define CULVERT_TESTS_SUPPORT_VECTORS_H

#include "culvert/base/doc.h"

/* Reads tests/vectors/`name`, JSON; the caller frees it. Notes a failure and returns NULL when it
 * cannot be read or is empty. */
struct doc *vectors_open(const char *name);

/* The text member `key` as bytes: recorded bytes are code points below 256. "" when absent. The
 * bytes lie in `out`, which is cleared first. */
struct span vectors_bytes(const struct doc *object, const char *key, struct buf *out);

/* The same for a text itself. */
struct span vectors_text_bytes(const struct doc *text, struct buf *out);

#endif
