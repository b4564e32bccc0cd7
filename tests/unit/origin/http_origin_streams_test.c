#include "harness.h"
#include "support/origin_bench.h"

#include <stdlib.h>

static const struct fake_script ok_script = FAKE_OK;

/* ---- bodies ---- */

TEST(a_body_of_known_length_is_announced_by_it_and_streamed)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    static const struct fake_script script = {
        {{FAKE_AWAIT, {0}, 10},
         {FAKE_SEND, SPAN_INIT("HTTP/1.1 201 Created\r\n\r\n")},
         {FAKE_CLOSE}}};
    fake_origin_follow(&bench.fake, &script, 1);
    ask_init(&ask, "POST", "/");
    ask_announce(&ask, 10);
    ask_put(&ask, SPAN("hello"));
    CHECK(origin_bench_ask(&bench, &ask));
    REQUIRE(bench.fake.request_count == 1);
    CHECK_TEXT(buf_text(&bench.fake.requests[0].body), "hello");
    CHECK_SIZE(ask.status, 0);
    ask_put(&ask, SPAN("world"));
    ask_end(&ask);
    CHECK(settle(bench.loop));
    CHECK_TEXT(buf_text(&bench.fake.requests[0].body), "helloworld");
    CHECK(strstr(buf_text(&bench.fake.requests[0].head), "\r\nContent-Length: 10\r\n") != NULL);
    CHECK_SIZE(ask.status, 201);
    CHECK(ask.done);
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(a_body_of_unknown_length_is_chunked_as_it_comes_with_its_trailers)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    static const struct fake_script script = {
        {{FAKE_SUFFIX, SPAN_INIT("\r\n\r\n")},
         {FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n")}}};
    fake_origin_follow(&bench.fake, &script, 1);
    ask_init(&ask, "POST", "/");
    ask_announce(&ask, LENGTH_UNKNOWN);
    CHECK(origin_bench_ask(&bench, &ask));
    ask_put(&ask, SPAN("hello"));
    CHECK(settle(bench.loop));
    CHECK_TEXT(buf_text(&bench.fake.requests[0].body), "5\r\nhello\r\n");
    ask_put(&ask, SPAN("world"));
    CHECK(headers_add(&ask.body.trailers, SPAN("x-sum"), SPAN("42"), NULL));
    ask_end(&ask);
    CHECK(settle(bench.loop));
    CHECK_TEXT(buf_text(&bench.fake.requests[0].body),
               "5\r\nhello\r\n5\r\nworld\r\n0\r\nX-Sum: 42\r\n\r\n");
    CHECK_TEXT(buf_text(&ask.text), "abc");
    CHECK_SIZE(ask.trailers.count, 1);
    CHECK(headers_has(&ask.trailers, SPAN("x-sum")));
    ask_release(&ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(http_origin_idle(bench.origin), 1);
    origin_bench_close(&bench);
}

TEST(bytes_of_an_answer_are_handed_on_as_they_come)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    static const struct fake_script script = {
        {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                               "Content-Length: 2\r\n\r\n")},
         {FAKE_SLEEP, {0}, 300},
         {FAKE_SEND, SPAN_INIT("a")},
         {FAKE_SLEEP, {0}, 300},
         {FAKE_SEND, SPAN_INIT("b")}}};
    fake_origin_follow(&bench.fake, &script, 1);
    ask_init(&ask, "GET", "/");
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK_SIZE(ask.status, 200);
    CHECK_SIZE(ask.got.length, 2);
    origin_bench_pass(&bench, 300);
    CHECK_TEXT(buf_text(&ask.text), "a");
    CHECK(!ask.done);
    origin_bench_pass(&bench, 300);
    CHECK_TEXT(buf_text(&ask.text), "ab");
    CHECK(ask.done);
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(an_answer_in_single_bytes_is_the_same_answer)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    bench.memory.read_most = 1;
    bench.memory.write_most = 1;
    origin_bench_start(&bench);
    static const struct fake_script script = {
        {{FAKE_AWAIT, {0}, 3},
         {FAKE_SEND,
          SPAN_INIT("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"),
          1}}};
    fake_origin_follow(&bench.fake, &script, 1);
    ask_init(&ask, "POST", "/");
    ask_announce(&ask, 3);
    ask_put(&ask, SPAN("abc"));
    ask_end(&ask);
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK_SIZE(ask.informs, 1);
    CHECK_SIZE(ask.inform_status, 103);
    CHECK_SIZE(ask.status, 200);
    CHECK_TEXT(buf_text(&ask.text), "hello world");
    CHECK(ask.done && headers_has(&ask.trailers, SPAN("x-sum")));
    ask_release(&ask);
    origin_bench_close(&bench);
}

/* ---- nobody takes ---- */

static struct span long_text(struct buf *text, size_t size)
{
    *text = (struct buf)BUF_LIMIT(FAKE_BYTES_MAX);
    char *to = buf_room(text, size);
    if (!to)
        abort();
    for (size_t i = 0; i < size; i++)
        to[i] = (char)('a' + i % 23);
    buf_added(text, size);
    return buf_span(text);
}

TEST(an_answer_that_nobody_takes_waits_in_bounded_memory_and_holds_up_nobody_else)
{
    enum { SIZE = 4 * 1024 * 1024 };
    struct origin_bench bench;
    struct ask slow, quick;
    struct buf text, answer = BUF_LIMIT(FAKE_BYTES_MAX);
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    CHECK(buf_printf(&answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", SIZE));
    CHECK(buf_put_span(&answer, long_text(&text, SIZE)));
    struct fake_script scripts[] = {{{{FAKE_SEND, buf_span(&answer), 64 * 1024}}}, FAKE_OK};
    fake_origin_follow(&bench.fake, scripts, 2);
    ask_init(&slow, "GET", "/");
    slow.holds = true;
    CHECK(origin_bench_ask(&bench, &slow));
    CHECK_SIZE(slow.status, 200);
    CHECK(channel_len(slow.from->bytes) > 0 && channel_len(slow.from->bytes) <= CHANNEL_LIMIT);
    CHECK(bench.budget.used <= CHANNEL_LIMIT);
    CHECK(bench.memory.bytes_read <= CHANNEL_LIMIT + CONN_PENDING_MAX);
    ask_init(&quick, "GET", "/");
    CHECK(origin_bench_ask(&bench, &quick));
    CHECK(quick.done);
    ask_release(&quick);
    slow.holds = false;
    ask_take(&slow);
    CHECK(settle(bench.loop));
    CHECK(slow.done);
    CHECK_SPAN(buf_span(&slow.text), buf_span(&text));
    ask_release(&slow);
    buf_release(&text);
    buf_release(&answer);
    origin_bench_close(&bench);
}

TEST(an_origin_that_takes_nothing_holds_the_visitors_body_and_not_our_memory)
{
    enum { PIECE = 16 * 1024, SIZE = 4 * 1024 * 1024 };
    struct origin_bench bench;
    struct ask ask;
    struct buf text;
    origin_bench_open(&bench);
    bench.fake.deaf = true;
    origin_bench_start(&bench);
    struct fake_script script = {
        {{FAKE_AWAIT, {0}, SIZE}, {FAKE_SEND, SPAN("HTTP/1.1 204 No Content\r\n\r\n")}}};
    fake_origin_follow(&bench.fake, &script, 1);
    struct span all = long_text(&text, SIZE);
    ask_init(&ask, "PUT", "/");
    ask_announce(&ask, SIZE);
    CHECK(ask_send(&ask, origin_bench_opener(&bench)));
    size_t put = 0;
    size_t before = 1;
    while (put != before) { /* until nothing is taken any more */
        before = put;
        while (channel_room(ask.body.bytes) >= PIECE) {
            ask_put(&ask, span_first(span_skip(all, put), PIECE));
            put += PIECE;
        }
        CHECK(settle(bench.loop));
    }
    CHECK(put < SIZE / 2); /* a socket's buffer, a conn's and a channel */
    CHECK_SIZE(bench.fake.request_count, 0);
    gate_release(conn_gate(bench.fake.connections[0].conn), HOLD_DRAIN);
    while (put < SIZE) {
        CHECK(settle(bench.loop));
        while (put < SIZE && channel_room(ask.body.bytes) >= PIECE) {
            ask_put(&ask, span_first(span_skip(all, put), PIECE));
            put += PIECE;
        }
    }
    ask_end(&ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(ask.status, 204);
    CHECK_SPAN(buf_span(&bench.fake.requests[0].body), all);
    ask_release(&ask);
    buf_release(&text);
    origin_bench_close(&bench);
}

/* ---- is there a body? ---- */

TEST(a_get_without_length_waits_a_moment_for_its_body_or_its_end)
{
    static const struct {
        const char *method;
        uint64_t after_ms; /* when the body or its end comes */
        const char *body;  /* "": the end only */
        bool sent_before;  /* did the origin hear of it before that? */
        bool chunked;
        const char *why;
        bool trailer;
    } cases[] = {
        {"GET", 100, "", false, false, "the end came in time: there is no body"},
        {"GET", 100, "qq", false, true, "there is one"},
        {"GET", 500, "", true, true, "it took too long to wait for"},
        {"DELETE", 100, "", false, false, "seldom has a body either"},
        {"POST", 100, "", true, true, "usually has one: no wait"},
        {"GET", 100, "", false, true, "trailers have to be sent somehow", .trailer = true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_bench bench;
        struct ask ask;
        origin_bench_open(&bench);
        origin_bench_start(&bench);
        static const struct fake_script script = {
            {{FAKE_SLEEP, {0}, 1000}, {FAKE_SEND, SPAN_INIT("HTTP/1.1 204 No Content\r\n\r\n")}}};
        fake_origin_follow(&bench.fake, &script, 1);
        ask_init(&ask, cases[i].method, "/");
        ask_announce(&ask, LENGTH_UNKNOWN);
        CHECK(origin_bench_ask(&bench, &ask));
        origin_bench_pass(&bench, cases[i].after_ms);
        CHECK_CASE((bench.fake.request_count == 1) == cases[i].sent_before, "%s: when",
                   cases[i].why);
        if (*cases[i].body)
            ask_put(&ask, span_of(cases[i].body));
        if (cases[i].trailer)
            CHECK(headers_add(&ask.body.trailers, SPAN("x-sum"), SPAN("42"), NULL));
        ask_end(&ask);
        origin_bench_pass(&bench, 1000);
        REQUIRE(bench.fake.request_count == 1);
        bool chunked = strstr(buf_text(&bench.fake.requests[0].head), "chunked") != NULL;
        CHECK_CASE(chunked == cases[i].chunked, "%s: chunked %d", cases[i].why, chunked);
        CHECK_CASE(!strstr(buf_text(&bench.fake.requests[0].head), "Length"), "%s: length",
                   cases[i].why);
        CHECK_CASE(ask.done && ask.status == 204, "%s: done", cases[i].why);
        ask_release(&ask);
        origin_bench_close(&bench);
    }
}

/* ---- early answers ---- */

TEST(an_answer_before_the_end_of_the_body_is_handed_on_and_costs_the_connection)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    static const struct fake_script script = {
        {{FAKE_AWAIT, {0}, 5},
         {FAKE_SEND, SPAN_INIT("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")},
         {FAKE_CLOSE}}};
    fake_origin_follow(&bench.fake, &script, 1);
    ask_init(&ask, "POST", "/");
    ask_announce(&ask, 1000000);
    ask_put(&ask, SPAN("hello"));
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK_SIZE(ask.status, 413);
    CHECK_TEXT(buf_text(&ask.text), "big");
    CHECK(ask.done && !ask.failed);
    ask_put(&ask, SPAN("more"));
    CHECK(settle(bench.loop));
    CHECK_SIZE(ask.ends, 1);
    ask_release(&ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(http_origin_idle(bench.origin), 0);
    CHECK(bench.fake.connections[0].conn == NULL || bench.fake.connections[0].peer_closed);
    origin_bench_close(&bench);
}

TEST(while_an_early_answer_streams_the_upload_goes_on)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    static const struct fake_script script = {
        {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nA\r\n")},
         {FAKE_SUFFIX, SPAN_INIT("0\r\n\r\n")},
         {FAKE_SEND, SPAN_INIT("1\r\nB\r\n0\r\n\r\n")}}};
    fake_origin_follow(&bench.fake, &script, 1);
    ask_init(&ask, "POST", "/");
    ask_announce(&ask, LENGTH_UNKNOWN);
    ask_put(&ask, SPAN("a"));
    CHECK(origin_bench_ask(&bench, &ask));
    CHECK_TEXT(buf_text(&ask.text), "A");
    ask_put(&ask, SPAN("b"));
    ask_end(&ask);
    CHECK(settle(bench.loop));
    CHECK_TEXT(buf_text(&bench.fake.requests[0].body), "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    CHECK_TEXT(buf_text(&ask.text), "AB");
    CHECK(ask.done);
    ask_release(&ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(http_origin_idle(bench.origin), 1);
    origin_bench_close(&bench);
}

/* ---- letting go ---- */

TEST(an_outbound_can_be_closed_at_any_time_and_cuts_the_connection_to_the_origin)
{
    static const struct fake_script script = {
        {{FAKE_SLEEP, {0}, 100},
         {FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")},
         {FAKE_SLEEP, {0}, 100},
         {FAKE_SEND, SPAN_INIT("world")}}};
    /* Steps of 50 ms: dialing, sent, body, and so on; then once from within on_answer. */
    for (uint64_t step = 0; step < 7; step++) {
        struct origin_bench bench;
        struct ask ask;
        origin_bench_open(&bench);
        origin_bench_start(&bench);
        fake_origin_follow(&bench.fake, &script, 1);
        ask_init(&ask, "GET", "/");
        ask.closes_first = step == 6;
        CHECK(ask_send(&ask, origin_bench_opener(&bench)));
        if (step > 0)
            origin_bench_pass(&bench, (step - 1) * 50);
        bool whole = ask.done;
        ask_close(&ask);
        origin_bench_pass(&bench, 1000);
        CHECK_CASE(http_origin_idle(bench.origin) == whole, "step %d: idle", (int)step);
        CHECK_CASE(bench.fake.connection_count == 0 ||
                       bench.fake.connections[0].peer_closed == !whole,
                   "step %d: the origin goes on", (int)step);
        CHECK_CASE(ask.ends == whole, "step %d: a call after close", (int)step);
        ask_release(&ask);
        origin_bench_close(&bench);
    }
}

TEST(an_outbound_can_be_closed_while_it_waits_or_dials)
{
    static const char *const places[] = {"127.0.0.1:3000", "127.0.0.1:3002"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct origin_bench bench;
        struct ask ask;
        origin_bench_open(&bench);
        memory_sockets_silence(&bench.memory, "127.0.0.1:3002");
        bench.options.port = i == 0 ? 3000 : 3002;
        origin_bench_start(&bench);
        ask_init(&ask, "GET", "/");
        ask_announce(&ask, LENGTH_UNKNOWN);
        if (i == 1)
            ask_end(&ask);
        CHECK(origin_bench_ask(&bench, &ask));
        CHECK_SIZE(memory_sockets_connects(&bench.memory, places[i]), i);
        ask_close(&ask);
        origin_bench_pass(&bench, 60 * 1000);
        CHECK_SIZE(memory_sockets_connects(&bench.memory, places[i]), i);
        CHECK_SIZE(ask.ends, 0);
        ask_release(&ask);
        origin_bench_close(&bench);
    }
}

/* An inbound lets go of its body first, and frees it at the end of the turn. */
TEST(an_outbound_that_waits_for_a_body_can_be_closed_behind_it)
{
    struct origin_bench bench;
    struct ask ask;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    ask_init(&ask, "GET", "/");
    ask_announce(&ask, LENGTH_UNKNOWN);
    CHECK(origin_bench_ask(&bench, &ask));
    channel_close(ask.body.bytes, bench.loop);
    ask.body.bytes = NULL;
    ask_close(&ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(ask.ends, 0);
    ask_release(&ask);
    origin_bench_close(&bench);
}

TEST(a_visitor_who_asks_again_at_once_gets_the_connection_that_was_just_left)
{
    struct origin_bench bench;
    struct ask first, second;
    origin_bench_open(&bench);
    origin_bench_start(&bench);
    fake_origin_follow(&bench.fake, &ok_script, 1);
    ask_init(&first, "GET", "/1");
    CHECK(origin_bench_ask(&bench, &first));
    ask_init(&second, "GET", "/2");
    ask_close(&first);
    CHECK(origin_bench_ask(&bench, &second)); /* in the same turn */
    CHECK(second.done);
    CHECK_SIZE(bench.fake.connection_count, 1);
    CHECK_TEXT(buf_text(&second.text), "hi");
    ask_release(&first);
    ask_release(&second);
    origin_bench_close(&bench);
}
