/* The connector with four HA connections and requests at once, its allocations failing. */
#include "support/fault_play.h"

#include "harness.h"

TEST(a_connector_at_work_survives_every_fourth_of_its_allocations_failing)
{
    fault_play_sweep_memory(
        &(struct fault_sweep){SPLIT_CONNECTOR, .step = 4, .famine = 1, .rounds = 3});
}
