#include "culvert/base/clock.h"

#include "harness.h"

TEST(times_of_rfc_3339_are_read)
{
    static const struct {
        const char *text;
        int64_t unix_ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-20T09:06:16Z", 1795165576000},
        {"2026-11-20t09:06:16z", 1795165576000},
        {"2026-11-20T09:06:16.5Z", 1795165576500},
        {"2026-11-20T09:06:16.123456789Z", 1795165576123},
        {"2026-11-20T11:06:16+02:00", 1795165576000},
        {"2026-11-20T03:36:16-05:30", 1795165576000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"9999-12-31T23:59:59Z", 253402300799000},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t unix_ms = -1;
        CHECK_CASE(clock_parse(span_of(cases[i].text), &unix_ms), "%s", cases[i].text);
        CHECK_CASE(unix_ms == cases[i].unix_ms, "%s is %lld", cases[i].text, (long long)unix_ms);
    }
}

TEST(what_is_no_time_is_refused)
{
    static const char *const cases[] = {
        "",
        "now",
        "2026-11-20",
        "2026-11-20T09:06Z",
        "2026-11-20T09:06:16",
        "2026-11-20T09:06:16Z ",
        "2026-11-20T09:06:16.Z",
        "2026-11-20T09:06:16.1234567890Z",
        "2026-11-20T09:06:16+0200",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "1969-12-31T23:59:59Z",
        "+026-01-01T00:00:00Z",
        "2026-1-01T00:00:00Z",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t unix_ms;
        CHECK_CASE(!clock_parse(span_of(cases[i]), &unix_ms), "%s", cases[i]);
    }
}

TEST(what_is_written_is_read_again)
{
    char text[CLOCK_TEXT_SIZE];
    int64_t unix_ms = 0;
    clock_format(1795165576042, 1, text);
    CHECK_TEXT(text, "2026-11-20T09:06:16.042Z");
    CHECK(clock_parse(span_of(text), &unix_ms) && unix_ms == 1795165576042);
}
