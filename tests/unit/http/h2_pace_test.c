/* Streams that stand still on a connection that lives. */
#include "harness.h"
#include "support/h2_scene.h"

enum { STALL_MS = 60 * 1000, BIG = 200 * 1000 };

static void begin(struct h2_scene *scene)
{
    h2_scene_prepare(scene);
    scene->server.options.stall_ms = STALL_MS;
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

enum { TRIP_MS = 50 };

/* Half a round trip: only one end hears what the other one said before. */
static void half_trip(struct h2_scene *scene, struct h2_end *hears, struct h2_end *waits)
{
    gate_hold(conn_gate(waits->conn), HOLD_OPENING);
    gate_release(conn_gate(hears->conn), HOLD_OPENING);
    turned_loop_settle(&scene->turned);
    turned_loop_pass(&scene->turned, TRIP_MS / 2);
}

/* Bytes of the answer that arrive in one round trip, the server having more than it may send. */
static size_t round_trip(struct h2_scene *scene, struct ask *ask)
{
    static const char bytes[CHANNEL_LIMIT];
    size_t before = ask->text.len;
    gate_hold(conn_gate(scene->client.conn), HOLD_OPENING);
    gate_release(conn_gate(scene->server.conn), HOLD_OPENING);
    turned_loop_settle(&scene->turned);
    while (desk_put(&scene->desk.requests[0], span_make(bytes, sizeof bytes)) > 0)
        turned_loop_settle(&scene->turned);
    turned_loop_pass(&scene->turned, TRIP_MS / 2);
    half_trip(scene, &scene->client, &scene->server);
    return ask->text.len - before;
}

TEST(a_window_grows_with_the_distance_and_not_without)
{
    struct h2_scene scene;
    struct ask ask;
    size_t most = 0;
    h2_scene_begin(&scene);
    ask_init(&ask, "GET", "/far");
    ask.text.limit = 64 * 1024 * 1024;
    REQUIRE(ask_send(&ask, &scene.opener));
    turned_loop_settle(&scene.turned);
    desk_begin(&scene.desk.requests[0], 200, LENGTH_UNKNOWN);
    turned_loop_settle(&scene.turned);
    size_t first = round_trip(&scene, &ask);
    CHECK(first <= H2_STREAM_WINDOW);
    for (int i = 0; i < 20; i++) {
        size_t came = round_trip(&scene, &ask);
        most = came > most ? came : most;
    }
    CHECK(most >= 4 * (size_t)H2_STREAM_WINDOW);
    CHECK(!ask.failed);
    ask_release(&ask);
    h2_scene_end(&scene);
}
