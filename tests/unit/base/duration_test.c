#include "culvert/base/duration.h"

#include "harness.h"

TEST(a_duration_is_a_sum_of_numbers_with_units)
{
    static const struct {
        struct span text;
        bool ok;
        int64_t nanoseconds;
        const char *why;
    } cases[] = {
        {SPAN_INIT("30s"), true, INT64_C(30000000000), "plain"},
        {SPAN_INIT("1h30m"), true, INT64_C(5400000000000), "a sum"},
        {SPAN_INIT("1.5s"), true, 1500000000, "a fraction"},
        {SPAN_INIT(".5s"), true, 500000000, "nothing before the point"},
        {SPAN_INIT("5.s"), true, INT64_C(5000000000), "nothing behind the point"},
        {SPAN_INIT("0.1s"), true, 100000000, "a fraction that binary cannot hold"},
        {SPAN_INIT("100ms"), true, 100000000, "milliseconds"},
        {SPAN_INIT("5us"), true, 5000, "microseconds"},
        {SPAN_INIT("7\xC2\xB5s"), true, 7000, "with the micro sign"},
        {SPAN_INIT("7\xCE\xBCs"), true, 7000, "with the Greek letter"},
        {SPAN_INIT("9ns"), true, 9, "nanoseconds"},
        {SPAN_INIT("0"), true, 0, "the one number without a unit"},
        {SPAN_INIT("-1s"), true, INT64_C(-1000000000), "a sign"},
        {SPAN_INIT("+5s"), true, INT64_C(5000000000), "the other sign"},
        {SPAN_INIT("9223372036854775807ns"), true, INT64_MAX, "the largest"},
        {SPAN_INIT("-9223372036854775808ns"), true, INT64_MIN, "the smallest"},
        {SPAN_INIT("9223372036854775808ns"), false, 0, "one more"},
        {SPAN_INIT("9999999999h"), false, 0, "overflow in the product"},
        {SPAN_INIT("2562047h9999h"), false, 0, "overflow in the sum"},
        {SPAN_INIT("99999999999999999999s"), false, 0, "overflow in the digits"},
        {SPAN_INIT(""), false, 0, "empty"},
        {SPAN_INIT("-"), false, 0, "a sign alone"},
        {SPAN_INIT("30"), false, 0, "no unit"},
        {SPAN_INIT("s"), false, 0, "no number"},
        {SPAN_INIT(".s"), false, 0, "a point alone"},
        {SPAN_INIT("1d"), false, 0, "no such unit"},
        {SPAN_INIT("1M"), false, 0, "units are lower case"},
        {SPAN_INIT("30 s"), false, 0, "a blank"},
        {SPAN_INIT(" 30s"), false, 0, "a blank in front"},
        {SPAN_INIT("1m 30s"), false, 0, "a blank between"},
        {SPAN_INIT("1e3s"), false, 0, "an exponent"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t got = 0;
        bool ok = duration_parse(cases[i].text, &got);
        CHECK_CASE(ok == cases[i].ok, "%s: %.*s", cases[i].why, SPAN_ARG(cases[i].text));
        CHECK_CASE(!ok || got == cases[i].nanoseconds, "%s: %lld", cases[i].why, (long long)got);
    }
}

TEST(a_duration_is_written_with_the_units_that_say_something)
{
    static const struct {
        int64_t nanoseconds;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1, "1ns"},
        {1100, "1.1\xC2\xB5s"},
        {300000000, "300ms"},
        {1500000000, "1.5s"},
        {INT64_C(90000000000), "1m30s"},
        {INT64_C(86400000000000), "24h0m0s"},
        {INT64_C(-1000000000), "-1s"},
        {INT64_MIN, "-2562047h47m16.854775808s"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[DURATION_TEXT_SIZE];
        duration_format(cases[i].nanoseconds, text);
        CHECK_TEXT(text, cases[i].text);
    }
}

TEST(milliseconds_never_lose_a_duration_by_rounding)
{
    CHECK(duration_ms(0) == 0);
    CHECK(duration_ms(1) == 1);
    CHECK(duration_ms(1000000) == 1);
    CHECK(duration_ms(1000001) == 2);
    CHECK(duration_ms(-1) == -1);
}
