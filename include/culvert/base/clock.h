/* Monotonic and calendar time behind one struct; tests turn the hands. */
#ifndef CULVERT_BASE_CLOCK_H
#define CULVERT_BASE_CLOCK_H

#include "culvert/base/span.h"

struct clock {
    uint64_t (*monotonic_ms)(const struct clock *clock); /* never goes back; origin unspecified */
    int64_t (*unix_ms)(const struct clock *clock);       /* milliseconds since 1970, UTC */
};

/* The machine's clocks. Static, never freed. */
const struct clock *clock_system(void);

enum { CLOCK_TEXT_SIZE = 32 };

/* Writes RFC 3339 in UTC: seconds ("2026-11-20T09:06:16Z"), or with `fraction_ms` ".123" too. */
void clock_format(int64_t unix_ms, int fraction_ms, char out[CLOCK_TEXT_SIZE]);

/* Of a month, 1 ... 12. */
int clock_days_in(int year, int month);

/* Reads RFC 3339 with any zone and up to nine digits behind the second, of which three count; years
 * 1970 ... 9999. False: not such a text. */
bool clock_parse(struct span text, int64_t *unix_ms) MUST_CHECK;

#endif
