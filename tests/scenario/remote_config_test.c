/* Versions of the rules that an edge pushes over any of its connections, and what becomes of the
 * file's then. The configurations and what they came to are those of a widely used connector
 * (tests/vectors/ingress/remote.json). */
#include "culvert/base/file.h"
#include "culvert/tunnel/response_meta.h"
#include "culvert/tunnel/stream_kind.h"
#include "support/fake_issuer.h"
#include "support/lone_connector.h"

#include "harness.h"

#include <errno.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024, WORKERS = 3, CONNECTIONS = 4 };

#define BASE "{\"ingress\":[{\"service\":\"http_status:418\"}]}"

struct scene {
    struct lone_connector lone;
    struct fake_issuer issuer; /* of tokens for Access: nobody is asked outside */
    size_t reads;              /* of the file */
    const char *service;       /* in the file; NULL: the file is bad */
};

static bool read_file(void *arg, bool only_if_changed, struct snapshot **snapshot,
                      struct error *err)
{
    struct scene *scene = arg;
    scene->reads++;
    *snapshot = NULL;
    if (only_if_changed)
        return true;
    if (!scene->service)
        return error_set(err, ERROR_INVALID, 0, "config.yml:1:1: bad");
    *snapshot = ends_rules_single(scene->service, "");
    return true;
}

static void scene_open(struct scene *scene)
{
    *scene = (struct scene){.service = "http_status:204"};
    lone_connector_open(&scene->lone);
    scene->lone.options.workers = WORKERS;
    scene->lone.options.read_rules = read_file;
    scene->lone.options.read_rules_arg = scene;
    scene->lone.options.management_hostname = "Management.Argotunnel.com";
    fake_issuer_init(&scene->issuer, scene->lone.loop);
    scene->lone.key_fetcher = &scene->issuer.fetcher;
    lone_connector_start(&scene->lone);
    lone_connector_pass(&scene->lone, 1000);
}

static void scene_close(struct scene *scene)
{
    fake_issuer_release(&scene->issuer);
    lone_connector_close(&scene->lone);
}

/* Pushes `body` over a connection; the answer is in `ask`, which the caller releases. */
static void push(struct scene *scene, struct ask *ask, size_t connection, struct span body)
{
    ask_init(ask, "POST", "/");
    ask_field(ask, STREAM_UPGRADE_FIELD, "update-configuration");
    ask_announce(ask, (int64_t)body.len);
    REQUIRE(ask_send(ask, &scene->lone.edge.connections[connection].opener));
    lone_connector_pass(&scene->lone, 10);
    ask_put(ask, body);
    ask_end(ask);
    lone_connector_pass(&scene->lone, 10);
    ask_take(ask);
}

/* Pushes a version; its answer as JSON, NULL: it was no 200 with JSON. The caller frees it. */
static struct doc *push_version(struct scene *scene, size_t connection, int version,
                                struct span config, int *status)
{
    struct ask ask;
    struct buf body = BUF_LIMIT(FILE_MAX);
    CHECK(buf_printf(&body, "{\"version\":%d,\"config\":%.*s}", version, SPAN_ARG(config)));
    push(scene, &ask, connection, buf_span(&body));
    *status = ask.status;
    struct doc *answer = ask.status == 200 ? doc_parse(buf_span(&ask.text), NULL) : NULL;
    ask_release(&ask);
    lone_connector_pass(&scene->lone, 1);
    buf_release(&body);
    return answer;
}

static int64_t applied(const struct doc *answer)
{
    int64_t version = -100;
    return doc_as_int(doc_get(answer, "lastAppliedVersion"), &version) ? version : -100;
}

static bool is_fine(const struct doc *answer)
{
    return doc_kind(answer) == DOC_OBJECT && doc_kind(doc_get(answer, "err")) == DOC_NULL;
}

/* What a visitor is answered over each connection; 0: not the same everywhere. */
static int status_of(struct scene *scene, const char *host)
{
    int common = 0;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct ask ask;
        ask_init(&ask, "GET", "/");
        buf_clear(&ask.head.authority);
        CHECK(buf_put_span(&ask.head.authority, span_of(host)));
        CHECK(ask_send(&ask, &scene->lone.edge.connections[i].opener));
        lone_connector_pass(&scene->lone, 10);
        int status = ask.status;
        ask_release(&ask);
        lone_connector_pass(&scene->lone, 1);
        if (i > 0 && status != common)
            return 0;
        common = status;
    }
    return common;
}

/* ---- the recorded cases ---- */

static struct span text_of(const struct doc *object, const char *key)
{
    struct span text = SPAN_NONE;
    const struct doc *value = doc_get(object, key);
    return value && doc_as_text(value, &text) ? text : SPAN_NONE;
}

static bool is_equal(const struct doc *a, const struct doc *b)
{
    struct buf left = BUF_LIMIT(4096);
    struct buf right = BUF_LIMIT(4096);
    bool equal = doc_format(a, DOC_COMPACT, &left) && doc_format(b, DOC_COMPACT, &right) &&
                 span_equal(buf_span(&left), buf_span(&right));
    buf_release(&left);
    buf_release(&right);
    return equal;
}

/* Each key that was recorded has its value, each other one its default. */
static void check_origin(struct span name, const struct doc *ours, const struct doc *recorded,
                         const struct doc *usual)
{
    const char *key = NULL;
    const struct doc *value;
    CHECK(doc_count(ours) >= doc_count(recorded));
    while ((value = doc_next(ours, &key))) {
        const struct doc *wanted =
            doc_get(recorded, key) ? doc_get(recorded, key) : doc_get(usual, key);
        bool fits = strcmp(key, "ipRules") == 0 ? doc_count(value) == doc_count(wanted)
                                                : is_equal(value, wanted);
        CHECK_CASE(fits, "%.*s: %s", SPAN_ARG(name), key);
    }
}

/* The page of the operator against what was reported of the peer. */
static void check_effective(struct scene *scene, const struct doc *one, const struct doc *usual)
{
    struct span name = text_of(one, "name");
    struct buf page = lone_connector_admin(&scene->lone, "/config");
    size_t at = span_find(buf_span(&page), '{');
    struct doc *root = doc_parse(span_skip(buf_span(&page), at), NULL);
    const struct doc *config = doc_get(root, "config");
    const struct doc *list = doc_get(config, "ingress");
    const struct doc *wanted = doc_get(doc_get(one, "effective"), "ingress");
    CHECK_CASE(doc_count(list) == doc_count(wanted), "%.*s: %zu rules: %s", SPAN_ARG(name),
               doc_count(list), buf_text(&page));
    for (size_t i = 0; i < doc_count(wanted) && i < doc_count(list); i++) {
        const struct doc *rule = doc_at(list, i);
        struct span service = text_of(doc_at(wanted, i), "service");
        CHECK_SPAN(text_of(rule, "service"), service);
        CHECK_SPAN(text_of(rule, "hostname"), text_of(doc_at(wanted, i), "hostname"));
        CHECK_SPAN(text_of(rule, "path"), text_of(doc_at(wanted, i), "path"));
        if (!span_equal(service, SPAN("http_status:503")))
            check_origin(name, doc_get(rule, "originRequest"),
                         doc_get(doc_at(wanted, i), "originRequest"), usual);
    }
    check_origin(name, doc_get(config, "warp-routing"),
                 doc_get(doc_get(one, "effective"), "warp-routing"), NULL);
    doc_free(root);
    buf_release(&page);
}

static void replay(struct scene *scene, const struct doc *one, const struct doc *usual, int version)
{
    struct span name = text_of(one, "name");
    bool wanted = false;
    int status;
    int64_t wanted_status = 0;
    doc_free(push_version(scene, 0, version, SPAN(BASE), &status));
    CHECK(status_of(scene, "app.test") == 418);
    CHECK(doc_as_bool(doc_get(one, "applied"), &wanted));
    CHECK(doc_as_int(doc_get(one, "http_status"), &wanted_status));
    struct doc *answer = push_version(scene, (size_t)version % CONNECTIONS, version + 1,
                                      text_of(one, "config_json"), &status);
    CHECK_CASE(status == wanted_status, "%.*s: status %d", SPAN_ARG(name), status);
    CHECK_CASE(applied(answer) == version + wanted, "%.*s: version %lld", SPAN_ARG(name),
               (long long)applied(answer));
    CHECK_CASE(is_fine(answer) == wanted, "%.*s: err", SPAN_ARG(name));
    if (wanted)
        check_effective(scene, one, usual);
    else
        CHECK_CASE(text_of(doc_get(answer, "err"), "message").len > 0 &&
                       status_of(scene, "app.test") == 418,
                   "%.*s: no words, or it changed something", SPAN_ARG(name));
    doc_free(answer);
}

TEST(pushed_configurations_come_to_what_was_recorded)
{
    struct scene scene;
    struct buf text = BUF_LIMIT(FILE_MAX);
    REQUIRE(file_read(vector_path("ingress/remote.json"), &text, NULL));
    struct doc *cases = doc_parse(buf_span(&text), NULL);
    buf_release(&text);
    CHECK(doc_count(cases) > 20);
    scene_open(&scene);
    struct snapshot *plain = ends_rules_single("http_status:200", "");
    struct doc *usual = origin_request_to_whole_doc(rules_defaults(snapshot_rules(plain)));
    for (size_t i = 0; i < doc_count(cases); i++)
        replay(&scene, doc_at(cases, i), usual, (int)(2 * i));
    doc_free(usual);
    snapshot_unref(plain);
    doc_free(cases);
    scene_close(&scene);
}

/* ---- versions ---- */

TEST(only_a_newer_version_is_applied_whichever_connection_brings_it)
{
    static const struct {
        int version;
        size_t connection;
        const char *config;
        int applied, status;
        bool fine;
    } cases[] = {
        {0, 0, "{\"ingress\":[{\"service\":\"http_status:200\"}]}", 0, 200, true},
        {0, 1, "{\"ingress\":[{\"service\":\"http_status:201\"}]}", 0, 200, true},
        {7, 2, "{\"ingress\":[{\"service\":\"http_status:202\"}]}", 7, 202, true},
        {6, 3, "{\"ingress\":[{\"service\":\"http_status:203\"}]}", 7, 202, true},
        {8, 1, "{\"ingress\":[{\"service\":\"nonsense\"}]}", 7, 202, false},
        {8, 0, "{\"ingress\":[{\"service\":\"http_status:205\"}]}", 8, 205, true},
        {-1, 0, "{\"ingress\":[{\"service\":\"http_status:206\"}]}", 8, 205, true},
        {9, 0, "{\"ingress\":5}", 8, 205, false},
        {9, 0, "null", 9, 503, true},
        {2147483647, 3, "{\"ingress\":[{\"service\":\"http_status:207\"}]}", 2147483647, 207, true},
    };
    struct scene scene;
    scene_open(&scene);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int status;
        struct doc *answer = push_version(&scene, cases[i].connection, cases[i].version,
                                          span_of(cases[i].config), &status);
        CHECK_CASE(status == 200, "%zu: status %d", i, status);
        CHECK_CASE(applied(answer) == cases[i].applied, "%zu: version %lld", i,
                   (long long)applied(answer));
        CHECK_CASE(is_fine(answer) == cases[i].fine, "%zu: err", i);
        CHECK_CASE(status_of(&scene, "app.test") == cases[i].status, "%zu: %d", i,
                   status_of(&scene, "app.test"));
        doc_free(answer);
    }
    scene_close(&scene);
}

TEST(what_is_no_push_is_answered_502_and_changes_nothing)
{
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "5",
        "{\"version\":\"1\",\"config\":{}}",
        "{\"version\":1.5,\"config\":{}}",
        "{\"version\":2147483648,\"config\":{}}",
        "{\"version\":1,\"config\":{}} x",
    };
    struct scene scene;
    scene_open(&scene);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct ask ask;
        struct span meta = SPAN_NONE;
        push(&scene, &ask, i % CONNECTIONS, span_of(bodies[i]));
        CHECK_CASE(ask.status == 502, "%s: status %d", bodies[i], ask.status);
        CHECK(headers_find(&ask.got.fields, SPAN(RESPONSE_META_FIELD), &meta));
        CHECK_SPAN(meta, response_meta_text(RESPONSE_FROM_CONNECTOR));
        ask_release(&ask);
        lone_connector_pass(&scene.lone, 1);
    }
    struct buf page = lone_connector_admin(&scene.lone, "/config");
    CHECK(strstr(buf_text(&page), "{\"version\":-1,\"config\":{\"ingress\":[{\"hostname\":\"\","));
    buf_release(&page);
    scene_close(&scene);
}

TEST(a_push_without_a_config_is_refused_with_words)
{
    struct scene scene;
    struct ask ask;
    scene_open(&scene);
    push(&scene, &ask, 0, SPAN("{\"version\":3}"));
    CHECK_SPAN(buf_span(&ask.text),
               SPAN("{\"lastAppliedVersion\":-1,\"err\":{\"message\":\"the push has no "
                    "\\\"config\\\"\"}}"));
    ask_release(&ask);
    scene_close(&scene);
}

TEST(an_edge_that_leaves_in_the_middle_of_a_push_changes_nothing)
{
    struct scene scene;
    struct ask ask;
    scene_open(&scene);
    ask_init(&ask, "POST", "/");
    ask_field(&ask, STREAM_UPGRADE_FIELD, "update-configuration");
    ask_announce(&ask, 1000);
    REQUIRE(ask_send(&ask, &scene.lone.edge.connections[1].opener));
    lone_connector_pass(&scene.lone, 10);
    ask_put(&ask, SPAN("{\"version\":1,"));
    lone_connector_pass(&scene.lone, 10);
    ask_release(&ask);
    lone_connector_pass(&scene.lone, 10);
    struct buf page = lone_connector_admin(&scene.lone, "/config");
    CHECK(strstr(buf_text(&page), "{\"version\":-1,"));
    buf_release(&page);
    scene_close(&scene);
}

/* ---- the file and the edge ---- */

TEST(the_file_is_read_again_until_the_edge_pushed_a_version)
{
    struct scene scene;
    int status;
    scene_open(&scene);
    connector_read_rules(scene.lone.connector, false);
    CHECK(status_of(&scene, "app.test") == 204);
    scene.service = NULL;
    connector_read_rules(scene.lone.connector, false);
    CHECK(status_of(&scene, "app.test") == 204);
    CHECK_SIZE(scene.reads, 2);
    struct doc *answer = push_version(&scene, 2, 0, SPAN(BASE), &status);
    CHECK(applied(answer) == 0);
    scene.service = "http_status:200";
    connector_read_rules(scene.lone.connector, false);
    connector_read_rules(scene.lone.connector, true);
    CHECK_SIZE(scene.reads, 2);
    CHECK(status_of(&scene, "app.test") == 418);
    doc_free(answer);
    struct buf page = lone_connector_admin(&scene.lone, "/metrics");
    CHECK(strstr(buf_text(&page), "culvert_config_reload_total{result=\"applied\"} 2"));
    CHECK(strstr(buf_text(&page), "culvert_config_reload_total{result=\"refused\"} 1"));
    buf_release(&page);
    scene_close(&scene);
}

TEST(the_version_in_force_is_a_metric)
{
    struct scene scene;
    int status;
    scene_open(&scene);
    struct buf page = lone_connector_admin(&scene.lone, "/metrics");
    CHECK(strstr(buf_text(&page), "\ncloudflared_orchestration_config_version 0\n"));
    buf_release(&page);
    doc_free(push_version(&scene, 2, 31, SPAN(BASE), &status));
    page = lone_connector_admin(&scene.lone, "/metrics");
    CHECK(strstr(buf_text(&page), "\ncloudflared_orchestration_config_version 31\n"));
    buf_release(&page);
    scene_close(&scene);
}

/* ---- with threads ---- */

/* A file that is read until the test says so. */
struct slow_file {
    struct scene scene;
    struct jobs *jobs;
    int gate[2]; /* one byte for each read that may end */
};

static bool read_slowly(void *arg, bool only_if_changed, struct snapshot **snapshot,
                        struct error *err)
{
    struct slow_file *slow = arg;
    char byte;
    (void)only_if_changed;
    bool opened = read(slow->gate[0], &byte, 1) == 1;
    *snapshot = NULL;
    if (opened)
        *snapshot = ends_rules_single("http_status:204", "");
    return opened || error_set(err, ERROR_SYSTEM, errno, "the gate is broken");
}

static void slow_file_open(struct slow_file *slow)
{
    struct error err = {0};
    *slow = (struct slow_file){0};
    lone_connector_open(&slow->scene.lone);
    slow->jobs = jobs_new(slow->scene.lone.loop, 2, &err);
    REQUIRE(slow->jobs && pipe(slow->gate) == 0);
    slow->scene.lone.jobs = slow->jobs;
    slow->scene.lone.options.workers = WORKERS;
    slow->scene.lone.options.read_rules = read_slowly;
    slow->scene.lone.options.read_rules_arg = slow;
    fake_issuer_init(&slow->scene.issuer, slow->scene.lone.loop);
    slow->scene.lone.key_fetcher = &slow->scene.issuer.fetcher;
    lone_connector_start(&slow->scene.lone);
    lone_connector_pass(&slow->scene.lone, 1000);
}

/* The threads wait for nobody any more; the loop must still be there. */
static void slow_file_end_threads(struct slow_file *slow)
{
    jobs_free(slow->jobs);
    (void)close(slow->gate[0]);
    (void)close(slow->gate[1]);
}

static void let_read(struct slow_file *slow)
{
    CHECK(write(slow->gate[1], "x", 1) == 1);
}

/* Turns in real time until the answer is there. */
static void wait_for_answer(struct slow_file *slow, const struct ask *ask)
{
    for (int i = 0; i < 2000 && !ask->done && !ask->failed; i++) {
        (void)loop_turn(slow->scene.lone.loop, 10);
        lone_connector_pass(&slow->scene.lone, 0);
    }
}

static void push_418(struct slow_file *slow, struct ask *ask, size_t connection)
{
    push(&slow->scene, ask, connection, SPAN("{\"version\":1,\"config\":" BASE "}"));
}

TEST(a_push_waits_for_the_file_that_is_being_read_and_comes_after_it)
{
    struct slow_file slow;
    struct ask ask;
    slow_file_open(&slow);
    connector_read_rules(slow.scene.lone.connector, false);
    push_418(&slow, &ask, 1);
    CHECK(!ask.done);
    CHECK(status_of(&slow.scene, "app.test") != 418);
    let_read(&slow);
    wait_for_answer(&slow, &ask);
    ask_take(&ask);
    CHECK_SPAN(buf_span(&ask.text), SPAN("{\"lastAppliedVersion\":1,\"err\":null}"));
    lone_connector_pass(&slow.scene.lone, 10);
    CHECK(status_of(&slow.scene, "app.test") == 418);
    ask_release(&ask);
    fake_issuer_release(&slow.scene.issuer);
    slow_file_end_threads(&slow);
    lone_connector_close(&slow.scene.lone);
}

TEST(a_connector_may_end_while_a_file_is_read_and_pushes_wait)
{
    struct slow_file slow;
    struct ask asks[3];
    slow_file_open(&slow);
    connector_read_rules(slow.scene.lone.connector, false);
    connector_read_rules(slow.scene.lone.connector, true);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        push_418(&slow, &asks[i], i);
    connector_free(slow.scene.lone.connector, 0);
    slow.scene.lone.connector = NULL;
    CHECK(settle(slow.scene.lone.loop));
    let_read(&slow);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        CHECK(asks[i].status != 200 || !strstr(buf_text(&asks[i].text), "\"err\":null"));
        ask_release(&asks[i]);
    }
    fake_issuer_release(&slow.scene.issuer);
    slow_file_end_threads(&slow);
    lone_connector_close(&slow.scene.lone);
}

/* ---- the rule in front of all rules ---- */

TEST(no_rule_sees_a_request_for_the_management_host_name)
{
    struct scene scene;
    int status;
    scene_open(&scene);
    doc_free(push_version(&scene, 0, 1,
                          SPAN("{\"ingress\":[{\"hostname\":\"management.argotunnel.com\","
                               "\"service\":\"http_status:200\"},{\"service\":\"http_status:201\"}"
                               "]}"),
                          &status));
    CHECK(status_of(&scene, "app.test") == 201);
    CHECK(status_of(&scene, "management.argotunnel.com") == 404);
    CHECK(status_of(&scene, "MANAGEMENT.argotunnel.com.:443") == 404);
    CHECK(status_of(&scene, "x.management.argotunnel.com") == 201);
    scene_close(&scene);
}
