/* What a connector does when the edge refuses, is silent, goes away, or sends it away. */
#include "culvert/connector/supervisor.h"
#include "support/lone_connector.h"

#include "harness.h"

static const struct fake_script hello = {
    {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")}}};
static const struct fake_script never = {{{FAKE_END}}};

TEST(index_0_registers_alone_and_the_others_follow_100_ms_apart)
{
    struct lone_connector lone;
    lone_connector_open(&lone);
    lone_connector_start(&lone);
    CHECK_SIZE(lone.edge.count, 1);
    lone_connector_pass(&lone, 1000);
    CHECK_SIZE(fake_edge_registered(&lone.edge), 4);
    for (size_t i = 0; i < 4; i++) {
        CHECK_SIZE(lone.edge.connections[i].index, i);
        CHECK_SIZE(lone_connector_came(&lone, i), i * 100);
    }
    lone_connector_close(&lone);
}

/* The next attempt of index 0 after each kind of first answer. */
static const struct {
    const char *name;
    struct fake_edge_answer first;
    uint64_t from_ms, to_ms; /* when the second connection comes */
} retries[] = {
    {"a refusal that may be retried", {FAKE_EDGE_REFUSE, "try again", true, 0}, 200, 1000},
    {"a refusal that says when", {FAKE_EDGE_REFUSE, "later", true, 20000}, 20000, 20002},
    {"a tunnel that is not known yet", {FAKE_EDGE_REFUSE, "Unauthorized: x", false, 0}, 200, 1000},
    {"a duplicate", {FAKE_EDGE_REFUSE, "EDUPCONN", true, 0}, 200, 1000},
    {"no answer to the registration", {FAKE_EDGE_IGNORE, NULL, false, 0}, 5200, 6001},
    {"no control stream", {FAKE_EDGE_NO_CONTROL, NULL, false, 0}, 15200, 16001},
    {"closed at once", {FAKE_EDGE_CLOSE, NULL, false, 0}, 200, 1000},
};

TEST(whatever_may_pass_is_tried_again_after_one_wait)
{
    for (size_t i = 0; i < ARRAY_LEN(retries); i++) {
        struct lone_connector lone;
        const struct fake_edge_answer answers[] = {retries[i].first, {FAKE_EDGE_ACCEPT}};
        lone_connector_open(&lone);
        fake_edge_follow(&lone.edge, answers, ARRAY_LEN(answers));
        lone_connector_start(&lone);
        lone_connector_pass(&lone, 40 * 1000);
        CHECK_CASE(fake_edge_registered(&lone.edge) == 4, "%s: %zu registered", retries[i].name,
                   fake_edge_registered(&lone.edge));
        uint64_t came = lone_connector_came(&lone, 1);
        CHECK_CASE(came >= retries[i].from_ms && came <= retries[i].to_ms, "%s: after %llu ms",
                   retries[i].name, (unsigned long long)came);
        CHECK_CASE(lone.edge.connections[1].attempts == 1, "%s: attempts", retries[i].name);
        CHECK_CASE(!lone.over, "%s: the connector ended", retries[i].name);
        lone_connector_close(&lone);
    }
}

TEST(waits_double_up_to_30_s_and_never_end_the_connector)
{
    static const struct fake_edge_answer refuse = {FAKE_EDGE_REFUSE, "no", true, 0};
    struct lone_connector lone;
    lone_connector_open(&lone);
    fake_edge_follow(&lone.edge, &refuse, 1);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 10 * 60 * 1000);
    CHECK(!lone.over);
    CHECK(lone.edge.count >= 20);
    CHECK(lone.edge.count <= 60);
    for (size_t i = 1; i < lone.edge.count; i++)
        CHECK(lone_connector_came(&lone, i) - lone_connector_came(&lone, i - 1) <= 30 * 1000 + 1);
    lone_connector_close(&lone);
}

TEST(waits_stop_growing_after_as_many_retries_as_are_asked_for)
{
    static const struct {
        uint64_t retries, longest_ms;
    } cases[] = {{0, 1000},      {1, 2000},       {3, 8000},
                 {5, 30 * 1000}, {7, 128 * 1000}, {99, 3600 * 1000}};
    static const struct fake_edge_answer answers[] = {{FAKE_EDGE_CLOSE}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct lone_connector lone;
        uint64_t longest = 0;
        lone_connector_open(&lone);
        fake_edge_follow(&lone.edge, answers, 1);
        lone.options.retries = &cases[i].retries;
        lone_connector_start(&lone);
        for (int step = 0; step < 1000 && lone.edge.count < 30; step++)
            lone_connector_pass(&lone, cases[i].longest_ms / 10);
        for (size_t c = 1; c < lone.edge.count; c++) {
            uint64_t wait = lone_connector_came(&lone, c) - lone_connector_came(&lone, c - 1);
            longest = wait > longest ? wait : longest;
        }
        CHECK_SIZE(lone.edge.count, 30);
        CHECK_CASE(longest <= cases[i].longest_ms, "%zu: %llu ms", i, (unsigned long long)longest);
        CHECK_CASE(longest > cases[i].longest_ms / 4, "%zu: %llu ms", i,
                   (unsigned long long)longest);
        lone_connector_close(&lone);
    }
}

TEST(a_refusal_for_good_of_every_index_ends_it_with_the_cause)
{
    static const struct fake_edge_answer refuse = {FAKE_EDGE_REFUSE, "tunnel deleted", false, 0};
    struct lone_connector lone;
    lone_connector_open(&lone);
    fake_edge_follow(&lone.edge, &refuse, 1);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 2000);
    CHECK(lone.over);
    CHECK(strstr(lone.why.text, "tunnel deleted") != NULL);
    CHECK_SIZE(lone.edge.count, 4);
    lone_connector_close(&lone);
}

TEST(an_unknown_tunnel_is_hoped_for_five_minutes_long)
{
    static const struct fake_edge_answer refuse = {FAKE_EDGE_REFUSE, "Unauthorized", false, 0};
    struct lone_connector lone;
    lone_connector_open(&lone);
    fake_edge_follow(&lone.edge, &refuse, 1);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 4 * 60 * 1000);
    CHECK(!lone.over);
    lone_connector_pass(&lone, 2 * 60 * 1000);
    CHECK(lone.over);
    lone_connector_close(&lone);
}

TEST(a_lost_connection_is_dialed_again_and_the_others_stay)
{
    struct lone_connector lone;
    lone_connector_open(&lone);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    fake_edge_drop(&lone.edge, 2);
    lone_connector_pass(&lone, 1100);
    CHECK_SIZE(lone.edge.count, 5);
    CHECK_SIZE(lone.edge.connections[4].index, 2);
    CHECK_SIZE(fake_edge_registered(&lone.edge), 4);
    lone_connector_close(&lone);
}

TEST(a_connection_that_is_lost_again_and_again_comes_back_within_a_second_each_time)
{
    struct lone_connector lone;
    lone_connector_open(&lone);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    for (size_t i = 0; i < 30; i++) {
        size_t last = i == 0 ? 2 : 3 + i;
        fake_edge_drop(&lone.edge, last);
        lone_connector_pass(&lone, 1001);
        CHECK_SIZE(lone.edge.count, 5 + i);
        CHECK_SIZE(fake_edge_registered(&lone.edge), 4);
    }
    lone_connector_close(&lone);
}

TEST(an_edge_that_takes_every_registration_and_drops_it_is_not_hammered_at)
{
    struct lone_connector lone;
    lone_connector_open(&lone);
    lone.options.connections = 1;
    lone_connector_start(&lone);
    for (uint64_t ms = 0; ms < SUPERVISOR_RETURNS_MS && lone.edge.count < FAKE_EDGE_CONNECTIONS_MAX;
         ms += 10) {
        lone_connector_pass(&lone, 10);
        if (fake_edge_registered(&lone.edge) == 1)
            fake_edge_drop(&lone.edge, lone.edge.count - 1);
    }
    /* One at the start, those that come soon, and a few whose waits grow. */
    CHECK(lone.edge.count > SUPERVISOR_RETURNS_MAX / 2);
    CHECK(lone.edge.count < FAKE_EDGE_CONNECTIONS_MAX);
    lone_connector_close(&lone);
}

/* A request that waits at the origin while its connection is sent away. */
static void send_away(void (*how)(struct fake_edge *edge, size_t connection), const char *name)
{
    struct lone_connector lone;
    struct ask ask;
    const struct fake_script script = {
        {{FAKE_SLEEP, {0}, 5000, 0},
         {FAKE_SEND, SPAN("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 0, 0}}};
    lone_connector_open(&lone);
    fake_origin_follow(&lone.origin, &script, 1);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    ask_init(&ask, "GET", "/");
    CHECK_CASE(ask_send(&ask, &lone.edge.connections[0].opener), "%s: %s", name, ask.why.text);
    lone_connector_pass(&lone, 10);
    how(&lone.edge, 0);
    lone_connector_pass(&lone, 10);
    CHECK_CASE(lone.edge.count == 5 && lone.edge.connections[4].index == 0,
               "%s: no replacement at once", name);
    CHECK_CASE(fake_edge_registered(&lone.edge) == 5, "%s: %zu registered", name,
               fake_edge_registered(&lone.edge));
    lone_connector_pass(&lone, 6000);
    CHECK_CASE(ask.status == 200 && ask.done, "%s: the request was not finished", name);
    CHECK_CASE(lone.edge.connections[0].over, "%s: the old connection is not closed", name);
    CHECK_CASE(fake_edge_registered(&lone.edge) == 4, "%s: %zu left", name,
               fake_edge_registered(&lone.edge));
    ask_release(&ask);
    lone_connector_close(&lone);
}

TEST(who_is_sent_away_is_replaced_at_once_and_finishes_its_requests)
{
    send_away(fake_edge_goaway, "GOAWAY");
    send_away(fake_edge_end_control, "the end of the control stream");
}

TEST(stopping_unregisters_and_ends_as_soon_as_nothing_is_left)
{
    struct lone_connector lone;
    lone_connector_open(&lone);
    lone.edge.keeps_open = true;
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    connector_stop(lone.connector);
    lone_connector_pass(&lone, 10);
    CHECK(lone.over);
    CHECK(lone.why.kind == ERROR_NONE);
    for (size_t i = 0; i < 4; i++)
        CHECK(lone.edge.connections[i].unregistered && lone.edge.connections[i].over);
    lone_connector_close(&lone);
}

TEST(what_is_in_flight_is_finished_within_the_grace_period)
{
    struct lone_connector lone;
    struct ask ask;
    const struct fake_script slow = {{{FAKE_SLEEP, {0}, 8000, 0}, hello.steps[0]}};
    lone_connector_open(&lone);
    fake_origin_follow(&lone.origin, &slow, 1);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, &lone.edge.connections[1].opener));
    lone_connector_pass(&lone, 10);
    connector_stop(lone.connector);
    lone_connector_pass(&lone, 5000);
    CHECK(!lone.over);
    CHECK(!ask.done);
    lone_connector_pass(&lone, 4000);
    CHECK(lone.over);
    CHECK(ask.done);
    CHECK_SIZE(ask.status, 200);
    ask_release(&ask);
    lone_connector_close(&lone);
}

TEST(what_is_not_finished_when_grace_is_over_gets_502)
{
    struct lone_connector lone;
    struct ask ask;
    lone_connector_open(&lone);
    lone.options.grace_ms = 3000;
    fake_origin_follow(&lone.origin, &never, 1);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, &lone.edge.connections[1].opener));
    lone_connector_pass(&lone, 10);
    connector_stop(lone.connector);
    lone_connector_pass(&lone, 2900);
    CHECK(!lone.over);
    lone_connector_pass(&lone, 1200);
    CHECK(lone.over);
    CHECK_SIZE(ask.status, 502);
    ask_release(&ask);
    lone_connector_close(&lone);
}

TEST(an_idle_connection_is_asked_for_life_and_stays)
{
    struct lone_connector lone;
    lone_connector_open(&lone);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 120 * 1000);
    CHECK_SIZE(lone.edge.count, 4);
    CHECK_SIZE(fake_edge_registered(&lone.edge), 4);
    lone_connector_close(&lone);
}

TEST(without_a_static_edge_the_srv_record_says_where_it_is)
{
    static const char *const regions[] = {"", "us"};
    for (size_t i = 0; i < ARRAY_LEN(regions); i++) {
        struct lone_connector lone;
        lone_connector_open(&lone);
        lone.options.static_edge.count = 0;
        lone.options.region = regions[i];
        lone_connector_start(&lone);
        lone_connector_pass(&lone, 1000);
        CHECK_CASE(fake_edge_registered(&lone.edge) == 4, "region \"%s\": %zu registered",
                   regions[i], fake_edge_registered(&lone.edge));
        lone_connector_close(&lone);
    }
}

TEST(an_edge_that_is_not_found_is_looked_up_again_and_the_connector_goes_on)
{
    struct lone_connector lone;
    lone_connector_open(&lone);
    lone.options.static_edge.count = 0;
    lone.options.region = "nowhere";
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 120 * 1000);
    CHECK(!lone.over);
    CHECK_SIZE(lone.edge.count, 0);
    lone_connector_close(&lone);
}

TEST(an_edge_that_sends_everyone_away_is_not_dialed_without_a_pause)
{
    struct lone_connector lone;
    lone_connector_open(&lone);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    fake_edge_goaway(&lone.edge, 3);
    lone_connector_pass(&lone, 10);
    CHECK_SIZE(lone.edge.count, 5);
    fake_edge_goaway(&lone.edge, 4);
    lone_connector_pass(&lone, 150);
    CHECK_SIZE(lone.edge.count, 5);
    lone_connector_pass(&lone, 1000);
    CHECK_SIZE(lone.edge.count, 6);
    CHECK_SIZE(fake_edge_registered(&lone.edge), 4);
    lone_connector_close(&lone);
}
