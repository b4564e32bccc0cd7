/* A reader's valve. */
#include "culvert/net/gate.h"

#include <stddef.h>

void gate_hold(struct gate *gate, enum hold why)
{
    unsigned before = gate->holds;
    gate->holds |= (unsigned)why;
    if (before == 0 && gate->changed)
        gate->changed(gate);
}

void gate_release(struct gate *gate, enum hold why)
{
    unsigned before = gate->holds;
    gate->holds &= ~(unsigned)why;
    if (before != 0 && gate->holds == 0 && gate->changed)
        gate->changed(gate);
}
