#include "harness.h"
#include "support/origin_bench.h"
#include "support/tls_pair.h"

static const struct fake_script ok_script = FAKE_OK;

/* The fake behind TLS with a certificate for `certified`; the origin trusts its CA if `trusts`. */
struct tls_bench {
    struct origin_bench base;
    struct tls_fixture fixture;
    struct tls_context *far, *near;
};

static void open_bench(struct tls_bench *bench, const char *certified, bool trusts, bool no_verify)
{
    origin_bench_open(&bench->base);
    tls_fixture_init(&bench->fixture, certified);
    bench->far = tls_server_new(
        &(struct tls_server_options){.choose = tls_fixture_choose, .arg = bench->fixture.identity},
        NULL);
    struct tls_client_options trust = {.system_roots = !trusts, .no_verify = no_verify};
    if (trusts)
        trust.ca_pem = buf_span(&bench->fixture.ca_pem);
    bench->near = tls_client_new(&trust, NULL);
    REQUIRE(bench->far && bench->near);
    bench->base.fake.tls = bench->far;
    bench->base.options.tls = bench->near;
    bench->base.options.name = "https://app.origin:3000";
    bench->base.options.server_name = "app.origin";
    fake_origin_follow(&bench->base.fake, &ok_script, 1);
}

static void close_bench(struct tls_bench *bench)
{
    origin_bench_close(&bench->base);
    tls_context_unref(bench->near);
    tls_context_unref(bench->far);
    tls_fixture_release(&bench->fixture);
}

TEST(an_origin_behind_tls_must_show_a_certificate_for_the_name_that_was_asked_for)
{
    static const struct {
        const char *certified, *asked;
        bool trusts, no_verify, passes;
        const char *why;
    } cases[] = {
        {"app.origin", "app.origin", true, false, true, "the service's host"},
        {"other.test", "app.origin", true, false, false, "a certificate of another name"},
        {"other.test", "other.test", true, false, true, "originServerName"},
        {"app.origin", "app.origin", false, false, false, "a CA that nobody named"},
        {"other.test", "app.origin", false, true, true, "noTLSVerify"},
        {"127.0.0.1", "127.0.0.1", true, false, true, "an address that the certificate has"},
        {"app.origin", "127.0.0.1", true, false, false, "an address that it has not"},
        {"::1", "::1", true, false, true, "an IPv6 address"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tls_bench bench;
        struct ask ask;
        open_bench(&bench, cases[i].certified, cases[i].trusts, cases[i].no_verify);
        bench.base.options.server_name = cases[i].asked;
        origin_bench_start(&bench.base);
        ask_init(&ask, "GET", "/");
        CHECK(origin_bench_ask(&bench.base, &ask));
        CHECK_CASE(ask.done == cases[i].passes && ask.failed != cases[i].passes, "%s: %s",
                   cases[i].why, ask.why.text);
        if (!cases[i].passes) {
            CHECK(span_starts(span_of(ask.why.text), SPAN("dial https://app.origin:3000: ")));
            CHECK_CASE(bench.base.fake.request_count == 0, "%s: the request was sent",
                       cases[i].why);
        }
        ask_release(&ask);
        close_bench(&bench);
    }
}

/* Asks as a visitor of `authority`. */
static bool get(struct tls_bench *bench, const char *authority)
{
    struct ask ask;
    ask_init(&ask, "GET", "/");
    buf_clear(&ask.head.authority);
    CHECK(buf_put_span(&ask.head.authority, span_of(authority)));
    bool sent = origin_bench_ask(&bench->base, &ask);
    bool done = ask.done;
    if (!sent)
        CHECK(ask.why.kind == ERROR_INVALID);
    ask_release(&ask);
    CHECK(settle(bench->base.loop));
    return sent && done;
}

TEST(without_a_name_of_the_rule_the_host_of_each_request_is_verified_and_connections_keep_to_it)
{
    struct tls_bench bench;
    open_bench(&bench, "app.test", true, false);
    bench.base.options.server_name = NULL;
    origin_bench_start(&bench.base);
    CHECK(get(&bench, "app.test"));
    CHECK(get(&bench, "app.test:8443"));
    CHECK(get(&bench, "app.test."));
    CHECK_SIZE(bench.base.fake.connection_count, 1);
    CHECK(!get(&bench, "other.test"));
    CHECK_SIZE(bench.base.fake.connection_count, 2);
    CHECK(!get(&bench, "")); /* nothing to verify is not nothing to worry about */
    CHECK_SIZE(bench.base.fake.connection_count, 2);
    CHECK_SIZE(bench.base.fake.request_count, 3);
    close_bench(&bench);
}

TEST(a_handshake_has_its_own_limit)
{
    struct tls_bench bench;
    struct ask ask;
    open_bench(&bench, "app.origin", true, false);
    bench.base.fake.tls = NULL; /* it listens, in clear, and says nothing */
    bench.base.options.tls_ms = 1000;
    origin_bench_start(&bench.base);
    ask_init(&ask, "GET", "/");
    CHECK(origin_bench_ask(&bench.base, &ask));
    origin_bench_pass(&bench.base, 999);
    CHECK(!ask.failed);
    origin_bench_pass(&bench.base, 1);
    CHECK(ask.failed && ask.why.kind == ERROR_TIMEOUT);
    ask_release(&ask);
    close_bench(&bench);
}

TEST(a_stale_connection_behind_tls_is_noticed_too)
{
    static const struct fake_script scripts[] = {FAKE_OK, {{{FAKE_CLOSE}}}, FAKE_OK};
    struct tls_bench bench;
    open_bench(&bench, "app.origin", true, false);
    origin_bench_start(&bench.base);
    fake_origin_follow(&bench.base.fake, scripts, ARRAY_LEN(scripts));
    CHECK(get(&bench, "app.test"));
    CHECK(get(&bench, "app.test"));
    CHECK_SIZE(bench.base.fake.connection_count, 2);
    CHECK_SIZE(bench.base.fake.request_count, 3);
    close_bench(&bench);
}
