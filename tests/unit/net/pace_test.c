/* What is asked of a peer that reads slowly. */
#include "culvert/net/pace.h"
#include "harness.h"

TEST(the_larger_a_step_the_longer_it_may_take_within_bounds)
{
    static const struct {
        uint64_t step, stall_ms, patience_ms;
        const char *why;
    } cases[] = {
        {0, 60000, 60000, "nothing was taken yet"},
        {240 * 1024, 60000, 60000, "a small step is taken in the limit"},
        {384 * 1024, 60000, 96000, "a sixteenth of six megabytes"},
        {2 * 1024 * 1024, 60000, 512000, "a sixteenth of 32 megabytes"},
        {UINT64_MAX, 60000, 600000, "nobody is waited for any longer"},
        {UINT64_MAX, 0, 0, "without a limit there is none"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_CASE(pace_patience_ms(cases[i].step, cases[i].stall_ms) == cases[i].patience_ms, "%s",
                   cases[i].why);
}
