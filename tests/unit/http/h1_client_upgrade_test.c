/* WebSockets to an origin that is played by hand: 101, bytes both ways, and each way's end. */
#include "culvert/http/h1_client.h"
#include "harness.h"
#include "support/client_scene.h"

#include <errno.h>

#define ACCEPT                                                                                     \
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade, x-hop\r\nUpgrade: WebSocket\r\n"     \
    "X-Hop: 1\r\nContent-Length: 7\r\nSec-WebSocket-Accept: any\r\n\r\n"

struct play {
    struct client_scene scene;
    struct ask ask;
};

static void ask_upgrade(struct play *play, const char *method)
{
    ask_init(&play->ask, method, "/x");
    ask_announce(&play->ask, LENGTH_UNKNOWN);
    play->ask.head.is_websocket = true;
    ask_field(&play->ask, "Sec-WebSocket-Key", "k");
}

static void begin(struct play *play)
{
    client_scene_begin(&play->scene);
    ask_upgrade(play, "GET");
    CHECK(ask_send(&play->ask, &play->scene.opener));
    (void)client_scene_hear(&play->scene);
}

/* The same, and it is accepted. */
static void begin_upgraded(struct play *play)
{
    begin(play);
    client_scene_say(&play->scene, ACCEPT);
    CHECK_SIZE(play->ask.status, 101);
    buf_clear(&play->scene.peer.got);
}

static void end(struct play *play)
{
    ask_release(&play->ask);
    client_scene_end(&play->scene);
}

static void put(struct play *play, const char *text)
{
    ask_put(&play->ask, span_of(text));
}

/* Lets go of the request, then of the connection, as an origin does. */
static void let_go(struct play *play)
{
    ask_close(&play->ask);
    CHECK(!h1_client_is_reusable(play->scene.client));
    client_scene_close(&play->scene);
    (void)client_scene_hear(&play->scene);
}

static bool heard(struct play *play, const char *text)
{
    return span_equal(client_scene_hear(&play->scene), span_of(text));
}

TEST(an_upgrade_is_asked_for_without_a_body)
{
    static const struct {
        const char *method, *sent;
    } cases[] = {
        {"GET", "GET /x HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\n"
                "Upgrade: websocket\r\nSec-Websocket-Key: k\r\n\r\n"},
        {"POST", "POST /x HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0\r\n"
                 "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-Websocket-Key: k\r\n\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct play play;
        client_scene_begin(&play.scene);
        ask_upgrade(&play, cases[i].method);
        put(&play, "too early");
        CHECK(ask_send(&play.ask, &play.scene.opener));
        CHECK(heard(&play, cases[i].sent));
        end(&play);
    }
}

TEST(behind_101_bytes_go_both_ways)
{
    struct play play;
    struct span value = SPAN_NONE;
    begin(&play);
    put(&play, "early");
    client_scene_say(&play.scene, "HTTP/1.1 103 Early Hints\r\n\r\n");
    CHECK(play.ask.informs == 1 && !span_ends(client_scene_hear(&play.scene), SPAN("early")));
    buf_clear(&play.scene.peer.got);
    client_scene_say(&play.scene, ACCEPT "hel");
    CHECK(play.ask.status == 101 && !play.ask.got.ends_here && play.ask.from);
    CHECK(play.ask.got.length == LENGTH_UNKNOWN);
    CHECK(headers_find(&play.ask.got.fields, SPAN("connection"), &value));
    CHECK_SPAN(value, SPAN("upgrade, x-hop"));
    CHECK(headers_find(&play.ask.got.fields, SPAN("upgrade"), &value));
    CHECK_SPAN(value, SPAN("WebSocket"));
    CHECK_SIZE(play.ask.got.fields.count, 3);
    CHECK(heard(&play, "early"));
    put(&play, " and late");
    client_scene_say(&play.scene, "lo");
    CHECK(heard(&play, "early and late"));
    CHECK_SPAN(buf_span(&play.ask.text), SPAN("hello"));
    CHECK_SIZE(play.ask.ends + play.ask.halves, 0);
    end(&play);
}

TEST(each_direction_ends_by_itself_and_both_are_the_end)
{
    for (int origin_first = 0; origin_first < 2; origin_first++) {
        struct play play;
        begin_upgraded(&play);
        for (int turn = 0; turn < 2; turn++) {
            if (turn == !origin_first) {
                client_scene_say(&play.scene, "its last");
                raw_peer_end(&play.scene.peer);
            } else {
                put(&play, "our last");
                ask_end(&play.ask);
            }
            (void)client_scene_hear(&play.scene);
            CHECK_SIZE(play.ask.halves, 1);
            CHECK(play.ask.done == (turn == 1));
        }
        CHECK_SPAN(buf_span(&play.ask.text), SPAN("its last"));
        CHECK(heard(&play, "our last") && play.scene.peer.ended);
        let_go(&play);
        end(&play);
    }
}

TEST(what_was_said_last_leaves_behind_the_close)
{
    enum { SIZE = 60 * 1000 };
    static char bytes[SIZE];
    struct play play;
    begin_upgraded(&play);
    memset(bytes, 'x', sizeof bytes);
    raw_peer_end(&play.scene.peer);
    turned_loop_settle(&play.scene.turned);
    ask_put(&play.ask, span_make(bytes, sizeof bytes));
    ask_end(&play.ask);
    let_go(&play);
    CHECK_SIZE(client_scene_hear(&play.scene).len, SIZE);
    CHECK(play.scene.peer.ended && play.scene.peer.error == 0);
    turned_loop_pass(&play.scene.turned, CONN_LINGER_MS);
    end(&play);
}

TEST(an_upgrade_that_is_refused_is_an_ordinary_answer)
{
    struct play play;
    begin(&play);
    put(&play, "early");
    client_scene_say(&play.scene, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    CHECK(play.ask.done && play.ask.status == 403);
    CHECK_SPAN(buf_span(&play.ask.text), SPAN("no"));
    CHECK(!span_ends(client_scene_hear(&play.scene), SPAN("early")));
    ask_close(&play.ask);
    CHECK(h1_client_is_reusable(play.scene.client));
    end(&play);
}

/* Which one it is, is between the two that speak it. */
TEST(a_switch_to_another_protocol_is_an_upgrade_too)
{
    struct play play;
    begin(&play);
    put(&play, "early");
    client_scene_say(&play.scene, "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nx");
    CHECK(play.ask.status == 101 && !play.ask.got.is_unasked);
    CHECK(span_ends(client_scene_hear(&play.scene), SPAN("early")));
    CHECK_SPAN(buf_span(&play.ask.text), SPAN("x"));
    CHECK_SIZE(play.ask.ends, 0);
    end(&play);
}

static void ask_plainly(struct play *play, const char *method)
{
    client_scene_begin(&play->scene);
    ask_init(&play->ask, method, "/x");
    ask_announce(&play->ask, LENGTH_UNKNOWN);
    put(play, "a body");
    CHECK(ask_send(&play->ask, &play->scene.opener));
    (void)client_scene_hear(&play->scene);
}

TEST(a_switch_that_nobody_asked_for_is_an_answer_with_what_came_with_it)
{
    static const struct {
        const char *said, *heard;
    } cases[] = {
        {ACCEPT "frames", "frames"},
        {ACCEPT, ""},
        {"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
         "HTTP/1.1 200 OK\r\n\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct play play;
        ask_plainly(&play, "POST");
        buf_clear(&play.scene.peer.got);
        client_scene_say(&play.scene, cases[i].said);
        CHECK(play.ask.done && play.ask.status == 101 && play.ask.got.is_unasked);
        CHECK_TEXT(buf_text(&play.ask.text), cases[i].heard);
        put(&play, "and more");
        client_scene_say(&play.scene, "too late");
        CHECK_TEXT(buf_text(&play.ask.text), cases[i].heard);
        CHECK(heard(&play, ""));
        ask_close(&play.ask);
        CHECK(!h1_client_is_reusable(play.scene.client));
        end(&play);
    }
}

TEST(a_switch_to_nothing_is_an_answer_that_breaks_off)
{
    static const char *const answers[] = {
        "HTTP/1.1 101 S\r\n\r\nx",
        "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 S\r\nConnection: Upgrade\r\n\r\n",
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(answers); i++) {
        struct play play;
        if (i % 2 == 0)
            ask_plainly(&play, "POST");
        else
            begin(&play);
        buf_clear(&play.scene.peer.got);
        put(&play, "early");
        (void)client_scene_hear(&play.scene);
        client_scene_say(&play.scene, answers[i / 2]);
        CHECK_CASE(play.ask.status == 101 && play.ask.got.is_unasked, "%s", answers[i / 2]);
        CHECK_CASE(play.ask.failed && play.ask.why.kind == ERROR_PROTOCOL, "%s", answers[i / 2]);
        put(&play, "late");
        CHECK(!span_ends(client_scene_hear(&play.scene), SPAN("late")));
        let_go(&play);
        end(&play);
    }
}

static bool broke(const struct play *play)
{
    return play->ask.done && !play->ask.failed && play->ask.ends == 1 && play->ask.out->fault &&
           play->ask.out->fault->kind == ERROR_NETWORK;
}

TEST(the_loss_of_an_upgraded_connection_ends_both_directions_and_is_told)
{
    struct play play;
    begin_upgraded(&play);
    client_scene_say(&play.scene, "last");
    play.scene.turned.memory.on_read = (struct memory_fault){.error = ECONNRESET};
    client_scene_say(&play.scene, "x");
    CHECK(broke(&play) && channel_is_ended(play.ask.from->bytes));
    CHECK_SPAN(buf_span(&play.ask.text), SPAN("last"));
    end(&play);
    begin_upgraded(&play);
    raw_peer_end(&play.scene.peer);
    turned_loop_settle(&play.scene.turned);
    CHECK(play.ask.halves == 1 && play.ask.ends == 0);
    raw_peer_close(&play.scene.peer); /* it hears no more */
    put(&play, "lost");
    turned_loop_settle(&play.scene.turned);
    CHECK(broke(&play));
    end(&play);
}

/* A reset that a write met is read as an end. */
TEST(an_end_behind_a_write_that_failed_is_a_loss)
{
    struct play play;
    begin_upgraded(&play);
    play.scene.turned.memory.on_write = (struct memory_fault){.error = EPIPE};
    put(&play, "lost");
    turned_loop_settle(&play.scene.turned);
    CHECK_SIZE(play.ask.ends + play.ask.halves, 0); /* it may have said why */
    client_scene_say(&play.scene, "why");
    raw_peer_end(&play.scene.peer);
    turned_loop_settle(&play.scene.turned);
    CHECK_SPAN(buf_span(&play.ask.text), SPAN("why"));
    CHECK(broke(&play));
    end(&play);
}

/* Over the kernel's TCP: sockets in memory know no reset. */
TEST(an_upgrade_that_is_given_up_is_a_reset_for_the_origin)
{
    static const unsigned cases[] = {0, 2, 3}; /* 1: we did, 2: it did */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned ended = cases[i];
        struct play play;
        client_scene_begin_tcp(&play.scene);
        ask_upgrade(&play, "GET");
        CHECK(ask_send(&play.ask, &play.scene.opener));
        (void)client_scene_hear(&play.scene);
        client_scene_say(&play.scene, ACCEPT);
        REQUIRE(play.ask.status == 101);
        if (ended & 1)
            ask_end(&play.ask);
        if (ended & 2)
            raw_peer_end(&play.scene.peer);
        turned_loop_settle(&play.scene.turned);
        let_go(&play);
        raw_peer_await_end(&play.scene.peer);
        bool was_reset = play.scene.peer.error == ECONNRESET;
        CHECK_CASE(was_reset == (ended != 3), "%u: errno %d", ended, play.scene.peer.error);
        end(&play);
    }
}
