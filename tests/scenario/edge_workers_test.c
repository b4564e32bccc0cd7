/* Three workers of one edge, all in one loop: whoever serves what, it looks like one edge. */
#include "culvert/edge/connector_session.h"
#include "culvert/edge/peeks.h"
#include "support/fake_connector.h"

#include "harness.h"

#include <sys/socket.h>
#include <unistd.h>

enum { WORKERS = 3 };

#define GET "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"

#define HANDOVERS(reason) "culvert_edge_handovers_total{reason=\"" reason "\"}"
#define STREAMS(worker)   "culvert_edge_hop_streams_total{worker=\"" worker "\"}"

static double metric(struct both_ends *ends, const char *series)
{
    return both_ends_metric(ends, "127.0.0.1:2001", series);
}

static void settle_all(struct both_ends *ends)
{
    CHECK(settle(ends->loop));
}

/* Connectors go to the workers in turns: the first one to worker 0. */
static void connect_one(struct both_ends *ends, struct fake_connector *fake, uint8_t index)
{
    struct fake_connector_options options = fake_connector_of(ends, index);
    fake_connector_dial(fake, ends, &options);
    CHECK(fake_connector_is_taken(fake));
}

static void ask(struct both_ends *ends, const char *request, const char *hears)
{
    struct visitor_wire visitor;
    visitor_open(&visitor, ends);
    visitor_say(&visitor, span_of(request));
    CHECK_CASE(visitor_hears(&visitor, hears), "%s", request);
    visitor_close(&visitor);
}

TEST(a_visitor_is_served_where_a_connection_of_the_tunnel_is)
{
    struct both_ends ends;
    struct fake_connector fake;
    both_ends_open_workers(&ends, WORKERS);
    connect_one(&ends, &fake, 0);
    for (int i = 0; i < 2 * WORKERS; i++)
        ask(&ends, GET, "fine");
    CHECK_SIZE(fake.call_count, 2 * WORKERS);
    CHECK(metric(&ends, HANDOVERS("tunnel")) == 2 * WORKERS);
    fake_connector_close(&fake);
    settle_all(&ends);
    ask(&ends, GET, "503 Service Unavailable");
    CHECK(metric(&ends, HANDOVERS("offline")) == 1);
    both_ends_close(&ends);
}

TEST(visitors_of_one_tunnel_are_spread_over_the_workers_that_hold_it)
{
    struct both_ends ends;
    struct fake_connector fakes[WORKERS];
    struct visitor_wire visitors[2 * WORKERS];
    both_ends_open_workers(&ends, WORKERS);
    for (size_t i = 0; i < WORKERS; i++)
        connect_one(&ends, &fakes[i], (uint8_t)i);
    for (size_t i = 0; i < ARRAY_LEN(visitors); i++) {
        visitor_open(&visitors[i], &ends);
        visitor_say(&visitors[i], SPAN(GET));
        CHECK(visitor_hears(&visitors[i], "fine"));
    }
    for (size_t i = 0; i < WORKERS; i++)
        CHECK_SIZE(fakes[i].call_count, 2);
    for (size_t i = 0; i < ARRAY_LEN(visitors); i++)
        visitor_close(&visitors[i]);
    for (size_t i = 0; i < WORKERS; i++)
        fake_connector_close(&fakes[i]);
    both_ends_close(&ends);
}

TEST(the_name_may_come_byte_by_byte)
{
    struct both_ends ends;
    struct fake_connector fake;
    struct visitor_wire visitor;
    both_ends_open_workers(&ends, WORKERS);
    connect_one(&ends, &fake, 0);
    visitor_open(&visitor, &ends);
    for (const char *at = GET; *at; at++) {
        visitor_say(&visitor, span_make(at, 1));
        settle_all(&ends);
    }
    CHECK(visitor_hears(&visitor, "fine"));
    CHECK(metric(&ends, HANDOVERS("tunnel")) == 1);
    CHECK(ends.memory.peeks < 100);
    visitor_close(&visitor);
    fake_connector_close(&fake);
    both_ends_close(&ends);
}

TEST(who_names_nobody_in_time_is_served_all_the_same)
{
    static const struct {
        const char *says, *hears, *reason;
        uint64_t waits_ms;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "HTTP/1.1 400 ", HANDOVERS("unnamed"), 0},
        {"GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n", "HTTP/1.1 404 ", HANDOVERS("unknown"), 0},
        {"GET / HTTP/1.1\r\n", "HTTP/1.1 408 ", HANDOVERS("late"), 30 * 1000},
        {"GET / HTTP/1.1\r\nHost: edge.localhost\r\n\r\n", "Culvert edge", HANDOVERS("own"), 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct both_ends ends;
        struct visitor_wire visitor;
        both_ends_open_workers(&ends, WORKERS);
        visitor_open(&visitor, &ends);
        visitor_say(&visitor, span_of(cases[i].says));
        both_ends_pass(&ends, cases[i].waits_ms);
        CHECK_CASE(visitor_hears(&visitor, cases[i].hears), "%s", cases[i].says);
        CHECK_CASE(metric(&ends, cases[i].reason) == 1, "%s", cases[i].reason);
        visitor_close(&visitor);
        both_ends_close(&ends);
    }
}

TEST(a_head_longer_than_what_is_looked_at_is_served_too)
{
    struct both_ends ends;
    struct fake_connector fake;
    struct visitor_wire visitor;
    char field[4000];
    both_ends_open_workers(&ends, WORKERS);
    connect_one(&ends, &fake, 0);
    visitor_open(&visitor, &ends);
    visitor_say(&visitor, SPAN("GET / HTTP/1.1\r\nHost: app.example.com\r\n"));
    memset(field, 'x', sizeof field);
    for (int i = 0; i < HANDOVER_PEEK_MAX / (int)sizeof field + 1; i++) {
        visitor_say(&visitor, SPAN("X: "));
        visitor_say(&visitor, span_make(field, sizeof field));
        visitor_say(&visitor, SPAN("\r\n"));
    }
    visitor_say(&visitor, SPAN("\r\n"));
    CHECK(visitor_hears(&visitor, "fine"));
    CHECK(metric(&ends, HANDOVERS("unnamed")) == 1);
    visitor_close(&visitor);
    fake_connector_close(&fake);
    both_ends_close(&ends);
}

TEST(who_says_nothing_is_given_to_a_worker_after_a_while_and_ended_there)
{
    enum { MANY = 40 };
    struct both_ends ends;
    int silent[MANY];
    both_ends_open_workers(&ends, WORKERS);
    for (size_t i = 0; i < MANY; i++)
        silent[i] = memory_sockets_dial(&ends.memory, "127.0.0.1:8080");
    settle_all(&ends);
    both_ends_pass(&ends, HANDOVER_PEEK_MS + 1);
    CHECK(metric(&ends, HANDOVERS("late")) == MANY);
    both_ends_pass(&ends, 30 * 1000);
    for (size_t i = 0; i < MANY; i++) {
        char byte;
        CHECK(recv(silent[i], &byte, 1, MSG_DONTWAIT) <= 0);
        (void)close(silent[i]);
    }
    both_ends_close(&ends);
}

TEST(a_later_request_for_another_tunnel_of_the_connection_crosses_to_it)
{
    struct both_ends ends;
    struct fake_connector fake;
    struct visitor_wire visitor;
    both_ends_open_workers(&ends, WORKERS);
    connect_one(&ends, &fake, 0);
    /* One who asks an unknown name first is nobody's: any worker. */
    struct visitor_wire idle;
    visitor_open(&idle, &ends);
    visitor_say(&idle, SPAN("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n"));
    CHECK(visitor_hears(&idle, "404"));
    visitor_open(&visitor, &ends);
    visitor_say(&visitor, SPAN("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n"));
    CHECK(visitor_hears(&visitor, "404"));
    visitor_say(&visitor, SPAN(GET));
    CHECK(visitor_hears(&visitor, "fine"));
    CHECK(metric(&ends, STREAMS("1")) == 1);
    visitor_say(&visitor, SPAN("GET /x HTTP/1.1\r\nHost: edge.localhost\r\n\r\n"));
    CHECK(visitor_hears(&visitor, "Culvert edge"));
    visitor_close(&idle);
    visitor_close(&visitor);
    fake_connector_close(&fake);
    both_ends_close(&ends);
}

/* ---- equal connections in different workers ---- */

static void twice(struct both_ends *ends, struct fake_connector *older,
                  struct fake_connector_options *options)
{
    both_ends_open_workers(ends, WORKERS);
    *options = fake_connector_of(ends, 1);
    fake_connector_dial(older, ends, options);
    CHECK(fake_connector_is_taken(older));
}

static void twice_end(struct both_ends *ends, struct fake_connector *older,
                      struct fake_connector *newer)
{
    fake_connector_close(newer);
    fake_connector_close(older);
    both_ends_close(ends);
}

TEST(an_equal_connection_in_another_worker_is_a_duplicate_while_the_older_one_lives)
{
    struct both_ends ends;
    struct fake_connector older, newer;
    struct fake_connector_options options;
    twice(&ends, &older, &options);
    fake_connector_dial(&newer, &ends, &options);
    CHECK(!fake_connector_is_taken(&newer));
    CHECK_TEXT(newer.cause, "EDUPCONN");
    CHECK(newer.should_retry && !older.over);
    CHECK_SIZE(both_ends_count(&ends), 1);
    twice_end(&ends, &older, &newer);
}

TEST(an_equal_connection_in_another_worker_replaces_one_that_is_silent)
{
    struct both_ends ends;
    struct fake_connector older, newer;
    struct fake_connector_options options;
    twice(&ends, &older, &options);
    fake_connector_stop_reading(&older);
    uint64_t asked_ms = loop_now_ms(ends.loop);
    fake_connector_dial(&newer, &ends, &options);
    CHECK(fake_connector_is_taken(&newer));
    CHECK(loop_now_ms(ends.loop) - asked_ms >= SESSION_PROBE_MS);
    CHECK_SIZE(both_ends_count(&ends), 1);
    ask(&ends, GET, "fine");
    CHECK_SIZE(newer.call_count, 1);
    twice_end(&ends, &older, &newer);
}

TEST(who_asks_to_replace_an_equal_connection_in_another_worker_does)
{
    struct both_ends ends;
    struct fake_connector older, newer;
    struct fake_connector_options options;
    twice(&ends, &older, &options);
    options.replaces = true;
    fake_connector_dial(&newer, &ends, &options);
    CHECK(fake_connector_is_taken(&newer));
    both_ends_pass(&ends, SESSION_LEAVE_MS + 1);
    CHECK(older.over && !older.heard_goaway && !newer.over);
    CHECK_SIZE(both_ends_count(&ends), 1);
    for (int i = 0; i < WORKERS; i++)
        ask(&ends, GET, "fine");
    CHECK_SIZE(newer.call_count, WORKERS);
    twice_end(&ends, &older, &newer);
}

TEST(an_older_connection_that_leaves_while_it_is_asked_gives_its_place_away)
{
    struct both_ends ends;
    struct fake_connector older, newer;
    struct fake_connector_options options;
    twice(&ends, &older, &options);
    fake_connector_stop_reading(&older);
    fake_connector_dial(&newer, &ends, &options);
    both_ends_pass(&ends, 500);
    fake_connector_hang_up(&older);
    CHECK(fake_connector_is_taken(&newer));
    CHECK_SIZE(both_ends_count(&ends), 1);
    twice_end(&ends, &older, &newer);
}

/* ---- known everywhere ---- */

TEST(a_registration_is_known_to_every_worker_before_it_is_answered)
{
    for (size_t at = 0; at < WORKERS; at++) {
        struct both_ends ends;
        struct fake_connector fakes[WORKERS];
        struct visitor_wire visitors[WORKERS];
        both_ends_open_workers(&ends, WORKERS);
        /* One visitor in each worker, none of which holds the tunnel. */
        for (size_t i = 0; i < WORKERS; i++) {
            visitor_open(&visitors[i], &ends);
            visitor_say(&visitors[i], SPAN("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n"));
            CHECK(visitor_hears(&visitors[i], "404"));
        }
        /* The turns of those before it bring the connector to worker `at`. */
        for (size_t i = 0; i < at; i++) {
            struct fake_connector_options mute = fake_connector_of(&ends, 0);
            mute.mute = true;
            fake_connector_dial(&fakes[i], &ends, &mute);
        }
        connect_one(&ends, &fakes[at], 0);
        for (size_t i = 0; i < WORKERS; i++) {
            visitor_say(&visitors[i], SPAN(GET));
            CHECK_CASE(visitor_hears(&visitors[i], "fine"), "from worker %zu to %zu", i, at);
        }
        fake_connector_unregister(&fakes[at]);
        while (!fakes[at].unregistered)
            REQUIRE(loop_turn(ends.loop, 0));
        size_t before = fakes[at].call_count;
        for (size_t i = 0; i < WORKERS; i++) {
            visitor_say(&visitors[i], SPAN(GET));
            CHECK_CASE(visitor_hears(&visitors[i], "503"), "from worker %zu to %zu", i, at);
            visitor_close(&visitors[i]);
        }
        CHECK_SIZE(fakes[at].call_count, before);
        for (size_t i = 0; i <= at; i++)
            fake_connector_close(&fakes[i]);
        both_ends_close(&ends);
    }
}

/* ---- the end ---- */

static const struct fake_reply begun = {.kind = FAKE_REPLY_BEGUN, .body = "begun"};

TEST(draining_ends_when_every_worker_is_done)
{
    struct both_ends ends;
    struct fake_connector fakes[WORKERS];
    struct visitor_wire visitors[WORKERS];
    both_ends_open_workers(&ends, WORKERS);
    for (size_t i = 0; i < WORKERS; i++) {
        connect_one(&ends, &fakes[i], (uint8_t)i);
        fake_connector_follow(&fakes[i], &begun, 1);
    }
    for (size_t i = 0; i < WORKERS; i++) {
        visitor_open(&visitors[i], &ends);
        visitor_say(&visitors[i], SPAN(GET));
        CHECK(visitor_hears(&visitors[i], "begun"));
    }
    edge_stop(ends.edge);
    for (size_t i = 0; i < WORKERS; i++) {
        settle_all(&ends);
        CHECK(!ends.edge_over);
        REQUIRE(fakes[i].call_count == 1);
        fake_call_end(&fakes[i].calls[0]);
    }
    settle_all(&ends);
    CHECK(ends.edge_over);
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK(visitors[i].ended && strstr(buf_text(&visitors[i].got), "\r\n0\r\n\r\n"));
        visitor_close(&visitors[i]);
        fake_connector_close(&fakes[i]);
    }
    both_ends_close(&ends);
}

TEST(what_runs_in_any_worker_is_cut_when_the_grace_is_over)
{
    struct both_ends ends;
    struct fake_connector fake;
    struct visitor_wire visitor;
    both_ends_open_workers(&ends, WORKERS);
    connect_one(&ends, &fake, 0);
    fake_connector_follow(&fake, &begun, 1);
    visitor_open(&visitor, &ends);
    visitor_say(&visitor, SPAN(GET));
    CHECK(visitor_hears(&visitor, "begun"));
    edge_stop(ends.edge);
    both_ends_pass(&ends, EDGE_GRACE_MS - 1);
    CHECK(!ends.edge_over);
    both_ends_pass(&ends, 2);
    CHECK(ends.edge_over && visitor.ended);
    visitor_close(&visitor);
    fake_connector_close(&fake);
    both_ends_close(&ends);
}

TEST(an_edge_may_be_freed_whatever_its_workers_do)
{
    struct both_ends ends;
    struct fake_connector fakes[4];
    struct visitor_wire crossing, silent, asking;
    both_ends_open_workers(&ends, WORKERS);
    connect_one(&ends, &fakes[0], 0);
    fake_connector_follow(&fakes[0], &begun, 1);
    visitor_open(&silent, &ends);
    settle_all(&ends);
    visitor_open(&crossing, &ends);
    visitor_say(&crossing, SPAN("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n" GET));
    CHECK(visitor_hears(&crossing, "begun"));
    struct fake_connector_options options = fakes[0].options;
    fake_connector_stop_reading(&fakes[0]);
    fake_connector_dial(&fakes[1], &ends, &options); /* is waiting for a sign of the first */
    connect_one(&ends, &fakes[2], 2);
    options = fake_connector_of(&ends, 3);
    fake_connector_dial(&fakes[3], &ends, &options); /* is being asked for its secret */
    visitor_open(&asking, &ends);
    visitor_say(&asking, SPAN("POST /client/v4/accounts/x/cfd_tunnel HTTP/1.1\r\n"
                              "Host: edge.localhost\r\nContent-Length: 2\r\n\r\n{}"));
    edge_free(ends.edge);
    ends.edge = NULL;
    visitor_close(&silent);
    visitor_close(&crossing);
    visitor_close(&asking);
    for (size_t i = 0; i < ARRAY_LEN(fakes); i++)
        fake_connector_close(&fakes[i]);
    both_ends_close(&ends);
}
