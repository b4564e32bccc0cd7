#include "culvert/base/backoff.h"

#include "harness.h"

TEST(each_wait_lies_between_a_fifth_of_the_first_and_its_doubled_bound)
{
    static const uint64_t bounds[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000};
    for (int round = 0; round < 200; round++) {
        struct backoff backoff = {.first_ms = 1000, .cap_ms = 30000};
        for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
            uint64_t ms = backoff_next_ms(&backoff);
            CHECK_CASE(ms >= 200 && ms < bounds[i], "wait %zu is %llu ms", i,
                       (unsigned long long)ms);
        }
    }
}

TEST(the_jitter_uses_the_whole_range)
{
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    for (int round = 0; round < 1000; round++) {
        struct backoff backoff = {.first_ms = 1000, .cap_ms = 30000, .attempt = 5};
        uint64_t ms = backoff_next_ms(&backoff);
        least = ms < least ? ms : least;
        most = ms > most ? ms : most;
    }
    CHECK(least < 3000);
    CHECK(most > 27000);
}

TEST(after_a_reset_the_next_wait_is_a_first_one)
{
    struct backoff backoff = {.first_ms = 1000, .cap_ms = 30000, .attempt = 4};
    (void)backoff_next_ms(&backoff);
    backoff_reset(&backoff);
    CHECK(backoff_next_ms(&backoff) < 1000);
}

TEST(bounds_at_the_edge_of_the_numbers_do_not_overflow)
{
    struct backoff backoff = {.first_ms = UINT64_MAX / 2, .cap_ms = UINT64_MAX, .attempt = 3000};
    CHECK(backoff_next_ms(&backoff) >= UINT64_MAX / 10);
    struct backoff least = {.first_ms = 1, .cap_ms = 1};
    for (int i = 0; i < 100; i++)
        CHECK(backoff_next_ms(&least) <= 1);
}
