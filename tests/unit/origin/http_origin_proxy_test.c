/* The PROXY header in front of connections to an HTTP origin, and proxies on the way to it. */
#include "harness.h"
#include "support/origin_bench.h"

#include <errno.h>

static const struct fake_script ok_script = FAKE_OK;

/* One request of a visitor; returns the number of connections so far. */
static size_t ask_as(struct origin_bench *bench, const char *visitor)
{
    struct ask ask;
    ask_init(&ask, "GET", "/");
    if (visitor)
        ask_field(&ask, "cf-connecting-ip", visitor);
    CHECK(origin_bench_ask(bench, &ask));
    CHECK_CASE(ask.done && ask.status == 200, "%s", ask.why.text);
    ask_release(&ask);
    CHECK(settle(bench->loop));
    return bench->fake.connection_count;
}

static const char *head_of(const struct origin_bench *bench, size_t request)
{
    return buf_text(&bench->fake.requests[request].head);
}

TEST(a_connection_names_its_visitor_first_and_serves_nobody_else)
{
    struct origin_bench bench;
    origin_bench_open(&bench);
    bench.options.proxy = PROXY_V1;
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    CHECK_SIZE(ask_as(&bench, "203.0.113.9"), 1);
    CHECK_SIZE(ask_as(&bench, "203.0.113.9"), 1);
    CHECK_SIZE(ask_as(&bench, "2001:db8::9"), 2);
    CHECK_SIZE(ask_as(&bench, NULL), 3);
    CHECK_SIZE(ask_as(&bench, "203.0.113.9"), 3);
    static const char *const begins[] = {
        "PROXY TCP4 203.0.113.9 127.0.0.1 0 3000\r\nGET / ",
        "GET / ",
        "PROXY TCP6 2001:db8::9 ::ffff:127.0.0.1 0 3000\r\nGET / ",
        "PROXY UNKNOWN\r\nGET / ",
        "GET / ",
    };
    for (size_t i = 0; i < ARRAY_LEN(begins); i++)
        CHECK_CASE(span_starts(span_of(head_of(&bench, i)), span_of(begins[i])), "%zu: %s", i,
                   head_of(&bench, i));
    origin_bench_close(&bench);
}

TEST(without_the_setting_visitors_share_connections)
{
    struct origin_bench bench;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    CHECK_SIZE(ask_as(&bench, "203.0.113.9"), 1);
    CHECK_SIZE(ask_as(&bench, "203.0.113.10"), 1);
    CHECK(span_starts(span_of(head_of(&bench, 0)), SPAN("GET / ")));
    origin_bench_close(&bench);
}

TEST(a_header_that_cannot_be_written_fails_the_request)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    bench.options.proxy = PROXY_V2;
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    bench.memory.on_write = (struct memory_fault){.error = ECONNRESET};
    ask_init(&ask, "GET", "/");
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK(ask.failed && ask.why.kind == ERROR_NETWORK);
    CHECK(strstr(ask.why.text, "write the PROXY header") != NULL);
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(a_header_that_leaves_in_pieces_is_whole)
{
    struct origin_bench bench;
    origin_bench_open(&bench);
    bench.options.proxy = PROXY_V1;
    bench.memory.write_most = 3;
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    CHECK_SIZE(ask_as(&bench, "203.0.113.9"), 1);
    CHECK(span_starts(span_of(head_of(&bench, 0)),
                      SPAN("PROXY TCP4 203.0.113.9 127.0.0.1 0 3000\r\nGET / ")));
    origin_bench_close(&bench);
}

/* ---- a proxy of the environment ---- */

static const struct outgoing_proxy proxy = {
    .text = NULL, .host = NULL, .port = 3128, .authorization = NULL, .is_spoken = true};

TEST(a_proxy_is_asked_for_the_whole_target_and_the_host_stays_the_visitors)
{
    struct origin_bench bench;
    struct outgoing_proxy by = proxy;
    char host[] = "two.origin";
    origin_bench_open(&bench);
    memory_sockets_serve(&bench.memory, "127.0.0.1:3128", fake_origin_accept, &bench.fake);
    by.host = host;
    bench.options.by = &by;
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    for (int i = 0; i < 2; i++)
        CHECK_SIZE(ask_as(&bench, NULL), 1); /* it keeps connections, too */
    CHECK_SIZE(memory_sockets_connects(&bench.memory, "127.0.0.1:3000"), 0);
    CHECK(span_starts(span_of(head_of(&bench, 1)),
                      SPAN("GET http://app.origin:3000/ HTTP/1.1\r\nHost: app.test\r\n")));
    origin_bench_close(&bench);
}

TEST(a_proxy_connects_us_where_bytes_are_not_its_business)
{
    static const struct fake_script scripts[] = {
        {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\n\r\n")}}},
        FAKE_OK,
    };
    struct origin_bench bench;
    struct outgoing_proxy by = proxy;
    char host[] = "two.origin";
    char authorization[] = "Basic eA==";
    origin_bench_open(&bench);
    memory_sockets_serve(&bench.memory, "127.0.0.1:3128", fake_origin_accept, &bench.fake);
    by.host = host;
    by.authorization = authorization;
    bench.options.by = &by;
    bench.options.by_connect = true;
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, scripts, ARRAY_LEN(scripts));
    CHECK_SIZE(ask_as(&bench, NULL), 1);
    CHECK_TEXT(head_of(&bench, 0), "CONNECT app.origin:3000 HTTP/1.1\r\nHost: app.origin:3000\r\n"
                                   "Proxy-Authorization: Basic eA==\r\n\r\n");
    CHECK(span_starts(span_of(head_of(&bench, 1)), SPAN("GET / HTTP/1.1\r\nHost: app.test\r\n")));
    CHECK(strstr(head_of(&bench, 1), "Proxy-Authorization") == NULL);
    origin_bench_close(&bench);
}
