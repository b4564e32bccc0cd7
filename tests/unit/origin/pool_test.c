#include "culvert/origin/pool.h"
#include "harness.h"
#include "support/memory_sockets.h"
#include "support/turned_clock.h"

#include <unistd.h>

enum { CLIENTS = 4, LIMIT = 2, MOST = LIMIT * (1 + ORIGIN_POOL_SPARE) };

struct bench {
    struct turned_clock clock;
    struct loop *loop;
    struct origin_pool *pool;
    struct h1_client *clients[CLIENTS];
    int far[CLIENTS];
};

static void open_bench(struct bench *bench, size_t limit, uint64_t idle_ms)
{
    bench->clock = turned_clock_make(0);
    bench->loop = loop_new(&(struct loop_options){.clock = &bench->clock.clock}, NULL);
    REQUIRE(bench->loop != NULL);
    bench->pool = origin_pool_new(bench->loop, limit, idle_ms, NULL);
    REQUIRE(bench->pool != NULL);
    static const struct conn_events none;
    for (size_t i = 0; i < CLIENTS; i++) {
        int ends[2];
        memory_pair(ends);
        bench->far[i] = ends[1];
        bench->clients[i] =
            h1_client_new(conn_new(bench->loop, ends[0], &none, NULL, NULL), NULL, NULL);
        REQUIRE(bench->clients[i] != NULL);
    }
}

static bool is_closed(const struct bench *bench, size_t index)
{
    char byte;
    return read(bench->far[index], &byte, 1) == 0;
}

static void close_bench(struct bench *bench)
{
    origin_pool_free(bench->pool);
    CHECK(settle(bench->loop));
    for (size_t i = 0; i < CLIENTS; i++)
        (void)close(bench->far[i]);
    loop_free(bench->loop);
}

TEST(the_connection_that_was_given_last_is_taken_first)
{
    struct bench bench;
    open_bench(&bench, CLIENTS, 0);
    for (size_t i = 0; i < CLIENTS; i++)
        origin_pool_give(bench.pool, bench.clients[i], "");
    CHECK_SIZE(origin_pool_count(bench.pool), CLIENTS);
    for (size_t i = CLIENTS; i-- > 0;) {
        CHECK(origin_pool_take(bench.pool, "") == bench.clients[i]);
        h1_client_close(bench.clients[i]);
    }
    CHECK(origin_pool_take(bench.pool, "") == NULL);
    close_bench(&bench);
}

TEST(what_a_burst_leaves_above_the_limit_goes_when_nobody_takes_it_again)
{
    struct bench bench;
    open_bench(&bench, LIMIT, 0);
    for (size_t i = 0; i < CLIENTS; i++)
        origin_pool_give(bench.pool, bench.clients[i], "");
    CHECK(turned_clock_run(&bench.clock, bench.loop, ORIGIN_POOL_TRIM_MS - 1));
    CHECK_SIZE(origin_pool_count(bench.pool), CLIENTS);
    CHECK(turned_clock_run(&bench.clock, bench.loop, ORIGIN_POOL_TRIM_MS + 1));
    CHECK_SIZE(origin_pool_count(bench.pool), LIMIT);
    CHECK(is_closed(&bench, 0) && is_closed(&bench, 1));
    CHECK(!is_closed(&bench, 2) && !is_closed(&bench, 3));
    CHECK(loop_next_timer_ms(bench.loop) == UINT64_MAX);
    close_bench(&bench);
}

TEST(bursts_of_the_same_size_use_the_same_connections)
{
    struct bench bench;
    open_bench(&bench, LIMIT, 0);
    for (size_t i = 0; i < CLIENTS; i++)
        origin_pool_give(bench.pool, bench.clients[i], "");
    for (int burst = 0; burst < 10; burst++) {
        for (size_t i = 0; i < CLIENTS; i++)
            bench.clients[i] = origin_pool_take(bench.pool, "");
        for (size_t i = 0; i < CLIENTS; i++)
            origin_pool_give(bench.pool, bench.clients[i], "");
        CHECK_SIZE(origin_pool_count(bench.pool), CLIENTS);
        CHECK(turned_clock_run(&bench.clock, bench.loop, ORIGIN_POOL_TRIM_MS - 100));
    }
    CHECK(!is_closed(&bench, 0) && !is_closed(&bench, CLIENTS - 1));
    close_bench(&bench);
}

TEST(the_spare_room_is_bounded)
{
    struct bench bench;
    static const struct conn_events none;
    int far[MOST];
    open_bench(&bench, LIMIT, 0);
    for (size_t i = 0; i < CLIENTS; i++)
        origin_pool_give(bench.pool, bench.clients[i], "");
    for (size_t i = 0; i < MOST; i++) {
        int ends[2];
        memory_pair(ends);
        far[i] = ends[1];
        origin_pool_give(
            bench.pool, h1_client_new(conn_new(bench.loop, ends[0], &none, NULL, NULL), NULL, NULL),
            "");
    }
    CHECK(settle(bench.loop));
    CHECK_SIZE(origin_pool_count(bench.pool), MOST);
    CHECK(is_closed(&bench, 0) && is_closed(&bench, CLIENTS - 1));
    for (size_t i = 0; i < MOST; i++)
        (void)close(far[i]);
    close_bench(&bench);
}

TEST(a_pool_without_room_closes_what_it_is_given)
{
    struct bench bench;
    open_bench(&bench, 0, 0);
    for (size_t i = 0; i < CLIENTS; i++)
        origin_pool_give(bench.pool, bench.clients[i], "");
    CHECK(settle(bench.loop));
    CHECK(is_closed(&bench, 0) && is_closed(&bench, CLIENTS - 1));
    CHECK(origin_pool_take(bench.pool, "") == NULL);
    close_bench(&bench);
}

TEST(each_connection_rests_for_its_own_time_and_no_longer)
{
    struct bench bench;
    open_bench(&bench, CLIENTS, 300);
    origin_pool_give(bench.pool, bench.clients[0], "");
    CHECK(turned_clock_run(&bench.clock, bench.loop, 200));
    origin_pool_give(bench.pool, bench.clients[1], "");
    CHECK(turned_clock_run(&bench.clock, bench.loop, 99));
    CHECK_SIZE(origin_pool_count(bench.pool), 2);
    CHECK(turned_clock_run(&bench.clock, bench.loop, 1));
    CHECK_SIZE(origin_pool_count(bench.pool), 1);
    CHECK(is_closed(&bench, 0) && !is_closed(&bench, 1));
    CHECK(origin_pool_take(bench.pool, "") == bench.clients[1]);
    CHECK(turned_clock_run(&bench.clock, bench.loop, 1000));
    CHECK(!is_closed(&bench, 1)); /* it was taken: its time stands still */
    for (size_t i = 1; i < CLIENTS; i++)
        h1_client_close(bench.clients[i]);
    close_bench(&bench);
}

TEST(a_connection_that_ends_or_speaks_while_it_rests_leaves_the_pool)
{
    struct bench bench;
    open_bench(&bench, CLIENTS, 0);
    for (size_t i = 0; i < CLIENTS; i++)
        origin_pool_give(bench.pool, bench.clients[i], "");
    CHECK(shutdown(bench.far[0], SHUT_WR) == 0);
    CHECK(write(bench.far[2], "HTTP/1.1 408 Request Timeout\r\n\r\n", 32) == 32);
    CHECK(settle(bench.loop));
    CHECK_SIZE(origin_pool_count(bench.pool), 2);
    CHECK(is_closed(&bench, 0) && is_closed(&bench, 2));
    CHECK(origin_pool_take(bench.pool, "") == bench.clients[3]);
    CHECK(origin_pool_take(bench.pool, "") == bench.clients[1]);
    h1_client_close(bench.clients[3]);
    h1_client_close(bench.clients[1]);
    close_bench(&bench);
}

TEST(a_connection_is_only_for_the_name_that_its_certificate_was_checked_against)
{
    struct bench bench;
    open_bench(&bench, CLIENTS, 0);
    origin_pool_give(bench.pool, bench.clients[0], "a.test");
    origin_pool_give(bench.pool, bench.clients[1], "b.test");
    origin_pool_give(bench.pool, bench.clients[2], "a.test");
    CHECK(origin_pool_take(bench.pool, "c.test") == NULL);
    CHECK(origin_pool_take(bench.pool, "a.test") == bench.clients[2]);
    CHECK(origin_pool_take(bench.pool, "a.test") == bench.clients[0]);
    CHECK(origin_pool_take(bench.pool, "a.test") == NULL);
    CHECK_SIZE(origin_pool_count(bench.pool), 1);
    h1_client_close(bench.clients[0]);
    h1_client_close(bench.clients[2]);
    h1_client_close(bench.clients[3]);
    close_bench(&bench);
}
