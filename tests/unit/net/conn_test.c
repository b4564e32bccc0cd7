/* A byte connection in clear, against a peer that is played by hand. */
#include "culvert/net/conn.h"
#include "harness.h"
#include "support/conn_ear.h"
#include "support/turned_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* A loop, a peer by hand and a connection whose consumer listens. */
struct scene {
    struct turned_loop turned;
    struct raw_peer peer;
    struct conn_ear ear;
};

static void scene_begin(struct scene *scene)
{
    turned_loop_init(&scene->turned);
    conn_ear_open(&scene->ear, scene->turned.loop, raw_peer_open(&scene->peer));
}

static void scene_end(struct scene *scene)
{
    conn_ear_release(&scene->ear);
    raw_peer_close(&scene->peer);
    turned_loop_settle(&scene->turned);
    turned_loop_release(&scene->turned);
}

static void say(struct scene *scene, const char *text)
{
    raw_peer_say(&scene->peer, &scene->turned, text);
}

static struct span hear(struct scene *scene)
{
    return raw_peer_hear(&scene->peer, &scene->turned);
}

static void rest(struct scene *scene)
{
    turned_loop_settle(&scene->turned);
}

static void put(struct scene *scene, size_t len)
{
    static const char bytes[64 * 1024];
    while (len > 0) {
        size_t n = len < sizeof bytes ? len : sizeof bytes;
        CHECK(conn_put(scene->ear.conn, bytes, n));
        len -= n;
    }
}

/* ---- bytes ---- */

TEST(bytes_cross_both_ways)
{
    struct scene scene;
    scene_begin(&scene);
    say(&scene, "hello");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("hello"));
    CHECK(conn_put(scene.ear.conn, "wor", 3) && conn_put(scene.ear.conn, "ld", 2));
    CHECK_SPAN(hear(&scene), SPAN("world"));
    CHECK(!conn_is_tls(scene.ear.conn));
    CHECK_SPAN(conn_protocol(scene.ear.conn), SPAN(""));
    CHECK(conn_loop(scene.ear.conn) == scene.turned.loop);
    scene_end(&scene);
}

TEST(what_is_put_in_one_turn_leaves_in_one_call)
{
    struct scene scene;
    scene_begin(&scene);
    for (int i = 0; i < 1000; i++)
        CHECK(conn_put(scene.ear.conn, "0123456789", 10));
    CHECK_SIZE(conn_queued(scene.ear.conn), 10000);
    CHECK_SIZE(scene.turned.memory.writes, 0);
    CHECK_SIZE(hear(&scene).len, 10000);
    CHECK_SIZE(scene.turned.memory.writes, 1);
    CHECK_SIZE(conn_queued(scene.ear.conn), 0);
    scene_end(&scene);
}

TEST(a_kernel_that_moves_few_bytes_at_a_time_loses_none)
{
    struct scene scene;
    struct buf sent = BUF_LIMIT(200 * 1000);
    scene_begin(&scene);
    scene.turned.memory.read_most = 7;
    scene.turned.memory.write_most = 11;
    scene.turned.memory.on_read = (struct memory_fault){.error = EINTR, .after = 50};
    scene.turned.memory.on_write = (struct memory_fault){.error = EINTR, .after = 50};
    for (int i = 0; i < 20 * 1000; i++)
        REQUIRE(buf_printf(&sent, "%d,", i));
    CHECK_SIZE(raw_peer_put(&scene.peer, buf_span(&sent)), sent.len);
    CHECK(conn_put(scene.ear.conn, sent.data, sent.len));
    CHECK_SPAN(hear(&scene), buf_span(&sent));
    CHECK_SPAN(buf_span(&scene.ear.got), buf_span(&sent));
    buf_release(&sent);
    scene_end(&scene);
}

/* ---- what the consumer leaves ---- */

TEST(what_the_consumer_leaves_comes_again_in_front_of_new_bytes)
{
    struct scene scene;
    scene_begin(&scene);
    scene.ear.take_most = 3;
    say(&scene, "abcdef");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abc"));
    CHECK_SIZE(scene.ear.calls, 1); /* it is not asked again and again */
    scene.ear.take_most = 0;
    say(&scene, "gh");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcdefgh"));
    CHECK_SIZE(scene.ear.calls, 2);
    scene_end(&scene);
}

TEST(what_the_consumer_leaves_comes_again_when_it_asks)
{
    struct scene scene;
    scene_begin(&scene);
    scene.ear.take_most = 4;
    say(&scene, "abcdef");
    conn_again(scene.ear.conn);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcd")); /* not within the call */
    rest(&scene);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcdef"));
    conn_again(scene.ear.conn);
    rest(&scene);
    CHECK_SIZE(scene.ear.calls, 2); /* nothing was left */
    scene_end(&scene);
}

static void shut_gate(struct conn_ear *ear, char letter)
{
    if (letter == 'b')
        gate_hold(conn_gate(ear->conn), HOLD_CHANNEL);
}

TEST(a_shut_gate_stops_reading_and_an_open_one_goes_on_where_it_stopped)
{
    struct scene scene;
    scene_begin(&scene);
    scene.ear.take_most = 2;
    scene.ear.act = shut_gate;
    say(&scene, "abcdef");
    say(&scene, "gh");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("ab"));
    CHECK_SIZE(scene.turned.memory.bytes_read, 6);
    gate_release(conn_gate(scene.ear.conn), HOLD_CHANNEL);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("ab")); /* not within the call */
    rest(&scene);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcd"));
    scene.ear.act = NULL;
    scene.ear.take_most = 0;
    gate_release(conn_gate(scene.ear.conn), HOLD_CHANNEL);
    rest(&scene);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcdefgh"));
    scene_end(&scene);
}

TEST(unread_bytes_are_bounded)
{
    static const char bytes[32 * 1024];
    struct scene scene;
    scene_begin(&scene);
    scene.ear.take_most = 1;
    for (size_t sent = 0; sent < 2 * CONN_PENDING_MAX; sent += sizeof bytes) {
        (void)raw_peer_put(&scene.peer, span_make(bytes, sizeof bytes));
        rest(&scene);
    }
    CHECK_SIZE(scene.ear.lost, 1);
    CHECK(scene.ear.why.kind == ERROR_LIMIT);
    CHECK(scene.turned.memory.bytes_read <= CONN_PENDING_MAX + LOOP_SCRATCH);
    scene_end(&scene);
}

TEST(a_new_consumer_gets_what_the_old_one_left)
{
    struct scene scene;
    struct conn_ear heir;
    scene_begin(&scene);
    scene.ear.take_most = 2;
    say(&scene, "abcd");
    conn_ear_init(&heir, scene.ear.conn);
    conn_set_events(scene.ear.conn, &conn_ear_events, &heir);
    rest(&scene);
    CHECK_SPAN(buf_span(&heir.got), SPAN("cd"));
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("ab"));
    buf_release(&heir.got);
    scene_end(&scene);
}

static void hand_over(struct conn_ear *ear, char letter)
{
    (void)letter;
    conn_set_events(ear->conn, &conn_ear_events, ear->arg);
}

TEST(a_consumer_may_hand_over_in_the_midst_of_its_bytes)
{
    struct scene scene;
    struct conn_ear heir;
    scene_begin(&scene);
    conn_ear_init(&heir, scene.ear.conn);
    scene.ear.take_most = 2;
    scene.ear.act = hand_over;
    scene.ear.arg = &heir;
    say(&scene, "abcd");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("ab"));
    CHECK_SPAN(buf_span(&heir.got), SPAN("cd"));
    buf_release(&heir.got);
    scene_end(&scene);
}

/* ---- room ---- */

TEST(room_shrinks_with_what_waits_and_is_told_once_when_it_has_left)
{
    struct scene scene;
    scene_begin(&scene);
    CHECK_SIZE(conn_room(scene.ear.conn), CONN_OUT_ROOM);
    put(&scene, 1000 * 1000);
    CHECK_SIZE(conn_room(scene.ear.conn), 0);
    rest(&scene);
    CHECK(conn_queued(scene.ear.conn) > CONN_OUT_LOW);
    CHECK_SIZE(scene.ear.rooms, 0);
    CHECK_SIZE(hear(&scene).len, 1000 * 1000);
    CHECK_SIZE(scene.ear.rooms, 1);
    CHECK_SIZE(conn_room(scene.ear.conn), CONN_OUT_ROOM);
    put(&scene, CONN_OUT_LOW); /* never above the mark: nobody waits */
    rest(&scene);
    CHECK_SIZE(scene.ear.rooms, 1);
    scene_end(&scene);
}

TEST(a_peer_that_does_not_read_ends_the_connection_at_the_hard_limit)
{
    static const char bytes[64 * 1024];
    struct scene scene;
    scene_begin(&scene);
    bool ok = true;
    for (size_t sent = 0; sent <= CONN_OUT_MAX + sizeof bytes && ok; sent += sizeof bytes)
        ok = conn_put(scene.ear.conn, bytes, sizeof bytes);
    CHECK(!ok);
    CHECK_SIZE(scene.ear.lost, 0); /* not within the call */
    rest(&scene);
    CHECK_SIZE(scene.ear.lost, 1);
    CHECK(scene.ear.why.kind == ERROR_LIMIT);
    CHECK(!conn_put(scene.ear.conn, "x", 1));
    scene_end(&scene);
}

TEST(a_peer_that_takes_nothing_for_too_long_is_given_up)
{
    struct scene scene;
    scene_begin(&scene);
    conn_set_stall_limit(scene.ear.conn, 5000);
    put(&scene, 2 * 1000 * 1000);
    turned_loop_pass(&scene.turned, 4999);
    CHECK_SIZE(scene.ear.lost, 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.ear.lost, 1);
    CHECK(scene.ear.why.kind == ERROR_TIMEOUT);
    scene_end(&scene);
}

TEST(a_stall_limit_set_while_the_peer_stalls_already_counts)
{
    struct scene scene;
    scene_begin(&scene);
    put(&scene, 1000 * 1000);
    rest(&scene);
    conn_set_stall_limit(scene.ear.conn, 5000);
    turned_loop_pass(&scene.turned, 4999);
    CHECK_SIZE(scene.ear.lost, 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.ear.lost, 1);
    scene_end(&scene);
}

TEST(a_peer_that_reads_slowly_is_not_given_up)
{
    static char some[200 * 1024]; /* so much that the kernel asks for more */
    struct scene scene;
    size_t got = 0;
    scene_begin(&scene);
    conn_set_stall_limit(scene.ear.conn, 5000);
    put(&scene, 2 * 1000 * 1000);
    for (int i = 0; i < 60 && got < 2 * 1000 * 1000; i++) {
        turned_loop_pass(&scene.turned, 4900);
        ssize_t n = read(scene.peer.fd, some, sizeof some);
        got += n > 0 ? (size_t)n : 0;
        rest(&scene);
    }
    CHECK_SIZE(got, 2 * 1000 * 1000);
    turned_loop_pass(&scene.turned, 60 * 1000); /* nothing waits: nothing is late */
    CHECK_SIZE(scene.ear.lost, 0);
    scene_end(&scene);
}

/* ---- ends ---- */

TEST(a_peer_that_ended_its_side_can_still_be_answered)
{
    struct scene scene;
    scene_begin(&scene);
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("last words")), 10);
    raw_peer_end(&scene.peer);
    rest(&scene);
    CHECK_TEXT(scene.ear.diary, "be");
    CHECK(conn_put(scene.ear.conn, "farewell", 8));
    CHECK_SPAN(hear(&scene), SPAN("farewell"));
    CHECK(!scene.peer.ended);
    turned_loop_pass(&scene.turned, 60 * 1000);
    CHECK_TEXT(scene.ear.diary, "be");
    scene_end(&scene);
}

TEST(our_side_ends_behind_everything_queued_and_theirs_goes_on)
{
    struct scene scene;
    scene_begin(&scene);
    put(&scene, 1000 * 1000);
    conn_end(scene.ear.conn);
    conn_end(scene.ear.conn);
    CHECK(!conn_put(scene.ear.conn, "x", 1));
    CHECK_SIZE(hear(&scene).len, 1000 * 1000);
    raw_peer_pull(&scene.peer);
    CHECK(scene.peer.ended);
    say(&scene, "more");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("more"));
    scene_end(&scene);
}

TEST(the_end_is_told_behind_the_bytes_that_a_shut_gate_kept_back)
{
    struct scene scene;
    scene_begin(&scene);
    scene.ear.take_most = 2;
    scene.ear.act = shut_gate;
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("abcdef")), 6);
    raw_peer_end(&scene.peer);
    rest(&scene);
    CHECK_TEXT(scene.ear.diary, "b");
    gate_release(conn_gate(scene.ear.conn), HOLD_CHANNEL);
    (void)loop_turn(scene.turned.loop, 0);
    CHECK_TEXT(scene.ear.diary, "bb"); /* "cd", and the gate is shut again */
    rest(&scene);
    CHECK_TEXT(scene.ear.diary, "bb");
    scene.ear.act = NULL;
    scene.ear.take_most = 0;
    gate_release(conn_gate(scene.ear.conn), HOLD_CHANNEL);
    rest(&scene);
    CHECK_TEXT(scene.ear.diary, "bbbe");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcdef"));
    scene_end(&scene);
}

static void open_gate_late(void *arg)
{
    gate_release(conn_gate(arg), HOLD_CHANNEL);
}

TEST(the_end_is_told_behind_kept_bytes_also_when_the_gate_opens_late_in_a_turn)
{
    struct scene scene;
    struct task late;
    scene_begin(&scene);
    scene.ear.take_most = 2;
    scene.ear.act = shut_gate;
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("abcd")), 4);
    raw_peer_end(&scene.peer);
    rest(&scene);
    scene.ear.act = NULL;
    /* The descriptor is looked at before the kept bytes get their turn. */
    task_init(&late, scene.turned.loop, TASK_FLUSH, open_gate_late, scene.ear.conn);
    task_post(&late);
    rest(&scene);
    CHECK_TEXT(scene.ear.diary, "bbe");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcd"));
    scene_end(&scene);
}

TEST(a_consumer_that_leaves_bytes_for_later_still_hears_of_the_end)
{
    struct scene scene;
    scene_begin(&scene);
    scene.ear.take_most = 2;
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("abcd")), 4);
    raw_peer_end(&scene.peer);
    rest(&scene);
    CHECK_SIZE(scene.ear.ended, 1);
    scene_end(&scene);
}

/* ---- losses ---- */

TEST(a_reset_by_the_peer_loses_the_connection)
{
    struct scene scene;
    scene_begin(&scene);
    CHECK(conn_put(scene.ear.conn, "unread", 6));
    rest(&scene);
    raw_peer_close(&scene.peer); /* with unread bytes: a reset */
    rest(&scene);
    CHECK_TEXT(scene.ear.diary, "l");
    CHECK(scene.ear.why.kind == ERROR_NETWORK && scene.ear.why.cause == ECONNRESET);
    CHECK(!conn_put(scene.ear.conn, "x", 1));
    turned_loop_pass(&scene.turned, 60 * 1000);
    CHECK_TEXT(scene.ear.diary, "l");
    scene_end(&scene);
}

TEST(an_answer_sent_before_the_peer_shut_its_ears_is_read_first)
{
    struct scene scene;
    scene_begin(&scene);
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("413")), 3);
    CHECK(conn_put(scene.ear.conn, "body", 4));
    scene.turned.memory.on_write = (struct memory_fault){.error = EPIPE};
    gate_hold(conn_gate(scene.ear.conn), HOLD_OPENING); /* so that the write is first */
    rest(&scene);
    CHECK_TEXT(scene.ear.diary, "l"); /* nobody would read it */
    scene_end(&scene);

    scene_begin(&scene);
    scene.turned.memory.on_write = (struct memory_fault){.error = EPIPE};
    CHECK(conn_put(scene.ear.conn, "body", 4));
    rest(&scene);
    CHECK_SIZE(scene.ear.lost, 0);
    CHECK(conn_put(scene.ear.conn, "more", 4)); /* it goes nowhere, and no harm done */
    CHECK_SIZE(conn_queued(scene.ear.conn), 0);
    say(&scene, "413");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("413"));
    raw_peer_end(&scene.peer);
    rest(&scene);
    CHECK_TEXT(scene.ear.diary, "be");
    scene_end(&scene);
}

TEST(a_failed_write_after_the_peers_end_loses_the_connection)
{
    struct scene scene;
    scene_begin(&scene);
    raw_peer_end(&scene.peer);
    rest(&scene);
    raw_peer_close(&scene.peer);
    CHECK(conn_put(scene.ear.conn, "x", 1));
    rest(&scene);
    CHECK_TEXT(scene.ear.diary, "el");
    CHECK(scene.ear.why.kind == ERROR_NETWORK);
    scene_end(&scene);
}

TEST(a_reset_behind_kept_bytes_comes_after_them)
{
    struct scene scene;
    struct task late;
    scene_begin(&scene);
    scene.ear.take_most = 2;
    scene.ear.act = shut_gate;
    say(&scene, "abcd");
    CHECK(conn_put(scene.ear.conn, "unread", 6));
    rest(&scene);
    raw_peer_close(&scene.peer);
    scene.ear.act = NULL;
    task_init(&late, scene.turned.loop, TASK_FLUSH, open_gate_late, scene.ear.conn);
    task_post(&late);
    rest(&scene);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcd"));
    CHECK_TEXT(scene.ear.diary, "bbl");
    scene_end(&scene);
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
static void provoke(struct scene *scene, char letter)
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
        put(scene, 500 * 1000);
        (void)hear(scene);
        break;
    default:
        put(scene, 10);
        rest(scene);
        raw_peer_close(&scene->peer);
        break;
    }
    rest(scene);
}

TEST(a_connection_may_be_closed_while_it_gives_again_what_was_left)
{
    static void (*const ends[])(struct conn * conn) = {close_twice, reset_it, linger};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct scene scene;
        struct ending ending = {ends[i], 'b'};
        scene_begin(&scene);
        scene.ear.take_most = 1;
        say(&scene, "abcd");
        scene.ear.act = end_at;
        scene.ear.arg = &ending;
        say(&scene, "efgh");
        CHECK_SPAN(buf_span(&scene.ear.got), SPAN("ab"));
        CHECK_SIZE(scene.ear.after_close, 0);
        if (ends[i] != reset_it)
            scene.ear.conn = NULL;
        scene_end(&scene);
    }
}

TEST(a_connection_may_be_closed_reset_or_left_lingering_in_any_callback)
{
    static void (*const ends[])(struct conn * conn) = {close_twice, reset_it, linger};
    static const char letters[] = "berl";
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        for (size_t j = 0; j < strlen(letters); j++) {
            struct scene scene;
            struct ending ending = {ends[i], letters[j]};
            scene_begin(&scene);
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
            scene_end(&scene);
        }
    }
}

TEST(a_closed_connection_sends_no_more)
{
    struct scene scene;
    scene_begin(&scene);
    put(&scene, 10);
    conn_close(scene.ear.conn);
    conn_close(scene.ear.conn);
    scene.ear.conn = NULL;
    CHECK_SIZE(hear(&scene).len, 0);
    CHECK(scene.peer.ended);
    conn_close(NULL);
    conn_close_lingering(NULL);
    scene_end(&scene);
}

TEST(a_lingering_connection_sends_all_ends_and_waits_for_the_peer)
{
    struct scene scene;
    scene_begin(&scene);
    put(&scene, 1000 * 1000);
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    scene.ear.done = true;
    CHECK_SIZE(hear(&scene).len, 1000 * 1000);
    CHECK(scene.peer.ended);
    say(&scene, "what nobody will hear, yet it must not cause a reset");
    raw_peer_pull(&scene.peer);
    CHECK(scene.peer.error == 0);
    raw_peer_end(&scene.peer);
    rest(&scene);
    CHECK_SIZE(scene.ear.after_close, 0);
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    scene_end(&scene);
}

TEST(a_lingering_connection_goes_when_the_peer_just_stays)
{
    struct scene scene;
    scene_begin(&scene);
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    turned_loop_pass(&scene.turned, CONN_LINGER_MS - 1);
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("x")), 1); /* somebody is there */
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(raw_peer_put(&scene.peer, SPAN("x")), 0);
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    scene_end(&scene);
}

TEST(a_lingering_connection_lets_a_slow_reader_have_it_all)
{
    static char some[200 * 1024];
    struct scene scene;
    size_t got = 0;
    scene_begin(&scene);
    conn_set_stall_limit(scene.ear.conn, 10 * 1000);
    put(&scene, 1000 * 1000);
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    for (int i = 0; i < 200 && got < 1000 * 1000; i++) {
        turned_loop_pass(&scene.turned, CONN_LINGER_MS - 100);
        ssize_t n = read(scene.peer.fd, some, sizeof some);
        got += n > 0 ? (size_t)n : 0;
        rest(&scene);
    }
    CHECK_SIZE(got, 1000 * 1000);
    scene_end(&scene);
}

TEST(a_lingering_connection_does_not_wait_for_ever_for_a_reader)
{
    struct scene scene;
    scene_begin(&scene);
    put(&scene, 1000 * 1000);
    conn_close_lingering(scene.ear.conn);
    scene.ear.conn = NULL;
    turned_loop_pass(&scene.turned, 2 * CONN_LINGER_MS);
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    CHECK(hear(&scene).len < 1000 * 1000);
    scene_end(&scene);
}

TEST(a_reset_connection_calls_nobody_and_still_wants_its_close)
{
    struct scene scene;
    scene_begin(&scene);
    put(&scene, 1000 * 1000);
    rest(&scene);
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
    scene_end(&scene);
}

TEST(a_peer_that_went_away_raises_no_signal)
{
    /* Over the kernel's own sockets: the memory sockets would hide a SIGPIPE. */
    struct scene scene;
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
    put(&scene, 10);
    rest(&scene);
    CHECK_SIZE(scene.ear.lost, 1);
    scene_end(&scene);
}
