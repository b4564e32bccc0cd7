/* The connector with its allocations failing, one after the other. */
#include "support/fault_play.h"

#include "harness.h"

TEST(a_connector_survives_each_of_its_allocations_failing)
{
    fault_play_sweep_memory(&(struct fault_sweep){SPLIT_CONNECTOR, .step = 1, .famine = 1});
}

TEST(a_connector_survives_short_famines)
{
    fault_play_sweep_memory(&(struct fault_sweep){SPLIT_CONNECTOR, .step = 4, .famine = 2});
    fault_play_sweep_memory(&(struct fault_sweep){SPLIT_CONNECTOR, .step = 9, .famine = 7});
}

TEST(a_connector_survives_a_long_famine)
{
    fault_play_sweep_memory(&(struct fault_sweep){SPLIT_CONNECTOR, .step = 11, .famine = 80});
}
