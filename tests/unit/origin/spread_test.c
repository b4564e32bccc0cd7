/* One service at two addresses, through the openers of a configuration. */
#include "culvert/observe/exposition.h"
#include "culvert/observe/tunnel_metrics.h"
#include "culvert/origin/openers.h"
#include "culvert/origin/roster.h"
#include "culvert/origin/spread.h"
#include "harness.h"
#include "support/origin_bench.h"
#include "support/rules_text.h"

#include <errno.h>
#include <unistd.h>

static const struct fake_script ok_script = FAKE_OK;
static const struct fake_script reset_script = {{{FAKE_RESET}}};

struct spread_scene {
    struct origin_bench bench; /* its fake is at 127.0.0.1:3000 */
    struct fake_origin other;  /* at 127.0.0.1:3001 */
    struct metrics *metrics;
    struct tunnel_metrics *tunnel_metrics;
    struct openers *openers;
};

static void scene_open(struct spread_scene *scene)
{
    struct error err = {0};
    origin_bench_open(&scene->bench);
    fake_origin_open(&scene->other, scene->bench.loop, &scene->bench.memory, "127.0.0.1:3001");
    fake_origin_follow(&scene->bench.fake, &ok_script, 1);
    fake_origin_follow(&scene->other, &ok_script, 1);
    scene->metrics = metrics_new();
    scene->tunnel_metrics = tunnel_metrics_new(scene->metrics, &err);
    struct snapshot *snapshot =
        snapshot_of_text("ingress:\n  - service: http://app.origin:3000/base\n"
                         "    originRequest: {addresses: ['two.origin:3001']}\n",
                         &err);
    REQUIRE(snapshot && scene->tunnel_metrics);
    struct blueprint *blueprint = blueprint_new(snapshot, &err);
    snapshot_unref(snapshot);
    REQUIRE(blueprint);
    struct openers_options options = {.budget = &scene->bench.budget,
                                      .connector_id = SPAN("id"),
                                      .metrics = scene->tunnel_metrics};
    scene->openers =
        openers_new(scene->bench.loop, scene->bench.resolver, blueprint, &options, &err);
    blueprint_unref(blueprint);
    REQUIRE(scene->openers);
}

static void scene_close(struct spread_scene *scene)
{
    CHECK(settle(scene->bench.loop));
    openers_free(scene->openers);
    fake_origin_close(&scene->other);
    origin_bench_close(&scene->bench);
    tunnel_metrics_free(scene->tunnel_metrics);
    metrics_free(scene->metrics);
}

/* Nobody is at that address any more, and who was connected is cut. */
static void go_down(struct spread_scene *scene)
{
    memory_sockets_fail(&scene->bench.memory, "127.0.0.1:3001", ECONNREFUSED);
    for (size_t i = 0; i < scene->other.connection_count; i++)
        fake_origin_hang_up(&scene->other, i);
    CHECK(settle(scene->bench.loop));
}

static void come_back(struct spread_scene *scene)
{
    memory_sockets_serve(&scene->bench.memory, "127.0.0.1:3001", fake_origin_accept, &scene->other);
}

static size_t dials_of_other(struct spread_scene *scene)
{
    return memory_sockets_connects(&scene->bench.memory, "127.0.0.1:3001");
}

static int send_one(struct spread_scene *scene, struct ask *ask)
{
    CHECK(ask_send(ask, openers_at(scene->openers, 0)));
    CHECK(settle(scene->bench.loop));
    CHECK_SIZE(ask->ends, 1);
    int status = ask->status;
    ask_release(ask);
    CHECK(settle(scene->bench.loop));
    return status;
}

static int get(struct spread_scene *scene)
{
    struct ask ask;
    ask_init(&ask, "GET", "/x");
    return send_one(scene, &ask);
}

static int post(struct spread_scene *scene)
{
    struct ask ask;
    ask_init(&ask, "POST", "/x");
    ask_announce(&ask, 4);
    ask_put(&ask, SPAN("body"));
    ask_end(&ask);
    return send_one(scene, &ask);
}

static double gauge(struct spread_scene *scene, const char *name)
{
    struct buf out = BUF_LIMIT(256 * 1024);
    double value = -1;
    CHECK(exposition_write(scene->metrics, &out));
    const char *at = strstr(buf_text(&out), name);
    if (at)
        value = strtod(at + strlen(name), NULL);
    buf_release(&out);
    return value;
}

TEST(requests_are_spread_over_the_addresses_with_the_path_of_the_service)
{
    struct spread_scene scene;
    scene_open(&scene);
    for (int i = 0; i < 6; i++)
        CHECK_SIZE(get(&scene), 200);
    CHECK_SIZE(scene.bench.fake.request_count, 3);
    CHECK_SIZE(scene.other.request_count, 3);
    CHECK(span_starts(buf_span(&scene.other.requests[0].head), SPAN("GET /base/x HTTP/1.1\r\n")));
    scene_close(&scene);
}

TEST(nobody_notices_that_an_address_is_gone_and_soon_it_is_not_asked_any_more)
{
    struct spread_scene scene;
    scene_open(&scene);
    go_down(&scene);
    for (int i = 0; i < 20; i++)
        CHECK_SIZE(i % 2 ? get(&scene) : post(&scene), 200);
    CHECK_SIZE(dials_of_other(&scene), ROSTER_FAILURES_MAX);
    CHECK_SIZE(scene.bench.fake.request_count, 20);
    CHECK(gauge(&scene, "culvert_origin_ejected{rule=\"0\"} ") == 1);
    CHECK(gauge(&scene, "culvert_origin_ejections_total{rule=\"0\"} ") == 1);
    for (size_t i = 0; i < 20; i += 2)
        CHECK_SPAN(buf_span(&scene.bench.fake.requests[i].body), SPAN("body"));
    /* Its trial fails: nobody notices that either. */
    origin_bench_pass(&scene.bench, ROSTER_ASIDE_MS);
    CHECK_SIZE(get(&scene), 200);
    CHECK_SIZE(dials_of_other(&scene), ROSTER_FAILURES_MAX + 1);
    CHECK(gauge(&scene, "culvert_origin_ejected{rule=\"0\"} ") == 1);
    CHECK(gauge(&scene, "culvert_origin_ejections_total{rule=\"0\"} ") == 2);
    come_back(&scene);
    origin_bench_pass(&scene.bench, ROSTER_ASIDE_MAX_MS);
    for (int i = 0; i < 4; i++)
        CHECK_SIZE(get(&scene), 200);
    CHECK_SIZE(scene.other.request_count, 2);
    CHECK(gauge(&scene, "culvert_origin_ejected{rule=\"0\"} ") == 0);
    scene_close(&scene);
}

TEST(a_connection_that_breaks_before_the_answer_is_tried_elsewhere_if_repeating_does_no_harm)
{
    struct spread_scene scene;
    scene_open(&scene);
    fake_origin_follow(&scene.other, &reset_script, 1);
    for (int i = 0; i < 2; i++)
        CHECK_SIZE(get(&scene), 200);
    CHECK_SIZE(scene.other.request_count, 1);
    CHECK_SIZE(scene.bench.fake.request_count, 2);
    size_t lost = 0;
    for (int i = 0; i < 2; i++)
        lost += post(&scene) != 200;
    CHECK_SIZE(lost, 1);
    CHECK_SIZE(scene.other.request_count, 2);
    CHECK_SIZE(scene.bench.fake.request_count, 3);
    scene_close(&scene);
}

TEST(when_all_addresses_are_gone_the_failure_is_told_and_the_first_that_comes_back_is_used)
{
    struct spread_scene scene;
    struct ask ask;
    scene_open(&scene);
    go_down(&scene);
    memory_sockets_fail(&scene.bench.memory, "127.0.0.1:3000", ECONNREFUSED);
    for (int i = 0; i < 10; i++)
        CHECK_SIZE(get(&scene), 0);
    CHECK(gauge(&scene, "culvert_origin_ejected{rule=\"0\"} ") == 2);
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, openers_at(scene.openers, 0)));
    CHECK(settle(scene.bench.loop));
    CHECK(ask.failed && ask.why.kind == ERROR_NETWORK);
    CHECK(strstr(ask.why.text, "dial http://app.origin:3000/base at ") != NULL);
    ask_release(&ask);
    come_back(&scene);
    for (int i = 0; i < 4; i++)
        CHECK_SIZE(get(&scene), 200);
    scene_close(&scene);
}

TEST(a_request_that_is_given_up_at_any_time_leaves_nothing_behind)
{
    struct spread_scene scene;
    scene_open(&scene);
    memory_sockets_silence(&scene.bench.memory, "127.0.0.1:3001");
    for (int turns = 0; turns < 6; turns++) {
        struct ask ask;
        ask_init(&ask, "GET", "/");
        CHECK(ask_send(&ask, openers_at(scene.openers, 0)));
        for (int i = 0; i < turns; i++)
            (void)loop_turn(scene.bench.loop, 0);
        ask_release(&ask);
        CHECK(settle(scene.bench.loop));
    }
    scene_close(&scene);
}

/* ---- services of bytes ---- */

static void hang_up(void *arg, int fd)
{
    size_t *accepted = arg;
    ++*accepted;
    (void)close(fd);
}

TEST(a_service_of_bytes_goes_to_the_address_that_can_be_connected)
{
    struct origin_bench bench;
    struct error err = {0};
    size_t accepted = 0;
    origin_bench_open(&bench);
    memory_sockets_serve(&bench.memory, "127.0.0.1:2201", hang_up, &accepted);
    memory_sockets_fail(&bench.memory, "127.0.0.1:2200", ECONNREFUSED);
    struct snapshot *snapshot =
        snapshot_of_text("ingress:\n  - service: ssh://app.origin:2200\n"
                         "    originRequest: {addresses: ['two.origin:2201']}\n",
                         &err);
    REQUIRE(snapshot);
    struct blueprint *blueprint = blueprint_new(snapshot, &err);
    struct openers_options options = {.connector_id = SPAN("id")};
    snapshot_unref(snapshot);
    REQUIRE(blueprint);
    struct openers *openers = openers_new(bench.loop, bench.resolver, blueprint, &options, &err);
    REQUIRE(openers);
    for (int i = 0; i < 10; i++) {
        struct ask ask;
        ask_init(&ask, "POST", "/");
        CHECK(ask_send(&ask, openers_at(openers, 0)));
        CHECK(settle(bench.loop));
        CHECK_SIZE(ask.status, 101);
        ask_release(&ask);
        CHECK(settle(bench.loop));
    }
    CHECK_SIZE(accepted, 10);
    CHECK_SIZE(memory_sockets_connects(&bench.memory, "127.0.0.1:2200"), ROSTER_FAILURES_MAX);
    openers_free(openers);
    blueprint_unref(blueprint);
    origin_bench_close(&bench);
}
