/* Exponential delays. The jitter is full, so that many peers that fell together come back apart. */
#include "culvert/base/backoff.h"

#include "culvert/base/random.h"

/* Even the shortest wait is this part of the first, so that no peer is dialed in a busy loop. */
enum { SHORTEST_PART = 5 };

uint64_t backoff_next_ms(struct backoff *backoff)
{
    uint64_t shortest = backoff->first_ms / SHORTEST_PART;
    uint64_t longest = backoff->first_ms;
    for (unsigned i = 0; i < backoff->attempt && longest < backoff->cap_ms; i++)
        longest = longest > backoff->cap_ms / 2 ? backoff->cap_ms : longest * 2;
    if (longest < backoff->cap_ms)
        backoff->attempt++;
    return longest > shortest ? shortest + random_below(longest - shortest) : shortest;
}

void backoff_reset(struct backoff *backoff)
{
    backoff->attempt = 0;
}
