/* Origins that want to know the length of a body: it is gathered first. */
#include "harness.h"
#include "support/origin_bench.h"

enum { MEBIBYTE = 1024 * 1024, PIECE = 16 * 1024 };

static const struct fake_script ok_script = FAKE_OK;

static void bench_begin(struct origin_bench *bench)
{
    origin_bench_open(bench);
    bench->options.needs_length = true;
    fake_origin_follow(&bench->fake, &ok_script, 1);
    origin_bench_start(bench);
}

/* A request with a body of no told length. */
static void begin(struct origin_bench *bench, struct ask *ask, const char *method)
{
    ask_init(ask, method, "/");
    ask_announce(ask, LENGTH_UNKNOWN);
    CHECK(origin_bench_ask(bench, ask));
}

/* Puts `len` bytes as they find room; false: nobody takes them any more. */
static bool put_all(struct origin_bench *bench, struct ask *ask, size_t len)
{
    static const char piece[PIECE] = "piece";
    while (len > 0 && !ask->failed) {
        size_t part = len < PIECE ? len : PIECE;
        if (channel_room(ask->body.bytes) < part)
            return false;
        ask_put(ask, span_make(piece, part));
        CHECK(settle(bench->loop));
        len -= part;
    }
    return len == 0;
}

static bool has_length(const struct origin_bench *bench, size_t len)
{
    char line[64];
    (void)snprintf(line, sizeof line, "\r\nContent-Length: %zu\r\n", len);
    const char *head = buf_text(&bench->fake.requests[0].head);
    return strstr(head, line) && !strcasestr(head, "Transfer-Encoding");
}

TEST(a_body_is_sent_with_its_length_when_it_is_whole)
{
    static const struct {
        const char *method;
        size_t len;
    } cases[] = {
        {"POST", 0}, {"POST", 1}, {"GET", 5}, {"DELETE", 70000}, {"POST", MEBIBYTE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_bench bench;
        struct ask ask;
        bench_begin(&bench);
        begin(&bench, &ask, cases[i].method);
        CHECK_CASE(put_all(&bench, &ask, cases[i].len), "case %zu: stuck", i);
        origin_bench_pass(&bench, 1000);
        CHECK_CASE(bench.fake.request_count == 0, "case %zu: sent too soon", i);
        ask_end(&ask);
        CHECK(settle(bench.loop));
        CHECK_CASE(ask.done && bench.fake.request_count == 1, "case %zu: %s", i, ask.why.text);
        CHECK_CASE(has_length(&bench, cases[i].len), "case %zu: %s", i,
                   buf_text(&bench.fake.requests[0].head));
        CHECK_SIZE(bench.fake.requests[0].body.len, cases[i].len);
        ask_release(&ask);
        origin_bench_close(&bench);
    }
}

TEST(an_empty_get_stays_without_a_length)
{
    struct origin_bench bench;
    struct ask ask;
    bench_begin(&bench);
    begin(&bench, &ask, "GET");
    ask_end(&ask);
    CHECK(settle(bench.loop));
    CHECK(ask.done);
    CHECK(!strcasestr(buf_text(&bench.fake.requests[0].head), "Content-Length"));
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(a_body_whose_length_is_told_is_streamed)
{
    struct origin_bench bench;
    struct ask ask;
    bench_begin(&bench);
    ask_init(&ask, "POST", "/");
    ask_announce(&ask, 4);
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK_SIZE(bench.fake.request_count, 1);
    ask_put(&ask, SPAN("body"));
    ask_end(&ask);
    CHECK(settle(bench.loop));
    CHECK(ask.done && has_length(&bench, 4));
    ask_release(&ask);
    origin_bench_close(&bench);
}

/* What follows its 101 is no body: nothing of it comes before. */
TEST(an_upgrade_waits_for_no_body)
{
    static const struct fake_script accept = {
        {{FAKE_SEND, SPAN_INIT("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                               "Upgrade: websocket\r\n\r\n")},
         {FAKE_ECHO}}};
    struct origin_bench bench;
    struct ask ask;
    bench_begin(&bench);
    fake_origin_follow(&bench.fake, &accept, 1);
    ask_init(&ask, "GET", "/");
    ask_announce(&ask, LENGTH_UNKNOWN);
    ask.head.is_websocket = true;
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK_SIZE(bench.fake.request_count, 1);
    CHECK_SIZE(ask.status, 101);
    ask_put(&ask, SPAN("frame"));
    CHECK(settle(bench.loop));
    CHECK_TEXT(buf_text(&ask.text), "frame");
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(a_body_that_is_too_long_to_gather_is_refused_with_411)
{
    struct origin_bench bench;
    struct ask ask;
    bench_begin(&bench);
    begin(&bench, &ask, "POST");
    CHECK(put_all(&bench, &ask, MEBIBYTE));
    CHECK(!ask.failed);
    ask_put(&ask, SPAN("x"));
    CHECK(settle(bench.loop));
    CHECK(ask.failed && ask.why.kind == ERROR_LIMIT);
    CHECK_SIZE(ask.why.cause, 411);
    CHECK_SIZE(bench.fake.connection_count, 0);
    ask_release(&ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.budget.used, 0);
    origin_bench_close(&bench);
}

TEST(a_body_that_memory_cannot_hold_is_refused_with_411_and_costs_nobody_else)
{
    struct origin_bench bench;
    struct ask ask;
    bench_begin(&bench);
    bench.budget.limit = 256 * 1024;
    begin(&bench, &ask, "POST");
    (void)put_all(&bench, &ask, MEBIBYTE);
    CHECK(ask.failed && ask.why.kind == ERROR_LIMIT);
    CHECK_SIZE(ask.why.cause, 411);
    CHECK(bench.budget.used < MEBIBYTE / 2);
    ask_release(&ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.budget.used, 0);
    begin(&bench, &ask, "POST");
    CHECK(put_all(&bench, &ask, 1000));
    ask_end(&ask);
    CHECK(settle(bench.loop));
    CHECK(ask.done && has_length(&bench, 1000));
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(who_leaves_while_the_body_is_gathered_leaves_nothing)
{
    struct origin_bench bench;
    struct ask ask;
    bench_begin(&bench);
    begin(&bench, &ask, "POST");
    CHECK(put_all(&bench, &ask, 100 * 1000));
    CHECK(bench.budget.used > 0);
    ask_close(&ask);
    CHECK(settle(bench.loop));
    ask_release(&ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.budget.used, 0);
    CHECK_SIZE(bench.fake.connection_count, 0);
    origin_bench_close(&bench);
}
