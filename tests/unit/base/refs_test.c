/* Holders that come and go. */
#include "culvert/base/refs.h"

#include "harness.h"

TEST(the_last_holder_is_told_so)
{
    struct refs refs;
    refs_init(&refs);
    refs_take(&refs);
    refs_take(&refs);
    CHECK(!refs_drop(&refs));
    CHECK(!refs_drop(&refs));
    CHECK(refs_drop(&refs));
}
