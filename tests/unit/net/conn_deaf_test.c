/* The end of a connection whose peer did harm: it hears the last word, and none of it is read. */
#include "culvert/net/conn.h"
#include "support/turned_loop.h"

#include "harness.h"

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    (void)arg;
    (void)data;
    return len;
}

static void on_nothing(void *arg)
{
    (void)arg;
}

static void on_lost(void *arg, const struct error *why)
{
    (void)arg;
    (void)why;
}

static const struct conn_events events = {.on_open = on_nothing,
                                          .on_bytes = on_bytes,
                                          .on_end = on_nothing,
                                          .on_room = on_nothing,
                                          .on_lost = on_lost};

/* Writes until nothing is taken any more; returns how much was. */
static size_t flood(struct raw_peer *peer, struct turned_loop *turned)
{
    static const char bytes[64 * 1024];
    size_t all = 0;
    size_t n = 1;
    for (int i = 0; i < 1000 && n > 0; i++) {
        n = raw_peer_put(peer, span_make(bytes, sizeof bytes));
        all += n;
        turned_loop_settle(turned);
    }
    return all;
}

TEST(a_deaf_end_says_its_last_word_and_reads_nothing)
{
    for (int stalls = 0; stalls < 2; stalls++) {
        struct turned_loop turned;
        struct raw_peer peer;
        turned_loop_init(&turned);
        struct conn *conn = conn_new(turned.loop, raw_peer_open(&peer), &events, NULL, NULL);
        REQUIRE(conn != NULL);
        conn_set_stall_limit(conn, stalls ? 60 * 1000 : 0);
        CHECK(conn_put(conn, "bye", 3));
        size_t before = turned.memory.bytes_read;
        conn_close_deaf(conn);
        turned_loop_settle(&turned);
        CHECK(flood(&peer, &turned) < 10 * 1000 * 1000);
        CHECK_SIZE(turned.memory.bytes_read - before, 0);
        CHECK_SPAN(raw_peer_hear(&peer, &turned), SPAN("bye"));
        CHECK(peer.ended && peer.error == 0);
        turned_loop_pass(&turned, CONN_LINGER_MS);
        CHECK_SIZE(raw_peer_put(&peer, SPAN("still there?")), 0);
        raw_peer_close(&peer);
        turned_loop_release(&turned);
    }
}

TEST(a_deaf_end_waits_for_no_reader_of_its_last_words)
{
    static const char words[1024 * 1024];
    struct turned_loop turned;
    struct raw_peer peer;
    turned_loop_init(&turned);
    struct conn *conn = conn_new(turned.loop, raw_peer_open(&peer), &events, NULL, NULL);
    REQUIRE(conn != NULL);
    conn_set_stall_limit(conn, 60 * 1000);
    CHECK(conn_put(conn, words, sizeof words));
    turned_loop_settle(&turned);
    conn_close_deaf(conn);
    turned_loop_pass(&turned, CONN_LINGER_MS);
    CHECK_SIZE(raw_peer_put(&peer, SPAN("still there?")), 0);
    raw_peer_close(&peer);
    turned_loop_release(&turned);
}
