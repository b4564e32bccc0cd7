/* The siege itself, before anybody attacks: the processes come up and serve, and leave in order. */
#include "support/siege.h"

#include "harness.h"

TEST(without_an_attacker_everybody_is_served)
{
    struct siege siege;
    bool up = siege_open(&siege, NULL);
    CHECK(up && siege_serves(&siege, 20));
    CHECK(siege_metric(&siege, "culvert_edge_connections") >= 4);
    CHECK(siege_is_unhurt(&siege));
    CHECK(siege_close(&siege));
}
