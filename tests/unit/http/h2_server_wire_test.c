/* A server session against a client whose frames are written by hand. */
#include "culvert/http/h2_session.h"
#include "harness.h"
#include "support/h2_scene.h"
#include "support/h2_wire.h"

enum h2_code {
    NO_ERROR = 0,
    PROTOCOL_ERROR = 1,
    FLOW_CONTROL_ERROR = 3,
    ENHANCE_YOUR_CALM = 11,
};

struct scene {
    struct h2_scene two; /* the server of which is used */
    struct raw_peer peer;
    struct buf out; /* frames that wait to be sent */
};

static void send_out(struct scene *scene)
{
    size_t sent = 0;
    while (sent < scene->out.len) {
        size_t n = raw_peer_put(&scene->peer, span_skip(buf_span(&scene->out), sent));
        sent += n;
        turned_loop_settle(&scene->two.turned);
        if (n == 0)
            break; /* the other side is gone */
    }
    buf_clear(&scene->out);
    turned_loop_settle(&scene->two.turned);
}

static struct span hear(struct scene *scene)
{
    return raw_peer_hear(&scene->peer, &scene->two.turned);
}

static void scene_begin_with(struct scene *scene, uint32_t head_max)
{
    h2_scene_prepare(&scene->two);
    scene->two.server.options.head_max = head_max;
    h2_end_open(&scene->two.server, &scene->two.turned, raw_peer_open(&scene->peer));
    scene->out = (struct buf)BUF_LIMIT(64 * 1024 * 1024);
    CHECK(buf_put_span(&scene->out, SPAN(WIRE_PREFACE)));
    wire_put_settings(&scene->out, 0, 0);
    wire_put_ack(&scene->out);
    send_out(scene);
}

static void scene_begin(struct scene *scene)
{
    scene_begin_with(scene, 64 * 1024);
}

static void scene_end(struct scene *scene)
{
    raw_peer_close(&scene->peer);
    buf_release(&scene->out);
    h2_scene_end(&scene->two);
}

#define REQUEST(method, path)                                                                      \
    ":method", method, ":scheme", "https", ":path", path, ":authority", "a.example"

static void get(struct scene *scene, uint32_t stream)
{
    static const char *const fields[] = {REQUEST("GET", "/"), NULL};
    wire_put_headers(&scene->out, stream, WIRE_END_STREAM, fields);
}

/* Is the session well: does it answer one more request? */
static bool is_well(struct scene *scene, uint32_t stream)
{
    size_t before = scene->two.desk.count;
    get(scene, stream);
    send_out(scene);
    return scene->two.server.closed == 0 && scene->two.desk.count == before + 1;
}

/* ---- heads ---- */

/* HEADERS of stream 1 and CONTINUATIONs, in frames of 16 KiB. */
static void put_block(struct scene *scene, const struct buf *block, uint8_t flags)
{
    struct span rest = buf_span(block);
    for (bool first = true; first || rest.len > 0; first = false) {
        struct span part = span_first(rest, 16 * 1024);
        rest = span_skip(rest, part.len);
        const struct wire_frame frame = {
            first ? WIRE_HEADERS : WIRE_CONTINUATION,
            (uint8_t)((first ? flags : 0) | (rest.len ? 0 : WIRE_END_HEADERS)), 1, part};
        wire_put(&scene->out, &frame);
    }
}

TEST(cookies_that_came_apart_are_joined)
{
    static const char *const fields[] = {
        REQUEST("GET", "/"), "cookie", "a=b", "x", "y", "cookie", "c=d", "cookie", "e=f", NULL};
    struct scene scene;
    struct span cookie;
    scene_begin(&scene);
    wire_put_headers(&scene.out, 1, WIRE_END_STREAM, fields);
    send_out(&scene);
    REQUIRE(scene.two.desk.count == 1);
    const struct headers *got = &scene.two.desk.requests[0].head.fields;
    CHECK_SIZE(headers_count_of(got, SPAN("cookie")), 1);
    CHECK(headers_find(got, SPAN("cookie"), &cookie));
    CHECK_SPAN(cookie, SPAN("a=b; c=d; e=f"));
    CHECK(headers_has(got, SPAN("x")));
    scene_end(&scene);
}

TEST(thousands_of_crumbs_of_a_cookie_are_one_field)
{
    enum { CRUMBS = 5000 };
    static const char *const fields[] = {REQUEST("GET", "/"), NULL};
    struct scene scene;
    struct span cookie;
    struct buf block = BUF_LIMIT(256 * 1024);
    scene_begin(&scene);
    for (const char *const *field = fields; *field; field += 2)
        wire_put_field(&block, field[0], span_of(field[1]));
    for (int i = 0; i < CRUMBS; i++)
        wire_put_field(&block, "cookie", SPAN("a=b"));
    put_block(&scene, &block, WIRE_END_STREAM);
    send_out(&scene);
    REQUIRE(scene.two.desk.count == 1);
    CHECK(headers_find(&scene.two.desk.requests[0].head.fields, SPAN("cookie"), &cookie));
    CHECK_SIZE(cookie.len, CRUMBS * 5 - 2);
    CHECK_SIZE(scene.two.desk.requests[0].head.fields.count, 1);
    buf_release(&block);
    scene_end(&scene);
}

TEST(heads_are_taken_refused_or_reset_by_their_rules)
{
    static const struct {
        const char *fields[14];
        int status;    /* answered without asking the desk; 0: see below */
        bool is_reset; /* with PROTOCOL_ERROR; else the desk gets it */
        const char *authority;
        const char *reason;
    } cases[] = {
        {{REQUEST("GET", "/a?b#c"), NULL}, 0, false, "a.example", "a path is taken as it is"},
        {{":method", "GET", ":scheme", "https", ":path", "/", "host", "b.example", NULL},
         0,
         false,
         "b.example",
         "host in place of :authority"},
        {{REQUEST("GET", "/"), "host", "a.example", NULL}, 0, false, "a.example", "both, the same"},
        {{REQUEST("GET", "/"), "host", "A.EXAMPLE", NULL},
         0,
         false,
         "a.example",
         "both, the same but for case"},
        {{REQUEST("GET", "/"), "host", "b.example", NULL}, 400, false, "", "both, and they differ"},
        {{REQUEST("GET", "/"), "te", "trailers", NULL}, 0, false, "a.example", "te: trailers"},
        {{REQUEST("OPTIONS", "*"), NULL}, 0, false, "a.example", "the asterisk of OPTIONS"},
        {{":method", "CONNECT", ":authority", "a.example:443", NULL}, 501, false, "", "CONNECT"},
        {{REQUEST("GET", "/"), "te", "gzip", NULL}, 0, true, "", "another te"},
        {{REQUEST("GET", "/"), "connection", "close", NULL}, 0, true, "", "a field of HTTP/1.1"},
        {{REQUEST("GET", "/"), "transfer-encoding", "chunked", NULL},
         0,
         true,
         "",
         "transfer-encoding"},
        {{REQUEST("GET", "/"), "X-Upper", "1", NULL}, 0, true, "", "a name with capitals"},
        {{REQUEST("GET", "/"), "x y", "1", NULL}, 0, true, "", "a name with a blank"},
        {{REQUEST("GET", "/"), "", "1", NULL}, 0, true, "", "a field without a name"},
        {{REQUEST("GET", "/"), "x", "a\nb", NULL}, 0, true, "", "a value with LF"},
        {{REQUEST("GET", "/"), "x", "a\rb", NULL}, 0, true, "", "a value with CR"},
        {{REQUEST("GET", "/"), ":path", "/b", NULL}, 0, true, "", "two paths"},
        {{REQUEST("GET", "/"), ":status", "200", NULL}, 0, true, "", "a field of answers"},
        {{REQUEST("GET", "/"), ":foo", "bar", NULL}, 0, true, "", "an unknown pseudo field"},
        {{":method", "GET", ":scheme", "https", ":path", "/", NULL}, 0, true, "", "no authority"},
        {{":method", "GET", ":scheme", "https", ":authority", "a", NULL}, 0, true, "", "no path"},
        {{":method", "GET", ":path", "/", ":authority", "a", NULL}, 0, true, "", "no scheme"},
        {{":scheme", "https", ":path", "/", ":authority", "a", NULL}, 0, true, "", "no method"},
        {{"x", "y", REQUEST("GET", "/"), NULL}, 0, true, "", "pseudo fields behind others"},
        {{REQUEST("GET", ""), NULL}, 0, true, "", "an empty path"},
        {{REQUEST("GET", "a"), NULL}, 0, true, "", "a path without its slash"},
        {{REQUEST("GET", "*"), NULL}, 0, true, "", "the asterisk of others"},
        {{REQUEST("GET", "/a b"), NULL}, 0, true, "", "a path with a blank"},
        {{REQUEST("G T", "/"), NULL}, 0, true, "", "a method with a blank"},
        {{REQUEST("GET", "/"), "content-length", "+5", NULL}, 0, true, "", "a signed length"},
        {{REQUEST("GET", "/"), "content-length", "5", NULL}, 0, true, "", "a length and no body"},
        {{REQUEST("GET", "/"), "content-length", "0", "content-length", "0", NULL},
         0,
         true,
         "",
         "two lengths"},
        {{REQUEST("GET", "/"), "content-length", "99999999999999999999", NULL},
         0,
         true,
         "",
         "a length beyond all numbers"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        struct wire_frame last = {0};
        scene_begin(&scene);
        wire_put_headers(&scene.out, 1, WIRE_END_STREAM, cases[i].fields);
        send_out(&scene);
        bool is_taken = !cases[i].is_reset && cases[i].status == 0;
        CHECK_CASE((scene.two.desk.count == 1) == is_taken, "%s: the desk", cases[i].reason);
        if (is_taken && scene.two.desk.count == 1)
            CHECK_SPAN(buf_span(&scene.two.desk.requests[0].head.authority),
                       span_of(cases[i].authority));
        size_t resets = wire_count(hear(&scene), WIRE_RST_STREAM, 1, &last);
        CHECK_CASE((resets == 1) == cases[i].is_reset, "%s: reset", cases[i].reason);
        if (cases[i].is_reset)
            CHECK_CASE(wire_number(&last) == PROTOCOL_ERROR, "%s: code %u", cases[i].reason,
                       wire_number(&last));
        size_t answers = wire_count(hear(&scene), WIRE_HEADERS, 1, &last);
        CHECK_CASE((answers == 1) == (cases[i].status != 0), "%s: answered", cases[i].reason);
        if (cases[i].status != 0) {
            char status[4];
            (void)snprintf(status, sizeof status, "%d", cases[i].status);
            /* Either the static table's 400, or a literal. */
            CHECK_CASE(cases[i].status == 400 ? span_equal(last.payload, SPAN("\x8c"))
                                              : strstr(buf_text(&scene.peer.got), status) != NULL ||
                                                    last.payload.len > 1,
                       "%s: status", cases[i].reason);
        }
        CHECK_CASE(is_well(&scene, 3), "%s: the session goes on", cases[i].reason);
        scene_end(&scene);
    }
}

TEST(a_head_that_is_too_big_is_answered_with_431_and_the_session_goes_on)
{
    static const struct {
        size_t count, size;
        uint8_t flags;
        const char *reason;
    } cases[] = {
        {1, 60 * 1000, WIRE_END_STREAM, "one big value"}, /* 64 KiB would end the session */
        {100, 1000, WIRE_END_STREAM, "many values"},
        {600, 1, WIRE_END_STREAM, "too many fields"},
        {100, 1000, 0, "and a body would follow"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        struct buf block = BUF_LIMIT(1024 * 1024);
        struct buf value = BUF_LIMIT(1024 * 1024);
        scene_begin_with(&scene, 32 * 1024);
        while (value.len < cases[i].size)
            CHECK(buf_put_char(&value, 'x'));
        static const char *const fields[] = {REQUEST("POST", "/"), NULL};
        for (const char *const *field = fields; *field; field += 2)
            wire_put_field(&block, field[0], span_of(field[1]));
        for (size_t j = 0; j < cases[i].count; j++)
            wire_put_field(&block, "x-big", buf_span(&value));
        put_block(&scene, &block, cases[i].flags);
        send_out(&scene);
        CHECK_CASE(scene.two.desk.count == 0, "%s", cases[i].reason);
        CHECK_CASE(wire_count(hear(&scene), WIRE_HEADERS, 1, NULL) == 1, "%s", cases[i].reason);
        CHECK_CASE(is_well(&scene, 3), "%s", cases[i].reason);
        CHECK_CASE(scene.two.server.session && h2_session_streams(scene.two.server.session) == 1,
                   "%s", cases[i].reason);
        buf_release(&block);
        buf_release(&value);
        scene_end(&scene);
    }
}

TEST(a_head_without_end_ends_the_session)
{
    struct scene scene;
    static char some[16 * 1024];
    scene_begin(&scene);
    wire_put(&scene.out, &(struct wire_frame){WIRE_HEADERS, 0, 1, SPAN("\x82")});
    send_out(&scene);
    for (int i = 0; i < 10000 && scene.two.server.closed == 0; i++) {
        struct buf block = BUF_LIMIT(64 * 1024);
        wire_put_field(&block, "x-more", span_make(some, 8 * 1024));
        wire_put(&scene.out, &(struct wire_frame){WIRE_CONTINUATION, 0, 1, buf_span(&block)});
        buf_release(&block);
        send_out(&scene);
        raw_peer_pull(&scene.peer);
    }
    CHECK_SIZE(scene.two.server.closed, 1);
    scene_end(&scene);
}

TEST(a_visitor_that_waits_for_continue_is_told_to_go_on)
{
    static const char *const fields[] = {REQUEST("POST", "/"), "expect", "100-continue", NULL};
    struct scene scene;
    scene_begin(&scene);
    wire_put_headers(&scene.out, 1, 0, fields);
    send_out(&scene);
    REQUIRE(scene.two.desk.count == 1);
    CHECK(scene.two.desk.requests[0].head.wants_continue);
    CHECK(!headers_has(&scene.two.desk.requests[0].head.fields, SPAN("expect")));
    CHECK_SIZE(wire_count(hear(&scene), WIRE_HEADERS, 1, NULL), 1);
    desk_answer(&scene.two.desk.requests[0], 200, NULL);
    CHECK_SIZE(wire_count(hear(&scene), WIRE_HEADERS, 1, NULL), 2);
    wire_put_headers(&scene.out, 3, WIRE_END_STREAM, fields); /* nothing to wait for */
    send_out(&scene);
    CHECK_SIZE(wire_count(hear(&scene), WIRE_HEADERS, 3, NULL), 0);
    scene_end(&scene);
}

TEST(continue_may_be_one_of_several_expectations)
{
    static const char *const fields[] = {REQUEST("POST", "/"), "expect", "x, 100-Continue", NULL};
    struct scene scene;
    scene_begin(&scene);
    wire_put_headers(&scene.out, 1, 0, fields);
    send_out(&scene);
    REQUIRE(scene.two.desk.count == 1);
    CHECK(scene.two.desk.requests[0].head.wants_continue);
    scene_end(&scene);
}

static void answer_at_once(struct desk_request *request, char letter)
{
    if (letter == 'q')
        desk_answer(request, 403, NULL);
}

TEST(a_visitor_that_waits_for_continue_may_be_refused_instead)
{
    static const char *const fields[] = {REQUEST("POST", "/"), "expect", "100-continue", NULL};
    struct scene scene;
    scene_begin(&scene);
    scene.two.desk.act = answer_at_once;
    wire_put_headers(&scene.out, 1, 0, fields);
    send_out(&scene);
    CHECK_SIZE(wire_count(hear(&scene), WIRE_HEADERS, 1, NULL), 1);
    scene_end(&scene);
}

/* ---- bodies ---- */

static void post(struct scene *scene, uint32_t stream, const char *length)
{
    const char *const fields[] = {REQUEST("POST", "/"), length ? "content-length" : NULL, length,
                                  NULL};
    wire_put_headers(&scene->out, stream, 0, fields);
}

TEST(a_body_that_is_not_as_long_as_it_said_aborts_its_request)
{
    static const char *const bodies[] = {"abcd", "abcdef"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct scene scene;
        struct wire_frame last;
        scene_begin(&scene);
        post(&scene, 1, "5");
        wire_put_data(&scene.out, 1, WIRE_END_STREAM, span_of(bodies[i]));
        send_out(&scene);
        CHECK_SIZE(scene.two.desk.count, 1);
        CHECK_SIZE(scene.two.desk.requests[0].aborted, 1);
        CHECK(scene.two.desk.requests[0].why.kind == ERROR_PROTOCOL);
        CHECK(!scene.two.desk.requests[0].body_ended);
        CHECK_SIZE(wire_count(hear(&scene), WIRE_RST_STREAM, 1, &last), 1);
        CHECK_SIZE(wire_number(&last), PROTOCOL_ERROR);
        CHECK(is_well(&scene, 3));
        scene_end(&scene);
    }
}

TEST(trailers_arrive_and_bad_ones_abort)
{
    static const struct {
        const char *fields[4];
        uint8_t flags;
        bool good;
        const char *reason;
    } cases[] = {
        {{"x-sum", "1", NULL}, WIRE_END_STREAM, true, "a trailer"},
        {{":path", "/", NULL}, WIRE_END_STREAM, false, "a pseudo field"},
        {{"X-Sum", "1", NULL}, WIRE_END_STREAM, false, "capitals"},
        {{"x-sum", "1", NULL}, 0, false, "no end"},
        {{"connection", "close", NULL}, WIRE_END_STREAM, false, "a field of HTTP/1.1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_begin(&scene);
        post(&scene, 1, NULL);
        wire_put_data(&scene.out, 1, 0, SPAN("body"));
        wire_put_headers(&scene.out, 1, cases[i].flags, cases[i].fields);
        send_out(&scene);
        struct desk_request *request = &scene.two.desk.requests[0];
        CHECK_CASE(request->body_ended == cases[i].good, "%s", cases[i].reason);
        CHECK_CASE(request->aborted == !cases[i].good, "%s", cases[i].reason);
        if (cases[i].good)
            CHECK(headers_has(&request->trailers, SPAN("x-sum")));
        CHECK_CASE(is_well(&scene, 3), "%s", cases[i].reason);
        scene_end(&scene);
    }
}

TEST(trailers_that_are_too_big_abort_their_request)
{
    static char value[20 * 1000];
    struct scene scene;
    struct buf block = BUF_LIMIT(64 * 1024);
    memset(value, 'x', sizeof value);
    scene_begin_with(&scene, 32 * 1024);
    post(&scene, 1, NULL);
    wire_put_data(&scene.out, 1, 0, SPAN("body"));
    wire_put_field(&block, "x-big", span_make(value, sizeof value));
    wire_put_field(&block, "x-big", span_make(value, sizeof value));
    put_block(&scene, &block, WIRE_END_STREAM);
    send_out(&scene);
    CHECK_SIZE(scene.two.desk.requests[0].aborted, 1);
    CHECK(!scene.two.desk.requests[0].body_ended);
    CHECK(is_well(&scene, 3));
    buf_release(&block);
    scene_end(&scene);
}

TEST(a_body_beyond_its_window_is_cut)
{
    static char bytes[16 * 1024];
    struct scene scene;
    struct wire_frame last;
    scene_begin(&scene);
    scene.two.desk.holds = true;
    post(&scene, 1, NULL);
    for (int i = 0; i < 5; i++)
        wire_put_data(&scene.out, 1, 0, span_make(bytes, sizeof bytes));
    send_out(&scene);
    size_t resets = wire_count(hear(&scene), WIRE_RST_STREAM, 1, &last);
    size_t goaways = wire_count(hear(&scene), WIRE_GOAWAY, 0, &last);
    CHECK_SIZE(resets + goaways, 1);
    CHECK_SIZE(wire_number(&last), FLOW_CONTROL_ERROR);
    CHECK_SIZE(scene.two.desk.requests[0].aborted, 1);
    CHECK(scene.two.server.budget.used <= H2_STREAM_WINDOW);
    scene_end(&scene);
}

TEST(padding_costs_no_credit_in_the_end)
{
    struct scene scene;
    char padded[1 + 10 + 255];
    scene_begin(&scene);
    post(&scene, 1, NULL);
    memset(padded, 0, sizeof padded);
    padded[0] = (char)255;
    memcpy(padded + 1, "0123456789", 10);
    for (int i = 0; i < 70 * 1000; i++) { /* more than the connection's window */
        wire_put_data(&scene.out, 1, WIRE_PADDED, span_make(padded, sizeof padded));
        if (i % 50 == 49)
            send_out(&scene);
    }
    send_out(&scene);
    CHECK_SIZE(scene.two.desk.requests[0].body.len, 700 * 1000);
    CHECK_SIZE(scene.two.server.closed + scene.two.desk.requests[0].aborted, 0);
    raw_peer_pull(&scene.peer);
    CHECK(wire_count(hear(&scene), WIRE_WINDOW_UPDATE, 0, NULL) > 0);
    scene_end(&scene);
}

/* ---- a peer that breaks the session ---- */

TEST(what_breaks_the_session_ends_it_with_the_reason_and_tells_its_streams)
{
    static const struct {
        struct wire_frame frame;
        uint32_t code;
        const char *reason;
    } cases[] = {
        {{WIRE_DATA, 0, 0, SPAN_INIT("x")}, PROTOCOL_ERROR, "DATA on no stream"},
        {{WIRE_DATA, 0, 7, SPAN_INIT("x")}, PROTOCOL_ERROR, "DATA on an idle stream"},
        {{WIRE_HEADERS, WIRE_END_HEADERS, 2, SPAN_INIT("\x82")}, PROTOCOL_ERROR, "an even stream"},
        {{WIRE_HEADERS, WIRE_END_HEADERS, 3, SPAN_INIT("\xff\xff\xff\xff")}, 9, "bad compression"},
        {{WIRE_RST_STREAM, 0, 9, SPAN_INIT("\0\0\0\0")}, PROTOCOL_ERROR, "a reset of nothing"},
        {{WIRE_SETTINGS, 0, 0, SPAN_INIT("x")}, 6, "SETTINGS of one byte"},
        {{WIRE_PING, 0, 0, SPAN_INIT("x")}, 6, "PING of one byte"},
        {{WIRE_WINDOW_UPDATE, 0, 0, SPAN_INIT("\0\0\0\0")}, PROTOCOL_ERROR, "no more window"},
        {{WIRE_WINDOW_UPDATE, 0, 0, SPAN_INIT("\x7f\xff\xff\xff")},
         FLOW_CONTROL_ERROR,
         "more window than there is"},
        {{WIRE_PUSH_PROMISE, WIRE_END_HEADERS, 1, SPAN_INIT("\0\0\0\2\x82")},
         PROTOCOL_ERROR,
         "a push by a client"},
        {{WIRE_CONTINUATION, WIRE_END_HEADERS, 1, SPAN_INIT("\x82")},
         PROTOCOL_ERROR,
         "a continuation of nothing"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        struct wire_frame last = {0};
        scene_begin(&scene);
        post(&scene, 1, NULL);
        wire_put(&scene.out, &cases[i].frame);
        send_out(&scene);
        CHECK_CASE(wire_count(hear(&scene), WIRE_GOAWAY, 0, &last) == 1, "%s", cases[i].reason);
        CHECK_CASE(wire_number(&last) == cases[i].code, "%s: code %u", cases[i].reason,
                   wire_number(&last));
        CHECK_CASE(scene.two.server.closed == 1, "%s", cases[i].reason);
        CHECK_CASE(scene.two.desk.count == 1 && scene.two.desk.requests[0].aborted == 1, "%s",
                   cases[i].reason);
        scene_end(&scene);
    }
}

TEST(who_does_not_speak_http2_is_sent_away)
{
    static const char *const said[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
                                       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\n\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct h2_scene two;
        struct raw_peer peer;
        h2_scene_prepare(&two);
        h2_end_open(&two.server, &two.turned, raw_peer_open(&peer));
        raw_peer_say(&peer, &two.turned, said[i]);
        CHECK_SIZE(two.server.closed, 1);
        CHECK(two.server.why.kind == ERROR_PROTOCOL);
        raw_peer_close(&peer);
        h2_scene_end(&two);
    }
}

TEST(floods_end_the_session_and_keep_no_memory)
{
    static const struct {
        struct wire_frame frame;
        const char *reason;
    } cases[] = {
        {{WIRE_PING, 0, 0, SPAN_INIT("12345678")}, "PING"},
        {{WIRE_SETTINGS, 0, 0, SPAN_INIT("\0\4\0\1\0\0")}, "SETTINGS"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_begin(&scene);
        /* The peer reads nothing of what is answered. */
        for (int j = 0; j < 200 * 1000 && scene.two.server.closed == 0; j++) {
            wire_put(&scene.out, &cases[i].frame);
            if (j % 1000 == 999)
                send_out(&scene);
            if (scene.two.server.session)
                CHECK(conn_queued(scene.two.server.conn) <= CONN_OUT_MAX);
        }
        CHECK_CASE(scene.two.server.closed == 1, "%s", cases[i].reason);
        scene_end(&scene);
    }
}

TEST(frames_of_unknown_types_and_priorities_are_passed_over)
{
    struct scene scene;
    scene_begin(&scene);
    wire_put(&scene.out, &(struct wire_frame){0x77, 0xff, 0, SPAN("whatever")});
    wire_put(&scene.out, &(struct wire_frame){WIRE_PRIORITY, 0, 5, SPAN("\0\0\0\0\x10")});
    CHECK(is_well(&scene, 1));
    scene_end(&scene);
}

TEST(a_silent_visitor_is_asked_after_a_while_and_given_up)
{
    struct scene scene;
    scene_begin(&scene);
    turned_loop_pass(&scene.two.turned, H2_PING_AFTER_MS);
    CHECK_SIZE(wire_count(hear(&scene), WIRE_PING, 0, NULL), 1);
    turned_loop_pass(&scene.two.turned, H2_PING_LIMIT_MS - 1);
    CHECK_SIZE(scene.two.server.closed, 0);
    get(&scene, 1); /* any byte is a sign */
    send_out(&scene);
    turned_loop_pass(&scene.two.turned, H2_PING_AFTER_MS + H2_PING_LIMIT_MS - 1);
    CHECK_SIZE(scene.two.server.closed, 0);
    CHECK_SIZE(wire_count(hear(&scene), WIRE_PING, 0, NULL), 2);
    turned_loop_pass(&scene.two.turned, 1);
    CHECK_SIZE(scene.two.server.closed, 1);
    CHECK(scene.two.server.why.kind == ERROR_TIMEOUT);
    scene_end(&scene);
}

TEST(a_visitor_that_leaves_in_the_middle_of_anything_ends_the_session)
{
    struct buf all = BUF_LIMIT(64 * 1024);
    struct scene scene;
    scene_begin(&scene);
    post(&scene, 1, "4");
    wire_put_data(&scene.out, 1, 0, SPAN("body"));
    get(&scene, 3);
    CHECK(buf_put_span(&all, buf_span(&scene.out)));
    buf_clear(&scene.out);
    scene_end(&scene);
    for (size_t cut = 0; cut <= all.len; cut++) {
        scene_begin(&scene);
        CHECK(buf_put_span(&scene.out, span_first(buf_span(&all), cut)));
        send_out(&scene);
        raw_peer_close(&scene.peer);
        turned_loop_settle(&scene.two.turned);
        CHECK_CASE(scene.two.server.closed == 1, "cut at %zu", cut);
        for (size_t i = 0; i < scene.two.desk.count; i++)
            CHECK_CASE(scene.two.desk.requests[i].aborted == 1, "cut at %zu, request %zu", cut, i);
        scene_end(&scene);
    }
    buf_release(&all);
}
