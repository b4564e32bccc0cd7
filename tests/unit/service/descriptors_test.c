#include "culvert/service/descriptors.h"

#include "harness.h"

#include <sys/resource.h>

TEST(all_descriptors_that_are_allowed_may_be_used)
{
    struct rlimit before, after;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    struct rlimit low = {before.rlim_max < 64 ? before.rlim_max : 64, before.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    CHECK_SIZE(descriptors_raise(), (size_t)before.rlim_max);
    CHECK(getrlimit(RLIMIT_NOFILE, &after) == 0);
    CHECK_SIZE((size_t)after.rlim_cur, (size_t)before.rlim_max);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}
