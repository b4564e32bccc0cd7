#include "culvert/origin/line.h"
#include "harness.h"
#include "support/memory_sockets.h"
#include "support/turned_clock.h"

#include <unistd.h>

enum { GUESTS = ORIGIN_DIALS_MAX + 8, WAIT_MS = 1000 };

struct guest {
    struct bench *bench;
    struct origin_place place;
    struct h1_client *client; /* that it was given */
    size_t turns, late;
};

struct bench {
    struct turned_clock clock;
    struct loop *loop;
    struct origin_line *line;
    struct guest guests[GUESTS];
    size_t order[GUESTS]; /* whose turn came, one after the other */
    size_t turns;
};

static void on_turn(void *arg, struct h1_client *client)
{
    struct guest *guest = arg;
    guest->turns++;
    guest->client = client;
    guest->bench->order[guest->bench->turns++] = (size_t)(guest - guest->bench->guests);
}

static void on_late(void *arg, const struct error *why)
{
    struct guest *guest = arg;
    CHECK(why->kind == ERROR_TIMEOUT);
    CHECK_TEXT(error_name(why), "busy");
    guest->late++;
}

static void open_bench(struct bench *bench)
{
    static const struct origin_place_events events = {on_turn, on_late};
    static const struct origin_line_options options = {.idle_limit = 4, .wait_ms = WAIT_MS};
    *bench = (struct bench){.clock = turned_clock_make(0)};
    bench->loop = loop_new(&(struct loop_options){.clock = &bench->clock.clock}, NULL);
    REQUIRE(bench->loop != NULL);
    bench->line = origin_line_new(bench->loop, &options, NULL);
    REQUIRE(bench->line != NULL);
    for (size_t i = 0; i < GUESTS; i++) {
        bench->guests[i].bench = bench;
        bench->guests[i].place.server_name = "";
        bench->guests[i].place.events = &events;
        bench->guests[i].place.arg = &bench->guests[i];
    }
}

static void close_bench(struct bench *bench)
{
    for (size_t i = 0; i < GUESTS; i++)
        origin_place_leave(&bench->guests[i].place);
    origin_line_free(bench->line);
    CHECK(settle(bench->loop));
    loop_free(bench->loop);
}

/* From the `first`th on. */
static void join(struct bench *bench, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        CHECK(origin_line_join(bench->line, &bench->guests[i].place, NULL));
}

/* Gives the line a connection back; returns its far end. */
static int give(struct bench *bench, const char *server_name)
{
    static const struct conn_events none;
    int ends[2];
    memory_pair(ends);
    struct conn *conn = conn_new(bench->loop, ends[0], &none, NULL, NULL);
    origin_line_give(bench->line, h1_client_new(conn, NULL, NULL), server_name);
    return ends[1];
}

static bool dials(const struct bench *bench, size_t index)
{
    return bench->guests[index].turns == 1 && !bench->guests[index].client;
}

TEST(turns_come_at_the_end_of_the_loop_s_turn_in_the_order_of_the_line)
{
    static struct bench bench;
    open_bench(&bench);
    join(&bench, 2, 3);
    join(&bench, 0, 2);
    CHECK_SIZE(bench.turns, 0);
    (void)loop_turn(bench.loop, 0);
    static const size_t order[] = {2, 3, 4, 0, 1};
    REQUIRE(bench.turns == ARRAY_LEN(order));
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        CHECK_SIZE(bench.order[i], order[i]);
        CHECK(dials(&bench, order[i]));
    }
    close_bench(&bench);
}

TEST(who_leaves_in_the_same_turn_neither_dials_nor_takes_a_connection)
{
    static struct bench bench;
    open_bench(&bench);
    int far = give(&bench, "");
    join(&bench, 0, 3);
    for (size_t i = 0; i < 3; i++)
        origin_place_leave(&bench.guests[i].place);
    origin_place_leave(&bench.guests[0].place); /* twice is fine */
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.turns, 0);
    CHECK_SIZE(origin_line_idle(bench.line), 1);
    (void)close(far);
    close_bench(&bench);
}

TEST(only_so_many_dial_and_each_end_of_a_dial_is_the_next_one_s_turn)
{
    static struct bench bench;
    open_bench(&bench);
    join(&bench, 0, ORIGIN_DIALS_MAX + 4);
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.turns, ORIGIN_DIALS_MAX);
    origin_place_leave(&bench.guests[ORIGIN_DIALS_MAX].place); /* it waited, and never dials */
    for (size_t i = 1; i <= 3; i++) {
        origin_place_leave(&bench.guests[i].place); /* connected, failed, or given up */
        CHECK(settle(bench.loop));
        CHECK_SIZE(bench.turns, ORIGIN_DIALS_MAX + i);
        CHECK_SIZE(bench.order[bench.turns - 1], ORIGIN_DIALS_MAX + i);
    }
    CHECK_SIZE(bench.guests[ORIGIN_DIALS_MAX].turns, 0);
    close_bench(&bench);
}

TEST(a_connection_that_is_given_back_goes_to_who_waits_longest)
{
    static struct bench bench;
    open_bench(&bench);
    join(&bench, 0, ORIGIN_DIALS_MAX + 2);
    CHECK(settle(bench.loop));
    int far = give(&bench, "");
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.turns, ORIGIN_DIALS_MAX + 1);
    CHECK(bench.guests[ORIGIN_DIALS_MAX].client != NULL);
    CHECK(bench.guests[ORIGIN_DIALS_MAX].place.line == NULL);
    CHECK_SIZE(origin_line_idle(bench.line), 0);
    h1_client_close(bench.guests[ORIGIN_DIALS_MAX].client);
    (void)close(far);
    close_bench(&bench);
}

TEST(a_resting_connection_is_taken_before_anybody_dials)
{
    static struct bench bench;
    open_bench(&bench);
    int far = give(&bench, "");
    join(&bench, 0, 2);
    CHECK(settle(bench.loop));
    CHECK(bench.guests[0].client != NULL && dials(&bench, 1));
    h1_client_close(bench.guests[0].client);
    (void)close(far);
    close_bench(&bench);
}

/* Another name, or nothing that was used: the one behind them is served. */
TEST(who_cannot_use_a_connection_is_passed_over)
{
    static struct bench bench;
    open_bench(&bench);
    join(&bench, 0, ORIGIN_DIALS_MAX);
    bench.guests[ORIGIN_DIALS_MAX].place.server_name = "other";
    bench.guests[ORIGIN_DIALS_MAX + 1].place.is_fresh = true;
    join(&bench, ORIGIN_DIALS_MAX, 3);
    CHECK(settle(bench.loop));
    int far = give(&bench, "");
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.turns, ORIGIN_DIALS_MAX + 1);
    CHECK(bench.guests[ORIGIN_DIALS_MAX + 2].client != NULL);
    h1_client_close(bench.guests[ORIGIN_DIALS_MAX + 2].client);
    (void)close(far);
    close_bench(&bench);
}

TEST(who_comes_again_stands_before_the_others)
{
    static struct bench bench;
    open_bench(&bench);
    join(&bench, 0, ORIGIN_DIALS_MAX + 2);
    CHECK(settle(bench.loop));
    origin_place_leave(&bench.guests[0].place);
    origin_line_join_again(bench.line, &bench.guests[0].place);
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.guests[0].turns, 2);
    CHECK_SIZE(bench.guests[ORIGIN_DIALS_MAX].turns, 0);
    close_bench(&bench);
}

TEST(who_waits_too_long_is_told_and_nobody_else)
{
    static struct bench bench;
    open_bench(&bench);
    join(&bench, 0, ORIGIN_DIALS_MAX + 1);
    CHECK(turned_clock_run(&bench.clock, bench.loop, WAIT_MS / 2));
    join(&bench, ORIGIN_DIALS_MAX + 1, 1);
    CHECK(turned_clock_run(&bench.clock, bench.loop, WAIT_MS / 2 - 1));
    CHECK_SIZE(bench.guests[ORIGIN_DIALS_MAX].late, 0);
    CHECK(turned_clock_run(&bench.clock, bench.loop, 1));
    CHECK_SIZE(bench.guests[ORIGIN_DIALS_MAX].late, 1);
    CHECK_SIZE(bench.guests[ORIGIN_DIALS_MAX + 1].late, 0);
    CHECK(bench.guests[0].place.line != NULL); /* it dials: that has a limit of its own */
    CHECK(turned_clock_run(&bench.clock, bench.loop, WAIT_MS / 2));
    CHECK_SIZE(bench.guests[ORIGIN_DIALS_MAX + 1].late, 1);
    CHECK(loop_next_timer_ms(bench.loop) == UINT64_MAX);
    close_bench(&bench);
}

TEST(a_full_line_takes_nobody_more)
{
    static struct bench bench;
    static struct guest crowd[ORIGIN_WAITERS_MAX];
    struct error why;
    open_bench(&bench);
    for (size_t i = 0; i < ORIGIN_WAITERS_MAX; i++) {
        crowd[i].place.server_name = "";
        CHECK(origin_line_join(bench.line, &crowd[i].place, NULL));
    }
    CHECK(!origin_line_join(bench.line, &bench.guests[0].place, &why));
    CHECK(why.kind == ERROR_LIMIT);
    origin_place_leave(&crowd[77].place);
    CHECK(origin_line_join(bench.line, &bench.guests[0].place, NULL));
    for (size_t i = 0; i < ORIGIN_WAITERS_MAX; i++)
        origin_place_leave(&crowd[i].place);
    CHECK(settle(bench.loop));
    CHECK(dials(&bench, 0));
    close_bench(&bench);
}
