#include "culvert/origin/pool.h"

#include "harness.h"
#include "support/origin_bench.h"

#define OK   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
#define SEND FAKE_SEND, SPAN_INIT

static const struct fake_script ok_script = FAKE_OK;

/* Asks, checks the status, closes. */
static void get(struct origin_bench *bench, int status)
{
    struct ask ask;
    ask_init(&ask, "GET", "/");
    CHECK(origin_bench_ask(bench, &ask));
    CHECK_SIZE(ask.status, status);
    ask_release(&ask);
    CHECK(settle(bench->loop));
}

TEST(requests_one_after_the_other_share_a_connection)
{
    struct origin_bench bench;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    for (int i = 0; i < 3; i++)
        get(&bench, 200);
    CHECK_SIZE(bench.fake.connection_count, 1);
    CHECK_SIZE(bench.fake.request_count, 3);
    origin_bench_close(&bench);
}

TEST(requests_at_the_same_time_have_a_connection_each_and_the_pool_keeps_its_limit)
{
    struct origin_bench bench;
    struct ask asks[4];
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        ask_init(&asks[i], "GET", "/");
        CHECK(ask_send(&asks[i], origin_bench_opener(&bench)));
    }
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.fake.connection_count, 4);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        CHECK_SIZE(asks[i].status, 200);
        ask_release(&asks[i]);
    }
    CHECK_SIZE(http_origin_idle(bench.origin), 4);
    origin_bench_pass(&bench, 2 * ORIGIN_POOL_TRIM_MS);
    CHECK_SIZE(http_origin_idle(bench.origin), 2);
    origin_bench_close(&bench);
}

TEST(two_origins_with_the_same_address_share_nothing)
{
    struct origin_bench bench;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    get(&bench, 200);
    struct http_origin *first = bench.origin;
    origin_bench_start(&bench);
    get(&bench, 200);
    CHECK_SIZE(bench.fake.connection_count, 2);
    http_origin_free(first);
    origin_bench_close(&bench);
}

TEST(without_a_pool_each_request_dials)
{
    struct origin_bench bench;
    origin_bench_open(&bench);
    bench.options.idle_limit = 0;
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    for (int i = 0; i < 3; i++)
        get(&bench, 200);
    CHECK_SIZE(bench.fake.connection_count, 3);
    CHECK(strstr(buf_text(&bench.fake.requests[0].head), "Connection: keep-alive") != NULL);
    origin_bench_close(&bench);
}

TEST(a_connection_is_kept_for_the_given_time)
{
    struct origin_bench bench;
    origin_bench_open(&bench);
    bench.options.idle_ms = 300;
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    get(&bench, 200);
    origin_bench_pass(&bench, 100);
    get(&bench, 200);
    CHECK_SIZE(bench.fake.connection_count, 1);
    origin_bench_pass(&bench, 700);
    CHECK(bench.fake.connections[0].peer_closed);
    get(&bench, 200);
    CHECK_SIZE(bench.fake.connection_count, 2);
    origin_bench_close(&bench);
}

TEST(a_connection_is_used_again_only_after_an_answer_that_left_no_doubt)
{
    static const struct {
        const char *answer;
        bool reused;
        const char *why;
    } cases[] = {
        {OK, true, "a length"},
        {"HTTP/1.1 204 No Content\r\n\r\n", true, "no body at all"},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 55\r\n\r\n", true, "a length of no body"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: 1\r\n\r\n", true,
         "chunked with trailers"},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK, true, "an interim head before"},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", false,
         "the origin says so"},
        {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", false, "HTTP/1.0 does not say"},
        {OK "EXTRA", false, "bytes behind the answer"},
        {"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", false, "read leniently"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", false,
         "read leniently"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
         "1\r\nx\r\n0\r\n\r\n",
         false, "read leniently"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fake_script script = {{{FAKE_SEND, span_of(cases[i].answer)}}};
        struct origin_bench bench;
        struct ask ask;
        origin_bench_open(&bench);
        origin_bench_start(&bench);
        fake_origin_follow(&bench.fake, &script, 1);
        for (int n = 0; n < 2; n++) {
            ask_init(&ask, "GET", "/");
            CHECK(origin_bench_ask(&bench, &ask));
            CHECK_CASE(ask.done, "%s: not done", cases[i].why);
            ask_release(&ask);
            CHECK(settle(bench.loop));
        }
        CHECK_CASE(bench.fake.connection_count == (cases[i].reused ? 1 : 2), "%s: %zu connections",
                   cases[i].why, bench.fake.connection_count);
        CHECK_CASE(bench.fake.connections[0].peer_closed != cases[i].reused, "%s: left open",
                   cases[i].why);
        origin_bench_close(&bench);
    }
}

TEST(an_answer_that_nobody_took_to_its_end_costs_the_connection)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    ask_init(&ask, "GET", "/");
    ask.holds = true;
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK(ask.done);
    ask_release(&ask);
    CHECK_SIZE(http_origin_idle(bench.origin), 0);
    origin_bench_close(&bench);
}

/* ---- stale connections ---- */

struct stale {
    const char *method;
    const char *field;         /* of the request; NULL: none */
    const char *body;          /* there before it is sent; NULL: none */
    struct fake_script script; /* of the second request */
    int status;                /* in the end; 0: it failed */
    const char *why;
};

static void check_stale(const struct stale *stale)
{
    struct fake_script scripts[] = {FAKE_OK, stale->script, FAKE_OK};
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, scripts, ARRAY_LEN(scripts));
    get(&bench, 200);
    ask_init(&ask, stale->method, "/");
    if (stale->field)
        ask_field(&ask, stale->field, "k");
    if (stale->body) {
        ask_announce(&ask, (int64_t)strlen(stale->body));
        ask_put(&ask, span_of(stale->body));
        ask_end(&ask);
    }
    CHECK(origin_bench_ask(&bench, &ask));
    size_t requests = stale->status == 200 ? 3 : 2;
    CHECK_CASE(ask.status == stale->status && ask.ends == 1, "%s: status %d, %s", stale->why,
               ask.status, ask.why.text);
    CHECK_CASE(bench.fake.request_count == requests, "%s: %zu requests", stale->why,
               bench.fake.request_count);
    CHECK_CASE(bench.fake.connection_count == requests - 1, "%s: %zu connections", stale->why,
               bench.fake.connection_count);
    if (stale->status == 0) {
        CHECK(ask.why.kind == ERROR_NETWORK);
        CHECK(span_starts(span_of(ask.why.text),
                          SPAN("http://app.origin:3000 over a kept connection: ")));
    }
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(a_request_that_met_a_stale_connection_is_sent_once_more_if_that_does_no_harm)
{
    static const struct stale cases[] = {
        {"GET", NULL, NULL, {{{FAKE_CLOSE}}}, 200, "safe"},
        {"GET", NULL, NULL, {{{FAKE_RESET}}}, 200, "safe, and reset"},
        {"HEAD", NULL, NULL, {{{FAKE_CLOSE}}}, 200, "safe"},
        {"OPTIONS", NULL, NULL, {{{FAKE_CLOSE}}}, 200, "safe"},
        {"DELETE", NULL, NULL, {{{FAKE_CLOSE}}}, 0, "who knows what it meets the second time"},
        {"PUT", NULL, NULL, {{{FAKE_CLOSE}}}, 0, "the same"},
        {"POST", NULL, NULL, {{{FAKE_CLOSE}}}, 0, "the origin may have done it"},
        {"PATCH", NULL, NULL, {{{FAKE_CLOSE}}}, 0, "the origin may have done it"},
        {"POST", "idempotency-key", NULL, {{{FAKE_CLOSE}}}, 200, "it may be repeated, it says"},
        {"PATCH", "x-idempotency-key", NULL, {{{FAKE_CLOSE}}}, 200, "it may be repeated, it says"},
        {"PUT", NULL, "abc", {{{FAKE_CLOSE}}}, 0, "the body is gone"},
        {"GET", NULL, NULL, {{{SEND("H")}, {FAKE_CLOSE}}}, 0, "an answer had begun"},
        {"GET",
         NULL,
         NULL,
         {{{SEND("HTTP/1.1 102 Processing\r\n\r\n")}, {FAKE_CLOSE}}},
         0,
         "it was heard"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_stale(&cases[i]);
}

TEST(a_request_of_which_nothing_left_goes_over_another_connection_whatever_it_is)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    get(&bench, 200);
    fake_origin_hang_up(&bench.fake, 0); /* and nobody has noticed yet */
    ask_init(&ask, "POST", "/");
    ask_announce(&ask, 3);
    CHECK(origin_bench_ask(&bench, &ask));
    ask_put(&ask, SPAN("abc"));
    ask_end(&ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(ask.status, 200);
    CHECK_SIZE(bench.fake.connection_count, 2);
    REQUIRE(bench.fake.request_count == 2);
    CHECK_TEXT(buf_text(&bench.fake.requests[1].body), "abc");
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(a_request_whose_body_ends_too_soon_is_not_sent_once_more)
{
    static const struct fake_script scripts[] = {FAKE_OK, {{{FAKE_AWAIT, SPAN_INIT(""), 3, 0}}}};
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, scripts, ARRAY_LEN(scripts));
    get(&bench, 200);
    ask_init(&ask, "PUT", "/");
    ask_announce(&ask, 3);
    CHECK(origin_bench_ask(&bench, &ask));
    ask_end(&ask);
    CHECK(settle(bench.loop));
    CHECK(ask.failed && ask.why.kind == ERROR_INVALID);
    CHECK_TEXT(error_name(&ask.why), "invalid");
    ask_release(&ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.fake.connection_count, 1);
    CHECK_SIZE(bench.fake.request_count, 2);
    origin_bench_close(&bench);
}

TEST(the_second_attempt_is_the_last)
{
    static const struct fake_script scripts[] = {FAKE_OK, {{{FAKE_CLOSE}}}};
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, scripts, ARRAY_LEN(scripts));
    get(&bench, 200);
    ask_init(&ask, "GET", "/");
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK(ask.failed && ask.ends == 1);
    CHECK_TEXT(ask.why.text, "http://app.origin:3000: the origin closed the connection without an "
                             "answer");
    CHECK_SIZE(bench.fake.request_count, 3);
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(when_the_second_attempt_cannot_be_dialed_that_is_what_is_told)
{
    static const struct fake_script scripts[] = {FAKE_OK, {{{FAKE_CLOSE}}}};
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, scripts, ARRAY_LEN(scripts));
    get(&bench, 200);
    memory_sockets_refuse(&bench.memory, "127.0.0.1:3000");
    ask_init(&ask, "GET", "/");
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK(ask.failed && ask.ends == 1);
    CHECK_TEXT(ask.why.text, "dial http://app.origin:3000: connect to 127.0.0.1:3000: Connection "
                             "refused");
    ask_release(&ask);
    origin_bench_close(&bench);
}
