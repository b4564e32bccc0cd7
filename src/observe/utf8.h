/* Where a character ends: log lines and metrics never carry broken UTF-8. */
#ifndef CULVERT_SRC_OBSERVE_UTF8_H
#define CULVERT_SRC_OBSERVE_UTF8_H

#include "culvert/base/span.h"

/* The length in bytes of the character at the front of `s` (RFC 3629: no overlong forms, no
 * surrogates); 0 when there is no valid one. */
size_t utf8_length(struct span s);

#endif
