/* Rules that require Access while keys rotate, issuers are down or slow, and rules change. */
#include "support/access_scene.h"

#include "culvert/access/key_store.h"
#include "culvert/access/verifier.h"
#include "harness.h"

#define ACCESS "{access: {required: true, teamName: lab, audTag: [aud1]}}"

static const char guarded[] = "ingress:\n"
                              "  - {service: 'http://127.0.0.1:3000', originRequest: " ACCESS "}\n";
static const char open_to_all[] = "ingress:\n  - {service: 'http://127.0.0.1:3000'}\n";
static const char other_audience[] =
    "ingress:\n"
    "  - {service: 'http://127.0.0.1:3000', originRequest:\n"
    "      {access: {required: true, teamName: lab, audTag: [aud2]}}}\n";

static const char *const k1[] = {"k1", NULL};
static const char *const k2[] = {"k2", NULL};

/* Asks with a token of `key`; the status, 0: none yet. */
static int ask_with(struct access_scene *scene, struct ask *ask, const char *key)
{
    struct buf token = BUF_LIMIT(TOKEN_TEXT_MAX);
    access_scene_token(scene, key, key, &token);
    access_scene_ask(scene, ask, "app.test", buf_text(&token));
    buf_release(&token);
    return ask->status;
}

/* The same, and done with it; what waits for keys is let wait. */
static int status_with(struct access_scene *scene, const char *key)
{
    struct ask ask;
    int status = ask_with(scene, &ask, key);
    if (status == 0)
        lone_connector_pass(&scene->lone, KEY_STORE_INTERVAL_MS);
    status = ask.status;
    ask_release(&ask);
    return status;
}

TEST(keys_are_there_before_the_first_visitor_comes)
{
    struct access_scene scene;
    struct ask ask;
    access_scene_open(&scene, guarded);
    access_scene_start(&scene);
    CHECK_SIZE(scene.issuer.fetches, 1);
    CHECK_TEXT(scene.issuer.last_url, "https://lab.cloudflareaccess.com/cdn-cgi/access/certs");
    scene.issuer.is_down = true;
    CHECK_SIZE(ask_with(&scene, &ask, "k1"), 200);
    CHECK_SIZE(scene.lone.origin.request_count, 1);
    const char *head = buf_text(&scene.lone.origin.requests[0].head);
    CHECK(strstr(head, "\r\nCf-Access-Jwt-Assertion: ey") != NULL);
    ask_release(&ask);
    access_scene_close(&scene);
}

TEST(an_origin_gets_no_token_but_the_one_that_was_judged)
{
    struct access_scene scene;
    struct ask ask;
    struct buf token = BUF_LIMIT(TOKEN_TEXT_MAX);
    access_scene_open(&scene, guarded);
    access_scene_start(&scene);
    access_scene_token(&scene, "k1", "k1", &token);
    ask_init(&ask, "GET", "/");
    ask_field(&ask, "cf-access-jwt-assertion", buf_text(&token));
    ask_field(&ask, "x-between", "stays");
    ask_field(&ask, "Cf-Access-Jwt-Assertion", "forged");
    access_scene_ask_over(&scene, &ask, 0);
    CHECK_SIZE(ask.status, 200);
    REQUIRE(scene.lone.origin.request_count == 1);
    const char *head = buf_text(&scene.lone.origin.requests[0].head);
    CHECK(strstr(head, "\r\nCf-Access-Jwt-Assertion: ey") != NULL);
    CHECK(strstr(head, "\r\nX-Between: stays") != NULL);
    CHECK(strstr(head, "forged") == NULL);
    ask_release(&ask);
    buf_release(&token);
    access_scene_close(&scene);
}

TEST(nothing_is_fetched_where_no_rule_requires_access)
{
    struct access_scene scene;
    access_scene_open(&scene, open_to_all);
    access_scene_start(&scene);
    lone_connector_pass(&scene.lone, 2ULL * KEY_STORE_FRESH_MS);
    CHECK_SIZE(scene.issuer.fetches, 0);
    access_scene_close(&scene);
}

TEST(a_new_key_serves_as_soon_as_somebody_comes_with_it_and_a_key_taken_back_no_more_in_time)
{
    struct access_scene scene;
    access_scene_open(&scene, guarded);
    access_scene_start(&scene);
    CHECK_SIZE(status_with(&scene, "k1"), 200);
    scene.issuer.keys = k2;
    lone_connector_pass(&scene.lone, KEY_STORE_INTERVAL_MS);
    CHECK_SIZE(status_with(&scene, "k2"), 200);
    CHECK_SIZE(scene.issuer.fetches, 2);
    CHECK_SIZE(status_with(&scene, "k1"), 403);
    scene.issuer.keys = k1;
    lone_connector_pass(&scene.lone, KEY_STORE_FRESH_MS + VERIFIER_HELD_MS);
    size_t fetches = scene.issuer.fetches;
    CHECK_SIZE(status_with(&scene, "k1"), 200); /* it was fetched in turn */
    CHECK_SIZE(scene.issuer.fetches, fetches);
    CHECK_SIZE(status_with(&scene, "k2"), 403);
    access_scene_close(&scene);
}

TEST(without_keys_nobody_is_let_in_and_the_answer_says_bad_gateway)
{
    struct access_scene scene;
    struct ask ask;
    access_scene_open(&scene, guarded);
    scene.issuer.is_down = true;
    access_scene_start(&scene);
    CHECK_SIZE(ask_with(&scene, &ask, "k1"), 502); /* at once: it was just tried */
    ask_release(&ask);
    access_scene_ask(&scene, &ask, "app.test", NULL);
    CHECK_SIZE(ask.status, 403);
    CHECK(ask.got.length == LENGTH_UNKNOWN); /* the field says none in the origin's name */
    ask_release(&ask);
    CHECK_SIZE(scene.issuer.fetches, 1);
    scene.issuer.is_down = false;
    lone_connector_pass(&scene.lone, KEY_STORE_RETRY_MS);
    CHECK_SIZE(scene.issuer.fetches, 2);
    CHECK_SIZE(status_with(&scene, "k1"), 200);
    CHECK_SIZE(scene.lone.origin.request_count, 1);
    CHECK(access_scene_metric(&scene,
                              "culvert_access_refusals_total{cause=\"no_keys\",rule=\"0\"}") == 1);
    CHECK(access_scene_metric(&scene,
                              "culvert_access_refusals_total{cause=\"no_token\",rule=\"0\"}") == 1);
    CHECK(access_scene_metric(
              &scene, "culvert_requests_total{code=\"502\",kind=\"http\",rule=\"0\"}") == 1);
    CHECK(access_scene_metric(&scene, "culvert_streams_active{kind=\"http\"}") == 0);
    access_scene_close(&scene);
}

TEST(old_keys_serve_while_the_issuer_is_down_but_not_for_ever)
{
    struct access_scene scene;
    access_scene_open(&scene, guarded);
    access_scene_start(&scene);
    CHECK_SIZE(status_with(&scene, "k1"), 200);
    scene.issuer.is_down = true;
    lone_connector_pass(&scene.lone, KEY_STORE_AGE_MAX_MS - KEY_STORE_FRESH_MS);
    CHECK_SIZE(status_with(&scene, "k1"), 200);
    CHECK_SIZE(status_with(&scene, "k2"), 502);
    lone_connector_pass(&scene.lone, KEY_STORE_FRESH_MS);
    CHECK_SIZE(status_with(&scene, "k1"), 502);
    scene.issuer.is_down = false;
    lone_connector_pass(&scene.lone, KEY_STORE_RETRY_MS);
    CHECK_SIZE(status_with(&scene, "k1"), 200);
    access_scene_close(&scene);
}

TEST(who_comes_while_keys_are_fetched_waits_and_so_does_the_body)
{
    struct access_scene scene;
    struct ask ask;
    struct buf token = BUF_LIMIT(TOKEN_TEXT_MAX);
    static char bytes[CHANNEL_LIMIT];
    access_scene_open(&scene, guarded);
    scene.issuer.is_slow = true;
    access_scene_start(&scene);
    access_scene_token(&scene, "k1", "k1", &token);
    ask_init(&ask, "POST", "/in");
    ask_field(&ask, "cf-access-jwt-assertion", buf_text(&token));
    ask_announce(&ask, 3 * (int64_t)sizeof bytes);
    ask_put(&ask, span_make(bytes, sizeof bytes));
    access_scene_ask_over(&scene, &ask, 0);
    size_t taken = 0;
    for (int i = 0; i < 10; i++) { /* as much as a stream's window, and then no more */
        taken += channel_put(ask.body.bytes, bytes, sizeof bytes);
        CHECK(settle(scene.lone.loop));
    }
    CHECK(channel_room(ask.body.bytes) == 0 && taken < 2 * sizeof bytes);
    CHECK(ask.status == 0 && scene.lone.origin.request_count == 0);
    fake_issuer_answer(&scene.issuer);
    CHECK(settle(scene.lone.loop));
    CHECK_SIZE(ask.status, 200);
    CHECK_SIZE(scene.lone.origin.request_count, 1);
    ask_release(&ask);
    buf_release(&token);
    access_scene_close(&scene);
}

TEST(an_issuer_that_says_nothing_keeps_visitors_for_seconds_only)
{
    struct access_scene scene;
    struct ask ask;
    access_scene_open(&scene, guarded);
    scene.issuer.is_slow = true;
    access_scene_start(&scene);
    CHECK_SIZE(ask_with(&scene, &ask, "k1"), 0);
    lone_connector_pass(&scene.lone, KEY_STORE_WAIT_MS);
    CHECK_SIZE(ask.status, 502);
    ask_release(&ask);
    CHECK_SIZE(ask_with(&scene, &ask, "k1"), 502); /* nobody waits for a fetch that is late */
    ask_release(&ask);
    fake_issuer_answer(&scene.issuer);
    CHECK_SIZE(status_with(&scene, "k1"), 200);
    CHECK_SIZE(scene.issuer.fetches, 1);
    access_scene_close(&scene);
}

TEST(a_thousand_bad_tokens_cost_one_fetch_in_each_interval_and_a_few_in_advance)
{
    enum { SECONDS = 60 };
    struct access_scene scene;
    struct ask bad[20];
    struct ask good;
    size_t refused = 0;
    access_scene_open(&scene, guarded);
    access_scene_start(&scene);
    for (int second = 0; second < SECONDS; second++) {
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
            (void)ask_with(&scene, &bad[i], i % 2 ? "k2" : "k3");
        CHECK_SIZE(ask_with(&scene, &good, "k1"), 200); /* it does not wait behind them */
        ask_release(&good);
        lone_connector_pass(&scene.lone, 1000);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
            CHECK(bad[i].status == 0 || bad[i].status == 403);
            refused += bad[i].status == 403;
            ask_release(&bad[i]); /* some leave while they wait */
        }
    }
    CHECK(refused > 0 &&
          scene.issuer.fetches <= 2 + KEY_STORE_SPARE_MAX + SECONDS * 1000 / KEY_STORE_INTERVAL_MS);
    CHECK_SIZE(scene.lone.origin.request_count, SECONDS);
    CHECK(access_scene_metric(&scene, "culvert_streams_active{kind=\"http\"}") == 0);
    access_scene_close(&scene);
}

TEST(a_token_of_an_unknown_key_is_refused_as_soon_as_the_issuer_was_asked)
{
    struct access_scene scene;
    struct ask ask;
    access_scene_open(&scene, guarded);
    access_scene_start(&scene);
    lone_connector_pass(&scene.lone, KEY_STORE_GAP_MS);
    CHECK_SIZE(ask_with(&scene, &ask, "k2"), 403);
    ask_release(&ask);
    (void)ask_with(&scene, &ask, "k2");
    lone_connector_pass(&scene.lone, KEY_STORE_GAP_MS);
    CHECK_SIZE(ask.status, 403);
    ask_release(&ask);
    access_scene_close(&scene);
}

TEST(more_than_may_wait_are_refused_at_once)
{
    static struct ask asks[VERIFIER_CHECKS_MAX + 1];
    struct access_scene scene;
    access_scene_open(&scene, guarded);
    access_scene_start(&scene);
    scene.issuer.is_slow = true;
    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        CHECK_SIZE(ask_with(&scene, &asks[i], "k2"), i < VERIFIER_CHECKS_MAX ? 0 : 403);
    fake_issuer_answer(&scene.issuer);
    lone_connector_pass(&scene.lone, 1000);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        CHECK_SIZE(asks[i].status, 403);
        ask_release(&asks[i]);
    }
    CHECK_SIZE(scene.issuer.fetches, 2);
    access_scene_close(&scene);
}

TEST(a_request_that_waits_keeps_its_rules_and_new_ones_have_the_new_ones)
{
    struct access_scene scene;
    struct ask old;
    access_scene_open(&scene, guarded);
    scene.issuer.is_slow = true;
    access_scene_start(&scene);
    CHECK_SIZE(ask_with(&scene, &old, "k1"), 0);
    access_scene_reload(&scene, other_audience);
    CHECK_SIZE(status_with(&scene, "k1"), 403);
    fake_issuer_answer(&scene.issuer);
    CHECK(settle(scene.lone.loop));
    CHECK_SIZE(old.status, 200);
    ask_release(&old);
    access_scene_reload(&scene, open_to_all);
    access_scene_ask(&scene, &old, "app.test", NULL);
    CHECK_SIZE(old.status, 200);
    ask_release(&old);
    size_t fetches = scene.issuer.fetches;
    lone_connector_pass(&scene.lone, 3ULL * KEY_STORE_FRESH_MS);
    CHECK_SIZE(scene.issuer.fetches, fetches); /* nobody needs them any more */
    access_scene_close(&scene);
}

TEST(a_reload_fetches_the_keys_of_a_new_issuer)
{
    struct access_scene scene;
    access_scene_open(&scene, open_to_all);
    access_scene_start(&scene);
    access_scene_reload(&scene, guarded);
    CHECK(settle(scene.lone.loop));
    CHECK_SIZE(scene.issuer.fetches, 1);
    access_scene_reload(&scene, guarded);
    CHECK(settle(scene.lone.loop));
    CHECK_SIZE(scene.issuer.fetches, 1);
    CHECK_SIZE(status_with(&scene, "k1"), 200);
    access_scene_close(&scene);
}

TEST(what_waits_when_the_grace_is_over_is_answered_and_the_connector_ends)
{
    struct access_scene scene;
    struct ask ask;
    access_scene_open(&scene, guarded);
    scene.issuer.is_slow = true;
    scene.lone.options.grace_ms = 1000;
    access_scene_start(&scene);
    CHECK_SIZE(ask_with(&scene, &ask, "k1"), 0);
    connector_stop(scene.lone.connector);
    lone_connector_pass(&scene.lone, 1500);
    CHECK_SIZE(ask.status, 502);
    lone_connector_pass(&scene.lone, 1500);
    CHECK(scene.lone.over);
    ask_release(&ask);
    access_scene_close(&scene); /* while the fetch still runs */
}

TEST(a_connector_may_end_while_a_request_waits)
{
    struct access_scene scene;
    struct ask ask;
    access_scene_open(&scene, guarded);
    access_scene_start(&scene);
    scene.issuer.is_slow = true;
    CHECK_SIZE(ask_with(&scene, &ask, "k2"), 0);
    connector_free(scene.lone.connector, 0);
    scene.lone.connector = NULL;
    CHECK(settle(scene.lone.loop));
    CHECK(ask.status == 0 || ask.status == 502);
    CHECK(ask.status == 502 || ask.failed);
    ask_release(&ask);
    access_scene_close(&scene);
}

TEST(no_kind_of_service_is_reached_without_a_token)
{
    static const struct {
        const char *service;
        bool websocket;
    } cases[] = {
        {"http://127.0.0.1:3000", false}, {"http://127.0.0.1:3000", true},
        {"ws://127.0.0.1:3000", true},    {"h2c://127.0.0.1:3000", false},
        {"tcp://127.0.0.1:3000", true},   {"tcp://127.0.0.1:3000", false},
        {"ssh://127.0.0.1:3000", true},   {"unix:/run/app.sock", false},
        {"unix:/run/app.sock", true},     {"http://127.0.0.1:3000/below", false},
    };
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        struct access_scene scene;
        struct ask ask;
        struct buf token = BUF_LIMIT(TOKEN_TEXT_MAX);
        char yaml[256];
        const char *service = cases[i / 2].service;
        bool has_token = i % 2 == 1;
        (void)snprintf(yaml, sizeof yaml,
                       "ingress:\n  - service: %s\n    originRequest: " ACCESS "\n", service);
        access_scene_open(&scene, yaml);
        memory_sockets_serve(&scene.lone.memory, "unix:/run/app.sock", fake_origin_accept,
                             &scene.lone.origin);
        access_scene_start(&scene);
        access_scene_token(&scene, has_token ? "k1" : "k3", "k1", &token);
        ask_init(&ask, "GET", "/");
        ask_field(&ask, "cf-access-jwt-assertion", buf_text(&token));
        if (cases[i / 2].websocket)
            ask_field(&ask, "cf-cloudflared-proxy-connection-upgrade", "websocket");
        access_scene_ask_over(&scene, &ask, 0);
        lone_connector_pass(&scene.lone, has_token ? 0 : KEY_STORE_INTERVAL_MS);
        size_t dials = scene.lone.origin.connection_count;
        CHECK_CASE(dials == (has_token ? 1 : 0), "%s: %zu connections", service, dials);
        CHECK_CASE(has_token || ask.status == 403, "%s: %d", service, ask.status);
        ask_release(&ask);
        buf_release(&token);
        access_scene_close(&scene);
    }
}

TEST(several_workers_share_one_fetch)
{
    enum { WORKERS = 3 };
    struct access_scene scene;
    struct ask asks[WORKERS];
    struct buf token = BUF_LIMIT(TOKEN_TEXT_MAX);
    access_scene_open(&scene, guarded);
    scene.workers = WORKERS;
    scene.lone.options.connections = WORKERS;
    scene.issuer.is_slow = true;
    access_scene_start(&scene);
    access_scene_token(&scene, "k1", "k1", &token);
    for (size_t i = 0; i < WORKERS; i++) {
        ask_init(&asks[i], "GET", "/");
        ask_field(&asks[i], "cookie", "a=b");
        ask_field(&asks[i], "cf-access-jwt-assertion", buf_text(&token));
        access_scene_ask_over(&scene, &asks[i], i);
        CHECK_SIZE(asks[i].status, 0);
    }
    fake_issuer_answer(&scene.issuer);
    CHECK(settle(scene.lone.loop));
    for (size_t i = 0; i < WORKERS; i++) {
        CHECK_SIZE(asks[i].status, 200);
        ask_release(&asks[i]);
    }
    CHECK_SIZE(scene.issuer.fetches, 1);
    buf_release(&token);
    access_scene_close(&scene);
}
