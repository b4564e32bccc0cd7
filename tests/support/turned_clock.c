/* See the header. */
#include "support/turned_clock.h"

enum { TURNS_MAX = 100 * 1000 }; /* more than any test needs: something turns in a circle */

static struct turned_clock *owner(const struct clock *clock)
{
    return (struct turned_clock *)(uintptr_t)clock; /* the first member */
}

static uint64_t monotonic_ms(const struct clock *clock)
{
    return owner(clock)->now_ms;
}

static int64_t unix_ms(const struct clock *clock)
{
    return owner(clock)->calendar_ms;
}

struct turned_clock turned_clock_make(int64_t calendar_ms)
{
    return (struct turned_clock){
        .clock = {monotonic_ms, unix_ms},
        .now_ms = 1000,
        .calendar_ms = calendar_ms ? calendar_ms : clock_system()->unix_ms(clock_system()),
    };
}

void turned_clock_add(struct turned_clock *turned, uint64_t ms)
{
    turned->now_ms += ms;
    turned->calendar_ms += (int64_t)ms;
}

bool settle(struct loop *loop)
{
    for (int i = 0; i < TURNS_MAX; i++)
        if (!loop_turn(loop, 0))
            return true;
    return false;
}

bool turned_clock_run(struct turned_clock *turned, struct loop *loop, uint64_t ms)
{
    bool rested = settle(loop);
    while (rested && ms > 0) {
        uint64_t step = loop_next_timer_ms(loop);
        if (step == 0 || step > ms)
            step = step == 0 ? 1 : ms;
        turned_clock_add(turned, step);
        ms -= step;
        rested = settle(loop);
    }
    return rested;
}
