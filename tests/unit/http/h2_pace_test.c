/* Streams that stand still on a connection that lives. */
#include "harness.h"
#include "support/h2_scene.h"
#include "support/h2_wire.h"

enum { STALL_MS = 60 * 1000, BIG = 200 * 1000 };

static void begin(struct h2_scene *scene)
{
    h2_scene_prepare(scene);
    scene->server.options.stall_ms = STALL_MS;
    scene->server.options.body_ms = STALL_MS;
    h2_scene_open(scene);
}

/* Fills the answer as far as it goes. */
static void begin_big_answer(struct h2_scene *scene)
{
    static const char bytes[CHANNEL_LIMIT];
    struct desk_request *request = &scene->desk.requests[0];
    desk_begin(request, 200, BIG);
    CHECK(desk_put(request, span_make(bytes, sizeof bytes)) > 0);
    turned_loop_settle(&scene->turned);
    CHECK(desk_put(request, span_make(bytes, sizeof bytes)) > 0);
    turned_loop_settle(&scene->turned);
}

TEST(a_stream_whose_peer_takes_nothing_is_reset_and_the_session_stays)
{
    struct h2_scene scene;
    struct ask ask;
    begin(&scene);
    ask_init(&ask, "GET", "/big");
    ask.holds = true;
    REQUIRE(ask_send(&ask, &scene.opener));
    turned_loop_settle(&scene.turned);
    begin_big_answer(&scene);
    turned_loop_pass(&scene.turned, STALL_MS - 1000);
    CHECK_SIZE(scene.desk.requests[0].aborted, 0);
    turned_loop_pass(&scene.turned, STALL_MS / 2);
    CHECK_SIZE(scene.desk.requests[0].aborted, 1);
    CHECK(scene.desk.requests[0].why.kind == ERROR_TIMEOUT);
    CHECK(ask.failed);
    CHECK_SIZE(scene.server.closed, 0);
    ask_release(&ask);
    h2_scene_end(&scene);
}

TEST(a_stream_whose_peer_takes_a_little_now_and_then_goes_on)
{
    struct h2_scene scene;
    struct ask ask;
    begin(&scene);
    ask_init(&ask, "GET", "/big");
    ask.holds = true;
    REQUIRE(ask_send(&ask, &scene.opener));
    turned_loop_settle(&scene.turned);
    begin_big_answer(&scene);
    for (int i = 0; i < 4; i++) {
        turned_loop_pass(&scene.turned, STALL_MS - 5000);
        REQUIRE(ask.from && channel_len(ask.from->bytes) > 0);
        ask_take(&ask); /* the window opens again */
        turned_loop_settle(&scene.turned);
        static const char more[CHANNEL_LIMIT];
        (void)desk_put(&scene.desk.requests[0], span_make(more, sizeof more / 4));
    }
    CHECK_SIZE(scene.desk.requests[0].aborted, 0);
    CHECK(!ask.failed);
    ask_release(&ask);
    h2_scene_end(&scene);
}

/* It may be using up what it took, with its window shut. */
TEST(a_stream_whose_peer_took_much_may_rest_for_longer_and_not_for_ever)
{
    enum { TAKEN = 1024 * 1024, PATIENCE_MS = TAKEN / 4 };
    static const char bytes[CHANNEL_LIMIT];
    struct h2_scene scene;
    struct ask ask;
    begin(&scene);
    ask_init(&ask, "GET", "/big");
    REQUIRE(ask_send(&ask, &scene.opener));
    turned_loop_settle(&scene.turned);
    desk_begin(&scene.desk.requests[0], 200, LENGTH_UNKNOWN);
    while (ask.text.len < TAKEN) {
        (void)desk_put(&scene.desk.requests[0], span_make(bytes, sizeof bytes));
        turned_loop_settle(&scene.turned);
    }
    ask.holds = true;
    while (desk_put(&scene.desk.requests[0], span_make(bytes, sizeof bytes)) > 0)
        turned_loop_settle(&scene.turned);
    turned_loop_pass(&scene.turned, PATIENCE_MS);
    CHECK_SIZE(scene.desk.requests[0].aborted, 0);
    turned_loop_pass(&scene.turned, STALL_MS);
    CHECK_SIZE(scene.desk.requests[0].aborted, 1);
    CHECK_SIZE(scene.server.closed, 0);
    ask_release(&ask);
    h2_scene_end(&scene);
}

TEST(a_body_that_stops_before_any_answer_is_given_up)
{
    struct h2_scene scene;
    struct ask ask;
    begin(&scene);
    ask_init(&ask, "POST", "/in");
    ask_announce(&ask, 100);
    ask_put(&ask, SPAN("begun"));
    REQUIRE(ask_send(&ask, &scene.opener));
    turned_loop_pass(&scene.turned, STALL_MS - 1000);
    CHECK_SIZE(scene.desk.requests[0].aborted, 0);
    turned_loop_pass(&scene.turned, STALL_MS / 2);
    CHECK_SIZE(scene.desk.requests[0].aborted, 1);
    CHECK(scene.desk.requests[0].why.kind == ERROR_TIMEOUT);
    ask_release(&ask);
    h2_scene_end(&scene);
}

TEST(a_body_may_rest_once_an_answer_was_begun)
{
    struct h2_scene scene;
    struct ask ask;
    begin(&scene);
    ask_init(&ask, "POST", "/talk");
    ask_announce(&ask, LENGTH_UNKNOWN);
    ask_put(&ask, SPAN("begun"));
    REQUIRE(ask_send(&ask, &scene.opener));
    turned_loop_settle(&scene.turned);
    desk_begin(&scene.desk.requests[0], 200, LENGTH_UNKNOWN);
    turned_loop_pass(&scene.turned, 3 * STALL_MS);
    CHECK_SIZE(scene.desk.requests[0].aborted, 0);
    ask_release(&ask);
    h2_scene_end(&scene);
}

/* Half a round trip: only one end hears what the other one said before. */
static void half_trip(struct h2_scene *scene, struct h2_end *hears, struct h2_end *waits,
                      uint64_t trip_ms)
{
    gate_hold(conn_gate(waits->conn), HOLD_OPENING);
    gate_release(conn_gate(hears->conn), HOLD_OPENING);
    turned_loop_settle(&scene->turned);
    turned_loop_pass(&scene->turned, trip_ms / 2);
}

/* Bytes of the answer that arrive in one round trip, the server having more than it may send. */
static size_t round_trip(struct h2_scene *scene, struct ask *ask, uint64_t trip_ms)
{
    static const char bytes[CHANNEL_LIMIT];
    size_t before = ask->text.len;
    gate_hold(conn_gate(scene->client.conn), HOLD_OPENING);
    gate_release(conn_gate(scene->server.conn), HOLD_OPENING);
    turned_loop_settle(&scene->turned);
    while (desk_put(&scene->desk.requests[0], span_make(bytes, sizeof bytes)) > 0)
        turned_loop_settle(&scene->turned);
    turned_loop_pass(&scene->turned, trip_ms / 2);
    half_trip(scene, &scene->client, &scene->server, trip_ms);
    return ask->text.len - before;
}

/* A scene whose first request is being answered without end. */
static void begin_far(struct h2_scene *scene, struct ask *ask)
{
    h2_scene_begin(scene);
    ask_init(ask, "GET", "/far");
    ask->text.limit = 64 * 1024 * 1024;
    REQUIRE(ask_send(ask, &scene->opener));
    turned_loop_settle(&scene->turned);
    desk_begin(&scene->desk.requests[0], 200, LENGTH_UNKNOWN);
    turned_loop_settle(&scene->turned);
}

/* The most that came in one of so many round trips. */
static size_t most_of(struct h2_scene *scene, struct ask *ask, int trips, uint64_t trip_ms)
{
    size_t most = 0;
    for (int i = 0; i < trips; i++) {
        size_t came = round_trip(scene, ask, trip_ms);
        most = came > most ? came : most;
    }
    return most;
}

TEST(a_window_grows_with_the_distance)
{
    struct h2_scene scene;
    struct ask ask;
    begin_far(&scene, &ask);
    CHECK(most_of(&scene, &ask, 1, 50) <= H2_STREAM_WINDOW);
    CHECK(most_of(&scene, &ask, 20, 50) >= 4 * (size_t)H2_STREAM_WINDOW);
    CHECK(!ask.failed);
    ask_release(&ask);
    h2_scene_end(&scene);
}

TEST(a_window_that_takes_many_round_trips_to_pass_stays)
{
    static const struct {
        uint64_t trip_ms; /* after one of 50 ms was measured */
        bool grows;
    } cases[] = {{120, true}, {160, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h2_scene scene;
        struct ask ask;
        begin_far(&scene, &ask);
        (void)most_of(&scene, &ask, 2, 50);
        size_t before = most_of(&scene, &ask, 1, 50);
        size_t most = most_of(&scene, &ask, 10, cases[i].trip_ms);
        CHECK_CASE((most > 2 * before) == cases[i].grows, "%zu, then %zu", before, most);
        ask_release(&ask);
        h2_scene_end(&scene);
    }
}

TEST(on_a_short_way_a_window_grows_once_much_has_passed)
{
    struct h2_scene scene;
    struct ask ask;
    begin_far(&scene, &ask);
    CHECK(most_of(&scene, &ask, 15, 0) <= H2_STREAM_WINDOW);
    CHECK(most_of(&scene, &ask, 20, 0) >= 2 * (size_t)H2_STREAM_WINDOW);
    CHECK(!ask.failed);
    ask_release(&ask);
    h2_scene_end(&scene);
}

/* What a client that writes its frames by hand sends in turn, and the credit of the connection that
 * it got for it so far. */
struct sender {
    struct raw_peer peer;
    struct buf out;
    uint64_t credit;
};

static void send_and_hear(struct sender *sender, struct h2_scene *scene)
{
    struct wire_frame frame;
    for (size_t sent = 0; sent < sender->out.len;) {
        sent += raw_peer_put(&sender->peer, span_skip(buf_span(&sender->out), sent));
        turned_loop_settle(&scene->turned);
    }
    buf_clear(&sender->out);
    struct span heard = raw_peer_hear(&sender->peer, &scene->turned);
    while (wire_take(&heard, &frame)) {
        if (frame.type == WIRE_WINDOW_UPDATE && frame.stream == 0)
            sender->credit += wire_number(&frame);
        if (frame.type == WIRE_PING && frame.flags == 0)
            wire_put(&sender->out, &(struct wire_frame){WIRE_PING, WIRE_ACK, 0, frame.payload});
    }
    buf_clear(&sender->peer.got);
}

TEST(the_window_of_a_connection_grows_when_it_passes_fast)
{
    static const char bytes[16 * 1024];
    static const char *const fields[] = {":method", "POST",       ":scheme",   "https", ":path",
                                         "/",       ":authority", "a.example", NULL};
    struct h2_scene scene;
    struct sender sender = {.out = BUF_LIMIT(1024 * 1024)};
    size_t sent = 0;
    h2_scene_prepare(&scene);
    h2_end_open(&scene.server, &scene.turned, raw_peer_open(&sender.peer));
    REQUIRE(buf_put_span(&sender.out, SPAN(WIRE_PREFACE)));
    wire_put_settings(&sender.out, 0, 0);
    wire_put_headers(&sender.out, 1, 0, fields);
    send_and_hear(&sender, &scene);
    CHECK_SIZE(sender.credit, H2_CONN_WINDOW - 65535);
    while (sent < H2_CONN_WINDOW) {
        wire_put_data(&sender.out, 1, 0, span_make(bytes, sizeof bytes));
        sent += sizeof bytes;
        send_and_hear(&sender, &scene);
        buf_clear(&scene.desk.requests[0].body);
    }
    CHECK(sender.credit > sent + H2_CONN_WINDOW);
    CHECK_SIZE(scene.server.closed, 0);
    raw_peer_close(&sender.peer);
    buf_release(&sender.out);
    h2_scene_end(&scene);
}
