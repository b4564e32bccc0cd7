#include "culvert/origin/h2_pool.h"
#include "harness.h"
#include "support/fake_origin.h"
#include "support/h2_bench.h"
#include "support/origin_bench.h"

#include <errno.h>

static struct span field_of(const struct desk_request *request, const char *name)
{
    struct span value = SPAN("");
    CHECK_CASE(headers_find(&request->head.fields, span_of(name), &value), "no %s", name);
    return value;
}

TEST(a_request_reaches_an_origin_in_clear_as_a_stream_and_its_answer_comes_back)
{
    static struct h2_bench bench;
    struct ask ask;
    h2_bench_open(&bench);
    h2_bench_start(&bench);
    ask_init(&ask, "GET", "/x?y");
    ask_field(&ask, "TE", "trailers");
    ask_field(&ask, "X-Mixed", "Case");
    CHECK(ask_send(&ask, http2_origin_opener(bench.origin)));
    h2_bench_settle(&bench);
    REQUIRE(bench.far.desk.count == 1);
    struct desk_request *request = &bench.far.desk.requests[0];
    CHECK_TEXT(buf_text(&request->head.scheme), "http");
    CHECK_TEXT(buf_text(&request->head.authority), "app.test");
    CHECK_TEXT(buf_text(&request->head.target), "/x?y");
    CHECK_SPAN(field_of(request, "te"), SPAN("trailers"));
    CHECK_SPAN(field_of(request, "x-mixed"), SPAN("Case"));
    CHECK_SPAN(field_of(request, "cf-warp-tag-id"), SPAN("{connector-id}"));
    CHECK_SIZE(request->head.fields.count, 3); /* nothing else is ours */
    desk_answer(request, 200, "hi");
    h2_bench_settle(&bench);
    CHECK(ask.done && ask.status == 200);
    CHECK_TEXT(buf_text(&ask.text), "hi");
    ask_release(&ask);
    h2_bench_close(&bench);
}

TEST(a_target_has_escapes_where_an_origin_would_not_take_it)
{
    static struct h2_bench bench;
    struct ask ask;
    h2_bench_open(&bench);
    h2_bench_start(&bench);
    h2_bench_ask(&bench, &ask, "GET", "/a b%2Fc?d e");
    REQUIRE(bench.far.desk.count == 1);
    CHECK_TEXT(buf_text(&bench.far.desk.requests[0].head.target), "/a%20b%2Fc?d%20e");
    h2_bench_answer_all(&bench);
    ask_release(&ask);
    h2_bench_close(&bench);
}

TEST(httphostheader_is_the_authority_and_tls_makes_the_scheme_https)
{
    static struct h2_bench bench;
    struct ask ask;
    h2_bench_open_tls(&bench);
    bench.options.http.rewrite.host = SPAN("inner.test:8443");
    h2_bench_start(&bench);
    h2_bench_ask(&bench, &ask, "GET", "/");
    REQUIRE(bench.far.desk.count == 1);
    const struct desk_request *request = &bench.far.desk.requests[0];
    CHECK_TEXT(buf_text(&request->head.scheme), "https");
    CHECK_TEXT(buf_text(&request->head.authority), "inner.test:8443");
    CHECK_SPAN(field_of(request, "x-forwarded-host"), SPAN("app.test"));
    h2_bench_answer_all(&bench);
    CHECK(ask.done);
    ask_release(&ask);
    h2_bench_close(&bench);
}

TEST(bodies_and_trailers_pass_both_ways_while_both_sides_speak)
{
    static struct h2_bench bench;
    struct ask ask;
    h2_bench_open(&bench);
    h2_bench_start(&bench);
    ask_init(&ask, "POST", "/both");
    ask_announce(&ask, LENGTH_UNKNOWN);
    CHECK(ask_send(&ask, http2_origin_opener(bench.origin)));
    h2_bench_settle(&bench);
    REQUIRE(bench.far.desk.count == 1);
    struct desk_request *request = &bench.far.desk.requests[0];
    desk_begin(request, 200, LENGTH_UNKNOWN);
    for (int i = 0; i < 3; i++) {
        ask_put(&ask, SPAN("ask"));
        h2_bench_settle(&bench);
        CHECK_SIZE(request->body.len, (size_t)(i + 1) * 3);
        CHECK_SIZE(desk_put(request, SPAN("say")), 3);
        h2_bench_settle(&bench);
        CHECK_SIZE(ask.text.len, (size_t)(i + 1) * 3);
    }
    CHECK(headers_add(&ask.body.trailers, SPAN("x-sum"), SPAN("9"), NULL));
    ask_end(&ask);
    h2_bench_settle(&bench);
    CHECK(request->body_ended && headers_has(&request->trailers, SPAN("x-sum")));
    desk_trailer(request, "grpc-status", "0");
    desk_end(request);
    h2_bench_settle(&bench);
    CHECK(ask.done && headers_has(&ask.trailers, SPAN("grpc-status")));
    ask_release(&ask);
    h2_bench_close(&bench);
}

TEST(an_answer_of_one_head_is_the_whole_answer)
{
    static struct h2_bench bench;
    static const struct header fields[] = {{SPAN_INIT("grpc-status"), SPAN_INIT("9")},
                                           {SPAN_INIT(""), SPAN_INIT("")}};
    struct ask ask;
    h2_bench_open(&bench);
    bench.far.desk.fields = fields;
    h2_bench_start(&bench);
    h2_bench_ask(&bench, &ask, "POST", "/");
    REQUIRE(bench.far.desk.count == 1);
    desk_answer(&bench.far.desk.requests[0], 200, NULL);
    h2_bench_settle(&bench);
    CHECK(ask.done && ask.status == 200 && !ask.from);
    CHECK(headers_has(&ask.got.fields, SPAN("grpc-status")));
    ask_release(&ask);
    h2_bench_close(&bench);
}

TEST(who_leaves_resets_the_stream_and_the_session_goes_on)
{
    static struct h2_bench bench;
    struct ask asks[2];
    h2_bench_open(&bench);
    h2_bench_start(&bench);
    h2_bench_ask_all(&bench, asks, 2);
    ask_close(&asks[0]);
    h2_bench_settle(&bench);
    CHECK_SIZE(bench.far.desk.requests[0].aborted, 1);
    h2_bench_answer_all(&bench);
    CHECK(asks[1].done);
    CHECK_SIZE(bench.far.count, 1);
    h2_bench_release_all(&bench, asks, 2);
    h2_bench_close(&bench);
}

TEST(a_reset_of_the_origin_s_fails_the_one_request)
{
    static struct h2_bench bench;
    struct ask asks[2];
    h2_bench_open(&bench);
    h2_bench_start(&bench);
    h2_bench_ask_all(&bench, asks, 2);
    desk_begin(&bench.far.desk.requests[0], 200, LENGTH_UNKNOWN);
    h2_bench_settle(&bench);
    desk_reset(&bench.far.desk.requests[0]);
    h2_bench_settle(&bench);
    CHECK(asks[0].status == 200 && asks[0].failed && asks[0].why.kind == ERROR_NETWORK);
    CHECK(span_starts(span_of(asks[0].why.text), SPAN("h2c://app.origin:3000: ")));
    h2_bench_answer_all(&bench);
    CHECK(asks[1].done);
    h2_bench_release_all(&bench, asks, 2);
    h2_bench_close(&bench);
}

/* Sends one request over a session that had one before, which then is lost. */
static void lose_used_session(const char *method, const char *field, bool repeated)
{
    static struct h2_bench bench;
    struct ask first, second;
    h2_bench_open(&bench);
    h2_bench_start(&bench);
    h2_bench_ask(&bench, &first, "GET", "/");
    h2_bench_answer_all(&bench);
    ask_release(&first);
    h2_bench_settle(&bench);
    ask_init(&second, method, "/");
    if (field)
        ask_field(&second, field, "1");
    CHECK(ask_send(&second, http2_origin_opener(bench.origin)));
    h2_bench_settle(&bench);
    REQUIRE(bench.far.desk.count == 2);
    h2_far_hang_up(&bench.far, 0);
    h2_bench_settle(&bench);
    h2_bench_answer_all(&bench);
    CHECK_CASE(second.done == repeated, "%s %s", method, second.why.text);
    CHECK_SIZE(bench.far.count, repeated ? 2 : 1);
    ask_release(&second);
    h2_bench_close(&bench);
}

TEST(a_request_that_may_be_repeated_survives_the_loss_of_a_session_that_was_used)
{
    lose_used_session("GET", NULL, true);
    lose_used_session("POST", NULL, false);
    lose_used_session("POST", "Idempotency-Key", true);
}

TEST(a_server_that_chooses_http1_gets_http1_and_is_not_asked_again_for_a_minute)
{
    static struct h2_bench bench;
    static struct fake_origin fake;
    static const struct fake_script ok = FAKE_OK;
    struct ask ask;
    h2_bench_open_tls(&bench);
    fake_origin_open(&fake, bench.loop, &bench.memory, "127.0.0.1:3000");
    fake_origin_follow(&fake, &ok, 1);
    fake.tls = bench.contexts[1];
    h2_bench_start(&bench);
    for (size_t i = 0; i < 3; i++) {
        h2_bench_ask(&bench, &ask, "GET", "/");
        CHECK_CASE(ask.done && ask.status == 200, "%s", ask.why.text);
        ask_release(&ask);
        h2_bench_settle(&bench);
    }
    CHECK_SIZE(fake.connection_count, 1); /* the dial that asked carries them all */
    CHECK_SIZE(fake.request_count, 3);
    CHECK(span_starts(buf_span(&fake.requests[0].head), SPAN("GET / HTTP/1.1\r\n")));
    h2_bench_pass(&bench, H2_POOL_HTTP1_MS);
    h2_bench_ask(&bench, &ask, "GET", "/");
    CHECK(ask.done);
    CHECK_SIZE(fake.connection_count, 2); /* it might have changed its mind */
    ask_release(&ask);
    fake_origin_close(&fake);
    h2_bench_close(&bench);
}

TEST(a_request_that_did_not_leave_over_http1_either_may_go_elsewhere)
{
    static struct h2_bench bench;
    static struct fake_origin fake;
    static const struct fake_script oks[] = {
        {{{FAKE_SEND, SPAN_INIT("HTTP/1.1 204 No Content\r\n\r\n")}, {FAKE_CLOSE}}}};
    struct ask ask;
    h2_bench_open_tls(&bench);
    fake_origin_open(&fake, bench.loop, &bench.memory, "127.0.0.1:3000");
    fake_origin_follow(&fake, oks, 1);
    fake.tls = bench.contexts[1];
    h2_bench_start(&bench);
    h2_bench_ask(&bench, &ask, "POST", "/");
    CHECK(ask.done);
    ask_release(&ask);
    h2_bench_settle(&bench);
    memory_sockets_fail(&bench.memory, "127.0.0.1:3000", ECONNREFUSED);
    h2_bench_ask(&bench, &ask, "POST", "/");
    CHECK(ask.failed && ask.out->is_unsent);
    ask_release(&ask);
    fake_origin_close(&fake);
    h2_bench_close(&bench);
}

TEST(an_origin_that_is_no_http2_server_fails_the_request)
{
    static struct h2_bench bench;
    static struct fake_origin fake;
    static const struct fake_script bad = {
        {{FAKE_SEND, SPAN_INIT("HTTP/1.1 400 Bad Request\r\n\r\n")}}};
    struct ask ask;
    h2_bench_open(&bench);
    fake_origin_open(&fake, bench.loop, &bench.memory, "127.0.0.1:3000");
    fake_origin_follow(&fake, &bad, 1);
    h2_bench_start(&bench);
    h2_bench_ask(&bench, &ask, "GET", "/");
    CHECK(ask.failed);
    CHECK_TEXT(error_name(&ask.why), "malformed");
    CHECK_SIZE(http2_origin_sessions(bench.origin), 0);
    ask_release(&ask);
    fake_origin_close(&fake);
    h2_bench_close(&bench);
}
