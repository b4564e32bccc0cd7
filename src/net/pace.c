/* The time that it takes to use up what was taken, within bounds. */
#include "culvert/net/pace.h"

uint64_t pace_patience_ms(uint64_t taken, uint64_t stall_ms)
{
    uint64_t needs_ms = taken / PACE_SLOW * 1000;
    if (needs_ms <= stall_ms)
        return stall_ms;
    return needs_ms < PACE_STALLS_MAX * stall_ms ? needs_ms : PACE_STALLS_MAX * stall_ms;
}
