/* How long a peer may seem to take nothing. Who reads slowly takes much at once, as much as it or
 * its kernel can hold, and rests until that is used up: nothing moves on the way to it meanwhile.
 */
#ifndef CULVERT_NET_PACE_H
#define CULVERT_NET_PACE_H

#include <stdint.h>

enum {
    PACE_SLOW = 4 * 1024, /* bytes a second: who uses up so little is given its time */
    PACE_STALLS_MAX = 10, /* but no more than so many stall limits */
};

/* For a peer that took so many bytes: at least `stall_ms`. 0 stays 0: no limit. */
uint64_t pace_patience_ms(uint64_t taken, uint64_t stall_ms);

#endif
