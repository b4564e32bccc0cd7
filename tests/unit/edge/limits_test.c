#include "culvert/edge/limits.h"

#include "harness.h"

static struct ip_address at(const char *text, uint16_t port)
{
    struct ip_address address;
    if (!ip_parse(span_of(text), port, &address))
        abort();
    return address;
}

/* Fails `count` times; how often that shut the address out. */
static size_t fail(struct limits *limits, const char *text, size_t count, uint64_t now_ms)
{
    size_t shut = 0;
    for (size_t i = 0; i < count; i++) {
        struct ip_address from = at(text, (uint16_t)(1000 + i));
        shut += limits_failed(limits, &from, now_ms) ? 1 : 0;
    }
    return shut;
}

static bool is_shut(const struct limits *limits, const char *text, uint64_t now_ms)
{
    struct ip_address from = at(text, 7);
    return limits_is_shut(limits, &from, now_ms);
}

TEST(an_address_that_fails_too_often_is_shut_out_for_the_rest_of_its_minute)
{
    enum { START = 5000 };
    struct limits *limits = limits_new();
    CHECK(!is_shut(limits, "192.0.2.1", START));
    CHECK_SIZE(fail(limits, "192.0.2.1", LIMITS_FAILURES_MAX - 1, START), 0);
    CHECK(!is_shut(limits, "192.0.2.1", START));
    CHECK_SIZE(fail(limits, "192.0.2.1", 1, START + 1000), 1);
    CHECK(is_shut(limits, "192.0.2.1", START + 1000));
    CHECK(!is_shut(limits, "192.0.2.2", START + 1000));
    CHECK_SIZE(fail(limits, "192.0.2.1", 5, START + 1000), 0); /* those in hand: told once */
    CHECK(is_shut(limits, "192.0.2.1", START + LIMITS_WINDOW_MS - 1));
    CHECK(!is_shut(limits, "192.0.2.1", START + LIMITS_WINDOW_MS));
    limits_free(limits);
}

TEST(a_minute_that_is_over_counts_no_more)
{
    struct limits *limits = limits_new();
    CHECK_SIZE(fail(limits, "192.0.2.1", LIMITS_FAILURES_MAX - 1, 0), 0);
    CHECK_SIZE(fail(limits, "192.0.2.1", LIMITS_FAILURES_MAX - 1, LIMITS_WINDOW_MS), 0);
    CHECK(!is_shut(limits, "192.0.2.1", LIMITS_WINDOW_MS));
    CHECK_SIZE(fail(limits, "192.0.2.1", 1, LIMITS_WINDOW_MS), 1);
    limits_free(limits);
}

TEST(one_address_is_one_address_however_it_is_written)
{
    static const struct {
        const char *fails, *asks;
        bool same;
        const char *reason;
    } cases[] = {
        {"192.0.2.1", "::ffff:192.0.2.1", true, "IPv4 over a socket of both families"},
        {"192.0.2.1", "::ffff:192.0.2.2", false, "mapped addresses are no network of one owner"},
        {"2001:db8::1", "2001:db8::ffff:2", true, "the same 64 bits"},
        {"2001:db8::1", "2001:db8:0:1::1", false, "another network"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct limits *limits = limits_new();
        (void)fail(limits, cases[i].fails, LIMITS_FAILURES_MAX, 0);
        CHECK_CASE(is_shut(limits, cases[i].asks, 0) == cases[i].same, "%s and %s: %s",
                   cases[i].fails, cases[i].asks, cases[i].reason);
        limits_free(limits);
    }
}

TEST(the_address_that_failed_longest_ago_is_forgotten_first)
{
    struct limits *limits = limits_new();
    (void)fail(limits, "192.0.2.1", LIMITS_FAILURES_MAX, 0);
    (void)fail(limits, "192.0.2.2", LIMITS_FAILURES_MAX, 0);
    (void)fail(limits, "192.0.2.1", 1, 1);
    for (unsigned i = 0; i < LIMITS_ADDRESSES_MAX - 1; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "198.18.%u.%u", i / 256, i % 256);
        (void)fail(limits, text, 1, 2);
    }
    CHECK_SIZE(limits_count(limits), LIMITS_ADDRESSES_MAX);
    CHECK(is_shut(limits, "192.0.2.1", 2));
    CHECK(!is_shut(limits, "192.0.2.2", 2));
    (void)fail(limits, "203.0.113.1", 1, 2);
    CHECK_SIZE(limits_count(limits), LIMITS_ADDRESSES_MAX);
    CHECK(!is_shut(limits, "192.0.2.1", 2));
    limits_free(limits);
}
