#include "culvert/origin/flows.h"

#include "harness.h"

TEST(as_many_flows_as_are_allowed_and_not_one_more)
{
    struct flows flows = {0};
    struct error err = {0};
    CHECK(flows_take(&flows, 2, &err) && flows_take(&flows, 2, &err));
    CHECK(!flows_take(&flows, 2, &err));
    CHECK(err.kind == ERROR_LIMIT);
    CHECK_TEXT(err.text, "2 flows run, the most that may (maxActiveFlows)");
    flows_give(&flows);
    CHECK(flows_take(&flows, 2, &err));
    CHECK(flows_take(&flows, 0, &err)); /* no limit */
    CHECK(!flows_take(&flows, 1, &err));
    CHECK_SIZE(flows.active, 3);
}
