/* How long a peer may seem to take nothing. Who reads slowly tells of its room in steps, the larger
 * the more it can hold: between two of them nothing moves on the way to it. */
#ifndef CULVERT_NET_PACE_H
#define CULVERT_NET_PACE_H

#include <stdint.h>

enum {
    PACE_SLOW = 4 * 1024, /* bytes a second: who reads so slowly is given the time for a step */
    PACE_STALLS_MAX = 10, /* but no more than so many stall limits */
};

/* The time for a step of `step` bytes: at least `stall_ms`. 0 stays 0: no limit. */
uint64_t pace_patience_ms(uint64_t step, uint64_t stall_ms);

#endif
