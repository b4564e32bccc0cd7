#include "culvert/api/time.h"

#include "harness.h"

TEST(a_time_is_written_again_as_it_came)
{
    static const struct {
        const char *text, *exact, *seconds;
        int64_t unix_seconds;
    } cases[] = {
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", 0},
        {"2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z", 1793527200},
        {"2026-11-01T10:00:00.100Z", "2026-11-01T10:00:00.1Z", "2026-11-01T10:00:00Z", 1793527200},
        {"2026-11-01T10:00:00.123456789Z", "2026-11-01T10:00:00.123456789Z", "2026-11-01T10:00:00Z",
         1793527200},
        {"2026-11-01T10:00:00+01:30", "2026-11-01T10:00:00+01:30", "2026-11-01T10:00:00+01:30",
         1793521800},
        {"2026-11-01T10:00:00.5-08:00", "2026-11-01T10:00:00.5-08:00", "2026-11-01T10:00:00-08:00",
         1793556000},
        {"2026-11-01T10:00:00+00:00", "2026-11-01T10:00:00Z", "2026-11-01T10:00:00Z", 1793527200},
        {"2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z", "2024-02-29T23:59:59Z", 1709251199},
        {"1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z", -1},
        {"0001-01-01T00:00:01Z", "0001-01-01T00:00:01Z", "0001-01-01T00:00:01Z", -62135596799},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct api_time time;
        char text[API_TIME_SIZE];
        CHECK_CASE(api_time_parse(span_of(cases[i].text), &time), "%s", cases[i].text);
        CHECK_CASE(time.seconds == cases[i].unix_seconds && !time.never, "%s", cases[i].text);
        api_time_format(&time, API_TIME_EXACT, text);
        CHECK_TEXT(text, cases[i].exact);
        api_time_format(&time, API_TIME_SECONDS, text);
        CHECK_TEXT(text, cases[i].seconds);
    }
}

TEST(what_is_no_time_is_refused)
{
    static const char *const cases[] = {
        "",
        "2026-11-01",
        "2026-11-01T10:00:00",
        "2026-11-01 10:00:00Z",
        "2026-11-01t10:00:00z",
        "2026-11-01T10:00Z",
        "2026-13-01T10:00:00Z",
        "2026-00-01T10:00:00Z",
        "2026-11-00T10:00:00Z",
        "2026-11-31T10:00:00Z",
        "2025-02-29T10:00:00Z",
        "1900-02-29T10:00:00Z",
        "2026-11-01T24:00:00Z",
        "2026-11-01T10:60:00Z",
        "2026-11-01T10:00:60Z",
        "2026-11-01T10:00:00.Z",
        "2026-11-01T10:00:00.1234567890Z",
        "2026-11-01T10:00:00+1:00",
        "2026-11-01T10:00:00+24:00",
        "2026-11-01T10:00:00Z ",
        "+026-11-01T10:00:00Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct api_time time;
        CHECK_CASE(!api_time_parse(span_of(cases[i]), &time), "%s", cases[i]);
    }
}

TEST(the_first_instant_of_all_means_never)
{
    struct api_time time;
    char text[API_TIME_SIZE];
    CHECK(api_time_parse(SPAN("0001-01-01T00:00:00Z"), &time));
    CHECK(time.never);
    api_time_format(&time, API_TIME_EXACT, text);
    CHECK_TEXT(text, "0001-01-01T00:00:00Z");
}

TEST(times_compare_by_their_instant_and_never_is_first)
{
    static const char *const order[] = {
        "0001-01-01T00:00:00Z",     "1969-01-01T00:00:00Z",      "2026-11-01T10:00:00+01:00",
        "2026-11-01T09:59:59.999Z", "2026-11-01T10:00:00.0001Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        for (size_t j = 0; j < ARRAY_LEN(order); j++) {
            struct api_time a;
            struct api_time b;
            CHECK(api_time_parse(span_of(order[i]), &a) && api_time_parse(span_of(order[j]), &b));
            int want = (i > j) - (i < j);
            CHECK_CASE(api_time_compare(&a, &b) == want, "%s and %s", order[i], order[j]);
        }
    }
}
