/* Values below LATENCY_STEPS have a step each; above, each doubling has LATENCY_STEPS / 2. */
#include "latency.h"

static size_t step_of(uint64_t us)
{
    unsigned shift = 0;
    while (us >> shift >= LATENCY_STEPS)
        shift++;
    size_t index = shift * (LATENCY_STEPS / 2) + (size_t)(us >> shift);
    return index < LATENCY_OCTAVES * LATENCY_STEPS ? index : LATENCY_OCTAVES * LATENCY_STEPS - 1;
}

/* The largest value of a step. */
static uint64_t value_of(size_t index)
{
    if (index < LATENCY_STEPS)
        return index;
    size_t shift = index / (LATENCY_STEPS / 2) - 1;
    uint64_t low = index - shift * (LATENCY_STEPS / 2);
    return ((low + 1) << shift) - 1;
}

void latency_add(struct latency *latency, uint64_t us)
{
    latency->counts[step_of(us)]++;
    latency->total++;
    if (us > latency->max_us)
        latency->max_us = us;
}

uint64_t latency_at(const struct latency *latency, unsigned permille)
{
    uint64_t wanted = (latency->total * permille + 999) / 1000;
    uint64_t seen = 0;
    if (latency->total == 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(latency->counts); i++) {
        seen += latency->counts[i];
        if (seen >= wanted)
            return value_of(i) < latency->max_us ? value_of(i) : latency->max_us;
    }
    return latency->max_us;
}

uint64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
