/* What a registered connector's frames can do to the edge: end its own connection or one request,
 * never another connector's. */
#include "support/fake_connector.h"
#include "support/h2_wire.h"

#include "harness.h"

enum { FRAMES_MAX = 4 * 1024 * 1024, STREAM = 3 /* the first request's */ };

#define HOST "Host: app.example.com\r\n"

static const struct fake_reply silence = {.kind = FAKE_REPLY_SILENCE};
static const struct fake_reply hello = {.body = "hello"};

/* One frame, many times, behind everything that the session of the connector says itself. */
struct act {
    const char *name;
    struct wire_frame frame;
    size_t times;
    bool ends;         /* the connector's connection */
    const char *hears; /* the visitor whose request it has in hand */
};

#define SERVED "HTTP/1.1 200 OK" /* by the other one */
#define LOST   "HTTP/1.1 502 "

static const struct act acts[] = {
    {"PING", {WIRE_PING, 0, 0, SPAN_INIT("12345678")}, 3000, true, SERVED},
    {"SETTINGS", {WIRE_SETTINGS, 0, 0, SPAN_INIT("\0\4\0\1\0\0")}, 300, true, SERVED},
    {"PRIORITY", {WIRE_PRIORITY, 0, STREAM, SPAN_INIT("\0\0\0\0\1")}, 3000, true, SERVED},
    {"WINDOW_UPDATE", {WIRE_WINDOW_UPDATE, 0, 0, SPAN_INIT("\0\0\0\1")}, 3000, true, SERVED},
    {"unknown frames", {0x77, 0, 0, SPAN_INIT("abc")}, 3000, true, SERVED},
    {"frames without bytes", {WIRE_DATA, 0, 1, SPAN_INIT("")}, 3000, true, SERVED},
    {"a head without end", {WIRE_CONTINUATION, 0, STREAM, SPAN_INIT("")}, 100, true, SERVED},
    {"an answer to nothing", {WIRE_HEADERS, 4, 99, SPAN_INIT("\x88")}, 1, true, SERVED},
    {"a stream of its own", {WIRE_HEADERS, 4, 2, SPAN_INIT("\x88")}, 1, true, SERVED},
    {"a promise", {WIRE_PUSH_PROMISE, 4, STREAM, SPAN_INIT("\0\0\0\2\x82")}, 1, true, SERVED},
    {"DATA of no stream", {WIRE_DATA, 0, 0, SPAN_INIT("x")}, 1, true, SERVED},
    {"bytes before a head", {WIRE_DATA, 0, STREAM, SPAN_INIT("x")}, 1, true, SERVED},
    {"a head without a status", {WIRE_HEADERS, 4, STREAM, SPAN_INIT("\x00\1a\1b")}, 1, false, LOST},
    {"a trailer for a head", {WIRE_HEADERS, 5, STREAM, SPAN_INIT("\x00\1a\1b")}, 1, false, LOST},
    {"no credit at all", {WIRE_WINDOW_UPDATE, 0, STREAM, SPAN_INIT("\0\0\0\0")}, 1, true, SERVED},
    {"resets without end",
     {WIRE_RST_STREAM, 0, STREAM, SPAN_INIT("\0\0\0\2")},
     3000,
     false,
     SERVED},
};

static void say(struct fake_connector *fake, const struct act *act)
{
    struct buf out = BUF_LIMIT(FRAMES_MAX);
    for (size_t i = 0; i < act->times; i++)
        wire_put(&out, &act->frame);
    CHECK(conn_put(h2_session_conn(fake->session), out.data, out.len));
    CHECK(settle(fake->ends->loop));
    buf_release(&out);
}

TEST(frames_of_a_connector_hurt_its_own_requests_at_most)
{
    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        struct both_ends ends;
        struct fake_connector mean;
        struct fake_connector good;
        struct visitor_wire visitor;
        both_ends_open(&ends);
        struct fake_connector_options options = fake_connector_of(&ends, 0);
        fake_connector_dial(&mean, &ends, &options);
        fake_connector_follow(&mean, &silence, 1);
        REQUIRE(fake_connector_is_taken(&mean));
        visitor_open(&visitor, &ends);
        visitor_say(&visitor, SPAN("GET / HTTP/1.1\r\n" HOST "\r\n"));
        REQUIRE(fake_connector_is_asked(&mean, 1));
        options = fake_connector_of(&ends, 1);
        fake_connector_dial(&good, &ends, &options);
        fake_connector_follow(&good, &hello, 1);
        REQUIRE(fake_connector_is_taken(&good));
        say(&mean, &acts[i]);
        CHECK_CASE(visitor_hears(&visitor, acts[i].hears), "%s: %.60s", acts[i].name,
                   buf_text(&visitor.got));
        CHECK_CASE(mean.over == acts[i].ends, "%s: its connection %s", acts[i].name,
                   mean.over ? "ended" : "did not end");
        CHECK_CASE(!good.over, "%s: the other one ended", acts[i].name);
        visitor_close(&visitor);
        fake_connector_close(&mean);
        fake_connector_close(&good);
        both_ends_close(&ends);
    }
}

/* An answer whose bytes are not as many as it said is never taken for whole. */
TEST(an_answer_that_lies_about_its_length_is_cut)
{
    static const struct {
        const char *name, *body;
        int64_t length;
    } cases[] = {{"longer", "0123456789", 5}, {"shorter", "01234", 10}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct both_ends ends;
        struct fake_connector fake;
        struct visitor_wire visitor;
        const struct fake_reply replies[] = {
            {.fields = i == 0 ? "Content-Length: 5" : "Content-Length: 10",
             .length = cases[i].length,
             .body = cases[i].body},
            {.body = "hello"}};
        both_ends_open(&ends);
        struct fake_connector_options options = fake_connector_of(&ends, 0);
        fake_connector_dial(&fake, &ends, &options);
        fake_connector_follow(&fake, replies, 2);
        REQUIRE(fake_connector_is_taken(&fake));
        visitor_open(&visitor, &ends);
        visitor_say(&visitor, SPAN("GET / HTTP/1.1\r\n" HOST "\r\n"));
        CHECK_CASE(visitor_sees_end(&visitor), "%s: %s", cases[i].name, buf_text(&visitor.got));
        CHECK_CASE(!strstr(buf_text(&visitor.got), "0123456789"), "%s: it was given on whole",
                   cases[i].name);
        visitor_close(&visitor);
        visitor_open(&visitor, &ends);
        visitor_say(&visitor, SPAN("GET / HTTP/1.1\r\n" HOST "\r\n"));
        CHECK_CASE(visitor_hears(&visitor, "hello"), "%s: nothing is served behind it",
                   cases[i].name);
        CHECK(!fake.over);
        visitor_close(&visitor);
        fake_connector_close(&fake);
        both_ends_close(&ends);
    }
}
