/* A visitor's WebSocket through both ends: what each of the three parties says and hears. */
#include "culvert/http/h1_server.h"
#include "culvert/proxy/exchange.h"
#include "support/both_ends.h"

#include "harness.h"

#define HOST "Host: app.example.com\r\n"
#define HELLO                                                                                      \
    "GET /chat?room=1 HTTP/1.1\r\n" HOST "Connection: keep-alive, Upgrade\r\n"                     \
    "Upgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                        \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
#define ACCEPT                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"            \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n"

/* Both ends, an origin that follows a script, and a visitor who says hello. */
struct play {
    struct both_ends ends;
    struct visitor_wire visitor;
};

static void begin(struct play *play, const struct fake_script *script, const char *says)
{
    both_ends_open(&play->ends);
    fake_origin_follow(&play->ends.origin, script, 1);
    both_ends_connect(&play->ends, "ingress:\n  - {service: 'http://127.0.0.1:3000'}\n");
    REQUIRE(both_ends_registered(&play->ends, 4));
    visitor_open(&play->visitor, &play->ends);
    visitor_say(&play->visitor, span_of(says));
}

static void end(struct play *play)
{
    visitor_close(&play->visitor);
    both_ends_close(&play->ends);
}

static const struct fake_request *asked(const struct play *play)
{
    return play->ends.origin.request_count > 0 ? &play->ends.origin.requests[0] : NULL;
}

static const struct fake_connection *origin_side(const struct play *play)
{
    return &play->ends.origin.connections[0];
}

static bool has_line(const struct fake_request *request, const char *line)
{
    return request && strstr(buf_text(&request->head), line) != NULL;
}

/* What the origin heard behind the hello. */
static bool has_heard(const struct play *play, const char *text)
{
    return asked(play) && span_equal(buf_span(&asked(play)->body), span_of(text));
}

static double connector_metric(struct play *play, const char *series)
{
    return both_ends_metric(&play->ends, "127.0.0.1:20241", series);
}

static const struct fake_script echo = {
    {{FAKE_SEND, SPAN_INIT(ACCEPT)}, {FAKE_ECHO}, {FAKE_SEND, SPAN_INIT("bye")}, {FAKE_CLOSE}}};

TEST(a_websocket_is_bytes_both_ways_behind_the_origins_101)
{
    struct play play;
    begin(&play, &echo, HELLO);
    CHECK(visitor_hears(&play.visitor, "Sec-Websocket-Protocol: chat\r\n"));
    CHECK(visitor_hears(&play.visitor, "\r\n\r\n"));
    CHECK(span_starts(buf_span(&play.visitor.got),
                      SPAN("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                           "Upgrade: websocket\r\n")));
    CHECK(visitor_hears(&play.visitor, "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    CHECK(has_line(asked(&play), "GET /chat?room=1 HTTP/1.1\r\n"));
    CHECK(has_line(asked(&play), "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
    CHECK(has_line(asked(&play), "\r\nSec-Websocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    CHECK(has_line(asked(&play), "\r\nSec-Websocket-Version: 13\r\n"));
    CHECK(!has_line(asked(&play), "Content-Length"));
    CHECK(!has_line(asked(&play), "Transfer-Encoding"));
    CHECK(connector_metric(&play, "culvert_streams_active{kind=\"websocket\"}") == 1);
    visitor_say(&play.visitor, SPAN("\x81\x84maskping"));
    CHECK(visitor_hears(&play.visitor, "\x81\x84maskping"));
    both_ends_pass(&play.ends, 3600 * 1000); /* no limit of requests holds for it */
    visitor_say(&play.visitor, SPAN("still here"));
    CHECK(visitor_hears(&play.visitor, "still here"));
    conn_end(play.visitor.conn);
    CHECK(visitor_sees_end(&play.visitor) && visitor_hears(&play.visitor, "bye"));
    CHECK(!play.visitor.reset);
    CHECK(has_heard(&play, "\x81\x84maskpingstill here"));
    CHECK(connector_metric(&play, "culvert_streams_active{kind=\"websocket\"}") == 0);
    CHECK(connector_metric(&play, "culvert_requests_total{code=\"101\",kind=\"websocket\","
                                  "rule=\"0\"}") == 1);
    CHECK(both_ends_metric(&play.ends, "127.0.0.1:2001",
                           "culvert_edge_requests_total{code=\"101\"}") == 1);
    end(&play);
}

TEST(a_refused_upgrade_is_an_ordinary_answer_and_the_connection_goes_on)
{
    static const struct fake_script refuse = {
        {{FAKE_SEND,
          SPAN_INIT("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-R: 1\r\n\r\nno")}}};
    struct play play;
    begin(&play, &refuse, HELLO);
    CHECK(visitor_hears(&play.visitor, "HTTP/1.1 403 Forbidden\r\n"));
    CHECK(visitor_hears(&play.visitor, "X-R: 1\r\n"));
    CHECK(visitor_hears(&play.visitor, "\r\n\r\nno"));
    buf_clear(&play.visitor.got);
    visitor_say(&play.visitor, SPAN("GET /next HTTP/1.1\r\n" HOST "\r\n"));
    CHECK(visitor_hears(&play.visitor, "\r\n\r\nno") && !play.visitor.ended);
    CHECK_SIZE(play.ends.origin.request_count, 2);
    CHECK_SIZE(play.ends.origin.connection_count, 1); /* it was worth keeping */
    end(&play);
}

/* Who speaks before it is answered hopes that we took the upgrade for granted. */
TEST(bytes_behind_a_hello_wait_for_101_and_are_the_next_request_without_it)
{
    static const struct fake_script late = {
        {{FAKE_SLEEP, .number = 1000}, {FAKE_SEND, SPAN_INIT(ACCEPT)}, {FAKE_ECHO}, {FAKE_CLOSE}}};
    static const struct fake_script refuse = {
        {{FAKE_SLEEP, .number = 1000},
         {FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")}}};
    struct play play;
    begin(&play, &late, HELLO "early");
    both_ends_pass(&play.ends, 900);
    REQUIRE(asked(&play) != NULL);
    CHECK_SIZE(asked(&play)->body.len, 0);
    CHECK(visitor_hears(&play.visitor, "\r\n\r\nearly"));
    CHECK(has_heard(&play, "early"));
    end(&play);
    begin(&play, &refuse, HELLO "GET /inside HTTP/1.1\r\n" HOST "\r\n");
    both_ends_pass(&play.ends, 900);
    CHECK_SIZE(play.ends.origin.request_count, 1);
    CHECK(visitor_hears(&play.visitor, "\r\n\r\nhi"));
    both_ends_pass(&play.ends, 1100);
    CHECK_SIZE(play.ends.origin.request_count, 2);
    CHECK(has_line(&play.ends.origin.requests[1], "GET /inside HTTP/1.1\r\n"));
    CHECK(has_line(&play.ends.origin.requests[1], "Cf-Ray")); /* as any request of its own */
    CHECK(has_heard(&play, ""));
    end(&play);
}

TEST(bytes_in_one_piece_with_the_101_arrive)
{
    static const struct fake_script script = {
        {{FAKE_SEND, SPAN_INIT(ACCEPT "welcome")}, {FAKE_SUFFIX, SPAN_INIT("thanks")}}};
    struct play play;
    begin(&play, &script, HELLO);
    CHECK(visitor_hears(&play.visitor, "\r\n\r\nwelcome"));
    visitor_say(&play.visitor, SPAN("thanks"));
    both_ends_pass(&play.ends, 100);
    CHECK(has_heard(&play, "thanks") && !play.visitor.ended);
    end(&play);
}

TEST(the_end_of_one_direction_leaves_the_other_open)
{
    static const struct fake_script hears_first = {{{FAKE_SEND, SPAN_INIT(ACCEPT)},
                                                    {FAKE_HEAR},
                                                    {FAKE_SLEEP, .number = 60 * 1000},
                                                    {FAKE_SEND, SPAN_INIT("late")},
                                                    {FAKE_CLOSE}}};
    static const struct fake_script ends_first = {{{FAKE_SEND, SPAN_INIT(ACCEPT "bye")},
                                                   {FAKE_FINISH},
                                                   {FAKE_SUFFIX, SPAN_INIT("after")},
                                                   {FAKE_HEAR},
                                                   {FAKE_CLOSE}}};
    struct play play;
    begin(&play, &hears_first, HELLO);
    CHECK(visitor_hears(&play.visitor, "\r\n\r\n"));
    visitor_say(&play.visitor, SPAN("last words"));
    conn_end(play.visitor.conn);
    CHECK(visitor_sees_end(&play.visitor) && visitor_hears(&play.visitor, "\r\n\r\nlate"));
    CHECK(has_heard(&play, "last words") && !play.visitor.reset);
    end(&play);
    begin(&play, &ends_first, HELLO);
    CHECK(visitor_sees_end(&play.visitor) && visitor_hears(&play.visitor, "\r\n\r\nbye"));
    CHECK(!play.visitor.reset);
    both_ends_pass(&play.ends, 60 * 1000);
    visitor_say(&play.visitor, SPAN("and after"));
    both_ends_pass(&play.ends, 100);
    conn_end(play.visitor.conn);
    both_ends_pass(&play.ends, 100);
    CHECK(has_heard(&play, "and after") && !origin_side(&play)->conn);
    CHECK(connector_metric(&play, "culvert_streams_active{kind=\"websocket\"}") == 0);
    end(&play);
}

TEST(a_half_that_stands_still_is_cut_at_both_ends)
{
    static const struct fake_script deaf = {
        {{FAKE_SEND, SPAN_INIT(ACCEPT)}, {FAKE_SUFFIX, SPAN_INIT("never")}}};
    struct play play;
    begin(&play, &deaf, HELLO);
    CHECK(visitor_hears(&play.visitor, "\r\n\r\n"));
    conn_end(play.visitor.conn);
    both_ends_pass(&play.ends, EXCHANGE_HALF_CLOSED_MS - 1000);
    CHECK(!play.visitor.ended && origin_side(&play)->conn);
    both_ends_pass(&play.ends, 2000);
    CHECK(play.visitor.ended);
    CHECK(connector_metric(&play, "culvert_streams_active{kind=\"websocket\"}") == 0);
    end(&play);
}

TEST(an_origin_that_breaks_off_cuts_the_visitor_and_the_other_way_round)
{
    static const struct fake_script breaks = {
        {{FAKE_SEND, SPAN_INIT(ACCEPT "abc")}, {FAKE_SLEEP, .number = 150}, {FAKE_RESET}}};
    struct play play;
    begin(&play, &breaks, HELLO);
    CHECK(visitor_hears(&play.visitor, "\r\n\r\nabc"));
    CHECK(visitor_sees_end(&play.visitor));
    CHECK(connector_metric(&play, "culvert_origin_errors_total{cause=\"cut\",rule=\"0\"}") == 1);
    end(&play);
    begin(&play, &echo, HELLO);
    CHECK(visitor_hears(&play.visitor, "\r\n\r\n"));
    conn_close(play.visitor.conn); /* an end that is taken for that of its direction */
    play.visitor.conn = NULL;
    both_ends_pass(&play.ends, 100);
    CHECK(!origin_side(&play)->conn);
    CHECK(connector_metric(&play, "culvert_streams_active{kind=\"websocket\"}") == 0);
    end(&play);
}

static bool origin_was_left(void *arg)
{
    const struct play *play = arg;
    return origin_side(play)->peer_closed;
}

TEST(the_end_of_a_grace_period_ends_websockets)
{
    struct play play;
    begin(&play, &echo, HELLO);
    CHECK(visitor_hears(&play.visitor, "\r\n\r\n"));
    CHECK(both_ends_stop(&play.ends));
    CHECK(visitor_sees_end(&play.visitor));
    end(&play);
    begin(&play, &echo, HELLO);
    CHECK(visitor_hears(&play.visitor, "\r\n\r\n"));
    edge_stop(play.ends.edge);
    CHECK(visitor_sees_end(&play.visitor));
    CHECK(both_ends_until(&play.ends, origin_was_left, &play));
    end(&play);
}

static size_t origin_connections(const struct play *play)
{
    return play->ends.origin.connection_count;
}

TEST(an_answer_101_that_nobody_asked_for_upgrades_nothing)
{
    static const struct fake_script other = {
        {{FAKE_SEND, SPAN_INIT("HTTP/1.1 101 Switching Protocols\r\nUpgrade: irc\r\n"
                               "Connection: Upgrade\r\n\r\nPING")}}};
    static const char plain[] = "GET / HTTP/1.1\r\n" HOST "\r\n";
    struct play play;
    begin(&play, &other, HELLO);
    CHECK(visitor_hears(&play.visitor, "4\r\nPING\r\n"));
    CHECK(span_starts(buf_span(&play.visitor.got), SPAN("HTTP/1.1 200 OK\r\n")));
    CHECK(asked(&play)->body.len == 0);
    end(&play);
    begin(&play, &other, plain);
    CHECK(visitor_hears(&play.visitor, "4\r\nPING\r\n0\r\n\r\n"));
    visitor_say(&play.visitor, span_of(plain));
    CHECK(visitor_hears(&play.visitor, "4\r\nPING\r\n0\r\n\r\n"));
    CHECK_SIZE(origin_connections(&play), 2); /* the first is of no use any more */
    end(&play);
    begin(&play, &echo,
          "POST / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    CHECK(visitor_hears(&play.visitor, "\r\n\r\n0\r\n\r\n"));
    CHECK(span_starts(buf_span(&play.visitor.got), SPAN("HTTP/1.1 200 OK\r\n")));
    CHECK(has_line(asked(&play), "\r\nConnection: keep-alive\r\n"));
    end(&play);
}

TEST(the_edge_itself_speaks_no_websocket)
{
    struct play play;
    begin(&play, &echo,
          "GET /client/v4/accounts HTTP/1.1\r\nHost: edge.localhost\r\nConnection: Upgrade\r\n"
          "Upgrade: websocket\r\n\r\n");
    CHECK(visitor_hears(&play.visitor, "HTTP/1.1 400 Bad Request\r\n"));
    CHECK_SIZE(play.ends.origin.request_count, 0);
    end(&play);
}

/* More than what lies between the parties, both ways at once, with an origin that pauses. */
TEST(a_websocket_moves_more_than_all_channels_hold)
{
    enum { SIZE = 2 * 1024 * 1024 };
    static const struct fake_script script = {{{FAKE_SEND, SPAN_INIT(ACCEPT)},
                                               {FAKE_SLEEP, .number = 5000},
                                               {FAKE_STREAM, .number = SIZE},
                                               {FAKE_AWAIT, .number = SIZE},
                                               {FAKE_CLOSE}}};
    static char bytes[SIZE];
    struct play play;
    begin(&play, &script, HELLO);
    CHECK(visitor_hears(&play.visitor, "\r\n\r\n"));
    size_t head = play.visitor.got.len;
    memset(bytes, 'v', sizeof bytes);
    visitor_say(&play.visitor, span_make(bytes, sizeof bytes));
    CHECK(visitor_sees_end(&play.visitor) && !play.visitor.reset);
    CHECK_SIZE(play.visitor.got.len - head, SIZE);
    CHECK_SIZE(asked(&play)->body.len, SIZE);
    end(&play);
}

/* ---- framing that has no meaning around an upgrade ---- */

TEST(a_hello_that_says_it_has_no_body_is_a_hello)
{
    struct play play;
    begin(&play, &echo,
          "GET /chat HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
          "Content-Length: 0\r\n\r\n");
    CHECK(visitor_hears(&play.visitor, "HTTP/1.1 101"));
    CHECK(visitor_hears(&play.visitor, "\r\n\r\n"));
    visitor_say(&play.visitor, SPAN("hello there"));
    CHECK(visitor_hears(&play.visitor, "hello there"));
    CHECK(!has_line(asked(&play), "Content-Length"));
    end(&play);
}

TEST(framing_in_a_101_changes_nothing_of_what_follows)
{
    static const char *const framings[] = {
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Content-Length: 0\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(framings); i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\n%s\r\n",
                       framings[i]);
        const struct fake_script script = {{{FAKE_SEND, span_of(text)}, {FAKE_ECHO}}};
        struct play play;
        begin(&play, &script, HELLO);
        CHECK_CASE(visitor_hears(&play.visitor, "HTTP/1.1 101"), "%s", framings[i]);
        CHECK_CASE(visitor_hears(&play.visitor, "\r\n\r\n"), "%s", framings[i]);
        visitor_say(&play.visitor, SPAN("hello there"));
        CHECK_CASE(visitor_hears(&play.visitor, "hello there"), "%s", framings[i]);
        end(&play);
    }
}

TEST(an_answer_200_that_speaks_of_an_upgrade_is_none)
{
    static const char *const connections[] = {"", "Connection: Upgrade\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(connections); i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "HTTP/1.1 200 OK\r\n%sUpgrade: websocket\r\nContent-Length: 2\r\n\r\nhi",
                       connections[i]);
        const struct fake_script script = {{{FAKE_SEND, span_of(text)}}};
        struct play play;
        begin(&play, &script, HELLO);
        CHECK_CASE(visitor_hears(&play.visitor, "HTTP/1.1 200"), "case %zu", i);
        CHECK_CASE(visitor_hears(&play.visitor, "\r\n\r\nhi"), "case %zu", i);
        end(&play);
    }
}
