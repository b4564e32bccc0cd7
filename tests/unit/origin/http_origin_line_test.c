/* Many requests to one origin at a time: who dials, who waits, and who never did either. */
#include "culvert/origin/line.h"
#include "harness.h"
#include "support/origin_bench.h"

#include <errno.h>

enum { MORE = 20, CROWD = ORIGIN_DIALS_MAX + MORE };

static const char origin_at[] = "127.0.0.1:3000";

static size_t connects(const struct origin_bench *bench)
{
    return memory_sockets_connects(&bench->memory, origin_at);
}

static void send_all(struct origin_bench *bench, struct ask *asks)
{
    for (size_t i = 0; i < CROWD; i++) {
        ask_init(&asks[i], "GET", "/");
        CHECK(ask_send(&asks[i], origin_bench_opener(bench)));
    }
}

static void release_all(struct ask *asks)
{
    for (size_t i = 0; i < CROWD; i++)
        ask_release(&asks[i]);
}

TEST(an_origin_that_does_not_answer_its_phone_is_not_called_without_end)
{
    static struct ask asks[CROWD];
    struct origin_bench bench;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    memory_sockets_silence(&bench.memory, origin_at);
    send_all(&bench, asks);
    CHECK(settle(bench.loop));
    CHECK_SIZE(connects(&bench), ORIGIN_DIALS_MAX);
    ask_close(&asks[CROWD - 1]); /* one that waits leaves the line */
    CHECK(settle(bench.loop));
    CHECK_SIZE(connects(&bench), ORIGIN_DIALS_MAX);
    ask_close(&asks[0]); /* one that dials makes room, in a while */
    origin_bench_pass(&bench, ORIGIN_LEFT_MS - 1);
    CHECK_SIZE(connects(&bench), ORIGIN_DIALS_MAX);
    origin_bench_pass(&bench, 1);
    CHECK_SIZE(connects(&bench), ORIGIN_DIALS_MAX + 1);
    origin_bench_pass(&bench, bench.options.connect_ms);
    for (size_t i = 1; i < CROWD - 1; i++)
        CHECK_CASE(asks[i].failed && asks[i].why.kind == ERROR_TIMEOUT, "%zu: %s", i,
                   asks[i].why.text);
    CHECK_TEXT(asks[CROWD - 2].why.text,
               "dial http://app.origin:3000: too many others are dialed for 30000 ms");
    release_all(asks);
    origin_bench_close(&bench);
}

TEST(each_failure_lets_the_next_one_dial)
{
    static struct ask asks[CROWD];
    struct origin_bench bench;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    memory_sockets_fail(&bench.memory, origin_at, ECONNREFUSED);
    send_all(&bench, asks);
    CHECK(settle(bench.loop));
    CHECK_SIZE(connects(&bench), CROWD);
    for (size_t i = 0; i < CROWD; i++)
        CHECK(asks[i].failed && asks[i].ends == 1 && asks[i].why.kind == ERROR_NETWORK);
    release_all(asks);
    origin_bench_close(&bench);
}

TEST(a_request_that_leaves_in_the_turn_in_which_it_came_costs_the_origin_nothing)
{
    static struct ask asks[CROWD];
    static const struct fake_script ok = FAKE_OK;
    struct origin_bench bench;
    struct ask first;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok, 1);
    ask_init(&first, "GET", "/");
    CHECK(origin_bench_ask(&bench, &first));
    ask_release(&first);
    CHECK_SIZE(http_origin_idle(bench.origin), 1);
    send_all(&bench, asks);
    release_all(asks);
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.fake.connection_count, 1);
    CHECK_SIZE(bench.fake.request_count, 1);
    CHECK_SIZE(http_origin_idle(bench.origin), 1);
    origin_bench_close(&bench);
}

TEST(an_origin_goes_when_those_who_waited_for_it_have_left)
{
    static struct ask asks[CROWD];
    struct origin_bench bench;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    memory_sockets_silence(&bench.memory, origin_at);
    send_all(&bench, asks);
    CHECK(settle(bench.loop));
    release_all(asks);
    origin_bench_close(&bench); /* in the same turn, with its task posted */
}

/* Its first address is silent, so that the dial takes a while. */
TEST(a_dial_whose_request_is_gone_is_the_next_one_s)
{
    static const struct fake_script ok = FAKE_OK;
    struct origin_bench bench;
    struct ask first, second;
    origin_bench_open(&bench);
    bench.options.host = "six.origin";
    origin_bench_start(&bench);
    memory_sockets_silence(&bench.memory, "[::1]:3000");
    fake_origin_follow(&bench.fake, &ok, 1);
    ask_init(&first, "GET", "/first");
    ask_init(&second, "GET", "/second");
    CHECK(ask_send(&first, origin_bench_opener(&bench)));
    CHECK(settle(bench.loop));
    ask_close(&first);
    CHECK_SIZE(connects(&bench), 0);
    origin_bench_pass(&bench, DIAL_STAGGER_MS);
    CHECK_SIZE(http_origin_idle(bench.origin), 1);
    CHECK(origin_bench_ask(&bench, &second));
    CHECK_SIZE(second.status, 200);
    CHECK_SIZE(connects(&bench), 1);
    CHECK_SIZE(bench.fake.request_count, 1);
    ask_release(&first);
    ask_release(&second);
    origin_bench_close(&bench);
}

/* Without that each request would be a dial. */
TEST(a_flood_of_requests_that_leave_while_they_are_dialed_is_no_flood_of_dials)
{
    enum { ROUNDS = 20, EACH = 10 };
    static struct ask asks[EACH];
    struct origin_bench bench;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    memory_sockets_silence(&bench.memory, origin_at);
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < EACH; i++) {
            ask_init(&asks[i], "GET", "/");
            CHECK(ask_send(&asks[i], origin_bench_opener(&bench)));
        }
        CHECK(settle(bench.loop));
        for (size_t i = 0; i < EACH; i++)
            ask_release(&asks[i]);
        CHECK(settle(bench.loop));
    }
    CHECK_SIZE(connects(&bench), ORIGIN_DIALS_MAX);
    origin_bench_close(&bench); /* with dials that nobody waits for */
}
