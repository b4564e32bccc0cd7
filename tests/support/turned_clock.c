/* See the header. */
#include "support/turned_clock.h"

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
