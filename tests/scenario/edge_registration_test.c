/* Who may register at an edge, how long a registration lasts, and how the edge takes leave. */
#include "culvert/edge/connector_session.h"
#include "culvert/http/h2_life.h"
#include "support/fake_connector.h"

#include "harness.h"

#include <unistd.h>

static void settle_all(struct both_ends *ends)
{
    CHECK(settle(ends->loop));
}

static uint64_t life_ms(const struct fake_connector *fake)
{
    return fake->over_ms - fake->dialed_ms;
}

TEST(a_wrong_secret_or_an_unknown_tunnel_is_unauthorized_for_good_and_tcp_is_closed)
{
    static const struct {
        const char *name;
        const char *account, *secret; /* NULL: the right one */
        int tunnel;
    } cases[] = {
        {"a wrong secret", NULL, "guess", 1},
        {"no secret", NULL, "", 1},
        {"an unknown tunnel", NULL, NULL, 2},
        {"another account", "ffffffffffffffffffffffffffffffff", NULL, 1},
        {"no account", "", NULL, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct both_ends ends;
        struct fake_connector fake;
        both_ends_open(&ends);
        struct fake_connector_options options = fake_connector_of(&ends, 0);
        options.tunnel_id = stored_id(cases[i].tunnel);
        if (cases[i].account)
            options.account = span_of(cases[i].account);
        if (cases[i].secret)
            options.secret = span_of(cases[i].secret);
        fake_connector_dial(&fake, &ends, &options);
        CHECK_CASE(!fake_connector_is_taken(&fake), "%s: was taken", cases[i].name);
        CHECK_CASE(fake.refused && registration_cause_is_unauthorized(span_of(fake.cause)),
                   "%s: %s", cases[i].name, fake.cause);
        CHECK_CASE(!fake.should_retry, "%s: may be retried", cases[i].name);
        settle_all(&ends);
        CHECK_CASE(fake.over && !fake.heard_goaway, "%s: TCP is open", cases[i].name);
        CHECK_CASE(both_ends_count(&ends) == 0, "%s: is routed to", cases[i].name);
        fake_connector_close(&fake);
        both_ends_close(&ends);
    }
}

TEST(a_refused_connector_that_does_not_leave_is_closed_2_s_later)
{
    struct both_ends ends;
    struct fake_connector fake;
    both_ends_open(&ends);
    struct fake_connector_options options = fake_connector_of(&ends, 0);
    options.secret = SPAN("guess");
    options.holds_control = true;
    fake_connector_dial(&fake, &ends, &options);
    CHECK(!fake_connector_is_taken(&fake));
    both_ends_pass(&ends, SESSION_LEAVE_MS - 1);
    CHECK(!fake.over);
    both_ends_pass(&ends, 2);
    CHECK(fake.over);
    fake_connector_close(&fake);
    both_ends_close(&ends);
}

TEST(four_connections_of_one_connector_with_different_indexes_are_all_taken)
{
    struct both_ends ends;
    struct fake_connector fakes[4];
    struct uuid client = uuid_make();
    both_ends_open(&ends);
    for (size_t i = 0; i < ARRAY_LEN(fakes); i++) {
        struct fake_connector_options options = fake_connector_of(&ends, (uint8_t)i);
        options.client_id = client;
        fake_connector_dial(&fakes[i], &ends, &options);
    }
    for (size_t i = 0; i < ARRAY_LEN(fakes); i++)
        CHECK(fake_connector_is_taken(&fakes[i]));
    CHECK_SIZE(both_ends_count(&ends), 4);
    CHECK(!uuid_equal(&fakes[0].connection_id, &fakes[1].connection_id));
    for (size_t i = 0; i < ARRAY_LEN(fakes); i++)
        fake_connector_close(&fakes[i]);
    both_ends_close(&ends);
}

TEST(the_same_index_of_another_connector_is_taken)
{
    struct both_ends ends;
    struct fake_connector one, two;
    both_ends_open(&ends);
    struct fake_connector_options options = fake_connector_of(&ends, 0);
    fake_connector_dial(&one, &ends, &options);
    CHECK(fake_connector_is_taken(&one));
    options.client_id = uuid_make();
    fake_connector_dial(&two, &ends, &options);
    CHECK(fake_connector_is_taken(&two));
    CHECK_SIZE(both_ends_count(&ends), 2);
    fake_connector_close(&one);
    fake_connector_close(&two);
    both_ends_close(&ends);
}

/* ---- the same connection twice ---- */

static void twice_open(struct both_ends *ends, struct fake_connector *older,
                       struct fake_connector_options *options)
{
    both_ends_open(ends);
    *options = fake_connector_of(ends, 1);
    fake_connector_dial(older, ends, options);
    CHECK(fake_connector_is_taken(older));
}

static void twice_close(struct both_ends *ends, struct fake_connector *older,
                        struct fake_connector *newer)
{
    fake_connector_close(older);
    fake_connector_close(newer);
    both_ends_close(ends);
}

TEST(an_equal_connection_is_a_duplicate_while_the_older_one_answers)
{
    struct both_ends ends;
    struct fake_connector older, newer;
    struct fake_connector_options options;
    twice_open(&ends, &older, &options);
    options.attempts = 1;
    fake_connector_dial(&newer, &ends, &options);
    CHECK(!fake_connector_is_taken(&newer));
    CHECK_TEXT(newer.cause, "EDUPCONN");
    CHECK(newer.should_retry);
    settle_all(&ends);
    CHECK(newer.over && !older.over);
    CHECK_SIZE(both_ends_count(&ends), 1);
    twice_close(&ends, &older, &newer);
}

TEST(an_equal_connection_replaces_an_older_one_that_is_silent_for_1_s)
{
    struct both_ends ends;
    struct fake_connector older, newer;
    struct fake_connector_options options;
    twice_open(&ends, &older, &options);
    fake_connector_stop_reading(&older);
    uint64_t asked_ms = loop_now_ms(ends.loop);
    fake_connector_dial(&newer, &ends, &options);
    CHECK(fake_connector_is_taken(&newer));
    uint64_t waited_ms = loop_now_ms(ends.loop) - asked_ms;
    CHECK(waited_ms >= SESSION_PROBE_MS && waited_ms <= SESSION_PROBE_MS + 200);
    CHECK_SIZE(both_ends_count(&ends), 1);
    CHECK(!older.heard_goaway);
    twice_close(&ends, &older, &newer);
}

TEST(an_equal_connection_is_taken_at_once_when_the_older_one_drains)
{
    static const struct fake_reply begun = {.kind = FAKE_REPLY_BEGUN, .body = "begun"};
    struct both_ends ends;
    struct fake_connector older, newer;
    struct fake_connector_options options;
    struct visitor_wire visitor;
    twice_open(&ends, &older, &options);
    fake_connector_follow(&older, &begun, 1);
    visitor_open(&visitor, &ends);
    visitor_say(&visitor, SPAN("GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"));
    CHECK(visitor_hears(&visitor, "begun"));
    fake_connector_unregister(&older);
    settle_all(&ends);
    CHECK(older.unregistered && !older.over);
    options.attempts = 1;
    fake_connector_dial(&newer, &ends, &options);
    CHECK(fake_connector_is_taken(&newer));
    CHECK(!older.over);
    fake_call_end(&older.calls[0]);
    CHECK(visitor_hears(&visitor, "\r\n0\r\n\r\n"));
    settle_all(&ends);
    CHECK(older.over && !newer.over);
    visitor_close(&visitor);
    twice_close(&ends, &older, &newer);
}

TEST(who_asks_to_replace_an_equal_connection_does)
{
    struct both_ends ends;
    struct fake_connector older, newer;
    struct fake_connector_options options;
    twice_open(&ends, &older, &options);
    options.replaces = true;
    fake_connector_dial(&newer, &ends, &options);
    CHECK(fake_connector_is_taken(&newer));
    CHECK_SIZE(both_ends_count(&ends), 1);
    both_ends_pass(&ends, SESSION_LEAVE_MS + 1);
    CHECK(older.over && !older.heard_goaway && !newer.over);
    CHECK_SIZE(both_ends_count(&ends), 1);
    twice_close(&ends, &older, &newer);
}

TEST(two_equal_newcomers_do_not_share_the_place_of_a_dead_one)
{
    struct both_ends ends;
    struct fake_connector older, newer, newest;
    struct fake_connector_options options;
    twice_open(&ends, &older, &options);
    fake_connector_stop_reading(&older);
    fake_connector_dial(&newer, &ends, &options);
    fake_connector_dial(&newest, &ends, &options);
    bool first = fake_connector_is_taken(&newer);
    bool second = fake_connector_is_taken(&newest);
    CHECK(first != second);
    CHECK_TEXT(first ? newest.cause : newer.cause, "EDUPCONN");
    CHECK_SIZE(both_ends_count(&ends), 1);
    fake_connector_close(&newest);
    twice_close(&ends, &older, &newer);
}

TEST(a_newcomer_that_leaves_while_the_older_one_is_asked_leaves_it_in_place)
{
    struct both_ends ends;
    struct fake_connector older, newer;
    struct fake_connector_options options;
    twice_open(&ends, &older, &options);
    fake_connector_stop_reading(&older);
    fake_connector_dial(&newer, &ends, &options);
    both_ends_pass(&ends, 500);
    fake_connector_hang_up(&newer);
    settle_all(&ends);
    CHECK_SIZE(both_ends_count(&ends), 1);
    both_ends_pass(&ends, 1000);
    CHECK_SIZE(both_ends_count(&ends), 0); /* it did not answer all the same */
    twice_close(&ends, &older, &newer);
}

/* ---- leaving ---- */

/* A connection with one answer on its way, and how it leaves. */
static const struct {
    const char *name;
    void (*leave)(struct fake_connector *fake);
    bool holds_control;
    uint64_t idle_ms; /* at most so long until TCP is closed when nothing is open */
} leaves[] = {
    {"unregister", fake_connector_unregister, false, 0},
    {"unregister, the control stream stays open", fake_connector_unregister, true,
     SESSION_LEAVE_MS},
    {"the control stream ends", fake_connector_end_control, true, 0},
    {"an Abort and no end", fake_connector_abort, true, SESSION_LEAVE_MS},
    {"GOAWAY", fake_connector_goaway, true, SESSION_LEAVE_MS},
};

TEST(who_leaves_gets_no_new_request_and_tcp_is_closed_once_it_is_idle)
{
    for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
        struct both_ends ends;
        struct fake_connector fake;
        both_ends_open(&ends);
        struct fake_connector_options options = fake_connector_of(&ends, 0);
        options.holds_control = leaves[i].holds_control;
        fake_connector_dial(&fake, &ends, &options);
        CHECK(fake_connector_is_taken(&fake));
        leaves[i].leave(&fake);
        settle_all(&ends);
        CHECK_CASE(both_ends_count(&ends) == 0, "%s: is routed to", leaves[i].name);
        if (leaves[i].idle_ms > 0) {
            both_ends_pass(&ends, leaves[i].idle_ms - 1);
            CHECK_CASE(!fake.over, "%s: closed early", leaves[i].name);
            both_ends_pass(&ends, 2);
        }
        CHECK_CASE(fake.over, "%s: TCP is open", leaves[i].name);
        CHECK_CASE(!fake.heard_goaway, "%s: was sent away", leaves[i].name);
        fake_connector_close(&fake);
        both_ends_close(&ends);
    }
}

TEST(who_leaves_finishes_what_it_has_in_hand_however_long_it_takes)
{
    static const struct fake_reply begun = {.kind = FAKE_REPLY_BEGUN, .body = "begun"};
    for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
        struct both_ends ends;
        struct fake_connector fake;
        struct visitor_wire visitor, late;
        both_ends_open(&ends);
        struct fake_connector_options options = fake_connector_of(&ends, 0);
        options.holds_control = leaves[i].holds_control;
        fake_connector_dial(&fake, &ends, &options);
        fake_connector_follow(&fake, &begun, 1);
        CHECK(fake_connector_is_taken(&fake));
        visitor_open(&visitor, &ends);
        visitor_say(&visitor, SPAN("GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"));
        CHECK(visitor_hears(&visitor, "begun"));
        leaves[i].leave(&fake);
        both_ends_pass(&ends, 50 * 1000);
        CHECK_CASE(!fake.over, "%s: closed", leaves[i].name);
        visitor_open(&late, &ends);
        visitor_say(&late, SPAN("GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"));
        CHECK_CASE(visitor_hears(&late, "503 Service Unavailable"), "%s", leaves[i].name);
        CHECK_CASE(fake.call_count == 1, "%s: a new request", leaves[i].name);
        fake_call_say(&fake.calls[0], "and done");
        fake_call_end(&fake.calls[0]);
        CHECK_CASE(visitor_hears(&visitor, "and done\r\n0\r\n\r\n"), "%s", leaves[i].name);
        both_ends_pass(&ends, leaves[i].idle_ms + 1);
        CHECK_CASE(fake.over, "%s: TCP is open", leaves[i].name);
        visitor_close(&visitor);
        visitor_close(&late);
        fake_connector_close(&fake);
        both_ends_close(&ends);
    }
}

TEST(an_unregistered_connection_is_out_of_the_routing_before_it_is_told)
{
    struct both_ends ends;
    struct fake_connector fake;
    both_ends_open(&ends);
    struct fake_connector_options options = fake_connector_of(&ends, 0);
    fake_connector_dial(&fake, &ends, &options);
    CHECK(fake_connector_is_taken(&fake));
    fake_connector_unregister(&fake);
    while (!fake.unregistered) {
        size_t before = both_ends_count(&ends);
        REQUIRE(loop_turn(ends.loop, 0));
        CHECK(!fake.unregistered || before == 0);
    }
    fake_connector_close(&fake);
    both_ends_close(&ends);
}

/* ---- deadlines ---- */

TEST(who_does_not_register_in_time_is_closed)
{
    struct both_ends ends;
    struct fake_connector fake;
    both_ends_open(&ends);
    struct fake_connector_options options = fake_connector_of(&ends, 0);
    options.mute = true;
    fake_connector_dial(&fake, &ends, &options);
    both_ends_pass(&ends, SESSION_REGISTER_MS - 1);
    CHECK(!fake.over);
    both_ends_pass(&ends, 2);
    CHECK(fake.over);
    CHECK_SIZE(life_ms(&fake), SESSION_REGISTER_MS);
    fake_connector_close(&fake);
    both_ends_close(&ends);
}

TEST(a_connection_that_says_nothing_at_all_is_closed)
{
    struct both_ends ends;
    char bytes[256];
    both_ends_open(&ends);
    int fd = memory_sockets_dial(&ends.memory, "127.0.0.1:7844");
    REQUIRE(fd != -1);
    both_ends_pass(&ends, SESSION_REGISTER_MS + 2000);
    ssize_t n;
    do
        n = read(fd, bytes, sizeof bytes);
    while (n > 0);
    CHECK_SIZE(n, 0);
    (void)close(fd);
    both_ends_close(&ends);
}

TEST(a_registered_connector_that_reads_no_more_is_closed_and_its_requests_fail)
{
    struct both_ends ends;
    struct fake_connector fake;
    struct visitor_wire visitor;
    both_ends_open(&ends);
    struct fake_connector_options options = fake_connector_of(&ends, 0);
    fake_connector_dial(&fake, &ends, &options);
    CHECK(fake_connector_is_taken(&fake));
    fake_connector_stop_reading(&fake);
    visitor_open(&visitor, &ends);
    visitor_say(&visitor, SPAN("POST / HTTP/1.1\r\nHost: app.example.com\r\n"
                               "Content-Length: 1\r\n\r\nx"));
    both_ends_pass(&ends, H2_PING_AFTER_MS + H2_PING_LIMIT_MS + 1);
    CHECK_SIZE(both_ends_count(&ends), 0);
    CHECK(visitor_hears(&visitor, "HTTP/1.1 502 "));
    visitor_close(&visitor);
    fake_connector_close(&fake);
    both_ends_close(&ends);
}

TEST(a_connector_that_talks_but_reads_no_more_is_closed_when_it_stalls)
{
    enum { UPLOADS = 8 };
    struct both_ends ends;
    struct fake_connector fake;
    struct visitor_wire visitors[UPLOADS];
    struct buf body = BUF_LIMIT(H2_STREAM_WINDOW);
    both_ends_open(&ends);
    struct fake_connector_options options = fake_connector_of(&ends, 0);
    fake_connector_dial(&fake, &ends, &options);
    CHECK(fake_connector_is_taken(&fake));
    fake_connector_stop_reading(&fake);
    while (buf_put_char(&body, 'x'))
        continue;
    for (size_t i = 0; i < UPLOADS; i++) {
        visitor_open(&visitors[i], &ends);
        visitor_say(&visitors[i], SPAN("POST / HTTP/1.1\r\nHost: app.example.com\r\n"
                                       "Content-Length: 65536\r\n\r\n"));
        visitor_say(&visitors[i], buf_span(&body));
    }
    for (uint64_t ms = 0; ms <= SESSION_STALL_MS && !fake.over; ms += 10 * 1000) {
        CHECK(h2_session_ping(fake.session, 1000 * 1000, NULL, NULL));
        both_ends_pass(&ends, 10 * 1000);
        CHECK(both_ends_count(&ends) == 1 || ms + 10 * 1000 >= SESSION_STALL_MS);
    }
    CHECK_SIZE(both_ends_count(&ends), 0);
    for (size_t i = 0; i < UPLOADS; i++) {
        CHECK(visitor_hears(&visitors[i], "HTTP/1.1 502 "));
        visitor_close(&visitors[i]);
    }
    buf_release(&body);
    fake_connector_close(&fake);
    both_ends_close(&ends);
}
