/* The connector with its allocations failing, one after the other. */
#include "support/fault_play.h"

#include "harness.h"

TEST(a_connector_survives_each_of_its_allocations_failing)
{
    fault_play_sweep_memory(SPLIT_CONNECTOR, 1, 1);
}

TEST(a_connector_survives_a_short_famine)
{
    fault_play_sweep_memory(SPLIT_CONNECTOR, 3, 3);
}

TEST(a_connector_survives_a_long_famine)
{
    fault_play_sweep_memory(SPLIT_CONNECTOR, 7, 50);
}
