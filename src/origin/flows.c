/* Nothing else is ordered by the number, so its steps are relaxed. */
#include "culvert/origin/flows.h"

#include <assert.h>

bool flows_take(struct flows *flows, uint64_t max, struct error *err)
{
    uint_fast64_t before = atomic_fetch_add_explicit(&flows->active, 1, memory_order_relaxed);
    if (max == 0 || before < max)
        return true;
    flows_give(flows);
    return error_set(err, ERROR_LIMIT, 0, "%llu flows run, the most that may (maxActiveFlows)",
                     (unsigned long long)max);
}

void flows_give(struct flows *flows)
{
    uint_fast64_t before = atomic_fetch_sub_explicit(&flows->active, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
}
