/* Upgrades over HTTP/2: the two directions of a stream, and a visitor's WebSocket by CONNECT. */
#include "culvert/http/h2_session.h"
#include "harness.h"
#include "support/h2_scene.h"
#include "support/h2_wire.h"

/* ---- two sessions: a stream that both take for an upgrade ---- */

struct pair {
    struct h2_scene scene;
    struct ask ask;
    struct desk_request *request;
};

static void begin(struct pair *pair)
{
    h2_scene_begin(&pair->scene);
    pair->scene.desk.keeps = pair->scene.desk.upgrades = true;
    ask_init(&pair->ask, "GET", "/");
    ask_announce(&pair->ask, LENGTH_UNKNOWN);
    pair->ask.upgrades = true;
    CHECK(ask_send(&pair->ask, &pair->scene.opener));
    turned_loop_settle(&pair->scene.turned);
    CHECK_SIZE(pair->scene.desk.count, 1);
    pair->request = &pair->scene.desk.requests[0];
    desk_begin(pair->request, 200, LENGTH_UNKNOWN);
    turned_loop_settle(&pair->scene.turned);
    CHECK_SIZE(pair->ask.status, 200);
}

static void end(struct pair *pair)
{
    ask_release(&pair->ask);
    desk_close(pair->request);
    turned_loop_settle(&pair->scene.turned);
    h2_scene_end(&pair->scene);
}

static void asker_ends(struct pair *pair)
{
    ask_put(&pair->ask, SPAN("its last"));
    ask_end(&pair->ask);
    turned_loop_settle(&pair->scene.turned);
}

static void desk_ends(struct pair *pair)
{
    CHECK_SIZE(desk_put(pair->request, SPAN("our last")), 8);
    desk_end(pair->request);
    turned_loop_settle(&pair->scene.turned);
}

TEST(the_directions_of_an_upgraded_stream_end_one_by_one)
{
    struct pair pair;
    begin(&pair);
    asker_ends(&pair);
    CHECK(pair.request->body_ended && pair.ask.halves == 1 && pair.ask.ends == 0);
    CHECK(pair.request->answered + pair.request->aborted == 0);
    desk_ends(&pair);
    CHECK(pair.ask.done && pair.ask.ends == 1 && pair.request->answered == 1);
    CHECK_SPAN(buf_span(&pair.ask.text), SPAN("our last"));
    end(&pair);
    begin(&pair);
    desk_ends(&pair);
    CHECK(pair.ask.halves == 1 && pair.ask.ends == 0 && pair.request->answered == 1);
    asker_ends(&pair);
    CHECK(pair.ask.done && pair.ask.ends == 1);
    CHECK(pair.request->answered == 1 && pair.request->aborted == 0 && pair.request->body_ended);
    CHECK_SPAN(buf_span(&pair.request->body), SPAN("its last"));
    end(&pair);
}

TEST(an_upgraded_stream_that_is_given_up_is_no_good_end_for_the_other_side)
{
    struct pair pair;
    begin(&pair);
    desk_ends(&pair);
    ask_close(&pair.ask);
    turned_loop_settle(&pair.scene.turned);
    CHECK(pair.request->answered == 1 && pair.request->aborted == 1);
    end(&pair);
    begin(&pair);
    asker_ends(&pair);
    desk_reset(pair.request);
    turned_loop_settle(&pair.scene.turned);
    CHECK(pair.ask.failed && pair.ask.ends == 1);
    end(&pair);
    begin(&pair);
    h2_end_close(&pair.scene.server);
    turned_loop_settle(&pair.scene.turned);
    CHECK(pair.ask.failed && pair.request->aborted == 1);
    end(&pair);
}

/* Connectors of the field end an upgrade as soon as one direction ended. */
TEST(who_ends_and_wants_no_more_has_ended_well)
{
    struct pair pair;
    begin(&pair);
    desk_ends(&pair);
    desk_close(pair.request); /* behind its end: RST_STREAM NO_ERROR */
    turned_loop_settle(&pair.scene.turned);
    CHECK(pair.ask.done && pair.ask.ends == 1);
    CHECK_SPAN(buf_span(&pair.ask.text), SPAN("our last"));
    end(&pair);
}

/* ---- a visitor by hand ---- */

enum { BODY_MS = 1000 };

struct visit {
    struct h2_scene scene; /* the server of which is used */
    struct raw_peer peer;
    struct buf out;
};

static void say(struct visit *visit)
{
    CHECK_SIZE(raw_peer_put(&visit->peer, buf_span(&visit->out)), visit->out.len);
    buf_clear(&visit->out);
    turned_loop_settle(&visit->scene.turned);
}

static void visit_begin(struct visit *visit, bool takes_websockets)
{
    h2_scene_prepare(&visit->scene);
    visit->scene.server.options.takes_websockets = takes_websockets;
    visit->scene.server.options.body_ms = BODY_MS;
    visit->scene.desk.keeps = true;
    h2_end_open(&visit->scene.server, &visit->scene.turned, raw_peer_open(&visit->peer));
    visit->out = (struct buf)BUF_LIMIT(1024 * 1024);
    CHECK(buf_put_span(&visit->out, SPAN(WIRE_PREFACE)));
    wire_put_settings(&visit->out, 0, 0);
    say(visit);
}

static void visit_end(struct visit *visit)
{
    raw_peer_close(&visit->peer);
    buf_release(&visit->out);
    h2_scene_end(&visit->scene);
}

static void connect_by(struct visit *visit, const char *protocol)
{
    const char *fields[] = {":method",    "CONNECT", ":scheme", "https", ":path", "/chat",
                            ":authority", "a.test",  NULL,      NULL,    NULL};
    if (protocol) {
        fields[8] = ":protocol";
        fields[9] = protocol;
    }
    wire_put_headers(&visit->out, 1, 0, fields);
    say(visit);
}

/* The last frame of that type of the stream; false: there is none. */
static bool hears(struct visit *visit, enum wire_type type, struct wire_frame *frame)
{
    return wire_count(raw_peer_hear(&visit->peer, &visit->scene.turned), type, 1, frame) > 0;
}

static bool announces(struct visit *visit)
{
    static const unsigned char entry[] = {0, 8, 0, 0, 0, 1};
    struct span bytes = raw_peer_hear(&visit->peer, &visit->scene.turned);
    struct wire_frame frame;
    CHECK(wire_take(&bytes, &frame) && frame.type == WIRE_SETTINGS);
    return memmem(frame.payload.data, frame.payload.len, entry, sizeof entry) != NULL;
}

static const struct header accept_fields[] = {
    {SPAN_INIT("Sec-WebSocket-Accept"), SPAN_INIT("proof")},
    {SPAN_INIT("Sec-WebSocket-Protocol"), SPAN_INIT("chat")},
    {SPAN_INIT(""), SPAN_INIT("")},
};

TEST(a_websocket_by_connect_is_handed_out_as_http1_would)
{
    struct visit visit;
    struct wire_frame frame;
    visit_begin(&visit, true);
    CHECK(announces(&visit));
    visit.scene.desk.fields = accept_fields;
    connect_by(&visit, "websocket");
    REQUIRE(visit.scene.desk.count == 1);
    struct desk_request *request = &visit.scene.desk.requests[0];
    CHECK(request->head.is_websocket && !request->head.ends_here);
    CHECK_TEXT(buf_text(&request->head.method), "GET");
    CHECK_TEXT(buf_text(&request->head.target), "/chat");
    CHECK_TEXT(buf_text(&request->head.scheme), "https");
    CHECK_SIZE(request->head.fields.count, 0);
    turned_loop_pass(&visit.scene.turned, 20 * BODY_MS); /* it need not speak before the answer */
    desk_begin(request, 101, LENGTH_UNKNOWN);
    CHECK_SIZE(desk_put(request, SPAN("hello")), 5);
    REQUIRE(hears(&visit, WIRE_HEADERS, &frame));
    CHECK(!memmem(frame.payload.data, frame.payload.len, "proof", 5));
    CHECK(!(frame.flags & WIRE_END_STREAM) && (unsigned char)frame.payload.data[0] == 0x88);
    REQUIRE(hears(&visit, WIRE_DATA, &frame));
    CHECK_SPAN(frame.payload, SPAN("hello"));
    wire_put_data(&visit.out, 1, WIRE_END_STREAM, SPAN("bye"));
    say(&visit);
    CHECK_SPAN(buf_span(&request->body), SPAN("bye"));
    CHECK(request->body_ended && request->answered == 0);
    desk_end(request);
    REQUIRE(hears(&visit, WIRE_DATA, &frame));
    CHECK((frame.flags & WIRE_END_STREAM) && request->answered == 1);
    desk_close(request);
    CHECK(!hears(&visit, WIRE_RST_STREAM, NULL));
    visit_end(&visit);
}

TEST(other_protocols_and_plain_connects_are_not_served)
{
    struct visit visit;
    struct wire_frame frame;
    static const char *const protocols[] = {"connect-udp", NULL};
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        visit_begin(&visit, true);
        connect_by(&visit, protocols[i]);
        CHECK_SIZE(visit.scene.desk.count, 0);
        CHECK(hears(&visit, i == 0 ? WIRE_HEADERS : WIRE_RST_STREAM, &frame));
        visit_end(&visit);
    }
    visit_begin(&visit, false);
    CHECK(!announces(&visit));
    connect_by(&visit, "websocket");
    CHECK_SIZE(visit.scene.desk.count, 0);
    CHECK(hears(&visit, WIRE_RST_STREAM, &frame));
    visit_end(&visit);
}

/* To CONNECT any 2xx would say yes. */
TEST(an_answer_that_only_looks_like_yes_is_not_written)
{
    struct visit visit;
    struct response_head head;
    struct error err = {0};
    struct wire_frame frame;
    visit_begin(&visit, true);
    connect_by(&visit, "WebSocket");
    REQUIRE(visit.scene.desk.count == 1);
    struct desk_request *request = &visit.scene.desk.requests[0];
    response_head_init(&head);
    head.status = 204;
    CHECK(!inbound_answer(request->in, &head, NULL, &err) && err.kind == ERROR_PROTOCOL);
    CHECK(!hears(&visit, WIRE_HEADERS, NULL));
    desk_answer(request, 403, "no");
    CHECK(hears(&visit, WIRE_HEADERS, &frame) && !(frame.flags & WIRE_END_STREAM));
    CHECK(hears(&visit, WIRE_DATA, &frame) && (frame.flags & WIRE_END_STREAM));
    CHECK_SPAN(frame.payload, SPAN("no"));
    desk_close(request);
    response_head_release(&head);
    visit_end(&visit);

    visit_begin(&visit, true);
    static const char *const fields[] = {":method", "GET",        ":scheme", "https", ":path",
                                         "/",       ":authority", "a.test",  NULL};
    wire_put_headers(&visit.out, 1, WIRE_END_STREAM, fields);
    say(&visit);
    REQUIRE(visit.scene.desk.count == 1);
    request = &visit.scene.desk.requests[0];
    response_head_init(&head);
    head.status = 101;
    CHECK(!inbound_answer(request->in, &head, NULL, &err) && err.kind == ERROR_PROTOCOL);
    response_head_release(&head);
    desk_close(request);
    visit_end(&visit);
}
