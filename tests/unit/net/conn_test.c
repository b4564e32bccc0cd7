/* A byte connection in clear, against a peer that is played by hand: bytes, gates and room. Its
 * ends are in conn_ends_test. */
#include "culvert/net/conn.h"
#include "harness.h"
#include "support/conn_scene.h"

#include <errno.h>
#include <unistd.h>

/* ---- bytes ---- */

TEST(bytes_cross_both_ways)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    conn_scene_say(&scene, "hello");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("hello"));
    CHECK(conn_put(scene.ear.conn, "wor", 3) && conn_put(scene.ear.conn, "ld", 2));
    CHECK_SPAN(conn_scene_hear(&scene), SPAN("world"));
    CHECK(!conn_is_tls(scene.ear.conn));
    CHECK_SPAN(conn_protocol(scene.ear.conn), SPAN(""));
    CHECK(conn_loop(scene.ear.conn) == scene.turned.loop);
    conn_scene_end(&scene);
}

TEST(what_is_put_in_one_turn_leaves_in_one_call)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    for (int i = 0; i < 1000; i++)
        CHECK(conn_put(scene.ear.conn, "0123456789", 10));
    CHECK_SIZE(conn_queued(scene.ear.conn), 10000);
    CHECK_SIZE(scene.turned.memory.writes, 0);
    CHECK_SIZE(conn_scene_hear(&scene).len, 10000);
    CHECK_SIZE(scene.turned.memory.writes, 1);
    CHECK_SIZE(conn_queued(scene.ear.conn), 0);
    conn_scene_end(&scene);
}

TEST(a_kernel_that_moves_few_bytes_at_a_time_loses_none)
{
    struct conn_scene scene;
    struct buf sent = BUF_LIMIT(200 * 1000);
    conn_scene_begin(&scene);
    scene.turned.memory.read_most = 7;
    scene.turned.memory.write_most = 11;
    scene.turned.memory.on_read = (struct memory_fault){.error = EINTR, .after = 50};
    scene.turned.memory.on_write = (struct memory_fault){.error = EINTR, .after = 50};
    for (int i = 0; i < 20 * 1000; i++)
        REQUIRE(buf_printf(&sent, "%d,", i));
    CHECK_SIZE(raw_peer_put(&scene.peer, buf_span(&sent)), sent.len);
    CHECK(conn_put(scene.ear.conn, sent.data, sent.len));
    CHECK_SPAN(conn_scene_hear(&scene), buf_span(&sent));
    CHECK_SPAN(buf_span(&scene.ear.got), buf_span(&sent));
    buf_release(&sent);
    conn_scene_end(&scene);
}

/* ---- what the consumer leaves ---- */

TEST(what_the_consumer_leaves_comes_again_in_front_of_new_bytes)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    scene.ear.take_most = 3;
    conn_scene_say(&scene, "abcdef");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abc"));
    CHECK_SIZE(scene.ear.calls, 1); /* it is not asked again and again */
    scene.ear.take_most = 0;
    conn_scene_say(&scene, "gh");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcdefgh"));
    CHECK_SIZE(scene.ear.calls, 2);
    conn_scene_end(&scene);
}

TEST(what_the_consumer_leaves_comes_again_when_it_asks)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    scene.ear.take_most = 4;
    conn_scene_say(&scene, "abcdef");
    conn_again(scene.ear.conn);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcd")); /* not within the call */
    conn_scene_rest(&scene);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcdef"));
    conn_again(scene.ear.conn);
    conn_scene_rest(&scene);
    CHECK_SIZE(scene.ear.calls, 2); /* nothing was left */
    conn_scene_end(&scene);
}

static void shut_gate(struct conn_ear *ear, char letter)
{
    if (letter == 'b')
        gate_hold(conn_gate(ear->conn), HOLD_CHANNEL);
}

TEST(a_shut_gate_stops_reading_and_an_open_one_goes_on_where_it_stopped)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    scene.ear.take_most = 2;
    scene.ear.act = shut_gate;
    conn_scene_say(&scene, "abcdef");
    conn_scene_say(&scene, "gh");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("ab"));
    CHECK_SIZE(scene.turned.memory.bytes_read, 6);
    gate_release(conn_gate(scene.ear.conn), HOLD_CHANNEL);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("ab")); /* not within the call */
    conn_scene_rest(&scene);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcd"));
    scene.ear.act = NULL;
    scene.ear.take_most = 0;
    gate_release(conn_gate(scene.ear.conn), HOLD_CHANNEL);
    conn_scene_rest(&scene);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("abcdefgh"));
    conn_scene_end(&scene);
}

static void open_gate(void *arg)
{
    gate_release(conn_gate(arg), HOLD_CHANNEL);
}

/* The consumer takes little and shuts the gate; it opens late in each turn, as when a flush makes
 * room, while the peer always has more. */
TEST(a_gate_that_opens_again_and_again_does_not_let_unread_bytes_pile_up)
{
    static const char bytes[64 * 1024];
    struct conn_scene scene;
    struct task opening;
    conn_scene_begin(&scene);
    scene.ear.take_most = 1;
    scene.ear.act = shut_gate;
    task_init(&opening, scene.turned.loop, TASK_FLUSH, open_gate, scene.ear.conn);
    for (int i = 0; i < 100; i++) {
        (void)raw_peer_put(&scene.peer, span_make(bytes, sizeof bytes));
        task_post(&opening);
        conn_scene_rest(&scene);
    }
    CHECK_SIZE(scene.ear.lost, 0);
    CHECK(scene.turned.memory.bytes_read <= 2 * LOOP_SCRATCH);
    conn_scene_end(&scene);
}

TEST(unread_bytes_are_bounded)
{
    static const char bytes[32 * 1024];
    struct conn_scene scene;
    conn_scene_begin(&scene);
    scene.ear.take_most = 1;
    for (size_t sent = 0; sent < 2 * CONN_PENDING_MAX; sent += sizeof bytes) {
        (void)raw_peer_put(&scene.peer, span_make(bytes, sizeof bytes));
        conn_scene_rest(&scene);
    }
    CHECK_SIZE(scene.ear.lost, 1);
    CHECK(scene.ear.why.kind == ERROR_LIMIT);
    CHECK(scene.turned.memory.bytes_read <= CONN_PENDING_MAX + LOOP_SCRATCH);
    conn_scene_end(&scene);
}

TEST(a_new_consumer_gets_what_the_old_one_left)
{
    struct conn_scene scene;
    struct conn_ear heir;
    conn_scene_begin(&scene);
    scene.ear.take_most = 2;
    conn_scene_say(&scene, "abcd");
    conn_ear_init(&heir, scene.ear.conn);
    conn_set_events(scene.ear.conn, &conn_ear_events, &heir);
    conn_scene_rest(&scene);
    CHECK_SPAN(buf_span(&heir.got), SPAN("cd"));
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("ab"));
    buf_release(&heir.got);
    conn_scene_end(&scene);
}

static void hand_over(struct conn_ear *ear, char letter)
{
    (void)letter;
    conn_set_events(ear->conn, &conn_ear_events, ear->arg);
}

TEST(a_consumer_may_hand_over_in_the_midst_of_its_bytes)
{
    struct conn_scene scene;
    struct conn_ear heir;
    conn_scene_begin(&scene);
    conn_ear_init(&heir, scene.ear.conn);
    scene.ear.take_most = 2;
    scene.ear.act = hand_over;
    scene.ear.arg = &heir;
    conn_scene_say(&scene, "abcd");
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("ab"));
    CHECK_SPAN(buf_span(&heir.got), SPAN("cd"));
    buf_release(&heir.got);
    conn_scene_end(&scene);
}

static size_t shut_gate_that_wants(void *arg)
{
    struct conn_ear *ear = arg;
    gate_hold(conn_gate(ear->conn), HOLD_CHANNEL);
    return 1;
}

TEST(nothing_is_read_when_the_consumer_shuts_its_gate_as_it_is_asked_what_it_wants)
{
    struct conn_events resting = conn_ear_events;
    struct conn_scene scene;
    resting.wants = shut_gate_that_wants;
    conn_scene_begin(&scene);
    conn_set_events(scene.ear.conn, &resting, &scene.ear);
    conn_scene_say(&scene, "ab");
    CHECK_SIZE(scene.turned.memory.bytes_read, 0);
    conn_set_events(scene.ear.conn, &conn_ear_events, &scene.ear);
    gate_release(conn_gate(scene.ear.conn), HOLD_CHANNEL);
    conn_scene_rest(&scene);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("ab"));
    conn_scene_end(&scene);
}

/* ---- room ---- */

static size_t bytes_of_a_read(bool in_bulk)
{
    static char bytes[LOOP_SCRATCH];
    struct conn_scene scene;
    memset(bytes, 'b', sizeof bytes);
    conn_scene_begin(&scene);
    if (in_bulk)
        conn_set_bulk(scene.ear.conn);
    CHECK_SIZE(conn_room(scene.ear.conn), in_bulk ? CONN_OUT_BULK : CONN_OUT_ROOM);
    scene.ear.act = shut_gate;
    CHECK_SIZE(raw_peer_put(&scene.peer, span_make(bytes, sizeof bytes)), sizeof bytes);
    conn_scene_rest(&scene);
    size_t read = scene.turned.memory.bytes_read;
    conn_scene_end(&scene);
    return read;
}

TEST(in_bulk_there_is_more_room_and_a_read_brings_more)
{
    CHECK_SIZE(bytes_of_a_read(false), LOOP_SCRATCH / 2);
    CHECK_SIZE(bytes_of_a_read(true), LOOP_SCRATCH);
}

TEST(room_shrinks_with_what_waits_and_is_told_once_when_it_has_left)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    CHECK_SIZE(conn_room(scene.ear.conn), CONN_OUT_ROOM);
    CHECK(conn_scene_put(&scene, 1000 * 1000));
    CHECK_SIZE(conn_room(scene.ear.conn), 0);
    conn_scene_rest(&scene);
    CHECK(conn_queued(scene.ear.conn) > CONN_OUT_LOW);
    CHECK_SIZE(scene.ear.rooms, 0);
    CHECK_SIZE(conn_scene_hear(&scene).len, 1000 * 1000);
    CHECK_SIZE(scene.ear.rooms, 1);
    CHECK_SIZE(conn_room(scene.ear.conn), CONN_OUT_ROOM);
    CHECK(conn_scene_put(&scene, CONN_OUT_LOW)); /* never above the mark: nobody waits */
    conn_scene_rest(&scene);
    CHECK_SIZE(scene.ear.rooms, 1);
    conn_scene_end(&scene);
}

TEST(a_peer_that_does_not_read_ends_the_connection_at_the_hard_limit)
{
    static const char bytes[64 * 1024];
    struct conn_scene scene;
    conn_scene_begin(&scene);
    bool ok = true;
    for (size_t sent = 0; sent <= CONN_OUT_MAX + sizeof bytes && ok; sent += sizeof bytes)
        ok = conn_put(scene.ear.conn, bytes, sizeof bytes);
    CHECK(!ok);
    CHECK_SIZE(scene.ear.lost, 0); /* not within the call */
    conn_scene_rest(&scene);
    CHECK_SIZE(scene.ear.lost, 1);
    CHECK(scene.ear.why.kind == ERROR_LIMIT);
    CHECK(!conn_put(scene.ear.conn, "x", 1));
    conn_scene_end(&scene);
}

TEST(a_peer_that_takes_nothing_for_too_long_is_given_up)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    conn_set_stall_limit(scene.ear.conn, 5000);
    CHECK(conn_scene_put(&scene, 2 * 1000 * 1000));
    turned_loop_pass(&scene.turned, 4999);
    CHECK_SIZE(scene.ear.lost, 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.ear.lost, 1);
    CHECK(scene.ear.why.kind == ERROR_TIMEOUT);
    conn_scene_end(&scene);
}

TEST(a_stall_limit_set_while_the_peer_stalls_already_counts)
{
    struct conn_scene scene;
    conn_scene_begin(&scene);
    CHECK(conn_scene_put(&scene, 1000 * 1000));
    conn_scene_rest(&scene);
    conn_set_stall_limit(scene.ear.conn, 5000);
    turned_loop_pass(&scene.turned, 4999);
    CHECK_SIZE(scene.ear.lost, 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.ear.lost, 1);
    conn_scene_end(&scene);
}

TEST(a_peer_that_reads_slowly_is_not_given_up)
{
    static char some[200 * 1024]; /* so much that the kernel asks for more */
    struct conn_scene scene;
    size_t got = 0;
    conn_scene_begin(&scene);
    conn_set_stall_limit(scene.ear.conn, 5000);
    CHECK(conn_scene_put(&scene, 2 * 1000 * 1000));
    for (int i = 0; i < 60 && got < 2 * 1000 * 1000; i++) {
        turned_loop_pass(&scene.turned, 4900);
        ssize_t n = read(scene.peer.fd, some, sizeof some);
        got += n > 0 ? (size_t)n : 0;
        conn_scene_rest(&scene);
    }
    CHECK_SIZE(got, 2 * 1000 * 1000);
    turned_loop_pass(&scene.turned, 60 * 1000); /* nothing waits: nothing is late */
    CHECK_SIZE(scene.ear.lost, 0);
    conn_scene_end(&scene);
}
