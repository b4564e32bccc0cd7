/* What becomes of a connection to an origin: idle, stale, closed in every callback. */
#include "culvert/http/h1_client.h"
#include "harness.h"
#include "support/client_scene.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* A scene after one request that went well. */
static void begin_idle(struct client_scene *scene)
{
    struct ask ask;
    client_scene_begin(scene);
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, &scene->opener));
    client_scene_say(scene, HELLO);
    CHECK(ask.done);
    ask_release(&ask);
    CHECK(h1_client_is_reusable(scene->client));
    client_scene_idle(scene);
}

TEST(an_idle_connection_that_the_origin_closes_is_gone_once)
{
    for (int closes = 0; closes < 2; closes++) {
        struct client_scene scene;
        begin_idle(&scene);
        scene.closes_when_gone = closes;
        raw_peer_close(&scene.peer);
        turned_loop_settle(&scene.turned);
        CHECK_SIZE(scene.gone, 1);
        if (!closes)
            CHECK(!h1_client_is_reusable(scene.client));
        client_scene_end(&scene);
    }
}

TEST(an_idle_connection_that_speaks_unasked_is_gone)
{
    for (int closes = 0; closes < 2; closes++) {
        struct client_scene scene;
        begin_idle(&scene);
        scene.closes_when_gone = closes;
        client_scene_say(&scene, "HTTP/1.1 408 Request Timeout\r\n\r\n");
        raw_peer_close(&scene.peer);
        turned_loop_settle(&scene.turned);
        CHECK_SIZE(scene.gone, 1);
        client_scene_end(&scene);
    }
}

TEST(nothing_is_sent_over_a_connection_that_is_gone)
{
    struct client_scene scene;
    struct ask ask;
    begin_idle(&scene);
    raw_peer_close(&scene.peer);
    turned_loop_settle(&scene.turned);
    ask_init(&ask, "GET", "/");
    CHECK(!ask_send(&ask, &scene.opener));
    CHECK(ask.why.kind == ERROR_NETWORK);
    ask_release(&ask);
    client_scene_end(&scene);
}

TEST(a_connection_that_closes_as_the_request_leaves_was_stale)
{
    struct client_scene scene;
    struct ask ask;
    begin_idle(&scene);
    ask_init(&ask, "GET", "/");
    raw_peer_close(&scene.peer); /* unnoticed so far */
    CHECK(ask_send(&ask, &scene.opener));
    turned_loop_settle(&scene.turned);
    CHECK(ask.failed && ask.ends == 1);
    CHECK(ask.why.kind == ERROR_NETWORK);
    CHECK(!h1_client_heard_any(scene.client));
    CHECK(!h1_client_took_body(scene.client));
    CHECK_SIZE(scene.gone, 0); /* it was not idle */
    ask_release(&ask);
    client_scene_end(&scene);
}

TEST(what_was_heard_and_taken_is_that_of_the_request_in_hand)
{
    struct client_scene scene;
    struct ask ask;
    client_scene_begin(&scene);
    ask_init(&ask, "POST", "/");
    ask_announce(&ask, 2);
    ask_put(&ask, SPAN("hi"));
    ask_end(&ask);
    CHECK(ask_send(&ask, &scene.opener));
    client_scene_say(&scene, HELLO);
    CHECK(h1_client_heard_any(scene.client) && h1_client_took_body(scene.client) &&
          h1_client_wrote_any(scene.client));
    ask_release(&ask);
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, &scene.opener));
    CHECK(!h1_client_heard_any(scene.client) && !h1_client_took_body(scene.client) &&
          !h1_client_wrote_any(scene.client));
    turned_loop_settle(&scene.turned);
    CHECK(h1_client_wrote_any(scene.client));
    ask_release(&ask);
    client_scene_end(&scene);
}

TEST(a_head_that_cannot_be_written_leaves_the_client_idle)
{
    struct client_scene scene;
    struct ask ask;
    begin_idle(&scene);
    ask_init(&ask, "GET", "/");
    ask_field(&ask, "x", "a\r\nb: c");
    CHECK(!ask_send(&ask, &scene.opener));
    CHECK(ask.why.kind == ERROR_INVALID);
    ask_release(&ask);
    CHECK(h1_client_is_reusable(scene.client));
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, &scene.opener));
    client_scene_say(&scene, HELLO);
    CHECK(ask.done);
    ask_release(&ask);
    client_scene_end(&scene);
}

TEST(an_answer_left_unread_keeps_no_memory_and_no_gate_shut)
{
    static char bytes[CHANNEL_LIMIT];
    struct client_scene scene;
    struct ask ask;
    client_scene_begin(&scene);
    ask_init(&ask, "GET", "/");
    ask.holds = true;
    CHECK(ask_send(&ask, &scene.opener));
    client_scene_say(&scene, "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n");
    CHECK_SIZE(raw_peer_put(&scene.peer, span_make(bytes, sizeof bytes)), sizeof bytes);
    turned_loop_settle(&scene.turned);
    CHECK(ask.done);
    CHECK_SIZE(scene.budget.used, CHANNEL_LIMIT);
    ask_release(&ask);
    CHECK_SIZE(scene.budget.used, 0);
    CHECK(h1_client_is_reusable(scene.client));
    client_scene_idle(&scene);
    raw_peer_close(&scene.peer);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.gone, 1); /* it is still listened to */
    client_scene_end(&scene);
}

TEST(a_request_let_go_before_its_end_spoils_the_connection)
{
    static const char *const said[] = {"", "HTTP/1.1 200 OK\r\nContent-Le",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct client_scene scene;
        struct ask ask;
        client_scene_begin(&scene);
        ask_init(&ask, "GET", "/");
        CHECK(ask_send(&ask, &scene.opener));
        client_scene_say(&scene, said[i]);
        ask_release(&ask);
        CHECK(!h1_client_is_reusable(scene.client));
        client_scene_say(&scene, "the rest, to nobody");
        CHECK_SIZE(ask.ends, 0);
        client_scene_end(&scene);
    }
}

/* ---- closing in callbacks ---- */

struct closer {
    struct client_scene scene;
    struct outbound *out;
    struct body body;
    char at;        /* in which callback: i a f d x */
    char what;      /* o the outbound, c the client, b both, B both the other way */
    bool closed;    /* it was */
    size_t reached; /* how often a callback came */
    size_t after;   /* and how often it came too late */
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
    if (closer->closed)
        closer->after++;
    if (letter != closer->at || closer->closed)
        return;
    closer->reached++;
    closer->closed = true;
    if (closer->what == 'o' || closer->what == 'b')
        close_out(closer);
    if (closer->what != 'o')
        client_scene_close(&closer->scene);
    if (closer->what == 'B')
        close_out(closer);
    closer->out = NULL; /* a closed client takes its request along */
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

TEST(outbound_and_client_may_be_closed_in_every_callback)
{
    static const char places[] = "iafdx";
    static const char things[] = "ocbB";
    static const char *const answers[] = {
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\nhello\r\n0\r\nA: b\r\n\r\nand more"),
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
    };
    for (size_t i = 0; i < strlen(places); i++)
        for (size_t j = 0; j < strlen(things); j++)
            for (size_t k = 0; k < ARRAY_LEN(answers); k++) {
                struct closer closer = {.at = places[i], .what = things[j]};
                struct ask ask;
                ask_init(&ask, "GET", "/");
                client_scene_begin(&closer.scene);
                closer.out = h1_client_send(closer.scene.client, &ask.head, &ask.body, &events,
                                            &closer, NULL);
                client_scene_say(&closer.scene, answers[k]);
                raw_peer_close(&closer.scene.peer);
                turned_loop_settle(&closer.scene.turned);
                bool is_cut = k == 3;
                bool has_body = k != 2;
                bool comes = places[i] == 'd'   ? !is_cut
                             : places[i] == 'x' ? is_cut
                             : places[i] == 'f' ? has_body
                                                : true;
                CHECK_CASE(closer.reached == comes, "'%c' in '%c', answer %zu", things[j],
                           places[i], k);
                CHECK_CASE(closer.after == 0, "'%c' in '%c', answer %zu: called after it",
                           things[j], places[i], k);
                if (closer.out)
                    close_out(&closer);
                client_scene_end(&closer.scene);
                ask_release(&ask);
            }
}

struct again {
    struct client_scene scene;
    struct ask first, second;
    bool sent;
};

static void send_second(void *arg)
{
    struct again *again = arg;
    if (again->sent || !channel_is_done(again->first.from->bytes))
        return;
    again->sent = true;
    ask_close(&again->first);
    if (h1_client_is_reusable(again->scene.client))
        CHECK(ask_send(&again->second, &again->scene.opener));
}

static void take_all(void *arg)
{
    struct again *again = arg;
    ask_take(&again->first);
    send_second(again);
}

static const struct channel_events chain = {take_all};

TEST(the_end_of_one_answer_is_not_taken_for_that_of_the_next)
{
    struct again again = {0};
    client_scene_begin(&again.scene);
    ask_init(&again.first, "GET", "/1");
    ask_init(&again.second, "GET", "/2");
    again.first.holds = true;
    CHECK(ask_send(&again.first, &again.scene.opener));
    client_scene_say(&again.scene, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    REQUIRE(again.first.from);
    /* Sends the next request as soon as it sees the end of the first answer's bytes. */
    channel_set_taker(again.first.from->bytes, &chain, &again);
    client_scene_say(&again.scene, "5\r\nhello\r\n0\r\n\r\n");
    CHECK(again.sent);
    CHECK_SIZE(again.second.ends, 0);
    if (again.second.out) {
        client_scene_say(&again.scene, HELLO);
        CHECK(again.second.done);
        CHECK_SPAN(buf_span(&again.second.text), SPAN("hello"));
    }
    ask_release(&again.first);
    ask_release(&again.second);
    client_scene_end(&again.scene);
}

TEST(bytes_behind_an_answer_are_not_taken_for_the_next_one)
{
    struct again again = {0};
    client_scene_begin(&again.scene);
    ask_init(&again.first, "GET", "/1");
    ask_init(&again.second, "GET", "/2");
    again.first.holds = true;
    CHECK(ask_send(&again.first, &again.scene.opener));
    client_scene_say(&again.scene, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    REQUIRE(again.first.from);
    channel_set_taker(again.first.from->bytes, &chain, &again);
    client_scene_say(&again.scene, "5\r\nhello\r\n0\r\n\r\n" HELLO);
    CHECK(again.sent);
    CHECK_SIZE(again.second.status, 0);
    CHECK(!h1_client_is_reusable(again.scene.client));
    ask_release(&again.first);
    ask_release(&again.second);
    client_scene_end(&again.scene);
}

TEST(a_closed_client_calls_nobody)
{
    struct client_scene scene;
    begin_idle(&scene);
    client_scene_close(&scene);
    raw_peer_close(&scene.peer);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.gone, 0);
    h1_client_close(NULL);
    client_scene_end(&scene);
}
