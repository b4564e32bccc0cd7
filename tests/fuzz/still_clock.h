/* A clock that stands still, for targets whose code asks for the time. */
#ifndef CULVERT_TESTS_STILL_CLOCK_H
#define CULVERT_TESTS_STILL_CLOCK_H

#include "culvert/base/clock.h"

static uint64_t still_ms(const struct clock *clock)
{
    (void)clock;
    return 1000;
}

static int64_t still_unix_ms(const struct clock *clock)
{
    (void)clock;
    return 1700000000000;
}

static const struct clock still_clock = {still_ms, still_unix_ms};

#endif
