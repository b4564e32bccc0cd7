/* A valve with reasons. */
#include "culvert/net/gate.h"
#include "harness.h"

struct counted {
    struct gate gate;
    size_t changes;
};

static void count(struct gate *gate)
{
    ((struct counted *)(void *)gate)->changes++; /* the first member */
}

TEST(a_gate_tells_only_when_it_opens_or_shuts)
{
    struct counted counted = {.gate = {.changed = count}};
    struct gate *gate = &counted.gate;
    gate_hold(gate, HOLD_CHANNEL);
    gate_hold(gate, HOLD_CHANNEL);
    gate_hold(gate, HOLD_DRAIN);
    CHECK_SIZE(counted.changes, 1);
    gate_release(gate, HOLD_CHANNEL);
    CHECK(!gate_is_open(gate));
    CHECK_SIZE(counted.changes, 1);
    gate_release(gate, HOLD_DRAIN);
    CHECK(gate_is_open(gate));
    CHECK_SIZE(counted.changes, 2);
    gate_release(gate, HOLD_DRAIN);
    CHECK_SIZE(counted.changes, 2);
}
