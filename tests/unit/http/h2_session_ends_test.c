/* How streams and sessions end: resets, GOAWAY, silence, loss. Closing in callbacks is in
 * h2_session_close_test. */
#include "culvert/http/h2_life.h"
#include "harness.h"
#include "support/h2_scene.h"

#include <stdlib.h>
#include <unistd.h>

static void rest(struct h2_scene *scene)
{
    turned_loop_settle(&scene->turned);
}

/* A request that is sent and arrives, its body open. */
static void begin(struct h2_scene *scene, struct ask *ask)
{
    h2_scene_begin(scene);
    scene->asks = ask;
    scene->ask_count = 1;
    ask_init(ask, "POST", "/");
    ask_announce(ask, LENGTH_UNKNOWN);
    ask_put(ask, SPAN("some"));
    CHECK(ask_send(ask, &scene->opener));
    rest(scene);
    CHECK_SIZE(scene->desk.count, 1);
}

static void end(struct h2_scene *scene, struct ask *ask)
{
    ask_release(ask);
    h2_scene_end(scene);
}

/* ---- one stream ---- */

TEST(a_request_reset_by_its_server_fails_before_or_within_its_answer)
{
    for (int answered = 0; answered < 2; answered++) {
        struct h2_scene scene;
        struct ask ask;
        begin(&scene, &ask);
        if (answered) {
            desk_begin(&scene.desk.requests[0], 200, LENGTH_UNKNOWN);
            CHECK_SIZE(desk_put(&scene.desk.requests[0], SPAN("part")), 4);
            rest(&scene);
        }
        desk_reset(&scene.desk.requests[0]);
        rest(&scene);
        CHECK(ask.failed && ask.ends == 1);
        CHECK(ask.why.kind == ERROR_NETWORK);
        CHECK_SIZE(ask.status, answered ? 200 : 0);
        CHECK_SIZE(scene.desk.requests[0].aborted + scene.desk.requests[0].answered, 0);
        desk_close(&scene.desk.requests[0]);
        CHECK_SIZE(scene.client.closed + scene.server.closed, 0);
        end(&scene, &ask);
    }
}

TEST(a_request_let_go_unanswered_is_reset)
{
    struct h2_scene scene;
    struct ask ask;
    begin(&scene, &ask);
    desk_close(&scene.desk.requests[0]);
    rest(&scene);
    CHECK(ask.failed && ask.ends == 1);
    CHECK_SIZE(h2_session_streams(scene.server.session), 0);
    end(&scene, &ask);
}

TEST(a_request_cancelled_by_its_client_aborts_at_the_server_once)
{
    for (int answered = 0; answered < 2; answered++) {
        struct h2_scene scene;
        struct ask ask;
        begin(&scene, &ask);
        if (answered)
            desk_begin(&scene.desk.requests[0], 200, LENGTH_UNKNOWN);
        rest(&scene);
        ask_close(&ask);
        rest(&scene);
        CHECK_SIZE(scene.desk.requests[0].aborted, 1);
        CHECK(scene.desk.requests[0].why.kind == ERROR_NETWORK);
        CHECK_SIZE(ask.ends, 0);
        CHECK_SIZE(h2_session_streams(scene.client.session), 0);
        CHECK_SIZE(h2_session_streams(scene.server.session), 0);
        end(&scene, &ask);
    }
}

TEST(a_request_cancelled_before_it_left_never_arrives)
{
    struct h2_scene scene;
    struct ask ask;
    h2_scene_begin(&scene);
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, &scene.opener));
    ask_close(&ask);
    rest(&scene);
    CHECK(scene.desk.count == 0 || scene.desk.requests[0].aborted == 1);
    CHECK_SIZE(h2_session_streams(scene.client.session), 0);
    end(&scene, &ask);
}

TEST(an_answer_may_come_before_the_end_of_the_request)
{
    struct h2_scene scene;
    struct ask ask;
    begin(&scene, &ask);
    desk_answer(&scene.desk.requests[0], 413, "too much");
    rest(&scene);
    CHECK_SIZE(ask.status, 413);
    CHECK(ask.done && ask.ends == 1);
    CHECK_SPAN(buf_span(&ask.text), SPAN("too much"));
    CHECK_SIZE(scene.desk.requests[0].answered, 1);
    ask_put(&ask, SPAN("more, to nobody"));
    rest(&scene);
    CHECK_SIZE(h2_session_streams(scene.server.session), 0);
    end(&scene, &ask);
}

TEST(bytes_for_a_stream_that_was_let_go_cost_neither_memory_nor_credit)
{
    static const char bytes[32 * 1024];
    struct h2_scene scene;
    h2_scene_begin(&scene);
    scene.desk.holds = true;
    /* In sum more than the connection's window. */
    for (int i = 0; i < 40; i++) {
        struct ask ask;
        ask_init(&ask, "POST", "/");
        ask_announce(&ask, LENGTH_UNKNOWN);
        CHECK(ask_send(&ask, &scene.opener));
        for (int j = 0; j < 20; j++) {
            (void)channel_put(ask.body.bytes, bytes, sizeof bytes);
            rest(&scene);
            if (j == 10)
                desk_close(&scene.desk.requests[scene.desk.count - 1]);
        }
        CHECK_SIZE(scene.server.budget.used, 0);
        ask_release(&ask);
        rest(&scene);
        desk_release(&scene.desk); /* its place may be taken again */
    }
    CHECK_SIZE(h2_session_streams(scene.server.session), 0);
    h2_scene_end(&scene);
}

TEST(ten_thousand_streams_come_and_are_reset)
{
    struct h2_scene scene;
    h2_scene_prepare(&scene);
    scene.server.options.streams_max = 1000;
    h2_scene_open(&scene);
    for (int i = 0; i < 100; i++) {
        static struct ask asks[100];
        for (size_t j = 0; j < ARRAY_LEN(asks); j++) {
            ask_init(&asks[j], "GET", "/");
            CHECK(ask_send(&asks[j], &scene.opener));
        }
        rest(&scene);
        for (size_t j = 0; j < ARRAY_LEN(asks); j++)
            ask_release(&asks[j]);
        rest(&scene);
        CHECK_SIZE(h2_session_streams(scene.server.session), 0);
        CHECK_SIZE(scene.server.closed + scene.client.closed, 0);
        desk_release(&scene.desk);
    }
    CHECK(scene.desk.lost > 0); /* the desk itself reset what it had no place for */
    h2_scene_end(&scene);
}

TEST(a_stranger_that_resets_without_end_is_shown_the_door)
{
    struct h2_scene scene;
    h2_scene_prepare(&scene);
    scene.server.options.is_guarded = true;
    h2_scene_open(&scene);
    for (int i = 0; i < 5000 && scene.server.closed == 0; i++) {
        struct ask ask;
        ask_init(&ask, "GET", "/");
        if (ask_send(&ask, &scene.opener))
            rest(&scene);
        ask_release(&ask);
        rest(&scene);
        turned_loop_pass(&scene.turned, 5); /* now and then it is not read for a while */
        if (scene.desk.count == DESK_REQUESTS_MAX) {
            desk_release(&scene.desk);
        }
    }
    CHECK_SIZE(scene.server.closed, 1);
    CHECK_SIZE(scene.client.closed, 1);
    h2_scene_end(&scene);
}

/* ---- GOAWAY ---- */

TEST(after_goaway_what_runs_goes_on_and_nothing_new_begins)
{
    for (int by_client = 0; by_client < 2; by_client++) {
        struct h2_scene scene;
        struct ask ask, late;
        begin(&scene, &ask);
        struct h2_end *sayer = by_client ? &scene.client : &scene.server;
        struct h2_end *hearer = by_client ? &scene.server : &scene.client;
        h2_session_goaway(sayer->session);
        h2_session_goaway(sayer->session);
        rest(&scene);
        CHECK_SIZE(hearer->goaways, 1);
        CHECK_SIZE(hearer->goaway_code, 0);
        CHECK_SIZE(sayer->goaways, 0);
        CHECK(!h2_session_can_open(scene.client.session));
        ask_init(&late, "GET", "/");
        CHECK(!ask_send(&late, &scene.opener));
        CHECK(late.why.kind == ERROR_LIMIT);
        ask_release(&late);
        CHECK_SIZE(scene.client.closed + scene.server.closed, 0);
        ask_end(&ask);
        desk_answer(&scene.desk.requests[0], 200, "bye");
        rest(&scene);
        CHECK(ask.done);
        CHECK_SPAN(buf_span(&ask.text), SPAN("bye"));
        /* With the last stream the session ends, at both ends. */
        CHECK_SIZE(scene.client.closed, 1);
        CHECK_SIZE(scene.server.closed, 1);
        end(&scene, &ask);
    }
}

TEST(a_session_whose_requests_are_used_up_finishes_them_and_takes_no_more)
{
    enum { MOST = 3 };
    struct h2_scene scene;
    struct ask asks[MOST + 1];
    h2_scene_prepare(&scene);
    scene.client.options.requests_max = MOST;
    h2_scene_open(&scene);
    for (size_t i = 0; i < MOST; i++) {
        CHECK_SIZE(scene.client.goaways, 0);
        ask_init(&asks[i], "GET", "/");
        CHECK(ask_send(&asks[i], &scene.opener));
    }
    CHECK(!h2_session_can_open(scene.client.session));
    ask_init(&asks[MOST], "GET", "/");
    CHECK(!ask_send(&asks[MOST], &scene.opener) && asks[MOST].why.kind == ERROR_LIMIT);
    rest(&scene);
    CHECK(scene.client.goaways == 1 && scene.client.goaway_code == 0);
    CHECK_SIZE(scene.desk.count, MOST);
    for (size_t i = 0; i < MOST; i++)
        desk_answer(&scene.desk.requests[i], 200, "fine");
    rest(&scene);
    for (size_t i = 0; i < MOST; i++)
        CHECK(asks[i].done);
    for (size_t i = 0; i <= MOST; i++)
        ask_release(&asks[i]);
    CHECK_SIZE(scene.client.closed, 0);
    h2_scene_end(&scene);
}

TEST(a_request_that_crosses_a_goaway_fails_as_not_begun)
{
    struct h2_scene scene;
    struct ask ask, late;
    begin(&scene, &ask);
    h2_session_goaway(scene.server.session);
    ask_init(&late, "GET", "/");
    CHECK(ask_send(&late, &scene.opener)); /* neither has left yet */
    rest(&scene);
    CHECK_SIZE(scene.desk.count, 1);
    CHECK(late.failed && late.ends == 1);
    CHECK(late.why.kind == ERROR_LIMIT);
    ask_release(&late);
    end(&scene, &ask);
}

TEST(idleness_is_told_once_when_it_was_asked_for)
{
    struct h2_scene scene;
    struct ask ask;
    begin(&scene, &ask);
    h2_session_tell_idle(scene.server.session, 0);
    rest(&scene);
    CHECK_SIZE(scene.server.idles, 0);
    ask_end(&ask);
    desk_answer(&scene.desk.requests[0], 200, "x");
    rest(&scene);
    CHECK_SIZE(scene.server.idles, 1);
    h2_session_tell_idle(scene.server.session, 0);
    CHECK_SIZE(scene.server.idles, 1); /* not within the call */
    rest(&scene);
    CHECK_SIZE(scene.server.idles, 2);
    CHECK_SIZE(scene.client.idles, 0);
    end(&scene, &ask);
}

/* ---- silence ---- */

static void alive(void *arg)
{
    struct h2_end *end_of = arg;
    end_of->alive++;
}

TEST(a_ping_is_answered)
{
    struct h2_scene scene;
    struct error err;
    h2_scene_begin(&scene);
    CHECK(h2_session_ping(scene.client.session, 1000, alive, &err));
    CHECK_SIZE(scene.client.alive, 0);
    rest(&scene);
    CHECK_SIZE(scene.client.alive, 1);
    turned_loop_pass(&scene.turned, 10 * 60 * 1000);
    CHECK_SIZE(scene.client.alive, 1);
    CHECK_SIZE(scene.client.closed + scene.server.closed, 0);
    h2_scene_end(&scene);
}

TEST(a_silent_peer_is_asked_and_given_up)
{
    struct h2_scene scene;
    struct ask ask;
    begin(&scene, &ask);
    gate_hold(conn_gate(scene.server.conn), HOLD_OPENING); /* it hears nothing any more */
    scene.server.keeps = true;                             /* and does not leave either */
    turned_loop_pass(&scene.turned, H2_PING_AFTER_MS + H2_PING_LIMIT_MS - 2000);
    CHECK_SIZE(scene.client.closed, 0);
    turned_loop_pass(&scene.turned, 60 * 1000); /* its own questions are signs of life */
    CHECK_SIZE(scene.client.closed, 1);
    CHECK(scene.client.why.kind == ERROR_TIMEOUT);
    CHECK(ask.failed && ask.ends == 1);
    CHECK(ask.why.kind == ERROR_NETWORK); /* whatever ended its connection */
    end(&scene, &ask);
}

TEST(a_peer_that_never_greets_is_given_up)
{
    for (int is_server = 0; is_server < 2; is_server++) {
        struct h2_scene scene;
        struct raw_peer peer;
        h2_scene_prepare(&scene);
        struct h2_end *here = is_server ? &scene.server : &scene.client;
        h2_end_open(here, &scene.turned, raw_peer_open(&peer));
        turned_loop_pass(&scene.turned, H2_SETTINGS_LIMIT_MS - 1);
        CHECK_SIZE(here->closed, 0);
        turned_loop_pass(&scene.turned, 1);
        CHECK_SIZE(here->closed, 1);
        CHECK(here->why.kind == ERROR_TIMEOUT);
        raw_peer_close(&peer);
        h2_scene_end(&scene);
    }
}

TEST(a_closed_session_cannot_be_pinged)
{
    struct h2_scene scene;
    struct error err;
    h2_scene_begin(&scene);
    scene.client.keeps = true;
    h2_end_close(&scene.server);
    rest(&scene);
    CHECK_SIZE(scene.client.closed, 1);
    CHECK(!h2_session_ping(scene.client.session, 1000, alive, &err));
    CHECK(!h2_session_can_open(scene.client.session));
    turned_loop_pass(&scene.turned, 10 * 1000);
    CHECK_SIZE(scene.client.alive, 0);
    h2_scene_end(&scene);
}

/* ---- loss ---- */

TEST(when_a_session_ends_each_owner_is_told_exactly_once_and_before_it)
{
    enum { MANY = 20 };
    static struct ask asks[MANY];
    for (int by_client = 0; by_client < 2; by_client++) {
        struct h2_scene scene;
        h2_scene_begin(&scene);
        scene.asks = asks;
        scene.ask_count = MANY;
        scene.desk.keeps = true;
        for (size_t i = 0; i < MANY; i++) {
            ask_init(&asks[i], "POST", "/");
            ask_announce(&asks[i], LENGTH_UNKNOWN);
            ask_put(&asks[i], SPAN("body"));
            CHECK(ask_send(&asks[i], &scene.opener));
        }
        rest(&scene);
        for (size_t i = 0; i < MANY; i++) { /* in all states that there are */
            if (i % 4 >= 1)
                desk_begin(&scene.desk.requests[i], 200, LENGTH_UNKNOWN);
            if (i % 4 >= 2)
                CHECK_SIZE(desk_put(&scene.desk.requests[i], SPAN("answer")), 6);
            if (i % 4 == 3)
                desk_end(&scene.desk.requests[i]);
        }
        rest(&scene);
        h2_end_close(by_client ? &scene.client : &scene.server);
        CHECK_SIZE(asks[0].ends, 0); /* not within the call */
        turned_loop_pass(&scene.turned, 60 * 1000);
        CHECK_SIZE(by_client ? scene.server.closed : scene.client.closed, 1);
        for (size_t i = 0; i < MANY; i++) {
            struct desk_request *request = &scene.desk.requests[i];
            bool good = i % 4 == 3;
            CHECK_CASE(asks[i].ends == 1 && asks[i].done == good, "client's %zu", i);
            CHECK_CASE(request->answered + request->aborted == 1, "server's %zu", i);
            CHECK_CASE(request->answered == good, "server's %zu", i);
            CHECK_CASE(request->after == 0, "server's %zu", i);
            ask_release(&asks[i]);
        }
        h2_scene_end(&scene);
    }
}

TEST(what_was_said_before_the_end_still_arrives)
{
    struct h2_scene scene;
    struct ask ask;
    begin(&scene, &ask);
    ask_end(&ask);
    desk_answer(&scene.desk.requests[0], 200, "last words");
    h2_end_close(&scene.server);
    rest(&scene);
    CHECK(ask.done && ask.ends == 1);
    CHECK_SPAN(buf_span(&ask.text), SPAN("last words"));
    CHECK_SIZE(scene.client.closed, 1);
    end(&scene, &ask);
}

TEST(a_session_whose_connection_is_cut_tells_why)
{
    struct h2_scene scene;
    struct ask ask;
    begin(&scene, &ask);
    scene.turned.memory.on_read = (struct memory_fault){.error = 104};
    CHECK(h2_session_ping(scene.server.session, 60 * 1000, NULL, NULL));
    rest(&scene);
    CHECK_SIZE(scene.client.closed, 1);
    CHECK(scene.client.why.kind == ERROR_NETWORK);
    CHECK(ask.failed && ask.ends == 1);
    end(&scene, &ask);
}
