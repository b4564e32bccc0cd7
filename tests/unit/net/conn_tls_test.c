/* A connection under TLS: both ends are connections of one loop, or the far end plays foul. */
#include "culvert/net/conn.h"
#include "harness.h"
#include "support/conn_ear.h"
#include "support/tls_pair.h"
#include "support/turned_loop.h"

#include <errno.h>
#include <unistd.h>

struct scene {
    struct turned_loop turned;
    struct tls_fixture fixture;
    struct tls_context *client_context, *server_context;
    struct conn_ear client, server;
};

static void scene_prepare(struct scene *scene)
{
    struct error err;
    *scene = (struct scene){0};
    turned_loop_init(&scene->turned);
    tls_fixture_init(&scene->fixture, "edge.example");
    scene->client_context =
        tls_client_new(&(struct tls_client_options){.ca_pem = buf_span(&scene->fixture.ca_pem),
                                                    .http2_alpn = true},
                       &err);
    scene->server_context = tls_server_new(
        &(struct tls_server_options){
            .choose = tls_fixture_choose, .arg = scene->fixture.identity, .http2_alpn = true},
        &err);
    CHECK(scene->client_context && scene->server_context);
}

/* Two connections of which each begins its handshake. */
static void scene_begin(struct scene *scene, const char *server_name)
{
    int ends[2];
    struct error err;
    scene_prepare(scene);
    memory_pair(ends);
    conn_ear_open(&scene->client, scene->turned.loop, ends[0]);
    conn_ear_open(&scene->server, scene->turned.loop, ends[1]);
    CHECK(conn_start_tls(scene->server.conn, scene->server_context, NULL, 10 * 1000, &err));
    CHECK(conn_start_tls(scene->client.conn, scene->client_context, server_name, 10 * 1000, &err));
}

static void rest(struct scene *scene)
{
    turned_loop_settle(&scene->turned);
}

static void scene_open(struct scene *scene)
{
    scene_begin(scene, "edge.example");
    rest(scene);
    CHECK_TEXT(scene->client.diary, "o");
    CHECK_TEXT(scene->server.diary, "o");
}

static void scene_end(struct scene *scene)
{
    conn_ear_release(&scene->client);
    conn_ear_release(&scene->server);
    rest(scene);
    turned_loop_release(&scene->turned);
    tls_context_unref(scene->client_context);
    tls_context_unref(scene->server_context);
    tls_fixture_release(&scene->fixture);
}

TEST(two_connections_agree_on_a_protocol_and_talk)
{
    struct scene scene;
    scene_begin(&scene, "edge.example");
    CHECK_SIZE(scene.client.opened, 0); /* not within the call */
    rest(&scene);
    CHECK_TEXT(scene.client.diary, "o");
    CHECK_TEXT(scene.server.diary, "o");
    CHECK(conn_is_tls(scene.client.conn) && conn_is_tls(scene.server.conn));
    CHECK_SPAN(conn_protocol(scene.client.conn), SPAN("h2"));
    CHECK_SPAN(conn_protocol(scene.server.conn), SPAN("h2"));
    CHECK(conn_put(scene.client.conn, "ping", 4) && conn_put(scene.server.conn, "pong", 4));
    rest(&scene);
    CHECK_SPAN(buf_span(&scene.server.got), SPAN("ping"));
    CHECK_SPAN(buf_span(&scene.client.got), SPAN("pong"));
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    scene_end(&scene);
}

/* So many bytes that every buffer on the way fills up. */
static void send_much(struct scene *scene, size_t read_most, size_t write_most)
{
    enum { MUCH = 600 * 1000 };
    static char bytes[MUCH];
    for (size_t i = 0; i < MUCH; i++)
        bytes[i] = (char)(i * 7 + i / 253);
    scene->turned.memory.read_most = read_most;
    scene->turned.memory.write_most = write_most;
    CHECK(conn_put(scene->client.conn, bytes, MUCH) && conn_put(scene->server.conn, bytes, MUCH));
    rest(scene);
    CHECK_SPAN(buf_span(&scene->server.got), span_make(bytes, MUCH));
    CHECK_SPAN(buf_span(&scene->client.got), span_make(bytes, MUCH));
    CHECK_SIZE(scene->client.lost + scene->server.lost, 0);
}

TEST(much_crosses_both_ways_at_once)
{
    static const struct {
        size_t read_most, write_most;
    } cuts[] = {{0, 0}, {1500, 0}, {0, 1500}, {100, 333}, {70000, 70000}};
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        struct scene scene;
        scene_open(&scene);
        send_much(&scene, cuts[i].read_most, cuts[i].write_most);
        scene_end(&scene);
    }
}

TEST(a_handshake_survives_any_cut_of_its_bytes)
{
    static const size_t cuts[] = {1, 2, 3, 5, 50, 1000};
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        struct scene scene;
        scene_begin(&scene, "edge.example");
        scene.turned.memory.read_most = cuts[i];
        scene.turned.memory.write_most = cuts[i];
        rest(&scene);
        CHECK_CASE(scene.client.opened == 1 && scene.server.opened == 1, "cut to %zu", cuts[i]);
        scene_end(&scene);
    }
}

TEST(what_is_put_before_the_handshake_is_done_follows_it)
{
    struct scene scene;
    scene_begin(&scene, "edge.example");
    CHECK(conn_put(scene.client.conn, "early", 5));
    conn_end(scene.client.conn);
    conn_end(scene.server.conn);
    rest(&scene);
    CHECK_TEXT(scene.server.diary, "obe");
    CHECK_SPAN(buf_span(&scene.server.got), SPAN("early"));
    CHECK_TEXT(scene.client.diary, "oe");
    scene_end(&scene);
}

TEST(a_certificate_for_another_name_ends_both_sides)
{
    struct scene scene;
    scene_begin(&scene, "other.example");
    rest(&scene);
    CHECK_TEXT(scene.client.diary, "l");
    CHECK(scene.client.why.kind == ERROR_PROTOCOL);
    CHECK(strstr(scene.client.why.text, "hostname mismatch") != NULL);
    /* Under TLS 1.3 the server is done before it learns what the client thinks. */
    CHECK_SIZE(scene.server.lost, 1);
    CHECK(scene.server.why.kind == ERROR_PROTOCOL);
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    scene_end(&scene);
}

static const struct tls_identity *choose_none(void *arg, const char *server_name)
{
    (void)arg;
    (void)server_name;
    return NULL;
}

TEST(a_server_without_a_certificate_for_the_name_refuses)
{
    struct scene scene;
    int ends[2];
    struct error err;
    scene_prepare(&scene);
    tls_context_unref(scene.server_context);
    scene.server_context =
        tls_server_new(&(struct tls_server_options){.choose = choose_none}, &err);
    REQUIRE(scene.server_context);
    memory_pair(ends);
    conn_ear_open(&scene.client, scene.turned.loop, ends[0]);
    conn_ear_open(&scene.server, scene.turned.loop, ends[1]);
    CHECK(conn_start_tls(scene.server.conn, scene.server_context, NULL, 1000, &err));
    CHECK(conn_start_tls(scene.client.conn, scene.client_context, "edge.example", 1000, &err));
    rest(&scene);
    CHECK_TEXT(scene.client.diary, "l");
    CHECK_TEXT(scene.server.diary, "l");
    CHECK(strstr(scene.client.why.text, "alert") != NULL);
    scene_end(&scene);
}

/* A client against a far end that is played by hand. */
static void scene_with_peer(struct scene *scene, struct raw_peer *peer, bool as_server)
{
    struct error err;
    scene_prepare(scene);
    conn_ear_open(&scene->client, scene->turned.loop, raw_peer_open(peer));
    CHECK(conn_start_tls(scene->client.conn,
                         as_server ? scene->server_context : scene->client_context,
                         as_server ? NULL : "edge.example", 10 * 1000, &err));
    rest(scene);
}

TEST(a_silent_peer_runs_into_the_limit_of_the_handshake)
{
    for (int as_server = 0; as_server < 2; as_server++) {
        struct scene scene;
        struct raw_peer peer;
        scene_with_peer(&scene, &peer, as_server);
        turned_loop_pass(&scene.turned, 10 * 1000 - 1);
        CHECK_TEXT(scene.client.diary, "");
        turned_loop_pass(&scene.turned, 1);
        CHECK_TEXT(scene.client.diary, "l");
        CHECK(scene.client.why.kind == ERROR_TIMEOUT);
        raw_peer_close(&peer);
        scene_end(&scene);
    }
}

TEST(a_peer_that_speaks_no_tls_is_named_so)
{
    for (int as_server = 0; as_server < 2; as_server++) {
        struct scene scene;
        struct raw_peer peer;
        scene_with_peer(&scene, &peer, as_server);
        raw_peer_say(&peer, &scene.turned, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK_TEXT(scene.client.diary, "l");
        CHECK(scene.client.why.kind == ERROR_PROTOCOL);
        raw_peer_close(&peer);
        scene_end(&scene);
    }
}

TEST(a_peer_that_closes_during_the_handshake_is_a_loss)
{
    for (int as_server = 0; as_server < 2; as_server++) {
        struct scene scene;
        struct raw_peer peer;
        scene_with_peer(&scene, &peer, as_server);
        raw_peer_close(&peer);
        rest(&scene);
        CHECK_TEXT(scene.client.diary, "l");
        CHECK(scene.client.why.kind == ERROR_NETWORK);
        scene_end(&scene);
    }
}

/* ---- ends ---- */

TEST(an_end_is_a_close_notify_and_the_other_way_goes_on)
{
    struct scene scene;
    scene_open(&scene);
    CHECK(conn_put(scene.client.conn, "last", 4));
    conn_end(scene.client.conn);
    rest(&scene);
    CHECK_TEXT(scene.server.diary, "obe");
    CHECK(conn_put(scene.server.conn, "answer", 6));
    rest(&scene);
    CHECK_SPAN(buf_span(&scene.client.got), SPAN("answer"));
    conn_end(scene.server.conn);
    rest(&scene);
    CHECK_TEXT(scene.client.diary, "obe");
    CHECK_SIZE(scene.client.lost + scene.server.lost, 0);
    scene_end(&scene);
}

TEST(a_close_notify_that_finds_no_room_is_sent_later)
{
    struct scene scene;
    scene_open(&scene);
    CHECK(conn_put(scene.client.conn, "last", 4));
    conn_end(scene.client.conn);
    scene.turned.memory.on_write = (struct memory_fault){.error = EAGAIN, .after = 1};
    rest(&scene);
    CHECK_TEXT(scene.server.diary, "obe");
    scene_end(&scene);
}

TEST(a_connection_cut_without_close_notify_is_a_loss_not_an_end)
{
    struct scene scene;
    scene_open(&scene);
    CHECK(conn_put(scene.client.conn, "half a body", 11));
    rest(&scene);
    conn_close(scene.client.conn);
    scene.client.conn = NULL;
    rest(&scene);
    CHECK_TEXT(scene.server.diary, "obl");
    CHECK(scene.server.why.kind == ERROR_NETWORK);
    scene_end(&scene);
}

TEST(a_reset_connection_says_no_close_notify)
{
    struct scene scene;
    scene_open(&scene);
    CHECK(conn_put(scene.client.conn, "half a body", 11));
    rest(&scene);
    conn_reset(scene.client.conn);
    conn_close_lingering(scene.client.conn);
    scene.client.conn = NULL;
    rest(&scene);
    CHECK_TEXT(scene.server.diary, "obl");
    scene_end(&scene);
}

TEST(a_lingering_connection_says_close_notify_behind_its_last_bytes)
{
    static const char bytes[500 * 1000];
    struct scene scene;
    scene_open(&scene);
    CHECK(conn_put(scene.client.conn, bytes, sizeof bytes));
    conn_close_lingering(scene.client.conn);
    scene.client.conn = NULL;
    rest(&scene);
    CHECK_SIZE(scene.server.got.len, sizeof bytes);
    CHECK_SIZE(scene.server.ended, 1);
    conn_end(scene.server.conn);
    rest(&scene);
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    scene_end(&scene);
}

/* ---- the gate ---- */

static void shut_gate(struct conn_ear *ear, char letter)
{
    if (letter == 'b')
        gate_hold(conn_gate(ear->conn), HOLD_CHANNEL);
}

TEST(decrypted_bytes_and_the_end_wait_behind_a_shut_gate)
{
    struct scene scene;
    scene_open(&scene);
    scene.server.act = shut_gate;
    scene.server.take_most = 2;
    CHECK(conn_put(scene.client.conn, "abcd", 4));
    conn_end(scene.client.conn);
    rest(&scene);
    CHECK_TEXT(scene.server.diary, "ob");
    gate_release(conn_gate(scene.server.conn), HOLD_CHANNEL);
    rest(&scene);
    CHECK_TEXT(scene.server.diary, "obb");
    CHECK_SPAN(buf_span(&scene.server.got), SPAN("abcd"));
    gate_release(conn_gate(scene.server.conn), HOLD_CHANNEL);
    rest(&scene);
    CHECK_TEXT(scene.server.diary, "obbe");
    scene_end(&scene);
}

TEST(bytes_that_came_with_the_handshake_wait_behind_a_shut_gate)
{
    struct scene scene;
    scene_begin(&scene, "edge.example");
    gate_hold(conn_gate(scene.server.conn), HOLD_OPENING);
    CHECK(conn_put(scene.client.conn, "abcd", 4));
    rest(&scene);
    CHECK_TEXT(scene.server.diary, "o");
    gate_release(conn_gate(scene.server.conn), HOLD_OPENING);
    rest(&scene);
    CHECK_TEXT(scene.server.diary, "ob");
    scene_end(&scene);
}

TEST(a_slow_consumer_gets_all_of_a_large_transfer_in_order)
{
    static char bytes[300 * 1000];
    struct scene scene;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    scene_open(&scene);
    scene.server.act = shut_gate;
    scene.server.take_most = 5000;
    CHECK(conn_put(scene.client.conn, bytes, sizeof bytes));
    for (int i = 0; i < 70; i++) {
        rest(&scene);
        gate_release(conn_gate(scene.server.conn), HOLD_CHANNEL);
    }
    CHECK_SPAN(buf_span(&scene.server.got), span_make(bytes, sizeof bytes));
    scene_end(&scene);
}

TEST(an_answer_sent_before_the_peer_shut_its_ears_is_read_under_tls_too)
{
    struct scene scene;
    scene_open(&scene);
    CHECK(conn_put(scene.client.conn, "body", 4));
    scene.turned.memory.on_write = (struct memory_fault){.error = EPIPE};
    rest(&scene);
    CHECK_TEXT(scene.client.diary, "o");
    CHECK(conn_put(scene.server.conn, "413", 3));
    conn_end(scene.server.conn);
    rest(&scene);
    CHECK_TEXT(scene.client.diary, "obe");
    CHECK_SPAN(buf_span(&scene.client.got), SPAN("413"));
    scene_end(&scene);
}

/* ---- closing in callbacks ---- */

static void reset_it(struct conn *conn)
{
    conn_reset(conn);
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
    if (ending->end != reset_it)
        ear->conn = NULL;
}

TEST(a_connection_under_tls_may_be_ended_in_any_callback)
{
    static void (*const ends[])(struct conn * conn) = {conn_close, reset_it, conn_close_lingering};
    static const char letters[] = "obe";
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        for (size_t j = 0; j < strlen(letters); j++) {
            struct scene scene;
            struct ending ending = {ends[i], letters[j]};
            scene_begin(&scene, "edge.example");
            scene.server.act = end_at;
            scene.server.arg = &ending;
            scene.server.take_most = 2;
            CHECK(conn_put(scene.client.conn, "bytes and the end at once", 25));
            conn_end(scene.client.conn);
            turned_loop_pass(&scene.turned, 10 * 1000);
            CHECK_CASE(scene.server.done, "way %zu in '%c': not reached", i, letters[j]);
            CHECK_CASE(scene.server.after_close == 0, "way %zu in '%c': called back after it: %s",
                       i, letters[j], scene.server.diary);
            scene_end(&scene);
        }
    }
}
