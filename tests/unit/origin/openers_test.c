#include "culvert/base/file.h"
#include "culvert/config/outgoing_proxy.h"
#include "culvert/origin/openers.h"
#include "harness.h"
#include "support/origin_bench.h"
#include "support/place.h"
#include "support/rules_text.h"
#include "support/tls_pair.h"

static const struct fake_script ok_script = FAKE_OK;

/* Openers of a YAML text over the bench's loop; NULL: `err`. */
static struct openers *openers_by(struct origin_bench *bench, const char *text,
                                  const struct outgoing_proxies *proxies, struct error *err)
{
    static const struct rewrite_tag tags[] = {{SPAN_INIT("env"), SPAN_INIT("test")}};
    struct openers_options options = {&bench->budget, SPAN("some-uuid"), tags, 1};
    options.proxies = proxies;
    struct snapshot *snapshot = snapshot_of_text(text, err);
    CHECK_CASE(snapshot != NULL, "%s", err->text);
    if (!snapshot)
        return NULL;
    struct blueprint *blueprint = blueprint_new(snapshot, err);
    snapshot_unref(snapshot);
    struct openers *openers =
        blueprint ? openers_new(bench->loop, bench->resolver, blueprint, &options, err) : NULL;
    blueprint_unref(blueprint);
    return openers;
}

static struct openers *openers_of(struct origin_bench *bench, const char *text, struct error *err)
{
    return openers_by(bench, text, NULL, err);
}

static int status_of(struct origin_bench *bench, struct openers *openers, size_t rule)
{
    struct ask ask;
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, openers_at(openers, rule)));
    CHECK(settle(bench->loop));
    int status = ask.status;
    CHECK_CASE(ask.done, "rule %zu: %s", rule, ask.why.text);
    ask_release(&ask);
    CHECK(settle(bench->loop));
    return status;
}

TEST(each_rule_has_the_opener_of_its_kind)
{
    struct origin_bench bench;
    struct error err = {0};
    origin_bench_open(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    memory_sockets_serve(&bench.memory, "unix:/run/app.sock", fake_origin_accept, &bench.fake);
    struct openers *openers =
        openers_of(&bench,
                   "ingress:\n"
                   "  - {hostname: a.test, service: 'http://app.origin:3000'}\n"
                   "  - {hostname: b.test, service: 'unix:/run/app.sock'}\n"
                   "  - {hostname: c.test, service: 'http_status:418'}\n"
                   "  - {hostname: d.test, service: 'hello_world'}\n"
                   "  - {hostname: e.test, service: 'ws://app.origin:3000'}\n"
                   "  - {service: 'http_status:404'}\n",
                   &err);
    REQUIRE(openers != NULL);
    static const int want[] = {200, 200, 418, 200, 200, 404};
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        CHECK_SIZE(status_of(&bench, openers, i), want[i]);
    CHECK_SIZE(bench.fake.connection_count, 3); /* the same service, and nothing shared */
    const char *head = buf_text(&bench.fake.requests[0].head);
    CHECK(strstr(head, "\r\nCf-Warp-Tag-Id: some-uuid\r\n") != NULL);
    CHECK(strstr(head, "\r\nCf-Warp-Tag-Env: test\r\n") != NULL);
    openers_free(openers);
    origin_bench_close(&bench);
}

TEST(services_of_bytes_answer_every_request_with_101)
{
    struct origin_bench bench;
    struct error err = {0};
    origin_bench_open(&bench);
    memory_sockets_serve(&bench.memory, "127.0.0.1:22", fake_origin_accept, &bench.fake);
    memory_sockets_serve(&bench.memory, "127.0.0.1:7864", fake_origin_accept, &bench.fake);
    struct openers *openers = openers_of(&bench,
                                         "ingress:\n"
                                         "  - {hostname: a.test, service: 'tcp://127.0.0.1'}\n"
                                         "  - {hostname: b.test, service: 'socks-proxy'}\n"
                                         "  - {service: 'ssh://127.0.0.1'}\n",
                                         &err);
    REQUIRE(openers != NULL);
    for (size_t i = 0; i < 3; i++) {
        struct ask ask;
        ask_init(&ask, "GET", "/");
        CHECK(ask_send(&ask, openers_at(openers, i)));
        CHECK(settle(bench.loop));
        CHECK_SIZE(ask.status, 101);
        ask_release(&ask);
        CHECK(settle(bench.loop));
    }
    CHECK_SIZE(bench.fake.connection_count, 2);
    openers_free(openers);
    origin_bench_close(&bench);
}

TEST(services_that_cannot_answer_refuse_and_say_why)
{
    static const char *const why[] = {"foo://h: the service has no port",
                                      ("bastion: the request names no destination in "
                                       "Cf-Access-Jump-Destination")};
    struct origin_bench bench;
    struct error err = {0};
    origin_bench_open(&bench);
    struct openers *openers = openers_of(&bench,
                                         "ingress:\n"
                                         "  - {hostname: a.test, service: 'foo://h'}\n"
                                         "  - {hostname: b.test, service: 'bastion'}\n"
                                         "  - {service: 'http_status:404'}\n",
                                         &err);
    REQUIRE(openers != NULL);
    for (size_t i = 0; i < ARRAY_LEN(why); i++) {
        struct ask ask;
        ask_init(&ask, "GET", "/");
        CHECK(!ask_send(&ask, openers_at(openers, i)));
        CHECK_TEXT(ask.why.text, why[i]);
        ask_release(&ask);
    }
    openers_free(openers);
    origin_bench_close(&bench);
}

TEST(the_settings_of_a_rule_reach_its_origin)
{
    struct origin_bench bench;
    struct error err = {0};
    origin_bench_open(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    memory_sockets_silence(&bench.memory, "127.0.0.1:3002");
    struct openers *openers =
        openers_of(&bench,
                   "ingress:\n"
                   "  - {hostname: a.test, service: 'http://app.origin:3000',\n"
                   "     originRequest: {keepAliveConnections: -1}}\n"
                   "  - {hostname: b.test, service: 'http://app.origin:3000',\n"
                   "     originRequest: {keepAliveConnections: 0}}\n"
                   "  - {hostname: c.test, service: 'http://app.origin:3000',\n"
                   "     originRequest: {keepAliveTimeout: 300ms, httpHostHeader: inner.test}}\n"
                   "  - {service: 'http://app.origin:3002', originRequest: {connectTimeout: 1s}}\n",
                   &err);
    REQUIRE(openers != NULL);
    for (int i = 0; i < 2; i++)
        CHECK_SIZE(status_of(&bench, openers, 0), 200);
    CHECK_SIZE(bench.fake.connection_count, 2);
    for (int i = 0; i < 2; i++)
        CHECK_SIZE(status_of(&bench, openers, 1), 200);
    CHECK_SIZE(bench.fake.connection_count, 3);
    CHECK_SIZE(status_of(&bench, openers, 2), 200);
    origin_bench_pass(&bench, 300);
    CHECK(bench.fake.connections[3].peer_closed && !bench.fake.connections[2].peer_closed);
    CHECK(strstr(buf_text(&bench.fake.requests[4].head), "\r\nHost: inner.test\r\n") != NULL);
    struct ask ask;
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, openers_at(openers, 3)));
    origin_bench_pass(&bench, 999);
    CHECK(!ask.failed);
    origin_bench_pass(&bench, 1);
    CHECK(ask.failed && ask.why.kind == ERROR_TIMEOUT);
    ask_release(&ask);
    openers_free(openers);
    origin_bench_close(&bench);
}

/* ---- trust ---- */

TEST(a_ca_pool_is_trusted_beside_the_system_and_the_name_is_the_rules_or_the_services)
{
    static const struct {
        const char *service;
        bool has_pool;
        const char *request;
        bool passes;
    } cases[] = {
        {"https://app.origin:3000", true, "", true},
        {"https://two.origin:3000", true, "", false},
        {"https://two.origin:3000", true, "originServerName: app.origin", true},
        {"https://two.origin:3000", true, "noTLSVerify: true", true},
        {"https://app.origin:3000", false, "", false},
        {"https://two.origin:3000", true, "matchSNItoHost: true, httpHostHeader: 'app.origin:1'",
         true},
        {"https://app.origin:3000", true, "matchSNItoHost: true", false},
        {"unix+tls:/run/app.sock", true, "httpHostHeader: app.origin", true},
        {"unix+tls:/run/app.sock", true, "", false},
        {"unix+tls:/run/app.sock", true, "originServerName: app.origin", true},
    };
    struct test_place place = place_make();
    struct tls_fixture fixture;
    struct error err = {0};
    tls_fixture_init(&fixture, "app.origin");
    struct tls_context *far = tls_server_new(
        &(struct tls_server_options){.choose = tls_fixture_choose, .arg = fixture.identity}, NULL);
    REQUIRE(far != NULL);
    REQUIRE(file_create(place_path(&place, "ca.pem"), buf_span(&fixture.ca_pem), 0600, &err));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_bench bench;
        struct buf config = BUF_LIMIT(4096);
        struct ask ask;
        origin_bench_open(&bench);
        bench.fake.tls = far;
        fake_origin_follow(&bench.fake, &ok_script, 1);
        memory_sockets_serve(&bench.memory, "unix:/run/app.sock", fake_origin_accept, &bench.fake);
        CHECK(buf_printf(&config, "ingress:\n  - {service: '%s', originRequest: {%s%s%s%s}}\n",
                         cases[i].service, cases[i].has_pool ? "caPool: " : "",
                         cases[i].has_pool ? place_path(&place, "ca.pem") : "",
                         cases[i].has_pool ? ", " : "", cases[i].request));
        struct openers *openers = openers_of(&bench, buf_text(&config), &err);
        REQUIRE(openers != NULL);
        ask_init(&ask, "GET", "/");
        CHECK(ask_send(&ask, openers_at(openers, 0)));
        CHECK(settle(bench.loop));
        CHECK_CASE(ask.done == cases[i].passes && ask.failed != cases[i].passes, "%s %s: %s",
                   cases[i].service, cases[i].request, ask.why.text);
        ask_release(&ask);
        CHECK(settle(bench.loop));
        openers_free(openers);
        origin_bench_close(&bench);
        buf_release(&config);
    }
    place_remove(&place);
    tls_context_unref(far);
    tls_fixture_release(&fixture);
}

TEST(a_rule_that_does_not_verify_takes_nothing_from_one_that_does)
{
    struct tls_fixture fixture;
    struct origin_bench bench;
    struct error err = {0};
    struct ask ask;
    tls_fixture_init(&fixture, "app.origin");
    struct tls_context *far = tls_server_new(
        &(struct tls_server_options){.choose = tls_fixture_choose, .arg = fixture.identity}, NULL);
    origin_bench_open(&bench);
    bench.fake.tls = far;
    fake_origin_follow(&bench.fake, &ok_script, 1);
    struct openers *openers =
        openers_of(&bench,
                   "ingress:\n"
                   "  - {hostname: a.test, service: 'https://app.origin:3000',\n"
                   "     originRequest: {noTLSVerify: true}}\n"
                   "  - {service: 'https://app.origin:3000'}\n",
                   &err);
    REQUIRE(far != NULL && openers != NULL);
    CHECK_SIZE(status_of(&bench, openers, 0), 200);
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, openers_at(openers, 1)));
    CHECK(settle(bench.loop));
    CHECK(ask.failed && ask.status == 0);
    ask_release(&ask);
    CHECK(settle(bench.loop));
    openers_free(openers);
    origin_bench_close(&bench);
    tls_context_unref(far);
    tls_fixture_release(&fixture);
}

TEST(a_negative_limit_is_over_at_once_and_not_unlimited)
{
    struct origin_bench bench;
    struct error err = {0};
    struct ask ask;
    origin_bench_open(&bench);
    memory_sockets_silence(&bench.memory, "127.0.0.1:3002");
    struct openers *openers = openers_of(
        &bench,
        "ingress:\n  - {service: 'http://app.origin:3002', originRequest: {connectTimeout: -1s}}\n",
        &err);
    REQUIRE(openers != NULL);
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, openers_at(openers, 0)));
    origin_bench_pass(&bench, 1000);
    CHECK(ask.failed && ask.why.kind == ERROR_TIMEOUT);
    ask_release(&ask);
    openers_free(openers);
    origin_bench_close(&bench);
}

TEST(a_ca_pool_that_cannot_be_read_or_holds_nothing_is_an_error_that_names_it)
{
    static const struct {
        const char *file, *content; /* content NULL: there is no such file */
        const char *service;
    } cases[] = {
        {"missing.pem", NULL, "https://app.origin"},
        {"empty.pem", "", "https://app.origin"},
        {"text.pem", "no certificate\n", "https://app.origin"},
        {"text.pem", "no certificate\n", "http://app.origin"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct test_place place = place_make();
        struct origin_bench bench;
        struct error err = {0};
        struct buf config = BUF_LIMIT(4096);
        const char *path = place_path(&place, cases[i].file);
        if (cases[i].content)
            CHECK(file_create(path, span_of(cases[i].content), 0600, &err));
        CHECK(buf_printf(&config,
                         "ingress:\n  - {hostname: a.test, service: 'http_status:200'}\n"
                         "  - {service: '%s', originRequest: {caPool: '%s'}}\n",
                         cases[i].service, path));
        origin_bench_open(&bench);
        CHECK(openers_of(&bench, buf_text(&config), &err) == NULL);
        CHECK_CASE(strstr(err.text, cases[i].file) &&
                       span_starts(span_of(err.text), SPAN("rule #1")),
                   "%s: %s", cases[i].file, err.text);
        origin_bench_close(&bench);
        buf_release(&config);
        place_remove(&place);
    }
}

/* ---- proxies of the environment ---- */

static const char *find_proxy(const char *name, void *arg)
{
    const char *https = arg;
    if (strcmp(name, "HTTP_PROXY") == 0)
        return "127.0.0.1:3128";
    return strcmp(name, "HTTPS_PROXY") == 0 ? https : NULL;
}

static struct outgoing_proxies *proxies_with(const char *https)
{
    const struct environment environment = {.find = find_proxy, .arg = (void *)(uintptr_t)https};
    return outgoing_proxies_new(&environment, NULL);
}

TEST(http_goes_by_the_proxy_of_the_environment_unless_it_must_not)
{
    struct origin_bench bench;
    struct error err = {0};
    origin_bench_open(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    memory_sockets_serve(&bench.memory, "127.0.0.1:3128", fake_origin_accept, &bench.fake);
    memory_sockets_serve(&bench.memory, "127.0.0.1:3001", fake_origin_accept, &bench.fake);
    struct outgoing_proxies *proxies = proxies_with(NULL);
    struct openers *openers =
        openers_by(&bench,
                   "ingress:\n"
                   "  - {hostname: a.test, service: 'http://app.origin:3000/base'}\n"
                   "  - {hostname: b.test, service: 'http://127.0.0.1:3001'}\n"
                   "  - {hostname: c.test, service: 'http://app.origin:3001',\n"
                   "     originRequest: {proxyProtocol: v1}}\n"
                   "  - {service: 'http_status:404'}\n",
                   proxies, &err);
    REQUIRE(openers != NULL);
    static const char *const begins[] = {
        "GET http://app.origin:3000/base/ HTTP/1.1\r\nHost: app.test\r\n",
        "GET / HTTP/1.1\r\n",
        "PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        CHECK_SIZE(status_of(&bench, openers, i), 200);
        CHECK_CASE(span_starts(buf_span(&bench.fake.requests[i].head), span_of(begins[i])),
                   "rule %zu: %s", i, buf_text(&bench.fake.requests[i].head));
    }
    CHECK_SIZE(memory_sockets_connects(&bench.memory, "127.0.0.1:3128"), 1);
    openers_free(openers);
    outgoing_proxies_free(proxies);
    origin_bench_close(&bench);
}

TEST(an_origin_behind_a_proxy_that_nobody_speaks_to_is_refused)
{
    struct origin_bench bench;
    struct error err = {0};
    origin_bench_open(&bench);
    struct outgoing_proxies *proxies = proxies_with("socks5://127.0.0.1:1080");
    CHECK(!openers_by(&bench, "ingress:\n  - service: https://app.origin\n", proxies, &err));
    CHECK_TEXT(err.text,
               "rule #0: the proxy socks5://127.0.0.1:1080 of the environment is not http://");
    outgoing_proxies_free(proxies);
    origin_bench_close(&bench);
}
