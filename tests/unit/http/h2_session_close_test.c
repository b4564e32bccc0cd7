/* Streams and sessions closed in every callback, in every order. */
#include "culvert/http/h2_life.h"
#include "harness.h"
#include "support/h2_scene.h"

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

static void alive(void *arg)
{
    struct h2_end *end_of = arg;
    end_of->alive++;
    if (end_of->act)
        end_of->act(end_of, 'p');
}

/* ---- a server's callbacks ---- */

static void close_server_in(struct desk_request *request, char letter)
{
    struct h2_scene *scene = request->desk->arg;
    if (letter == scene->letter)
        h2_end_close(&scene->server);
}

static void close_request_in(struct desk_request *request, char letter)
{
    struct h2_scene *scene = request->desk->arg;
    if (letter == scene->letter)
        desk_close(request);
}

static void close_both_in(struct desk_request *request, char letter)
{
    close_request_in(request, letter);
    close_server_in(request, letter);
}

static void close_both_the_other_way_in(struct desk_request *request, char letter)
{
    close_server_in(request, letter);
    close_request_in(request, letter);
}

static void answer_and_close_in(struct desk_request *request, char letter)
{
    struct h2_scene *scene = request->desk->arg;
    if (letter != scene->letter || letter == 'a' || letter == 'x')
        return;
    if (!request->answer.bytes)
        desk_answer(request, 200, "x");
    desk_close(request);
}

TEST(everything_of_a_server_may_be_closed_in_every_callback)
{
    static void (*const ways[])(struct desk_request *,
                                char) = {close_server_in, close_request_in, close_both_in,
                                         close_both_the_other_way_in, answer_and_close_in};
    static const char letters[] = "qfax";
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        for (size_t j = 0; j < strlen(letters); j++) {
            struct h2_scene scene;
            struct ask asks[2];
            h2_scene_begin(&scene);
            scene.letter = letters[j];
            scene.desk.act = ways[i];
            for (size_t k = 0; k < 2; k++) { /* both in one read */
                ask_init(&asks[k], "POST", "/");
                ask_announce(&asks[k], LENGTH_UNKNOWN);
                CHECK(ask_send(&asks[k], &scene.opener));
                ask_put(&asks[k], SPAN("some"));
            }
            rest(&scene);
            ask_put(&asks[0], SPAN("more"));
            ask_end(&asks[0]);
            rest(&scene);
            struct desk_request *request = &scene.desk.requests[0];
            if (letters[j] == 'x')
                ask_close(&asks[0]);
            else if (request->in && scene.server.session && !request->answer.bytes)
                desk_answer(request, 200, "x");
            turned_loop_pass(&scene.turned, 10 * 1000);
            for (size_t k = 0; k < scene.desk.count; k++)
                CHECK_CASE(scene.desk.requests[k].after == 0 &&
                               scene.desk.requests[k].answered + scene.desk.requests[k].aborted <=
                                   1,
                           "way %zu at '%c'", i, letters[j]);
            for (size_t k = 0; k < 2; k++) {
                CHECK_CASE(asks[k].ends <= 1, "way %zu at '%c'", i, letters[j]);
                ask_release(&asks[k]);
            }
            h2_scene_end(&scene);
        }
    }
}

static void close_session_in(struct h2_end *end_of, char letter)
{
    if (letter == end_of->scene->letter)
        h2_end_close(end_of);
}

TEST(a_session_may_be_closed_in_its_own_callbacks)
{
    static const char letters[] = "gicp";
    for (int is_client = 0; is_client < 2; is_client++) {
        for (size_t j = 0; j < strlen(letters); j++) {
            struct h2_scene scene;
            struct ask ask;
            struct error err;
            begin(&scene, &ask);
            struct h2_end *here = is_client ? &scene.client : &scene.server;
            struct h2_end *there = is_client ? &scene.server : &scene.client;
            scene.letter = letters[j];
            here->act = close_session_in;
            h2_session_tell_idle(here->session, 5);
            CHECK(h2_session_ping(here->session, 1000, alive, &err));
            h2_session_goaway(there->session);
            rest(&scene);
            h2_end_close(there);
            turned_loop_pass(&scene.turned, 10 * 1000);
            CHECK_CASE(here->session == NULL, "'%c'", letters[j]);
            CHECK_CASE(ask.ends == 1, "'%c'", letters[j]);
            CHECK_CASE(scene.desk.requests[0].aborted == 1, "'%c'", letters[j]);
            end(&scene, &ask);
        }
    }
}

/* ---- a client's callbacks ---- */

struct closer {
    struct h2_scene *scene;
    struct outbound *out;
    char at;   /* in which callback: i a f d x */
    char what; /* o the outbound, s the session, b both, B both the other way */
    bool closed;
    size_t reached, after;
    struct body *from;
};

static void close_out(struct closer *closer)
{
    struct outbound *out = closer->out;
    closer->out = NULL;
    closer->from = NULL;
    outbound_close(out);
}

static void act(struct closer *closer, char letter)
{
    if (closer->closed && closer->what != 's')
        closer->after++;
    if (letter != closer->at || closer->closed)
        return;
    closer->reached++;
    closer->closed = true;
    if (closer->what == 'o' || closer->what == 'b')
        close_out(closer);
    if (closer->what != 'o')
        h2_end_close(&closer->scene->client);
    if (closer->what == 'B')
        close_out(closer);
}

static void on_filled(void *arg)
{
    struct closer *closer = arg;
    act(closer, 'f');
    if (closer->from)
        channel_drop(closer->from->bytes, channel_len(closer->from->bytes));
}

static const struct channel_events taker = {on_filled};

static void on_inform(void *arg, const struct response_head *head)
{
    (void)head;
    act(arg, 'i');
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct closer *closer = arg;
    (void)head;
    closer->from = body;
    if (body)
        channel_set_taker(body->bytes, &taker, closer);
    act(closer, 'a');
}

static void on_done(void *arg)
{
    act(arg, 'd');
}

static void on_failed(void *arg, const struct error *why)
{
    (void)why;
    act(arg, 'x');
}

static const struct outbound_events events = {on_inform, on_answer, on_done, on_failed};

static void answer_in_full(struct desk_request *request, char letter)
{
    struct response_head hints;
    if (letter != 'q')
        return;
    response_head_init(&hints);
    hints.status = 103;
    inbound_inform(request->in, &hints);
    response_head_release(&hints);
    if (span_equal(buf_span(&request->head.target), SPAN("/cut"))) {
        desk_begin(request, 200, 10);
        CHECK_SIZE(desk_put(request, SPAN("part")), 4);
    } else {
        desk_answer(request, 200, "whole");
    }
}

TEST(everything_of_a_client_may_be_closed_in_every_callback)
{
    static const char places[] = "iafdx";
    static const char things[] = "osbB";
    for (size_t i = 0; i < strlen(places); i++) {
        for (size_t j = 0; j < strlen(things); j++) {
            struct h2_scene scene;
            struct closer closer = {.scene = &scene, .at = places[i], .what = things[j]};
            struct ask ask;
            h2_scene_begin(&scene);
            scene.desk.act = answer_in_full;
            ask_init(&ask, "GET", places[i] == 'x' ? "/cut" : "/");
            closer.out =
                h2_session_open(scene.client.session, &ask.head, &ask.body, &events, &closer, NULL);
            rest(&scene);
            if (places[i] == 'x')
                desk_reset(&scene.desk.requests[0]);
            turned_loop_pass(&scene.turned, 10 * 1000);
            CHECK_CASE(closer.reached == 1, "'%c' in '%c'", things[j], places[i]);
            CHECK_CASE(closer.after == 0, "'%c' in '%c'", things[j], places[i]);
            if (closer.out)
                close_out(&closer);
            ask_release(&ask);
            h2_scene_end(&scene);
        }
    }
}
