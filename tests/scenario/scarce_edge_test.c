/* The edge with its allocations failing, one after the other. */
#include "support/fault_play.h"

#include "harness.h"

TEST(an_edge_survives_each_of_its_allocations_failing)
{
    fault_play_sweep_memory(&(struct fault_sweep){SPLIT_EDGE, .step = 1, .famine = 1});
}

TEST(an_edge_survives_short_famines)
{
    fault_play_sweep_memory(&(struct fault_sweep){SPLIT_EDGE, .step = 4, .famine = 2});
    fault_play_sweep_memory(&(struct fault_sweep){SPLIT_EDGE, .step = 9, .famine = 7});
}

TEST(an_edge_survives_a_long_famine)
{
    fault_play_sweep_memory(&(struct fault_sweep){SPLIT_EDGE, .step = 11, .famine = 80});
}
