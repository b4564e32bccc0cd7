/* Points in time as the API writes them (RFC 3339), kept so exactly that they can be written
 * again: nanoseconds and the offset as received. */
#ifndef CULVERT_API_TIME_H
#define CULVERT_API_TIME_H

#include "culvert/base/span.h"

struct api_time {
    bool never;      /* absent, null, or the first instant of the year 1 */
    int64_t seconds; /* since 1970, UTC */
    uint32_t nanoseconds;
    int offset_minutes; /* east of UTC */
};

#define API_TIME_NEVER ((struct api_time){.never = true})

/* "2026-11-01T10:00:00.5+01:00"; at most nine decimals, a real day of the calendar. */
bool api_time_parse(struct span text, struct api_time *time) MUST_CHECK;

enum { API_TIME_SIZE = 40 };
enum api_time_style {
    API_TIME_EXACT,   /* up to nine decimals without final zeros */
    API_TIME_SECONDS, /* no decimals */
};

/* Writes it with its own offset; never is "0001-01-01T00:00:00Z". */
void api_time_format(const struct api_time *time, enum api_time_style style,
                     char out[API_TIME_SIZE]);

/* By instant, the exact one; never comes first: <0, 0, >0. */
int api_time_compare(const struct api_time *a, const struct api_time *b);

#endif
