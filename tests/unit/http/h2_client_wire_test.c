/* A client session against a server whose frames are written by hand. */
#include "culvert/http/h2_session.h"
#include "harness.h"
#include "support/h2_scene.h"
#include "support/h2_wire.h"

enum h2_code {
    NO_ERROR = 0,
    PROTOCOL_ERROR = 1,
    INTERNAL_ERROR = 2,
    REFUSED_STREAM = 7,
    CANCEL = 8,
};

struct scene {
    struct h2_scene two; /* the client of which is used */
    struct raw_peer peer;
    struct buf out;
    struct ask ask;
};

static void send_out(struct scene *scene)
{
    (void)raw_peer_put(&scene->peer, buf_span(&scene->out));
    buf_clear(&scene->out);
    turned_loop_settle(&scene->two.turned);
}

static struct span hear(struct scene *scene)
{
    return raw_peer_hear(&scene->peer, &scene->two.turned);
}

/* A greeting, and a request on stream 1. */
static void scene_begin(struct scene *scene, const char *method)
{
    h2_scene_prepare(&scene->two);
    scene->two.asks = &scene->ask;
    scene->two.ask_count = 1;
    scene->two.client.options.head_max = 32 * 1024;
    h2_end_open(&scene->two.client, &scene->two.turned, raw_peer_open(&scene->peer));
    scene->out = (struct buf)BUF_LIMIT(16 * 1024 * 1024);
    wire_put_settings(&scene->out, 0, 0);
    wire_put_ack(&scene->out);
    send_out(scene);
    ask_init(&scene->ask, method, "/");
    if (strcmp(method, "POST") == 0)
        ask_announce(&scene->ask, LENGTH_UNKNOWN);
    CHECK(ask_send(&scene->ask, &scene->two.opener));
    turned_loop_settle(&scene->two.turned);
}

static void scene_end(struct scene *scene)
{
    ask_release(&scene->ask);
    raw_peer_close(&scene->peer);
    buf_release(&scene->out);
    h2_scene_end(&scene->two);
}

/* ---- heads of answers ---- */

TEST(heads_of_answers_are_taken_or_the_stream_is_reset)
{
    static const struct {
        const char *method;
        const char *fields[8];
        uint8_t flags;
        int status; /* told; 0: it failed */
        bool done;
        const char *reason;
    } cases[] = {
        {"GET", {":status", "200", NULL}, WIRE_END_STREAM, 200, true, "no body"},
        {"GET",
         {":status", "200", "content-length", "0", NULL},
         WIRE_END_STREAM,
         200,
         true,
         "a length of nothing"},
        {"HEAD",
         {":status", "200", "content-length", "7", NULL},
         WIRE_END_STREAM,
         200,
         true,
         "HEAD"},
        {"GET", {":status", "304", "content-length", "7", NULL}, WIRE_END_STREAM, 304, true, "304"},
        {"GET", {":status", "204", NULL}, WIRE_END_STREAM, 204, true, "204"},
        {"GET", {":status", "999", NULL}, WIRE_END_STREAM, 999, true, "an odd status"},
        {"GET",
         {":status", "200", "content-length", "7", NULL},
         WIRE_END_STREAM,
         0,
         false,
         "a length and no body"},
        {"GET", {":status", "101", NULL}, WIRE_END_STREAM, 0, false, "a switch of protocols"},
        {"GET", {":status", "20", NULL}, WIRE_END_STREAM, 0, false, "two digits"},
        {"GET", {":status", "abc", NULL}, WIRE_END_STREAM, 0, false, "no digits"},
        {"GET", {":status", "099", NULL}, WIRE_END_STREAM, 0, false, "below all statuses"},
        {"GET", {"x", "y", NULL}, WIRE_END_STREAM, 0, false, "no status"},
        {"GET",
         {":status", "200", ":status", "200", NULL},
         WIRE_END_STREAM,
         0,
         false,
         "two statuses"},
        {"GET",
         {":status", "200", ":path", "/", NULL},
         WIRE_END_STREAM,
         0,
         false,
         "a field of requests"},
        {"GET", {":status", "200", "X", "y", NULL}, WIRE_END_STREAM, 0, false, "capitals"},
        {"GET",
         {":status", "200", "connection", "close", NULL},
         WIRE_END_STREAM,
         0,
         false,
         "a field of HTTP/1.1"},
        {"GET",
         {":status", "200", "x", "a\nb", NULL},
         WIRE_END_STREAM,
         0,
         false,
         "a value with LF"},
        {"GET",
         {":status", "103", NULL},
         WIRE_END_STREAM,
         0,
         false,
         "an interim answer at the end"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_begin(&scene, cases[i].method);
        wire_put_headers(&scene.out, 1, cases[i].flags, cases[i].fields);
        send_out(&scene);
        CHECK_CASE(scene.ask.status == cases[i].status, "%s: %d", cases[i].reason,
                   scene.ask.status);
        CHECK_CASE(scene.ask.ends == 1 && scene.ask.done == cases[i].done, "%s", cases[i].reason);
        if (!cases[i].done)
            CHECK_CASE(scene.ask.why.kind == ERROR_PROTOCOL, "%s: %s", cases[i].reason,
                       scene.ask.why.text);
        CHECK_CASE(scene.two.client.closed == 0, "%s", cases[i].reason);
        scene_end(&scene);
    }
}

TEST(a_head_that_is_too_big_is_no_answer_we_can_take)
{
    struct scene scene;
    struct buf block = BUF_LIMIT(64 * 1024);
    struct wire_frame last;
    static char value[1000];
    memset(value, 'x', sizeof value);
    scene_begin(&scene, "GET");
    wire_put_field(&block, ":status", SPAN("200"));
    for (int i = 0; i < 40; i++)
        wire_put_field(&block, "x-big", span_make(value, sizeof value));
    struct span rest = buf_span(&block);
    for (bool first = true; rest.len > 0; first = false) {
        struct span part = span_first(rest, 16 * 1024);
        rest = span_skip(rest, part.len);
        wire_put(&scene.out, &(struct wire_frame){first ? WIRE_HEADERS : WIRE_CONTINUATION,
                                                  rest.len ? 0 : WIRE_END_HEADERS, 1, part});
    }
    send_out(&scene);
    CHECK(scene.ask.failed && scene.ask.ends == 1);
    CHECK(scene.ask.why.kind == ERROR_PROTOCOL); /* LIMIT would say that it was refused */
    CHECK_SIZE(wire_count(hear(&scene), WIRE_RST_STREAM, 1, &last), 1);
    CHECK_SIZE(wire_number(&last), CANCEL);
    CHECK_SIZE(scene.two.client.closed, 0);
    buf_release(&block);
    scene_end(&scene);
}

TEST(the_greeting_is_what_the_protocol_asks_for)
{
    struct scene scene;
    struct wire_frame frame;
    scene_begin(&scene, "GET");
    struct span heard = hear(&scene);
    CHECK(span_starts(heard, SPAN(WIRE_PREFACE)));
    CHECK(wire_take(&heard, &frame));
    CHECK(frame.type == WIRE_SETTINGS && frame.flags == 0);
    CHECK_SIZE(wire_count(heard, WIRE_SETTINGS, 0, &frame), 1); /* the acknowledgement */
    CHECK(frame.flags == WIRE_ACK);
    CHECK_SIZE(wire_count(heard, WIRE_WINDOW_UPDATE, 0, &frame), 1);
    CHECK_SIZE(wire_number(&frame), H2_CONN_WINDOW - 65535);
    CHECK_SIZE(wire_count(heard, WIRE_HEADERS, 1, &frame), 1);
    CHECK(frame.flags == (WIRE_END_STREAM | WIRE_END_HEADERS));
    scene_end(&scene);
}

/* ---- how answers end ---- */

static void answer(struct scene *scene, const char *length)
{
    const char *const fields[] = {":status", "200", length ? "content-length" : NULL, length, NULL};
    wire_put_headers(&scene->out, 1, 0, fields);
}

TEST(a_body_that_is_not_as_long_as_it_said_is_cut)
{
    static const char *const bodies[] = {"abcd", "abcdef"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct scene scene;
        scene_begin(&scene, "GET");
        answer(&scene, "5");
        wire_put_data(&scene.out, 1, WIRE_END_STREAM, span_of(bodies[i]));
        send_out(&scene);
        CHECK_SIZE(scene.ask.status, 200);
        CHECK(scene.ask.failed && scene.ask.ends == 1);
        CHECK(scene.ask.why.kind == ERROR_PROTOCOL);
        CHECK(!channel_is_ended(scene.ask.from->bytes));
        scene_end(&scene);
    }
}

TEST(resets_by_the_server_are_told_by_their_kind)
{
    static const struct {
        const char *said; /* h: head, b: bytes, e: end; then the reset */
        uint32_t code;
        bool done;
        enum error_kind kind;
        const char *reason;
    } cases[] = {
        {"", REFUSED_STREAM, false, ERROR_LIMIT, "refused: it may be sent again"},
        {"", INTERNAL_ERROR, false, ERROR_NETWORK, "before the head"},
        {"h", CANCEL, false, ERROR_NETWORK, "before the body"},
        {"hb", NO_ERROR, false, ERROR_NETWORK, "a body without end is cut, whatever is said"},
        {"hbe", NO_ERROR, true, ERROR_NONE, "whole, the request is not wanted any more"},
        {"hbe", INTERNAL_ERROR, true, ERROR_NONE, "whole is whole"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_begin(&scene, "POST");
        if (strchr(cases[i].said, 'h'))
            answer(&scene, NULL);
        if (strchr(cases[i].said, 'b'))
            wire_put_data(&scene.out, 1, strchr(cases[i].said, 'e') ? WIRE_END_STREAM : 0,
                          SPAN("body"));
        wire_put_number(&scene.out, WIRE_RST_STREAM, 1, cases[i].code);
        send_out(&scene);
        CHECK_CASE(scene.ask.ends == 1 && scene.ask.done == cases[i].done, "%s", cases[i].reason);
        CHECK_CASE(scene.ask.why.kind == cases[i].kind, "%s", cases[i].reason);
        CHECK_CASE(h2_session_streams(scene.two.client.session) == 0, "%s", cases[i].reason);
        CHECK_CASE(scene.two.client.closed == 0, "%s", cases[i].reason);
        scene_end(&scene);
    }
}

TEST(a_goaway_fails_what_it_does_not_cover_and_ends_the_session_with_the_rest)
{
    struct scene scene;
    scene_begin(&scene, "GET");
    wire_put_goaway(&scene.out, 0, NO_ERROR);
    send_out(&scene);
    CHECK_SIZE(scene.two.client.goaways, 1);
    CHECK(scene.ask.failed && scene.ask.ends == 1);
    CHECK(scene.ask.why.kind == ERROR_LIMIT); /* not begun: it may be sent elsewhere */
    CHECK_SIZE(scene.two.client.closed, 1);
    scene_end(&scene);

    scene_begin(&scene, "GET");
    wire_put_goaway(&scene.out, 0x7fffffff, NO_ERROR); /* a warning, then the word */
    wire_put_goaway(&scene.out, 1, NO_ERROR);
    send_out(&scene);
    CHECK_SIZE(scene.two.client.goaways, 1);
    CHECK_SIZE(scene.ask.ends + scene.two.client.closed, 0);
    answer(&scene, NULL);
    wire_put_data(&scene.out, 1, WIRE_END_STREAM, SPAN("body"));
    send_out(&scene);
    CHECK(scene.ask.done);
    CHECK_SIZE(scene.two.client.closed, 1);
    scene_end(&scene);
}

TEST(a_lower_limit_of_streams_is_kept_from_then_on)
{
    struct scene scene;
    scene_begin(&scene, "GET");
    CHECK(h2_session_can_open(scene.two.client.session));
    wire_put_settings(&scene.out, 3, 1);
    send_out(&scene);
    CHECK(!h2_session_can_open(scene.two.client.session));
    answer(&scene, NULL);
    wire_put_data(&scene.out, 1, WIRE_END_STREAM, SPAN("body"));
    send_out(&scene);
    CHECK(h2_session_can_open(scene.two.client.session));
    wire_put_settings(&scene.out, 3, 0);
    send_out(&scene);
    CHECK(!h2_session_can_open(scene.two.client.session));
    scene_end(&scene);
}

TEST(a_body_waits_for_the_servers_window)
{
    static char bytes[CHANNEL_LIMIT];
    struct scene scene;
    struct wire_frame frame;
    scene_begin(&scene, "POST");
    for (int i = 0; i < 4; i++) {
        (void)channel_put(scene.ask.body.bytes, bytes, sizeof bytes);
        turned_loop_settle(&scene.two.turned);
    }
    size_t sent = 0;
    struct span heard = hear(&scene);
    while (wire_take(&heard, &frame))
        sent += frame.type == WIRE_DATA ? frame.payload.len : 0;
    CHECK_SIZE(sent, 65535);
    CHECK(channel_len(scene.ask.body.bytes) > 0);
    CHECK(channel_room(scene.ask.body.bytes) < CHANNEL_LIMIT);
    buf_clear(&scene.peer.got);
    wire_put_number(&scene.out, WIRE_WINDOW_UPDATE, 0, 100);
    wire_put_number(&scene.out, WIRE_WINDOW_UPDATE, 1, 50);
    send_out(&scene);
    CHECK_SIZE(wire_count(hear(&scene), WIRE_DATA, 1, &frame), 1);
    CHECK_SIZE(frame.payload.len, 50);
    scene_end(&scene);
}

TEST(a_body_that_ends_before_its_length_resets_its_stream)
{
    static const struct {
        const char *early, *late; /* before it is sent, and behind it */
    } cases[] = {{"", "hello"}, {"hello", ""}, {"he", "llo"}, {"", ""}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        struct ask ask;
        scene_begin(&scene, "GET");
        ask_init(&ask, "POST", "/");
        ask_announce(&ask, 10);
        ask_put(&ask, span_of(cases[i].early));
        CHECK(ask_send(&ask, &scene.two.opener));
        turned_loop_settle(&scene.two.turned);
        ask_put(&ask, span_of(cases[i].late));
        ask_end(&ask);
        turned_loop_settle(&scene.two.turned);
        CHECK(ask.failed && ask.why.kind == ERROR_INVALID);
        CHECK_SIZE(wire_count(hear(&scene), WIRE_RST_STREAM, 3, NULL), 1);
        ask_release(&ask);
        scene_end(&scene);
    }
}

TEST(a_body_that_has_ended_before_its_length_is_not_sent)
{
    struct scene scene;
    struct ask ask;
    scene_begin(&scene, "GET");
    ask_init(&ask, "POST", "/");
    ask_announce(&ask, 10);
    ask_end(&ask);
    CHECK(!ask_send(&ask, &scene.two.opener));
    CHECK(ask.why.kind == ERROR_INVALID);
    CHECK_SIZE(wire_count(hear(&scene), WIRE_HEADERS, 3, NULL), 0);
    ask_release(&ask);
    scene_end(&scene);
}

TEST(a_server_that_breaks_the_protocol_ends_the_session)
{
    static const struct {
        struct wire_frame frame;
        const char *reason;
    } cases[] = {
        {{WIRE_DATA, 0, 5, SPAN_INIT("x")}, "DATA on an idle stream"},
        {{WIRE_HEADERS, WIRE_END_HEADERS, 2, SPAN_INIT("\x88")}, "an answer to nothing"},
        {{WIRE_PUSH_PROMISE, WIRE_END_HEADERS, 1, SPAN_INIT("\0\0\0\2\x82")}, "a push"},
        {{WIRE_HEADERS, WIRE_END_HEADERS, 1, SPAN_INIT("\xff\xff\xff\xff")}, "bad compression"},
        {{WIRE_SETTINGS, 0, 0, SPAN_INIT("\0\4\xff\xff\xff\xff")}, "a window beyond all bounds"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_begin(&scene, "GET");
        wire_put(&scene.out, &cases[i].frame);
        send_out(&scene);
        CHECK_CASE(scene.two.client.closed == 1, "%s", cases[i].reason);
        CHECK_CASE(scene.two.client.why.kind == ERROR_PROTOCOL, "%s: %s", cases[i].reason,
                   scene.two.client.why.text);
        CHECK_CASE(scene.ask.failed && scene.ask.ends == 1, "%s", cases[i].reason);
        scene_end(&scene);
    }
}

TEST(bytes_before_a_head_reset_the_stream)
{
    struct scene scene;
    scene_begin(&scene, "GET");
    wire_put_data(&scene.out, 1, 0, SPAN("body"));
    send_out(&scene);
    CHECK(scene.ask.failed && scene.ask.ends == 1);
    scene_end(&scene);
}

TEST(a_second_head_is_no_trailer_unless_it_ends_the_stream)
{
    static const char *const trailer[] = {"x-sum", "1", NULL};
    static const char *const status[] = {":status", "200", NULL};
    for (int bad = 0; bad < 2; bad++) {
        struct scene scene;
        scene_begin(&scene, "GET");
        answer(&scene, NULL);
        wire_put_data(&scene.out, 1, 0, SPAN("body"));
        wire_put_headers(&scene.out, 1, WIRE_END_STREAM, bad ? status : trailer);
        send_out(&scene);
        CHECK_SIZE(scene.ask.ends, 1);
        CHECK(scene.ask.done == !bad);
        scene_end(&scene);
    }
}
