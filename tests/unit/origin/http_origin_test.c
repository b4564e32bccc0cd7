#include "culvert/origin/http_origin.h"
#include "harness.h"
#include "support/origin_bench.h"

#include <errno.h>

static const struct fake_script ok_script = FAKE_OK;

TEST(a_request_goes_to_the_origin_and_its_answer_comes_back)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    ask_init(&ask, "GET", "/a//b?c=d");
    ask_field(&ask, "accept", "*/*");
    CHECK(origin_bench_ask(&bench, &ask));
    REQUIRE(bench.fake.request_count == 1);
    CHECK_TEXT(buf_text(&bench.fake.requests[0].head), "GET /a//b?c=d HTTP/1.1\r\n"
                                                       "Host: app.test\r\n"
                                                       "Connection: keep-alive\r\n"
                                                       "Accept: */*\r\n"
                                                       "Cf-Warp-Tag-Id: {connector-id}\r\n\r\n");
    CHECK_SIZE(bench.fake.requests[0].body.len, 0);
    CHECK_SIZE(ask.status, 200);
    CHECK_TEXT(buf_text(&ask.text), "hi");
    CHECK(ask.done && !ask.failed);
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(nothing_is_said_before_the_opener_returned)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    bench.options.port = 3001; /* refused at once */
    origin_bench_start(&bench);
    ask_init(&ask, "GET", "/");
    CHECK(ask_send(&ask, origin_bench_opener(&bench)));
    CHECK_SIZE(ask.ends, 0);
    CHECK(settle(bench.loop));
    CHECK(ask.failed);
    CHECK_SIZE(ask.ends, 1);
    ask_release(&ask);
    origin_bench_close(&bench);
}

/* ---- failures ---- */

struct trouble {
    const char *why;
    struct fake_script script;
    enum error_kind kind;
    const char *text;
    int status; /* 0: before any head */
};

static void check_trouble(const struct trouble *trouble)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &trouble->script, 1);
    ask_init(&ask, "GET", "/");
    CHECK(origin_bench_ask(&bench, &ask));
    origin_bench_pass(&bench, 1000);
    CHECK_CASE(ask.failed && !ask.done, "%s: no failure", trouble->why);
    CHECK_CASE(ask.why.kind == trouble->kind, "%s: kind %s", trouble->why,
               error_kind_name(ask.why.kind));
    CHECK_CASE(ask.status == trouble->status, "%s: status %d", trouble->why, ask.status);
    CHECK_TEXT(ask.why.text, trouble->text);
    CHECK_CASE(bench.fake.connection_count == 1, "%s: not the first use, no repetition",
               trouble->why);
    ask_close(&ask);
    CHECK(settle(bench.loop));
    CHECK_CASE(http_origin_idle(bench.origin) == 0, "%s: used again", trouble->why);
    ask_release(&ask);
    origin_bench_close(&bench);
}

#define FAILED "http://app.origin:3000: "

TEST(an_answer_that_does_not_come_or_breaks_is_a_failure_that_names_origin_and_cause)
{
    static const struct trouble troubles[] = {
        {"closed at once",
         {{{FAKE_CLOSE}}},
         ERROR_NETWORK,
         FAILED "the origin closed the connection without an answer",
         0},
        {"closed within the head",
         {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nX-A: ")}, {FAKE_CLOSE}}},
         ERROR_NETWORK,
         FAILED "the origin closed the connection within the head of its answer",
         0},
        {"reset", {{{FAKE_RESET}}}, ERROR_NETWORK, FAILED "read: Connection reset by peer", 0},
        {"short of its length",
         {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")},
           {FAKE_CLOSE}}},
         ERROR_NETWORK,
         FAILED "the body was cut short",
         200},
        {"reset within the body",
         {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")},
           {FAKE_SLEEP, {0}, 100},
           {FAKE_RESET}}},
         ERROR_NETWORK,
         FAILED "read: Connection reset by peer",
         200},
    };
    for (size_t i = 0; i < ARRAY_LEN(troubles); i++)
        check_trouble(&troubles[i]);
}

TEST(what_is_no_answer_is_refused_whatever_it_is)
{
    static const char *const answers[] = {
        "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 20 Odd\r\n\r\n",
        "HTTP/1.1 1000 Odd\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-F : a\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-F: a\x01\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhi",
    };
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct fake_script script = {{{FAKE_SEND, span_of(answers[i])}}};
        struct origin_bench bench;
        struct ask ask;
        origin_bench_open(&bench);
        origin_bench_start(&bench);
        fake_origin_follow(&bench.fake, &script, 1);
        ask_init(&ask, "GET", "/");
        CHECK(origin_bench_ask(&bench, &ask));
        CHECK_CASE(ask.failed && ask.status == 0, "passed: %s", answers[i]);
        CHECK_CASE(ask.why.kind == ERROR_PROTOCOL, "%s: %s", answers[i], ask.why.text);
        CHECK(span_starts(span_of(ask.why.text), SPAN(FAILED)));
        ask_release(&ask);
        origin_bench_close(&bench);
    }
}

TEST(an_origin_that_cannot_be_reached_is_named_with_the_cause)
{
    static const struct {
        const char *host, *name;
        uint16_t port;
        enum error_kind kind;
        const char *text;
    } cases[] = {
        {"app.origin", "http://app.origin:3001", 3001, ERROR_NETWORK,
         "dial http://app.origin:3001: connect to 127.0.0.1:3001: Connection refused"},
        {"app.origin", "http://app.origin:3002", 3002, ERROR_TIMEOUT,
         "dial http://app.origin:3002: connect to app.origin: no answer within 30000 ms"},
        {"app.origin", "http://app.origin:3003", 3003, ERROR_NETWORK,
         "dial http://app.origin:3003: connect to 127.0.0.1:3003: No route to host"},
        {"none.origin", "http://none.origin:3000", 3000, ERROR_NETWORK, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_bench bench;
        struct ask ask;
        origin_bench_open(&bench);
        memory_sockets_silence(&bench.memory, "127.0.0.1:3002");
        memory_sockets_fail(&bench.memory, "127.0.0.1:3003", EHOSTUNREACH);
        bench.options.host = cases[i].host;
        bench.options.name = cases[i].name;
        bench.options.port = cases[i].port;
        origin_bench_start(&bench);
        ask_init(&ask, "GET", "/");
        CHECK(origin_bench_ask(&bench, &ask));
        origin_bench_pass(&bench, 29 * 1000);
        CHECK_CASE(ask.failed == (cases[i].kind != ERROR_TIMEOUT), "%s: when", cases[i].name);
        origin_bench_pass(&bench, 1000);
        CHECK_CASE(ask.failed && ask.why.kind == cases[i].kind, "%s: %s", cases[i].name,
                   ask.why.text);
        if (cases[i].text)
            CHECK_TEXT(ask.why.text, cases[i].text);
        ask_release(&ask);
        origin_bench_close(&bench);
    }
}

TEST(a_unix_socket_is_dialed_by_its_path)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    memory_sockets_serve(&bench.memory, "unix:/run/app.sock", fake_origin_accept, &bench.fake);
    bench.options.name = "unix:/run/app.sock";
    bench.options.host = NULL;
    bench.options.unix_path = "/run/app.sock";
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    for (int i = 0; i < 2; i++) {
        ask_init(&ask, "GET", "/");
        CHECK(origin_bench_ask(&bench, &ask));
        CHECK(ask.done);
        ask_release(&ask);
    }
    CHECK_SIZE(bench.fake.connection_count, 1);
    memory_sockets_refuse(&bench.memory, "unix:/run/app.sock");
    fake_origin_hang_up(&bench.fake, 0);
    CHECK(settle(bench.loop));
    ask_init(&ask, "GET", "/");
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK_TEXT(ask.why.text, "dial unix:/run/app.sock: connect to unix:/run/app.sock: "
                             "No such file or directory");
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(a_head_that_cannot_be_written_is_refused_and_costs_no_kept_connection)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    ask_init(&ask, "GET", "/");
    CHECK(origin_bench_ask(&bench, &ask));
    ask_release(&ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(http_origin_idle(bench.origin), 1);
    ask_init(&ask, "GET", "/");
    ask_field(&ask, "x", "a\r\nEvil: 1");
    CHECK(origin_bench_ask(&bench, &ask)); /* known only once there is a connection */
    CHECK(ask.failed && ask.why.kind == ERROR_INVALID);
    CHECK(span_starts(span_of(ask.why.text), SPAN(FAILED)));
    CHECK_SIZE(http_origin_idle(bench.origin), 1);
    ask_release(&ask);
    fake_origin_hang_up(&bench.fake, 0);
    CHECK(settle(bench.loop));
    ask_init(&ask, "GET", "/");
    ask_field(&ask, "x", "a\r\nEvil: 1");
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK(ask.failed && ask.why.kind == ERROR_INVALID);
    ask_release(&ask);
    CHECK_SIZE(bench.fake.request_count, 1);
    origin_bench_close(&bench);
}
