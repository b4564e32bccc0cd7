/* The net room with each allocation failing once: nothing is lost, nothing is told twice. */
#include "culvert/net/dial.h"
#include "culvert/net/listener.h"
#include "harness.h"
#include "support/scarce_memory.h"
#include "support/turned_loop.h"

#include <stdlib.h>
#include <unistd.h>

enum { ALLOCATIONS_MAX = 100000 }; /* more than any play makes: it would not end */

struct play {
    struct turned_loop turned;
    struct conn *conn;
    size_t got, ended, lost, opened;
    size_t accepted, connected, failed;
    struct tls_context *tls;
};

static void on_open(void *arg)
{
    ((struct play *)arg)->opened++;
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct play *play = arg;
    (void)data;
    size_t taken = len > 1000 ? 1000 : len; /* the rest is kept */
    play->got += taken;
    if (taken < len)
        conn_again(play->conn);
    return taken;
}

static void on_end(void *arg)
{
    ((struct play *)arg)->ended++;
}

static void on_room(void *arg)
{
    (void)arg;
}

static void on_lost(void *arg, const struct error *why)
{
    struct play *play = arg;
    CHECK(why->kind != ERROR_NONE);
    play->lost++;
}

static const struct conn_events conn_events = {on_open, on_bytes, on_end, on_room, on_lost};

/* Plays with the first, then the second, ... allocation failing, until none is left to fail. */
static void play_all(void (*perform)(struct play *play))
{
    size_t n = 0;
    for (bool failed = true; failed && n < ALLOCATIONS_MAX; n++) {
        struct play play = {0};
        turned_loop_init(&play.turned);
        scarce_memory_begin(n);
        perform(&play);
        failed = scarce_memory_end();
        conn_close(play.conn);
        turned_loop_settle(&play.turned);
        turned_loop_release(&play.turned);
        CHECK_CASE(play.lost <= 1 && play.ended <= 1 && play.connected + play.failed <= 1,
                   "allocation %zu: told twice", n);
    }
    CHECK(n > 1 && n < ALLOCATIONS_MAX);
}

static void loop_alone(struct play *play)
{
    struct error err = {0};
    (void)play;
    struct loop *loop = loop_new(&(struct loop_options){0}, &err);
    CHECK(loop || err.kind == ERROR_SYSTEM);
    loop_free(loop);
}

TEST(a_loop_is_made_or_says_why_not)
{
    play_all(loop_alone);
}

static void nothing(void *arg)
{
    (void)arg;
}

static void many_timers(struct play *play)
{
    static struct timer timers[200];
    for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
        timer_init(&timers[i], play->turned.loop, nothing, NULL);
        if (!timer_start(&timers[i], i))
            CHECK(!timer_is_armed(&timers[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(timers); i++)
        timer_stop(&timers[i]);
}

TEST(timers_are_armed_or_are_not)
{
    play_all(many_timers);
}

static void talk(struct play *play)
{
    static const char bytes[50 * 1000];
    int ends[2];
    memory_pair(ends);
    play->conn = conn_new(play->turned.loop, ends[0], &conn_events, play, NULL);
    if (play->conn) {
        conn_set_stall_limit(play->conn, 1000);
        (void)conn_put(play->conn, bytes, sizeof bytes);
        (void)conn_put(play->conn, bytes, sizeof bytes);
        CHECK(write(ends[1], bytes, sizeof bytes) == sizeof bytes);
        (void)shutdown(ends[1], SHUT_WR);
        turned_loop_settle(&play->turned);
        CHECK(play->lost == 1 || (play->got == sizeof bytes && play->ended == 1));
        conn_close_lingering(play->conn);
        play->conn = NULL;
        turned_loop_pass(&play->turned, 60 * 1000);
    }
    (void)close(ends[1]);
}

TEST(a_connection_goes_on_or_is_lost)
{
    play_all(talk);
}

static void shake_hands(struct play *play)
{
    int ends[2];
    struct error err;
    memory_pair(ends);
    play->conn = conn_new(play->turned.loop, ends[0], &conn_events, play, NULL);
    struct conn *far = conn_new(play->turned.loop, ends[1], &conn_events, play, NULL);
    if (play->conn && far && conn_start_tls(play->conn, play->tls, "a.example", 1000, &err)) {
        conn_close(far); /* it leaves at once */
        far = NULL;
        turned_loop_settle(&play->turned);
        CHECK_SIZE(play->lost, 1);
    }
    conn_close(far);
}

static struct tls_context *shared_context;

static void shake_hands_with_context(struct play *play)
{
    play->tls = shared_context;
    shake_hands(play);
}

TEST(a_handshake_fails_in_order)
{
    shared_context = tls_client_new(&(struct tls_client_options){.no_verify = true}, NULL);
    REQUIRE(shared_context);
    play_all(shake_hands_with_context);
    tls_context_unref(shared_context);
    shared_context = NULL;
}

static void on_accept(void *arg, int fd, const struct ip_address *from)
{
    (void)from;
    ((struct play *)arg)->accepted++;
    (void)close(fd);
}

static void listen_once(struct play *play)
{
    struct ip_address at;
    struct error err;
    CHECK(ip_parse(SPAN("127.0.0.1"), 80, &at));
    struct listener *listener = listener_new(
        play->turned.loop,
        &(struct listener_options){.at = &at, .limit = 5, .on_accept = on_accept, .arg = play},
        &err);
    if (listener) {
        int fd = memory_sockets_dial(&play->turned.memory, "127.0.0.1:80");
        play->turned.memory.on_accept = (struct memory_fault){.error = 24}; /* so that it rests */
        turned_loop_pass(&play->turned, 1000);
        CHECK_SIZE(play->accepted, 1);
        (void)close(fd);
    }
    listener_close(listener);
}

TEST(a_listener_listens_or_says_why_not)
{
    play_all(listen_once);
}

static void on_connected(void *arg, struct conn *conn)
{
    struct play *play = arg;
    play->connected++;
    play->conn = conn;
    conn_set_events(conn, &conn_events, play);
}

static void on_failed(void *arg, const struct error *why)
{
    CHECK(why->kind != ERROR_NONE);
    ((struct play *)arg)->failed++;
}

static const struct dial_events dial_events = {on_connected, on_failed};

static void serve(void *arg, int fd)
{
    (void)arg;
    (void)close(fd);
}

static void dial_once(struct play *play)
{
    static const struct resolver_entry names[] = {{"a.example", "192.0.2.1"},
                                                  {"a.example", "192.0.2.2"}};
    struct error err;
    struct resolver *resolver = resolver_new_table(play->turned.loop, names, ARRAY_LEN(names));
    if (!resolver)
        return;
    memory_sockets_serve(&play->turned.memory, "192.0.2.2:80", serve, NULL);
    struct dial *dial = dial_start(
        play->turned.loop, resolver,
        &(struct dial_target){
            .host = "a.example", .port = 80, .connect_ms = 1000, .server_name = "a.example"},
        &dial_events, play, &err);
    turned_loop_pass(&play->turned, 5000);
    CHECK_SIZE(play->connected + play->failed, dial ? 1 : 0);
    resolver_free(resolver);
}

TEST(a_dial_ends_once)
{
    play_all(dial_once);
}
