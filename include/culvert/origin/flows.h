/* How many flows into the private network run, over all workers: the one number that they share. An
 * edge spreads flows as it likes, so a share for each worker would refuse flows while others have
 * room. It is asked once for each flow, never for its bytes. */
#ifndef CULVERT_ORIGIN_FLOWS_H
#define CULVERT_ORIGIN_FLOWS_H

#include "culvert/base/error.h"

#include <stdatomic.h>
#include <stdint.h>

/* Embedded; all zero is none. Outlives all flows; safe in any thread. */
struct flows {
    atomic_uint_fast64_t active;
};

/* One more, unless there are `max` (0: any number). False: kind LIMIT. */
bool flows_take(struct flows *flows, uint64_t max, struct error *err) MUST_CHECK;
void flows_give(struct flows *flows);

#endif
