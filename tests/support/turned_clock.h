/* A clock that a test turns by hand, and the loop that goes with it. */
#ifndef CULVERT_TESTS_SUPPORT_TURNED_CLOCK_H
#define CULVERT_TESTS_SUPPORT_TURNED_CLOCK_H

#include "culvert/base/clock.h"
#include "culvert/net/loop.h"

struct turned_clock {
    struct clock clock;  /* give &turned.clock */
    uint64_t now_ms;     /* monotonic */
    int64_t calendar_ms; /* unix */
};

/* Starts at `calendar_ms` since 1970; 0: at the machine's time of now. */
struct turned_clock turned_clock_make(int64_t calendar_ms);
void turned_clock_add(struct turned_clock *turned, uint64_t ms);

/* Turns `loop` without waiting until nothing happens any more. False: it never came to rest. */
bool settle(struct loop *loop);

/* Lets `ms` pass: settles, goes to the next timer that is due by then, settles, and so on. False as
 * settle. */
bool turned_clock_run(struct turned_clock *turned, struct loop *loop, uint64_t ms);

#endif
