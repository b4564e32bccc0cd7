/* How a connection's bytes are cut into TLS records and system calls, seen on the wire. */
#include "culvert/net/conn.h"
#include "harness.h"
#include "support/conn_ear.h"
#include "support/tls_pair.h"
#include "support/turned_loop.h"

#include <errno.h>
#include <sys/socket.h>

enum { BULK = 256 * 1024, RECORD_HEAD = 5, RECORD_MAX = 16 * 1024, SMALL_MAX = 4 * 1024 };

struct scene {
    struct turned_loop turned;
    struct tls_fixture fixture;
    struct tls_context *contexts[2];
    struct conn_ear from, to;
    int wire; /* where `to` reads */
};

static char bytes[BULK];

/* Both ends are open; `to` does not read. */
static void scene_begin(struct scene *scene)
{
    int ends[2];
    struct error err;
    *scene = (struct scene){0};
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    turned_loop_init(&scene->turned);
    tls_fixture_init(&scene->fixture, "edge.example");
    scene->contexts[0] = tls_client_new(
        &(struct tls_client_options){.ca_pem = buf_span(&scene->fixture.ca_pem)}, &err);
    scene->contexts[1] = tls_server_new(
        &(struct tls_server_options){.choose = tls_fixture_choose, .arg = scene->fixture.identity},
        &err);
    memory_pair(ends);
    scene->wire = ends[1];
    conn_ear_open(&scene->from, scene->turned.loop, ends[0]);
    conn_ear_open(&scene->to, scene->turned.loop, ends[1]);
    REQUIRE(conn_start_tls(scene->from.conn, scene->contexts[0], "edge.example", 1000, &err));
    REQUIRE(conn_start_tls(scene->to.conn, scene->contexts[1], NULL, 1000, &err));
    turned_loop_settle(&scene->turned);
    gate_hold(conn_gate(scene->to.conn), HOLD_CHANNEL);
    turned_loop_settle(&scene->turned);
}

static void scene_end(struct scene *scene)
{
    conn_ear_release(&scene->from);
    conn_ear_release(&scene->to);
    turned_loop_settle(&scene->turned);
    turned_loop_release(&scene->turned);
    tls_context_unref(scene->contexts[0]);
    tls_context_unref(scene->contexts[1]);
    tls_fixture_release(&scene->fixture);
}

/* Puts `len` bytes and sends them; the longest record that then waits for the reader. */
static size_t longest_record(struct scene *scene, size_t len)
{
    static unsigned char raw[BULK];
    size_t longest = 0;
    CHECK(conn_put(scene->from.conn, bytes, len));
    turned_loop_settle(&scene->turned);
    ssize_t got = recv(scene->wire, raw, sizeof raw, MSG_PEEK);
    CHECK(got > 0);
    for (size_t at = 0; got > 0 && at + RECORD_HEAD <= (size_t)got;) {
        size_t record = (size_t)raw[at + 3] << 8 | raw[at + 4];
        longest = record > longest ? record : longest;
        at += RECORD_HEAD + record;
    }
    return longest;
}

static void let_read(struct scene *scene)
{
    gate_release(conn_gate(scene->to.conn), HOLD_CHANNEL);
    turned_loop_settle(&scene->turned);
    gate_hold(conn_gate(scene->to.conn), HOLD_CHANNEL);
    turned_loop_settle(&scene->turned);
}

TEST(records_are_small_after_a_pause_and_as_large_as_may_be_in_bulk)
{
    struct scene scene;
    scene_begin(&scene);
    CHECK(longest_record(&scene, 64 * 1024) <= SMALL_MAX + 256);
    let_read(&scene);
    CHECK(longest_record(&scene, 64 * 1024) > RECORD_MAX);
    let_read(&scene);
    turned_loop_pass(&scene.turned, 999);
    CHECK(longest_record(&scene, 64 * 1024) > RECORD_MAX);
    let_read(&scene);
    turned_loop_pass(&scene.turned, 1000);
    CHECK(longest_record(&scene, 64 * 1024) <= SMALL_MAX + 256);
    let_read(&scene);
    CHECK_SIZE(scene.to.got.len, 4 * 64 * 1024);
    scene_end(&scene);
}

TEST(what_is_put_in_one_turn_leaves_in_one_call_and_is_read_in_one)
{
    enum { SOME = 60 * 1000 };
    struct scene scene;
    scene_begin(&scene);
    size_t writes = scene.turned.memory.writes;
    for (size_t i = 0; i < SOME; i += 1000)
        CHECK(conn_put(scene.from.conn, bytes + i, 1000));
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.turned.memory.writes - writes, 1);
    size_t reads = scene.turned.memory.reads;
    size_t calls = scene.to.calls;
    let_read(&scene);
    CHECK_SPAN(buf_span(&scene.to.got), span_make(bytes, SOME));
    CHECK_SIZE(scene.turned.memory.reads - reads, 1);
    CHECK_SIZE(scene.to.calls - calls, 1);
    scene_end(&scene);
}

TEST(sealed_bytes_that_the_kernel_did_not_take_count_as_queued_and_go_first)
{
    struct scene scene;
    scene_begin(&scene);
    scene.turned.memory.write_most = 100;
    scene.turned.memory.on_write = (struct memory_fault){.error = EAGAIN, .after = 3};
    CHECK(conn_put(scene.from.conn, bytes, 40 * 1000));
    REQUIRE(loop_turn(scene.turned.loop, 0));
    CHECK(conn_queued(scene.from.conn) > 40 * 1000 - 300);
    CHECK_SIZE(conn_sent(scene.from.conn), 300);
    CHECK(conn_room(scene.from.conn) < CONN_OUT_ROOM - 39 * 1000);
    scene.turned.memory.write_most = 0;
    CHECK(conn_put(scene.from.conn, bytes + 40 * 1000, 20 * 1000));
    let_read(&scene);
    CHECK_SPAN(buf_span(&scene.to.got), span_make(bytes, 60 * 1000));
    CHECK_SIZE(conn_queued(scene.from.conn), 0);
    scene_end(&scene);
}

TEST(bytes_for_a_shut_gate_wake_the_loop_only_once)
{
    struct scene scene;
    scene_begin(&scene);
    (void)longest_record(&scene, 1000);
    CHECK(!loop_turn(scene.turned.loop, 0)); /* still readable */
    CHECK_SIZE(scene.to.calls, 0);
    let_read(&scene);
    CHECK_SIZE(scene.to.got.len, 1000);
    scene_end(&scene);
}
