/* An origin of HTTP/2 with each allocation of our end failing once: every request ends once, well
 * or with a reason, and afterwards all is as before. */
#include "harness.h"
#include "support/h2_bench.h"
#include "support/scarce_memory.h"

enum { ALLOCATIONS_MAX = 3000, GUESTS = 3 };

/* Three at once, over sessions of two streams, one of them behind GOAWAY. */
static size_t perform(struct h2_bench *bench, struct ask *asks)
{
    size_t sent = 0;
    for (size_t i = 0; i < GUESTS; i++)
        sent += ask_send(&asks[i], http2_origin_opener(bench->origin));
    h2_bench_settle(bench);
    scarce_memory_pause();
    if (bench->far.sessions[0].session)
        h2_session_goaway(bench->far.sessions[0].session);
    scarce_memory_go_on();
    for (int i = 0; i < GUESTS; i++) {
        scarce_memory_pause();
        for (size_t k = 0; k < bench->far.desk.count; k++)
            if (!bench->far.desk.requests[k].over && bench->far.desk.requests[k].answered == 0 &&
                !bench->far.desk.requests[k].answer.bytes)
                desk_answer(&bench->far.desk.requests[k], 200, "hi");
        scarce_memory_go_on();
        h2_bench_settle(bench);
    }
    h2_bench_pass(bench, 31 * 1000); /* whatever a limit of time ends */
    return sent;
}

static void judge(const struct ask *ask, size_t n)
{
    if (!ask->out) {
        CHECK_CASE(ask->why.kind != ERROR_NONE, "allocation %zu: refused without a reason", n);
        return;
    }
    CHECK_CASE(ask->ends == 1, "allocation %zu: ended %zu times", n, ask->ends);
    if (ask->done)
        CHECK_CASE(ask->status == 200 && span_equal(buf_span(&ask->text), SPAN("hi")),
                   "allocation %zu: \"%s\"", n, buf_text(&ask->text));
    else
        CHECK_CASE(ask->why.kind != ERROR_NONE, "allocation %zu: failed without a reason", n);
}

static bool play(size_t n, bool with_tls)
{
    static struct h2_bench bench;
    struct ask asks[GUESTS];
    struct ask after;
    if (with_tls)
        h2_bench_open_tls(&bench);
    else
        h2_bench_open(&bench);
    bench.far.options.streams_max = 2;
    h2_bench_start(&bench);
    for (size_t i = 0; i < GUESTS; i++)
        ask_init(&asks[i], "GET", "/");
    scarce_memory_begin(n);
    size_t sent = perform(&bench, asks);
    bool failed = scarce_memory_end();
    CHECK_CASE(failed || sent == GUESTS, "allocation %zu", n);
    for (size_t i = 0; i < GUESTS; i++)
        judge(&asks[i], n);
    h2_bench_release_all(&bench, asks, GUESTS);
    h2_bench_ask(&bench, &after, "GET", "/");
    h2_bench_answer_all(&bench);
    CHECK_CASE(after.done, "allocation %zu: afterwards %s", n, after.why.text);
    h2_bench_release_all(&bench, &after, 1);
    h2_bench_close(&bench);
    return failed;
}

TEST(each_allocation_of_requests_over_http2_may_fail)
{
    size_t n = 0;
    while (n < ALLOCATIONS_MAX && play(n, false))
        n++;
    CHECK_CASE(n > 50 && n < ALLOCATIONS_MAX, "%zu allocations", n);
}

TEST(each_allocation_behind_tls_may_fail)
{
    size_t n = 0;
    while (n < ALLOCATIONS_MAX && play(n, true))
        n++;
    CHECK_CASE(n > 50 && n < ALLOCATIONS_MAX, "%zu allocations", n);
}

TEST(each_allocation_of_making_the_origin_may_fail)
{
    static struct h2_bench bench;
    size_t n = 0;
    h2_bench_open(&bench);
    for (bool failed = true; failed && n < ALLOCATIONS_MAX; n++) {
        struct error err = {0};
        scarce_memory_begin(n);
        struct http2_origin *origin = http2_origin_new(bench.loop, &bench.options, &err);
        failed = scarce_memory_end();
        CHECK_CASE((origin == NULL) == failed, "allocation %zu", n);
        http2_origin_free(origin);
    }
    CHECK(n > 5);
    h2_bench_close(&bench);
}
