/* A clock that a test turns by hand. */
#ifndef CULVERT_TESTS_SUPPORT_TURNED_CLOCK_H
#define CULVERT_TESTS_SUPPORT_TURNED_CLOCK_H

#include "culvert/base/clock.h"

struct turned_clock {
    struct clock clock;  /* give &turned.clock */
    uint64_t now_ms;     /* monotonic */
    int64_t calendar_ms; /* unix */
};

/* Starts at `calendar_ms` since 1970; 0: at the machine's time of now. */
struct turned_clock turned_clock_make(int64_t calendar_ms);
void turned_clock_add(struct turned_clock *turned, uint64_t ms);

#endif
