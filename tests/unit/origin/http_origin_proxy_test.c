/* The PROXY header in front of connections to an HTTP origin. */
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
