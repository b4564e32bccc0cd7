/* Reads and writes durations as Go spells them: 1m30s, 24h0m0s, 300ms. */
#ifndef CULVERT_BASE_DURATION_H
#define CULVERT_BASE_DURATION_H

#include "culvert/base/span.h"

/* An optional sign, then number+unit pairs (ns us µs ms s m h), or a bare "0". False: anything
 * else, or more than 63 bits of nanoseconds. */
bool duration_parse(struct span text, int64_t *nanoseconds) MUST_CHECK;

enum { DURATION_TEXT_SIZE = 40 };

/* "1m30s", "0s", "1.5s". */
void duration_format(int64_t nanoseconds, char out[DURATION_TEXT_SIZE]);

/* Milliseconds, rounded away from zero: a time limit never becomes none by rounding. */
int64_t duration_ms(int64_t nanoseconds);

#endif
