#include "culvert/edge/admission.h"

#include "culvert/base/span.h"
#include "harness.h"

static struct ip_address at(const char *text)
{
    struct ip_address address;
    if (!ip_parse(span_of(text), 1000, &address))
        abort();
    return address;
}

static struct admission *made(size_t connections, size_t per_address)
{
    const struct admission_options options = {connections, per_address};
    struct admission *admission = admission_new(&options);
    if (!admission)
        abort();
    return admission;
}

/* Opens `count` from one address; how many were let in, and the limit that refused the last one. */
static size_t open_many(struct admission *admission, struct visit *visits, size_t count,
                        const char *from, enum abuse *refused)
{
    struct ip_address address = at(from);
    size_t taken = 0;
    *refused = ABUSE_NONE;
    for (size_t i = 0; i < count; i++) {
        enum abuse abuse = admission_open(admission, &visits[taken], &address, 0);
        if (abuse == ABUSE_NONE)
            taken++;
        else
            *refused = abuse;
    }
    return taken;
}

static void close_all(struct admission *admission, struct visit *visits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        visits[i].asked = true;
        admission_closed(admission, &visits[i], 0);
    }
}

TEST(an_address_has_so_many_connections_and_others_do_not_notice)
{
    static struct visit visits[ADMISSION_ADDRESS_MAX + 2];
    struct visit other;
    enum abuse refused;
    struct admission *admission = made(0, 0);
    size_t taken = 0;
    struct ip_address from = at("192.0.2.1");
    for (size_t i = 0; i < ADMISSION_ADDRESS_MAX; i++, taken++) {
        CHECK(admission_open(admission, &visits[i], &from, 0) == ABUSE_NONE);
    }
    CHECK_SIZE(open_many(admission, visits + taken, 1, "192.0.2.1", &refused), 0);
    CHECK(refused == ABUSE_ADDRESS_CONNECTIONS);
    CHECK_SIZE(open_many(admission, &other, 1, "192.0.2.2", &refused), 1);
    close_all(admission, visits, 1);
    CHECK_SIZE(open_many(admission, visits, 1, "192.0.2.1", &refused), 1);
    close_all(admission, visits, taken);
    close_all(admission, &other, 1);
    CHECK_SIZE(admission_count(admission) + admission_addresses(admission), 0);
    admission_free(admission);
}

/* Opens and ends `count`, with or without a request. */
static enum abuse come_and_go(struct admission *admission, const char *from, size_t count,
                              bool asks, uint64_t now_ms)
{
    struct ip_address address = at(from);
    for (size_t i = 0; i < count; i++) {
        struct visit visit;
        enum abuse abuse = admission_open(admission, &visit, &address, now_ms);
        if (abuse != ABUSE_NONE)
            return abuse;
        visit.asked = asks;
        admission_closed(admission, &visit, now_ms);
    }
    return ABUSE_NONE;
}

TEST(an_address_that_wastes_its_connections_is_shut_out_for_the_rest_of_its_minute)
{
    enum { START = 5000 };
    struct admission *admission = made(0, 0);
    CHECK(come_and_go(admission, "192.0.2.1", 5000, true, START) == ABUSE_NONE);
    CHECK(come_and_go(admission, "192.0.2.1", ADMISSION_WASTED_MAX, false, START) == ABUSE_NONE);
    CHECK(come_and_go(admission, "192.0.2.1", 1, true, START) == ABUSE_ADDRESS_WASTED);
    CHECK(come_and_go(admission, "192.0.2.2", 1, true, START) == ABUSE_NONE);
    CHECK(come_and_go(admission, "192.0.2.1", 1, true, START + ADMISSION_WINDOW_MS - 1) ==
          ABUSE_ADDRESS_WASTED);
    CHECK(come_and_go(admission, "192.0.2.1", 1, true, START + ADMISSION_WINDOW_MS) == ABUSE_NONE);
    CHECK_SIZE(admission_addresses(admission), 0);
    admission_free(admission);
}

TEST(a_flood_weighs_more_than_silence)
{
    struct admission *admission = made(0, 0);
    struct ip_address from = at("192.0.2.1");
    for (size_t i = 0; i < ADMISSION_WASTED_MAX / ADMISSION_FLOOD_COST; i++) {
        struct visit visit;
        REQUIRE(admission_open(admission, &visit, &from, 0) == ABUSE_NONE);
        visit.asked = visit.flooded = true;
        admission_closed(admission, &visit, 0);
    }
    CHECK(come_and_go(admission, "192.0.2.1", 1, true, 0) == ABUSE_ADDRESS_WASTED);
    CHECK(come_and_go(admission, "192.0.2.2", 1, true, 0) == ABUSE_NONE);
    admission_free(admission);
}

TEST(an_address_that_may_have_more_open_may_waste_more)
{
    struct admission *admission = made(0, 3 * ADMISSION_ADDRESS_MAX);
    CHECK(come_and_go(admission, "192.0.2.1", 3 * ADMISSION_WASTED_MAX, false, 0) == ABUSE_NONE);
    CHECK(come_and_go(admission, "192.0.2.1", 1, true, 0) == ABUSE_ADDRESS_WASTED);
    admission_free(admission);
}

TEST(what_the_edge_could_not_serve_is_no_waste_of_its_address)
{
    struct admission *admission = made(0, 0);
    struct ip_address from = at("192.0.2.1");
    for (int i = 0; i <= ADMISSION_WASTED_MAX; i++) {
        struct visit visit;
        REQUIRE(admission_open(admission, &visit, &from, 0) == ABUSE_NONE);
        visit.excused = true;
        admission_closed(admission, &visit, 0);
    }
    CHECK_SIZE(admission_addresses(admission), 0);
    admission_free(admission);
}

TEST(a_network_of_ipv6_is_one_address)
{
    struct admission *admission = made(0, 0);
    CHECK(come_and_go(admission, "2001:db8::1", ADMISSION_WASTED_MAX, false, 0) == ABUSE_NONE);
    CHECK(come_and_go(admission, "2001:db8::2", 1, true, 0) == ABUSE_ADDRESS_WASTED);
    CHECK(come_and_go(admission, "2001:db8:0:1::1", 1, true, 0) == ABUSE_NONE);
    admission_free(admission);
}

TEST(loopback_is_held_to_the_totals_only_unless_a_number_is_given)
{
    static struct visit visits[ADMISSION_ADDRESS_MAX + 10];
    enum abuse refused;
    struct admission *admission = made(0, 0);
    CHECK(come_and_go(admission, "127.0.0.1", 2 * ADMISSION_WASTED_MAX, false, 0) == ABUSE_NONE);
    size_t taken = open_many(admission, visits, ARRAY_LEN(visits), "127.0.0.1", &refused);
    CHECK_SIZE(taken, ARRAY_LEN(visits));
    close_all(admission, visits, taken);
    admission_free(admission);
    admission = made(0, 5);
    CHECK_SIZE(open_many(admission, visits, 10, "127.0.0.1", &refused), 5);
    CHECK(refused == ABUSE_ADDRESS_CONNECTIONS);
    close_all(admission, visits, 5);
    admission_free(admission);
}

TEST(one_more_than_the_total_is_let_in_and_told)
{
    struct visit visits[4];
    enum abuse refused;
    struct admission *admission = made(3, 0);
    CHECK_SIZE(open_many(admission, visits, 3, "127.0.0.1", &refused), 3);
    CHECK(!admission_is_over(admission));
    CHECK_SIZE(open_many(admission, visits + 3, 1, "127.0.0.1", &refused), 1);
    CHECK(admission_is_over(admission));
    close_all(admission, visits, 1);
    CHECK(!admission_is_over(admission));
    close_all(admission, visits + 1, 3);
    CHECK_SIZE(admission_count(admission), 0);
    admission_free(admission);
}

TEST(what_is_remembered_of_addresses_has_a_bound_and_an_end)
{
    struct admission *admission = made(0, 0);
    for (unsigned i = 0; i < ADMISSION_REMEMBERED_MAX + 100; i++) {
        char text[40];
        (void)snprintf(text, sizeof text, "10.%u.%u.1", i / 250, i % 250);
        CHECK(come_and_go(admission, text, 1, false, 0) == ABUSE_NONE);
    }
    CHECK_SIZE(admission_addresses(admission), ADMISSION_REMEMBERED_MAX);
    for (int i = 0; i < ADMISSION_REMEMBERED_MAX; i++)
        CHECK(come_and_go(admission, "192.0.2.1", 1, true, ADMISSION_WINDOW_MS) == ABUSE_NONE);
    CHECK_SIZE(admission_addresses(admission), 0);
    admission_free(admission);
}
