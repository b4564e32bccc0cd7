/* How a connection ends: by the peer, by a loss, by us in every callback. */
#include "culvert/net/conn.h"
#include "harness.h"
#include "support/conn_scene.h"

#include <errno.h>
#include <unistd.h>

static void shut_gate(struct conn_ear *ear, char letter)
{
    if (letter == 'b')
        gate_hold(conn_gate(ear->conn), HOLD_CHANNEL);
}

/* ---- ends ---- */

TEST(a_peer_that_ended_its_side_can_still_be_answered)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("last words")), 10);
    raw_peer_end(&scene.peer);
    conn_scene_rest(&scene);
    CHECK_TEXT(scene.ear.diary, "be");
    CHECK(conn_put(scene.ear.conn, "farewell", 8));
    CHECK_SPAN(conn_scene_hear(&scene), SPAN("farewell"));
    CHECK(!scene.peer.ended);
    turned_loop_pass(&scene.turned, 60 * 1000);
    CHECK_TEXT(scene.ear.diary, "be");
    conn_scene_end(&scene);
}

TEST(our_side_ends_behind_everything_queued_and_theirs_goes_on)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    CHECK(conn_scene_put(&scene, 1000 * 1000));
    conn_end(scene.ear.conn);
    conn_end(scene.ear.conn);
    CHECK(!conn_put(scene.ear.conn, "x", 1));
    CHECK_SIZE(conn_scene_hear(&scene).len, 1000 * 1000);
    raw_peer_pull(&scene.peer);
    CHECK(scene.peer.ended);
    conn_scene_say(&scene, "more");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("more"));
    conn_scene_end(&scene);
}

TEST(the_end_is_told_behind_the_bytes_that_a_shut_gate_kept_back)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    scene.ear.take_most = 2;
    scene.ear.act = shut_gate;
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("abcdef")), 6);
    raw_peer_end(&scene.peer);
    conn_scene_rest(&scene);
    CHECK_TEXT(scene.ear.diary, "b");
    gate_release(conn_gate(scene.ear.conn), HOLD_CHANNEL);
    (void)loop_turn(scene.turned.loop, 0);
    CHECK_TEXT(scene.ear.diary, "bb"); /* "cd", and the gate is shut again */
    conn_scene_rest(&scene);
    CHECK_TEXT(scene.ear.diary, "bb");
    scene.ear.act = NULL;
    scene.ear.take_most = 0;
    gate_release(conn_gate(scene.ear.conn), HOLD_CHANNEL);
    conn_scene_rest(&scene);
    CHECK_TEXT(scene.ear.diary, "bbbe");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcdef"));
    conn_scene_end(&scene);
}

static void open_gate_late(void *arg)
{
    gate_release(conn_gate(arg), HOLD_CHANNEL);
}

TEST(the_end_is_told_behind_kept_bytes_also_when_the_gate_opens_late_in_a_turn)
{
    struct conn_scene scene;
    struct task late;
    conn_scene_begin(&scene);
    scene.ear.take_most = 2;
    scene.ear.act = shut_gate;
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("abcd")), 4);
    raw_peer_end(&scene.peer);
    conn_scene_rest(&scene);
    scene.ear.act = NULL;
    /* The descriptor is looked at before the kept bytes get their turn. */
    task_init(&late, scene.turned.loop, TASK_FLUSH, open_gate_late, scene.ear.conn);
    task_post(&late);
    conn_scene_rest(&scene);
    CHECK_TEXT(scene.ear.diary, "bbe");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcd"));
    conn_scene_end(&scene);
}

TEST(a_consumer_that_leaves_bytes_for_later_still_hears_of_the_end)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    scene.ear.take_most = 2;
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("abcd")), 4);
    raw_peer_end(&scene.peer);
    conn_scene_rest(&scene);
    CHECK_SIZE(scene.ear.ended, 1);
    conn_scene_end(&scene);
}

/* ---- losses ---- */

TEST(a_reset_by_the_peer_loses_the_connection)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    CHECK(conn_put(scene.ear.conn, "unread", 6));
    conn_scene_rest(&scene);
    raw_peer_close(&scene.peer); /* with unread bytes: a reset */
    conn_scene_rest(&scene);
    CHECK_TEXT(scene.ear.diary, "l");
    CHECK(scene.ear.why.kind == ERROR_NETWORK && scene.ear.why.cause == ECONNRESET);
    CHECK(!conn_put(scene.ear.conn, "x", 1));
    turned_loop_pass(&scene.turned, 60 * 1000);
    CHECK_TEXT(scene.ear.diary, "l");
    conn_scene_end(&scene);
}

TEST(an_answer_sent_before_the_peer_shut_its_ears_is_read_first)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("413")), 3);
    CHECK(conn_put(scene.ear.conn, "body", 4));
    scene.turned.memory.on_write = (struct memory_fault){.error = EPIPE};
    gate_hold(conn_gate(scene.ear.conn), HOLD_OPENING); /* so that the write is first */
    conn_scene_rest(&scene);
    CHECK_TEXT(scene.ear.diary, "l"); /* nobody would read it */
    conn_scene_end(&scene);

    conn_scene_begin(&scene);
    scene.turned.memory.on_write = (struct memory_fault){.error = EPIPE};
    CHECK(conn_put(scene.ear.conn, "body", 4));
    conn_scene_rest(&scene);
    CHECK_SIZE(scene.ear.lost, 0);
    CHECK(conn_put(scene.ear.conn, "more", 4)); /* it goes nowhere, and no harm done */
    CHECK_SIZE(conn_queued(scene.ear.conn), 0);
    conn_scene_say(&scene, "413");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("413"));
    raw_peer_end(&scene.peer);
    conn_scene_rest(&scene);
    CHECK_TEXT(scene.ear.diary, "be");
    conn_scene_end(&scene);
}

TEST(a_peer_that_shut_its_ears_leaves_no_room_to_fill)
{
    static const char bytes[CONN_OUT_ROOM];
    struct conn_scene scene;
    size_t filled = 0;
    conn_scene_begin(&scene);
    scene.turned.memory.on_write = (struct memory_fault){.error = ECONNRESET};
    CHECK(conn_put(scene.ear.conn, "answer", 6));
    conn_scene_rest(&scene);
    while (filled < 100 && conn_room(scene.ear.conn) > 0 &&
           conn_put(scene.ear.conn, bytes, conn_room(scene.ear.conn)))
        filled++;
    CHECK_SIZE(filled, 0);
    CHECK_TEXT(scene.ear.diary, ""); /* it may have said why */
    raw_peer_close(&scene.peer);
    conn_scene_rest(&scene);
    CHECK_TEXT(scene.ear.diary, "e");
    conn_scene_end(&scene);
}

TEST(a_failed_write_after_the_peers_end_loses_the_connection)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    raw_peer_end(&scene.peer);
    conn_scene_rest(&scene);
    raw_peer_close(&scene.peer);
    CHECK(conn_put(scene.ear.conn, "x", 1));
    conn_scene_rest(&scene);
    CHECK_TEXT(scene.ear.diary, "el");
    CHECK(scene.ear.why.kind == ERROR_NETWORK);
    conn_scene_end(&scene);
}

TEST(a_reset_behind_kept_bytes_comes_after_them)
{
    struct conn_scene scene;
    struct task late;
    conn_scene_begin(&scene);
    scene.ear.take_most = 2;
    scene.ear.act = shut_gate;
    conn_scene_say(&scene, "abcd");
    CHECK(conn_put(scene.ear.conn, "unread", 6));
    conn_scene_rest(&scene);
    raw_peer_close(&scene.peer);
    scene.ear.act = NULL;
    task_init(&late, scene.turned.loop, TASK_FLUSH, open_gate_late, scene.ear.conn);
    task_post(&late);
    conn_scene_rest(&scene);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcd"));
    CHECK_TEXT(scene.ear.diary, "bbl");
    conn_scene_end(&scene);
}

/* ---- closing ---- */

static void close_twice(struct conn *conn)
{
    conn_close(conn);
    conn_close(conn);
}

static void reset_it(struct conn *conn)
{
    conn_reset(conn);
    conn_reset(conn);
}

static void linger(struct conn *conn)
{
    conn_close_lingering(conn);
    conn_close_lingering(conn);
}

struct ending {
    void (*end)(struct conn *conn);
    char at;
};

static void end_at(struct conn_ear *ear, char letter)
{
    const struct ending *ending = ear->arg;
    if (letter != ending->at)
        return;
    ending->end(ear->conn);
    ear->done = true;
}

/* Brings a scene to the callback that `letter` stands for. */
static void provoke(struct conn_scene *scene, char letter)
{
    switch (letter) {
    case 'b':
        CHECK_SIZE(raw_peer_put(&scene->peer, SPAN("bytes, and the end")), 18);
        raw_peer_end(&scene->peer);
        break;
    case 'e':
        raw_peer_end(&scene->peer);
        break;
    case 'r':
        CHECK(conn_scene_put(scene, 500 * 1000));
        (void)conn_scene_hear(scene);
        break;
    default:
        CHECK(conn_scene_put(scene, 10));
        conn_scene_rest(scene);
        raw_peer_close(&scene->peer);
        break;
    }
    conn_scene_rest(scene);
}

TEST(a_connection_may_be_closed_while_it_gives_again_what_was_left)
{
    static void (*const ends[])(struct conn * conn) = {close_twice, reset_it, linger};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct conn_scene scene;
        struct ending ending = {ends[i], 'b'};
        conn_scene_begin(&scene);
        scene.ear.take_most = 1;
        conn_scene_say(&scene, "abcd");
        scene.ear.act = end_at;
        scene.ear.arg = &ending;
        conn_scene_say(&scene, "efgh");
        CHECK_SPAN(buf_span(&scene.ear.got), SPAN("ab"));
        CHECK_SIZE(scene.ear.after_close, 0);
        if (ends[i] != reset_it)
            scene.ear.conn = NULL;
        conn_scene_end(&scene);
    }
}

TEST(a_connection_may_be_closed_reset_or_left_lingering_in_any_callback)
{
    static void (*const ends[])(struct conn * conn) = {close_twice, reset_it, linger};
    static const char letters[] = "berl";
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        for (size_t j = 0; j < strlen(letters); j++) {
            struct conn_scene scene;
            struct ending ending = {ends[i], letters[j]};
            conn_scene_begin(&scene);
            scene.ear.act = end_at;
            scene.ear.arg = &ending;
            scene.ear.take_most = 3;
            provoke(&scene, letters[j]);
            CHECK_CASE(scene.ear.done, "way %zu in '%c': not reached", i, letters[j]);
            turned_loop_pass(&scene.turned, 10 * 1000);
            CHECK_CASE(scene.ear.after_close == 0, "way %zu in '%c': called back after it: %s", i,
                       letters[j], scene.ear.diary);
            if (ends[i] != reset_it)
                scene.ear.conn = NULL; /* long gone */
            conn_scene_end(&scene);
        }
    }
}

TEST(a_closed_connection_sends_no_more)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    CHECK(conn_scene_put(&scene, 10));
    conn_close(scene.ear.conn);
    conn_close(scene.ear.conn);
    scene.ear.conn = NULL;
    CHECK_SIZE(conn_scene_hear(&scene).len, 0);
    CHECK(scene.peer.ended);
    conn_close(NULL);
    conn_close_lingering(NULL);
    conn_scene_end(&scene);
}

TEST(a_lingering_connection_sends_all_ends_and_waits_for_the_peer)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    CHECK(conn_scene_put(&scene, 1000 * 1000));
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    scene.ear.done = true;
    CHECK_SIZE(conn_scene_hear(&scene).len, 1000 * 1000);
    CHECK(scene.peer.ended);
    conn_scene_say(&scene, "what nobody will hear, yet it must not cause a reset");
    raw_peer_pull(&scene.peer);
    CHECK(scene.peer.error == 0);
    raw_peer_end(&scene.peer);
    conn_scene_rest(&scene);
    CHECK_SIZE(scene.ear.after_close, 0);
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    conn_scene_end(&scene);
}

TEST(a_lingering_connection_goes_when_the_peer_just_stays)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    turned_loop_pass(&scene.turned, CONN_LINGER_MS - 1);
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("x")), 1); /* somebody is there */
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("x")), 0);
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    conn_scene_end(&scene);
}

TEST(a_lingering_connection_lets_a_slow_reader_have_it_all)
{
    static char some[200 * 1024];
    struct conn_scene scene;
    size_t got = 0;
    conn_scene_begin(&scene);
    conn_set_stall_limit(scene.ear.conn, 10 * 1000);
    CHECK(conn_scene_put(&scene, 1000 * 1000));
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    for (int i = 0; i < 200 && got < 1000 * 1000; i++) {
        turned_loop_pass(&scene.turned, CONN_LINGER_MS - 100);
        ssize_t n = read(scene.peer.fd, some, sizeof some);
        got += n > 0 ? (size_t)n : 0;
        conn_scene_rest(&scene);
    }
    CHECK_SIZE(got, 1000 * 1000);
    conn_scene_end(&scene);
}

TEST(a_lingering_connection_waits_for_who_takes_what_the_kernel_still_has)
{
    static char some[10 * 1000];
    struct conn_scene scene;
    size_t got = 0;
    conn_scene_begin(&scene);
    for (int i = 0; i < 10; i++) { /* all of it fits there */
        CHECK(conn_scene_put(&scene, 10 * 1000));
        conn_scene_rest(&scene);
    }
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    conn_scene_rest(&scene);
    while (got < 100 * 1000) {
        ssize_t n = read(scene.peer.fd, some, sizeof some);
        REQUIRE(n > 0);
        got += (size_t)n;
        CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("credit")), 6); /* somebody is there */
        turned_loop_pass(&scene.turned, CONN_LINGER_MS - 100);
    }
    turned_loop_pass(&scene.turned, 2 * CONN_LINGER_MS);
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    conn_scene_end(&scene);
}

TEST(a_lingering_connection_does_not_wait_for_ever_for_a_reader)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    CHECK(conn_scene_put(&scene, 1000 * 1000));
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    turned_loop_pass(&scene.turned, 2 * CONN_LINGER_MS);
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    CHECK(conn_scene_hear(&scene).len < 1000 * 1000);
    conn_scene_end(&scene);
}

TEST(a_reset_connection_calls_nobody_and_still_wants_its_close)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    CHECK(conn_scene_put(&scene, 1000 * 1000));
    conn_scene_rest(&scene);
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("x")), 1);
    conn_reset(scene.ear.conn);
    CHECK(!conn_put(scene.ear.conn, "x", 1));
    conn_end(scene.ear.conn);
    conn_again(scene.ear.conn);
    gate_hold(conn_gate(scene.ear.conn), HOLD_DRAIN);
    gate_release(conn_gate(scene.ear.conn), HOLD_DRAIN);
    turned_loop_pass(&scene.turned, 60 * 1000);
    CHECK_TEXT(scene.ear.diary, "");
    CHECK_SIZE(conn_queued(scene.ear.conn), 0);
    conn_scene_end(&scene);
}

TEST(a_peer_that_went_away_raises_no_signal)
{
    /* Over the kernel's own sockets: the memory sockets would hide a SIGPIPE. */
    struct conn_scene scene;
    struct error err = {0};
    int ends[2];
    memory_pair(ends);
    turned_loop_init(&scene.turned);
    loop_free(scene.turned.loop);
    scene.turned.loop = loop_new(&(struct loop_options){.clock = &scene.turned.clock.clock}, &err);
    REQUIRE(scene.turned.loop);
    conn_ear_open(&scene.ear, scene.turned.loop, ends[0]);
    (void)close(ends[1]);
    scene.peer = (struct raw_peer){.fd = -1};
    gate_hold(conn_gate(scene.ear.conn), HOLD_OPENING);
    CHECK(conn_scene_put(&scene, 10));
    conn_scene_rest(&scene);
    CHECK_SIZE(scene.ear.lost, 1);
    conn_scene_end(&scene);
}

/* Reads one piece in each turn and lets a little time pass. */
struct slow_reader {
    struct conn_scene *scene;
    struct task read;
    size_t got;
    bool reads;
};

static void read_some(void *arg)
{
    struct slow_reader *reader = arg;
    char some[4096];
    ssize_t n = reader->reads ? read(reader->scene->peer.fd, some, sizeof some) : 0;
    reader->got += n > 0 ? (size_t)n : 0;
    turned_clock_add(&reader->scene->turned.clock, 1);
    task_post(&reader->read);
}

TEST(a_loop_lingers_until_the_last_bytes_have_left_or_the_limit_is_reached)
{
    enum { MUCH = 1000 * 1000, LIMIT_MS = 5000 };
    for (int reads = 0; reads < 2; reads++) {
        struct conn_scene scene;
        conn_scene_begin(&scene);
        struct slow_reader reader = {.scene = &scene, .reads = reads};
        task_init(&reader.read, scene.turned.loop, TASK_SOON, read_some, &reader);
        conn_set_stall_limit(scene.ear.conn, 60 * 1000);
        CHECK(conn_scene_put(&scene, MUCH));
        conn_close_lingering(scene.ear.conn);
        scene.ear.conn = NULL;
        read_some(&reader);
        uint64_t began_ms = scene.turned.clock.now_ms;
        loop_linger(scene.turned.loop, LIMIT_MS);
        uint64_t took_ms = scene.turned.clock.now_ms - began_ms;
        task_cancel(&reader.read);
        CHECK_CASE((took_ms >= LIMIT_MS) == !reads, "reads %d: %llu ms", reads,
                   (unsigned long long)took_ms);
        raw_peer_pull(&scene.peer);
        CHECK_CASE((reader.got + scene.peer.got.len == MUCH && scene.peer.ended) == reads,
                   "reads %d: %zu bytes", reads, reader.got + scene.peer.got.len);
        conn_scene_end(&scene);
    }
}

TEST(a_loop_does_not_linger_for_a_peer_that_has_it_all_and_stays)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    CHECK(conn_scene_put(&scene, 1000));
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    loop_linger(scene.turned.loop, UINT32_MAX); /* the clock stands still */
    CHECK_SIZE(conn_scene_hear(&scene).len, 1000);
    conn_scene_end(&scene);
}
