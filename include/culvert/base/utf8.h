/* Is it UTF-8 (RFC 3629)? Shortest forms only, no surrogates, nothing beyond U+10FFFF. */
#ifndef CULVERT_BASE_UTF8_H
#define CULVERT_BASE_UTF8_H

#include "culvert/base/span.h"

/* Bytes of the first character; 0: the text is empty or does not begin with one. */
size_t utf8_first(struct span text);

/* The number of that character, whose bytes are `len`. */
uint32_t utf8_rune(struct span text, size_t len);

/* Is all of it UTF-8? */
bool utf8_is_valid(struct span text);

#endif
