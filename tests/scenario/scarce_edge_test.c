/* The edge with its allocations failing, one after the other. */
#include "support/fault_play.h"

#include "harness.h"

TEST(an_edge_survives_each_of_its_allocations_failing)
{
    fault_play_sweep_memory(SPLIT_EDGE, 1, 1);
}

TEST(an_edge_survives_a_short_famine)
{
    fault_play_sweep_memory(SPLIT_EDGE, 3, 3);
}

TEST(an_edge_survives_a_long_famine)
{
    fault_play_sweep_memory(SPLIT_EDGE, 7, 50);
}
