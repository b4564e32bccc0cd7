/* Checks of one service at two addresses on a turned clock. */
#include "culvert/origin/health_board.h"
#include "culvert/origin/health_checks.h"
#include "harness.h"
#include "support/origin_bench.h"
#include "support/rules_text.h"

#include <errno.h>

#define OK  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define BAD "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

static const struct fake_script ok_script = {{{FAKE_SEND, SPAN_INIT(OK)}}};
static const struct fake_script bad_script = {{{FAKE_SEND, SPAN_INIT(BAD)}}};
static const struct fake_script silent_script = {{{FAKE_END}}};

struct checks_scene {
    struct origin_bench bench; /* its fake is at 127.0.0.1:3000 */
    struct blueprint *blueprint;
    struct health_checks *checks;
};

static struct blueprint *blueprint_of(const char *origin_request)
{
    struct error err = {0};
    char text[4608];
    (void)snprintf(text, sizeof text,
                   "ingress:\n  - service: http://app.origin:3000/base\n    originRequest: %s\n",
                   origin_request);
    struct snapshot *snapshot = snapshot_of_text(text, &err);
    CHECK_CASE(snapshot, "%s", err.text);
    struct blueprint *blueprint = snapshot ? blueprint_new(snapshot, &err) : NULL;
    snapshot_unref(snapshot);
    return blueprint;
}

/* Begins the checks of another version, which inherits. */
static void change(struct checks_scene *scene, const char *origin_request)
{
    struct error err = {0};
    const struct health_checks_options options = {
        .loop = scene->bench.loop,
        .resolver = scene->bench.resolver,
        .connector_id = SPAN("id"),
    };
    struct blueprint *blueprint = blueprint_of(origin_request);
    REQUIRE(blueprint);
    struct health_checks *checks = health_checks_new(&options, blueprint, scene->checks, &err);
    REQUIRE(checks);
    health_checks_free(scene->checks);
    blueprint_unref(scene->blueprint);
    scene->checks = checks;
    scene->blueprint = blueprint;
}

static void scene_open(struct checks_scene *scene, const char *origin_request)
{
    *scene = (struct checks_scene){0};
    origin_bench_open(&scene->bench);
    fake_origin_follow(&scene->bench.fake, &ok_script, 1);
    change(scene, origin_request);
}

static void scene_close(struct checks_scene *scene)
{
    health_checks_free(scene->checks);
    blueprint_unref(scene->blueprint);
    CHECK(settle(scene->bench.loop));
    origin_bench_close(&scene->bench);
}

static bool is_well(const struct checks_scene *scene, size_t index)
{
    return health_mark_is_well(health_board_mark(blueprint_board(scene->blueprint, 0), index));
}

TEST(an_address_is_asked_for_the_path_in_each_interval_over_a_connection_of_its_own)
{
    struct checks_scene scene;
    scene_open(&scene, "{healthCheck: {path: '/live?a', interval: 10s}}");
    CHECK_SIZE(health_checks_count(scene.checks), 1);
    for (int waits = 0; waits < 200 && scene.bench.fake.request_count == 0; waits++)
        origin_bench_pass(&scene.bench, 50); /* chance says when in the first interval */
    CHECK_SIZE(scene.bench.fake.request_count, 1);
    CHECK_TEXT(buf_text(&scene.bench.fake.requests[0].head), "GET /live?a HTTP/1.1\r\n"
                                                             "Host: app.origin:3000\r\n"
                                                             "Connection: keep-alive\r\n"
                                                             "User-Agent: culvert-health-check\r\n"
                                                             "Cf-Warp-Tag-Id: id\r\n\r\n");
    origin_bench_pass(&scene.bench, 60 * 1000);
    CHECK(scene.bench.fake.request_count >= 6 && scene.bench.fake.request_count <= 8);
    CHECK_SIZE(scene.bench.fake.connection_count, scene.bench.fake.request_count);
    CHECK(is_well(&scene, 0));
    scene_close(&scene);
}

TEST(findings_in_a_row_change_what_an_address_is)
{
    struct checks_scene scene;
    const struct fake_script scripts[] = {bad_script, bad_script, ok_script, bad_script, bad_script,
                                          bad_script, ok_script,  ok_script, ok_script};
    static const bool want[] = {true, true, true, true, true, false, false, true, true};
    scene_open(&scene, "{healthCheck: {path: /live, interval: 2s, timeout: 1s}}");
    fake_origin_follow(&scene.bench.fake, scripts, ARRAY_LEN(scripts));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        for (int waits = 0; waits < 100 && scene.bench.fake.request_count <= i; waits++)
            origin_bench_pass(&scene.bench, 50);
        CHECK_SIZE(scene.bench.fake.request_count, i + 1);
        CHECK_CASE(is_well(&scene, 0) == want[i], "after check %zu", i);
    }
    scene_close(&scene);
}

TEST(too_late_refused_and_another_status_than_the_wanted_one_are_bad)
{
    static const struct {
        const char *origin_request, *why;
        struct fake_script script;
        bool refused, well;
    } cases[] = {
        {"{healthCheck: {path: /, interval: 2s, timeout: 1s, unhealthyAfter: 1}}",
         "no answer",
         {{{FAKE_END}}},
         false,
         false},
        {"{healthCheck: {path: /, interval: 2s, unhealthyAfter: 1}}",
         "refused",
         {{{FAKE_END}}},
         true,
         false},
        {"{healthCheck: {path: /, interval: 2s, unhealthyAfter: 1, status: 204}}",
         "200, not 204",
         {{{FAKE_SEND, SPAN_INIT(OK)}}},
         false,
         false},
        {"{healthCheck: {path: /, interval: 2s, unhealthyAfter: 1, status: 503}}",
         "503 is wanted",
         {{{FAKE_SEND, SPAN_INIT(BAD)}}},
         false,
         true},
        {"{healthCheck: {path: /, interval: 2s, unhealthyAfter: 1}}",
         "closed",
         {{{FAKE_CLOSE}}},
         false,
         false},
        {"{healthCheck: {interval: 2s, unhealthyAfter: 1}}",
         "a connection is enough",
         {{{FAKE_END}}},
         false,
         true},
        {"{healthCheck: {interval: 2s, unhealthyAfter: 1}}",
         "no connection",
         {{{FAKE_END}}},
         true,
         false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct checks_scene scene;
        scene_open(&scene, cases[i].origin_request);
        fake_origin_follow(&scene.bench.fake, &cases[i].script, 1);
        if (cases[i].refused)
            memory_sockets_fail(&scene.bench.memory, "127.0.0.1:3000", ECONNREFUSED);
        origin_bench_pass(&scene.bench, 3500);
        CHECK_CASE(is_well(&scene, 0) == cases[i].well, "%s", cases[i].why);
        scene_close(&scene);
    }
}

TEST(each_address_has_checks_of_its_own)
{
    struct checks_scene scene;
    scene_open(&scene, "{addresses: ['two.origin:3001'], healthCheck: {interval: 1s, "
                       "unhealthyAfter: 2, healthyAfter: 1}}");
    CHECK_SIZE(health_checks_count(scene.checks), 2);
    origin_bench_pass(&scene.bench, 5000);
    CHECK(is_well(&scene, 0) && !is_well(&scene, 1));
    memory_sockets_serve(&scene.bench.memory, "127.0.0.1:3001", fake_origin_accept,
                         &scene.bench.fake);
    origin_bench_pass(&scene.bench, 2000);
    CHECK(is_well(&scene, 0) && is_well(&scene, 1));
    scene_close(&scene);
}

TEST(what_is_known_of_an_address_that_stays_is_taken_over)
{
    struct checks_scene scene;
    scene_open(&scene, "{addresses: ['two.origin:3001', 'two.origin:3002'], healthCheck: "
                       "{interval: 1s, unhealthyAfter: 1}}");
    origin_bench_pass(&scene.bench, 2000);
    CHECK(is_well(&scene, 0) && !is_well(&scene, 1) && !is_well(&scene, 2));
    change(&scene, "{addresses: ['two.origin:3002', 'two.origin:3003'], healthCheck: "
                   "{interval: 60s, unhealthyAfter: 1}}");
    CHECK(is_well(&scene, 0) && !is_well(&scene, 1) && is_well(&scene, 2));
    scene_close(&scene);
}

TEST(a_check_begins_when_the_one_before_it_is_over)
{
    struct checks_scene scene;
    scene_open(&scene, "{healthCheck: {path: /, interval: 1s, timeout: 1h}}");
    fake_origin_follow(&scene.bench.fake, &silent_script, 1);
    origin_bench_pass(&scene.bench, 30 * 1000);
    CHECK_SIZE(scene.bench.fake.request_count, 1);
    scene_close(&scene);
}

TEST(no_more_than_so_many_checks_are_under_way)
{
    struct checks_scene scene;
    struct buf text = BUF_LIMIT(4096);
    REQUIRE(buf_printf(&text, "{healthCheck: {interval: 1s, timeout: 20s}, addresses: ["));
    for (int i = 0; i < ORIGIN_ADDRESSES_MAX; i++)
        REQUIRE(buf_printf(&text, i > 0 ? ", two.origin" : "two.origin"));
    REQUIRE(buf_printf(&text, "]}"));
    scene_open(&scene, buf_text(&text));
    buf_release(&text);
    memory_sockets_silence(&scene.bench.memory, "127.0.0.1:3000");
    CHECK_SIZE(health_checks_count(scene.checks), ORIGIN_ADDRESSES_MAX + 1);
    origin_bench_pass(&scene.bench, 10 * 1000);
    CHECK_SIZE(memory_sockets_connects(&scene.bench.memory, "127.0.0.1:3000"), HEALTH_RUNNING_MAX);
    scene_close(&scene);
}

TEST(rules_without_checks_have_none)
{
    struct checks_scene scene;
    scene_open(&scene, "{addresses: ['two.origin:3001']}");
    CHECK_SIZE(health_checks_count(scene.checks), 0);
    CHECK(blueprint_board(scene.blueprint, 0) == NULL);
    CHECK(loop_next_timer_ms(scene.bench.loop) == UINT64_MAX);
    scene_close(&scene);
}
