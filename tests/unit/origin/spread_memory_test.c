/* A service at two addresses with checks, each of its allocations failing once: nothing is left
 * behind, each request ends once, and an answer is whole. */
#include "culvert/origin/health_checks.h"
#include "culvert/origin/openers.h"
#include "culvert/origin/spread.h"
#include "harness.h"
#include "support/origin_bench.h"
#include "support/rules_text.h"
#include "support/scarce_memory.h"

#include <errno.h>
#include <unistd.h>

enum { ALLOCATIONS_MAX = 2000, FAR_ENDS_MAX = 32 };

/* What must not ask for memory itself: a request, and an origin that answers unread. */
struct play {
    int status;
    size_t done, failed;
    int far_ends[FAR_ENDS_MAX];
    size_t far_count;
};

static void on_inform(void *arg, const struct response_head *head)
{
    (void)arg;
    (void)head;
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct play *play = arg;
    (void)body;
    play->status = head->status;
}

static void on_done(void *arg)
{
    struct play *play = arg;
    play->done++;
}

static void on_failed(void *arg, const struct error *why)
{
    struct play *play = arg;
    (void)why;
    play->failed++;
}

static const struct outbound_events events = {on_inform, on_answer, on_done, on_failed, NULL};

static void serve(void *arg, int fd)
{
    struct play *play = arg;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    REQUIRE(play->far_count < FAR_ENDS_MAX);
    CHECK(write(fd, answer, sizeof answer - 1) > 0);
    play->far_ends[play->far_count++] = fd;
}

static struct blueprint *make_blueprint(void)
{
    struct error err = {0};
    struct snapshot *snapshot = snapshot_of_text(
        "ingress:\n  - service: http://app.origin:3001/base\n"
        "    originRequest: {addresses: ['two.origin:3000'], proxyProtocol: v2,\n"
        "      healthCheck: {path: /live, interval: 1s, unhealthyAfter: 1, healthyAfter: 1}}\n",
        &err);
    CHECK_CASE(snapshot, "%s", err.text);
    struct blueprint *blueprint = snapshot ? blueprint_new(snapshot, &err) : NULL;
    snapshot_unref(snapshot);
    return blueprint;
}

/* One request whose first address refuses; then some checks. */
static void perform(struct origin_bench *bench, struct blueprint *blueprint,
                    const struct ask *request, struct play *play)
{
    const struct openers_options options = {.budget = &bench->budget, .connector_id = SPAN("id")};
    const struct health_checks_options checks_options = {
        .loop = bench->loop, .resolver = bench->resolver, .connector_id = SPAN("id")};
    struct error err = {0};
    struct body *body = (struct body *)(uintptr_t)&request->body;
    struct outbound *out = NULL;
    struct health_checks *checks = health_checks_new(&checks_options, blueprint, NULL, &err);
    struct openers *openers = openers_new(bench->loop, bench->resolver, blueprint, &options, &err);
    CHECK_CASE((checks && openers) || err.kind == ERROR_SYSTEM, "%s", err.text);
    if (openers)
        out = opener_open(openers_at(openers, 0), &request->head, body, &events, play, &err);
    (void)turned_clock_run(&bench->clock, bench->loop, 3000);
    CHECK(!out || play->done + play->failed == 1);
    outbound_close(out);
    (void)turned_clock_run(&bench->clock, bench->loop, 0);
    health_checks_free(checks);
    openers_free(openers);
}

TEST(each_allocation_of_a_service_at_several_addresses_may_fail)
{
    size_t n = 0;
    size_t answered = 0;
    for (bool failed = true; failed && n < ALLOCATIONS_MAX; n++) {
        struct origin_bench bench;
        struct play play = {.status = 0};
        struct ask request;
        origin_bench_open(&bench);
        memory_sockets_serve(&bench.memory, "127.0.0.1:3000", serve, &play);
        memory_sockets_fail(&bench.memory, "127.0.0.1:3001", ECONNREFUSED);
        struct blueprint *blueprint = make_blueprint();
        REQUIRE(blueprint);
        ask_init(&request, "GET", "/");
        scarce_memory_begin(n);
        perform(&bench, blueprint, &request, &play);
        failed = scarce_memory_end();
        CHECK_CASE(!play.done || play.status == 200, "allocation %zu: status %d", n, play.status);
        answered += play.done;
        for (size_t i = 0; i < play.far_count; i++)
            (void)close(play.far_ends[i]);
        ask_release(&request);
        blueprint_unref(blueprint);
        CHECK(settle(bench.loop));
        origin_bench_close(&bench);
    }
    CHECK(n > 50 && n < ALLOCATIONS_MAX);
    CHECK(answered > 0);
}
