/* Requests of a tunnel that its edge manages, before the edge has pushed the first rules; and those
 * of a connector without rules. */
#include "culvert/connector/early_requests.h"
#include "culvert/tunnel/stream_kind.h"
#include "support/lone_connector.h"
#include "support/must.h"

#include "harness.h"

enum { CONNECTIONS = 2 };

#define RULES(service) "{\"version\":0,\"config\":{\"ingress\":[{\"service\":\"" service "\"}]}}"

struct scene {
    struct lone_connector lone;
    size_t lines; /* of the log: a request found no rule */
    size_t others_told;
};

static void note(void *arg, enum log_level level, int64_t unix_ms, const struct log_line *line)
{
    struct scene *scene = arg;
    (void)unix_ms;
    if (level != LEVEL_WARN || !strstr(line->message, "a request is answered 503"))
        return;
    scene->lines++;
    for (size_t i = 0; line->fields[i].kind != LOG_KIND_END; i++)
        if (strcmp(line->fields[i].key, "othersSince") == 0)
            scene->others_told += (size_t)line->fields[i].number;
}

static struct snapshot *no_rules(void)
{
    struct error err;
    const struct warp_routing warp = warp_routing_default();
    struct rules *rules = rules_new_unavailable(NULL, &err);
    must(rules != NULL);
    struct snapshot *snapshot = snapshot_new(rules, &warp, SNAPSHOT_LOCAL, &err);
    must(snapshot != NULL);
    return snapshot;
}

/* Two connections, each in a worker of its own. `service` NULL: no rules. */
static void scene_open(struct scene *scene, bool manages, const char *service)
{
    *scene = (struct scene){.lines = 0};
    lone_connector_open(&scene->lone);
    struct log *log = &scene->lone.log;
    log->sinks[log->sink_count++] = (struct log_sink){note, scene};
    snapshot_unref(scene->lone.snapshot);
    scene->lone.snapshot = service ? ends_rules_single(service, "") : no_rules();
    scene->lone.options.snapshot = scene->lone.snapshot;
    scene->lone.options.connections = scene->lone.options.workers = CONNECTIONS;
    scene->lone.options.grace_ms = EARLY_WAIT_MS / 5;
    scene->lone.edge.manages = manages;
    lone_connector_start(&scene->lone);
    lone_connector_pass(&scene->lone, 1000);
    CHECK_SIZE(fake_edge_registered(&scene->lone.edge), CONNECTIONS);
}

static void scene_close(struct scene *scene)
{
    lone_connector_close(&scene->lone);
}

static void come(struct scene *scene, struct ask *ask, size_t connection)
{
    ask_init(ask, "GET", "/early");
    REQUIRE(ask_send(ask, &scene->lone.edge.connections[connection].opener));
    lone_connector_pass(&scene->lone, 10);
}

static void push_rules(struct scene *scene, size_t connection, const char *rules)
{
    struct ask ask;
    ask_init(&ask, "POST", "/");
    ask_field(&ask, STREAM_UPGRADE_FIELD, "update-configuration");
    ask_announce(&ask, (int64_t)strlen(rules));
    REQUIRE(ask_send(&ask, &scene->lone.edge.connections[connection].opener));
    lone_connector_pass(&scene->lone, 10);
    ask_put(&ask, span_of(rules));
    ask_end(&ask);
    lone_connector_pass(&scene->lone, 10);
    CHECK_SIZE(ask.status, 200);
    ask_release(&ask);
    lone_connector_pass(&scene->lone, 1);
}

static void push(struct scene *scene, size_t connection)
{
    push_rules(scene, connection, RULES("http_status:418"));
}

TEST(requests_wait_for_the_first_rules_in_every_worker)
{
    struct scene scene;
    struct ask asks[4];
    scene_open(&scene, true, NULL);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        come(&scene, &asks[i], i % CONNECTIONS);
    lone_connector_pass(&scene.lone, EARLY_WAIT_MS / 2);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        CHECK(asks[i].status == 0 && !asks[i].failed);
    push(&scene, 1);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        CHECK_CASE(asks[i].status == 418, "%zu: %d", i, asks[i].status);
    CHECK_SIZE(scene.lines, 0);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        ask_release(&asks[i]);
    lone_connector_pass(&scene.lone, EARLY_WAIT_MS);
    scene_close(&scene);
}

TEST(a_body_that_comes_meanwhile_reaches_the_origin_whole)
{
    struct scene scene;
    struct ask ask;
    scene_open(&scene, true, NULL);
    ask_init(&ask, "POST", "/early");
    ask_announce(&ask, 10);
    REQUIRE(ask_send(&ask, &scene.lone.edge.connections[0].opener));
    ask_put(&ask, SPAN("hello"));
    lone_connector_pass(&scene.lone, 100);
    push_rules(&scene, 1, RULES("http://127.0.0.1:3000"));
    ask_put(&ask, SPAN("world"));
    ask_end(&ask);
    lone_connector_pass(&scene.lone, 100);
    REQUIRE(scene.lone.origin.request_count == 1);
    CHECK_SPAN(buf_span(&scene.lone.origin.requests[0].body), SPAN("helloworld"));
    ask_release(&ask);
    lone_connector_pass(&scene.lone, 100);
    scene_close(&scene);
}

TEST(without_rules_in_time_requests_are_answered_503_and_the_next_ones_at_once)
{
    struct scene scene;
    struct ask asks[3];
    scene_open(&scene, true, NULL);
    come(&scene, &asks[0], 0);
    lone_connector_pass(&scene.lone, EARLY_WAIT_MS - 1000);
    come(&scene, &asks[1], 0);
    CHECK(asks[0].status == 0 && asks[1].status == 0);
    lone_connector_pass(&scene.lone, 1000);
    CHECK(asks[0].status == 503 && asks[1].status == 503);
    come(&scene, &asks[2], 0);
    CHECK_SIZE(asks[2].status, 503);
    push(&scene, 0);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        ask_release(&asks[i]);
    come(&scene, &asks[0], 0);
    CHECK_SIZE(asks[0].status, 418);
    ask_release(&asks[0]);
    scene_close(&scene);
}

TEST(nobody_waits_where_the_edge_does_not_manage_or_there_are_rules)
{
    static const struct {
        bool manages;
        const char *service;
        int status;
    } cases[] = {
        {false, NULL, 503}, {true, "http_status:204", 204}, {false, "http_status:204", 204}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        struct ask ask;
        scene_open(&scene, cases[i].manages, cases[i].service);
        come(&scene, &ask, 0);
        CHECK_CASE(ask.status == cases[i].status, "%zu: %d", i, ask.status);
        ask_release(&ask);
        scene_close(&scene);
    }
}

TEST(who_leaves_while_it_waits_is_forgotten)
{
    struct scene scene;
    struct ask asks[3];
    scene_open(&scene, true, NULL);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        come(&scene, &asks[i], 0);
    ask_close(&asks[1]);
    lone_connector_pass(&scene.lone, 10);
    push(&scene, 0);
    CHECK(asks[0].status == 418 && asks[1].status == 0 && asks[2].status == 418);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        ask_release(&asks[i]);
    scene_close(&scene);
}

TEST(only_so_many_wait_the_next_one_is_answered_at_once)
{
    struct scene scene;
    struct ask last;
    struct ask *asks = calloc(EARLY_REQUESTS_MAX, sizeof *asks);
    must(asks != NULL);
    scene_open(&scene, true, NULL);
    for (size_t i = 0; i < EARLY_REQUESTS_MAX; i++) {
        ask_init(&asks[i], "GET", "/early");
        REQUIRE(ask_send(&asks[i], &scene.lone.edge.connections[0].opener));
    }
    lone_connector_pass(&scene.lone, 100);
    come(&scene, &last, 0);
    CHECK_SIZE(last.status, 503);
    CHECK(asks[0].status == 0 && asks[EARLY_REQUESTS_MAX - 1].status == 0);
    ask_release(&last);
    push(&scene, 0);
    for (size_t i = 0; i < EARLY_REQUESTS_MAX; i++) {
        CHECK_CASE(asks[i].status == 418, "%zu: %d", i, asks[i].status);
        ask_release(&asks[i]);
    }
    free(asks);
    scene_close(&scene);
}

TEST(a_connector_that_ends_answers_who_waits_when_its_grace_is_over)
{
    struct scene scene;
    struct ask ask;
    scene_open(&scene, true, NULL);
    come(&scene, &ask, 0);
    connector_stop(scene.lone.connector);
    lone_connector_pass(&scene.lone, EARLY_WAIT_MS / 2);
    CHECK_SIZE(ask.status, 502);
    lone_connector_pass(&scene.lone, EARLY_WAIT_MS);
    CHECK(scene.lone.over);
    ask_release(&ask);
    scene_close(&scene);
}

TEST(each_request_without_a_rule_is_worth_a_line_and_a_flood_of_them_one_a_second)
{
    struct scene scene;
    scene_open(&scene, false, NULL);
    for (size_t i = 0; i < 3; i++) {
        struct ask ask;
        come(&scene, &ask, 0);
        ask_release(&ask);
        lone_connector_pass(&scene.lone, 1000);
    }
    CHECK_SIZE(scene.lines, 3);
    for (size_t i = 0; i < 50; i++) {
        struct ask ask;
        come(&scene, &ask, 0);
        ask_release(&ask);
        lone_connector_pass(&scene.lone, 1);
    }
    CHECK_SIZE(scene.lines, 4);
    lone_connector_pass(&scene.lone, 1000);
    struct ask ask;
    come(&scene, &ask, 0);
    CHECK_SIZE(scene.lines, 5);
    CHECK_SIZE(scene.others_told, 49);
    ask_release(&ask);
    scene_close(&scene);
}
