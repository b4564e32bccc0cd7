/* Bytes without end that show at which place something is missing, doubled or swapped. */
#ifndef CULVERT_TESTS_SUPPORT_PATTERN_H
#define CULVERT_TESTS_SUPPORT_PATTERN_H

#include "culvert/base/span.h"

/* Fills `to` with the pattern from byte `at` on. */
void pattern_fill(unsigned char *to, size_t len, uint64_t at);

/* Are these the bytes of the pattern from byte `at` on? */
bool pattern_fits(const void *bytes, size_t len, uint64_t at);

#endif
