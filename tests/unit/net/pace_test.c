/* What is asked of a peer that reads slowly. */
#include "culvert/net/pace.h"
#include "harness.h"

TEST(the_more_a_peer_took_the_longer_it_may_rest_within_bounds)
{
    static const struct {
        uint64_t taken, stall_ms, patience_ms;
        const char *why;
    } cases[] = {
        {0, 60000, 60000, "nothing was taken yet"},
        {240 * 1024, 60000, 60000, "a little is used up in the limit"},
        {384 * 1024, 60000, 96000, "more takes longer"},
        {2 * 1024 * 1024, 60000, 512000, "and much takes long"},
        {UINT64_MAX, 60000, 600000, "nobody is waited for any longer"},
        {UINT64_MAX, 0, 0, "without a limit there is none"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_CASE(pace_patience_ms(cases[i].taken, cases[i].stall_ms) == cases[i].patience_ms,
                   "%s", cases[i].why);
}
