/* The pool as its one user shows it: requests to an HTTP/2 origin. */
#include "culvert/origin/h2_pool.h"
#include "harness.h"
#include "support/h2_bench.h"

enum { CROWD = 40 };

static size_t requests_of(const struct h2_bench *bench, size_t session)
{
    return bench->far.sessions[session].requests;
}

static size_t done_of(const struct ask *asks, size_t count)
{
    size_t done = 0;
    for (size_t i = 0; i < count; i++)
        done += asks[i].done;
    return done;
}

static size_t failed_of(const struct ask *asks, size_t count)
{
    size_t failed = 0;
    for (size_t i = 0; i < count; i++)
        failed += asks[i].failed;
    return failed;
}

/* An origin that takes `streams_max` streams in a session (0: 100). */
static void begin(struct h2_bench *bench, uint32_t streams_max)
{
    h2_bench_open(bench);
    if (streams_max > 0)
        bench->far.options.streams_max = streams_max;
    h2_bench_start(bench);
}

TEST(those_who_come_together_share_one_dial_and_one_session)
{
    static struct h2_bench bench;
    static struct ask asks[CROWD];
    begin(&bench, 0);
    h2_bench_ask_all(&bench, asks, CROWD);
    CHECK_SIZE(memory_sockets_connects(&bench.memory, "127.0.0.1:3000"), 1);
    CHECK_SIZE(requests_of(&bench, 0), CROWD);
    h2_bench_answer_all(&bench);
    CHECK_SIZE(done_of(asks, CROWD), CROWD);
    h2_bench_release_all(&bench, asks, CROWD);
    h2_bench_close(&bench);
}

TEST(who_comes_later_finds_the_session_while_it_is_in_use_and_while_it_rests)
{
    static struct h2_bench bench;
    struct ask asks[3];
    begin(&bench, 0);
    h2_bench_ask(&bench, &asks[0], "GET", "/");
    h2_bench_ask(&bench, &asks[1], "GET", "/");
    h2_bench_answer_all(&bench);
    h2_bench_pass(&bench, 60 * 1000);
    h2_bench_ask(&bench, &asks[2], "GET", "/");
    h2_bench_answer_all(&bench);
    CHECK_SIZE(done_of(asks, 3), 3);
    CHECK_SIZE(bench.far.count, 1);
    h2_bench_release_all(&bench, asks, 3);
    h2_bench_close(&bench);
}

TEST(a_session_takes_as_many_streams_as_the_origin_allows_and_a_new_one_is_dialed_for_the_rest)
{
    static struct h2_bench bench;
    static struct ask asks[CROWD];
    begin(&bench, 10);
    h2_bench_ask_all(&bench, asks, CROWD);
    CHECK_SIZE(bench.far.count, 4);
    for (size_t i = 0; i < 4; i++)
        CHECK_CASE(requests_of(&bench, i) == 10, "session %zu: %zu", i, requests_of(&bench, i));
    h2_bench_answer_all(&bench);
    CHECK_SIZE(done_of(asks, CROWD), CROWD);
    h2_bench_release_all(&bench, asks, CROWD);
    h2_bench_close(&bench);
}

TEST(who_waits_for_a_dial_takes_room_that_comes_before)
{
    static struct h2_bench bench;
    struct ask asks[3];
    begin(&bench, 2);
    h2_bench_ask_all(&bench, asks, 2);
    memory_sockets_silence(&bench.memory, "127.0.0.1:3000");
    h2_bench_ask(&bench, &asks[2], "GET", "/late");
    CHECK_SIZE(bench.far.desk.count, 2);
    desk_answer(&bench.far.desk.requests[0], 200, "hi");
    h2_bench_settle(&bench);
    CHECK_SIZE(bench.far.desk.count, 3);
    h2_bench_answer_all(&bench);
    CHECK_SIZE(done_of(asks, 3), 3);
    h2_bench_release_all(&bench, asks, 3);
    h2_bench_close(&bench);
}

TEST(a_dial_that_fails_is_told_to_all_who_wait_and_the_next_one_dials_anew)
{
    static struct h2_bench bench;
    static struct ask asks[CROWD];
    begin(&bench, 0);
    memory_sockets_fail(&bench.memory, "127.0.0.1:3000", 111); /* ECONNREFUSED */
    h2_bench_ask_all(&bench, asks, CROWD);
    CHECK_SIZE(failed_of(asks, CROWD), CROWD);
    CHECK(span_starts(span_of(asks[CROWD - 1].why.text), SPAN("dial h2c://app.origin:3000: ")));
    CHECK_SIZE(memory_sockets_connects(&bench.memory, "127.0.0.1:3000"), 1);
    h2_bench_release_all(&bench, asks, CROWD);
    h2_bench_ask_all(&bench, asks, 1);
    CHECK_SIZE(memory_sockets_connects(&bench.memory, "127.0.0.1:3000"), 2);
    h2_bench_release_all(&bench, asks, 1);
    h2_bench_close(&bench);
}

TEST(a_silent_origin_is_given_up_in_time)
{
    static struct h2_bench bench;
    struct ask ask;
    begin(&bench, 0);
    memory_sockets_silence(&bench.memory, "127.0.0.1:3000");
    h2_bench_ask(&bench, &ask, "GET", "/");
    h2_bench_pass(&bench, 29 * 1000);
    CHECK(!ask.failed);
    h2_bench_pass(&bench, 2 * 1000);
    CHECK(ask.failed && ask.why.kind == ERROR_TIMEOUT);
    ask_release(&ask);
    h2_bench_close(&bench);
}

TEST(a_session_that_never_speaks_fails_those_that_were_to_share_it)
{
    static struct h2_bench bench;
    static struct ask asks[CROWD];
    begin(&bench, 0);
    bench.far.mute = true;
    h2_bench_ask_all(&bench, asks, CROWD);
    h2_bench_pass(&bench, H2_SETTINGS_LIMIT_MS + 1000);
    CHECK_SIZE(failed_of(asks, CROWD), CROWD);
    CHECK_SIZE(bench.far.count, 1);
    h2_bench_release_all(&bench, asks, CROWD);
    h2_bench_close(&bench);
}

TEST(when_all_who_waited_left_the_dial_is_given_up)
{
    static struct h2_bench bench;
    struct ask asks[2];
    begin(&bench, 0);
    memory_sockets_silence(&bench.memory, "127.0.0.1:3000");
    h2_bench_ask_all(&bench, asks, 2);
    ask_close(&asks[0]);
    CHECK(loop_next_timer_ms(bench.loop) < UINT64_MAX);
    ask_close(&asks[1]);
    h2_bench_settle(&bench);
    CHECK(loop_next_timer_ms(bench.loop) == UINT64_MAX);
    h2_bench_release_all(&bench, asks, 2);
    h2_bench_close(&bench);
}

TEST(who_leaves_in_the_turn_in_which_it_came_costs_the_origin_nothing)
{
    static struct h2_bench bench;
    struct ask asks[2];
    begin(&bench, 0);
    h2_bench_ask(&bench, &asks[0], "GET", "/");
    ask_init(&asks[1], "GET", "/");
    CHECK(ask_send(&asks[1], http2_origin_opener(bench.origin)));
    ask_close(&asks[1]);
    h2_bench_settle(&bench);
    CHECK_SIZE(bench.far.desk.count, 1);
    h2_bench_release_all(&bench, asks, 2);
    h2_bench_close(&bench);
}

TEST(an_idle_session_is_closed_when_its_time_is_over_and_not_while_a_stream_is_open)
{
    static struct h2_bench bench;
    struct ask ask;
    begin(&bench, 0);
    h2_bench_ask(&bench, &ask, "GET", "/");
    h2_bench_pass(&bench, 10 * 60 * 1000);
    CHECK_SIZE(http2_origin_sessions(bench.origin), 1);
    h2_bench_answer_all(&bench);
    ask_release(&ask);
    h2_bench_pass(&bench, 89 * 1000);
    CHECK_SIZE(http2_origin_sessions(bench.origin), 1);
    h2_bench_pass(&bench, 2 * 1000);
    CHECK_SIZE(http2_origin_sessions(bench.origin), 0);
    CHECK_SIZE(h2_far_alive(&bench.far), 0);
    h2_bench_close(&bench);
}

TEST(no_more_sessions_rest_than_may)
{
    static struct h2_bench bench;
    static struct ask asks[CROWD];
    begin(&bench, 10);
    h2_bench_ask_all(&bench, asks, CROWD);
    CHECK_SIZE(http2_origin_sessions(bench.origin), 4);
    h2_bench_answer_all(&bench);
    CHECK_SIZE(http2_origin_sessions(bench.origin), 2);
    h2_bench_release_all(&bench, asks, CROWD);
    h2_bench_close(&bench);
}

TEST(without_idle_connections_a_session_ends_with_its_last_stream)
{
    static struct h2_bench bench;
    struct ask asks[2];
    h2_bench_open(&bench);
    bench.options.http.idle_limit = 0;
    h2_bench_start(&bench);
    h2_bench_ask_all(&bench, asks, 2);
    desk_answer(&bench.far.desk.requests[0], 200, "hi");
    h2_bench_settle(&bench);
    CHECK_SIZE(http2_origin_sessions(bench.origin), 1);
    h2_bench_answer_all(&bench);
    CHECK_SIZE(http2_origin_sessions(bench.origin), 0);
    CHECK_SIZE(bench.far.count, 1);
    h2_bench_release_all(&bench, asks, 2);
    h2_bench_close(&bench);
}

TEST(behind_goaway_open_streams_end_well_and_new_ones_go_elsewhere)
{
    static struct h2_bench bench;
    struct ask asks[2];
    begin(&bench, 0);
    h2_bench_ask(&bench, &asks[0], "GET", "/");
    h2_session_goaway(bench.far.sessions[0].session);
    h2_bench_settle(&bench);
    h2_bench_ask(&bench, &asks[1], "GET", "/");
    CHECK_SIZE(bench.far.count, 2);
    CHECK_SIZE(http2_origin_sessions(bench.origin), 2);
    h2_bench_answer_all(&bench);
    CHECK_SIZE(done_of(asks, 2), 2);
    CHECK_SIZE(http2_origin_sessions(bench.origin), 1);
    CHECK(bench.far.sessions[0].ended);
    h2_bench_release_all(&bench, asks, 2);
    h2_bench_close(&bench);
}

TEST(goaway_while_it_rests_closes_a_session)
{
    static struct h2_bench bench;
    struct ask ask;
    begin(&bench, 0);
    h2_bench_ask(&bench, &ask, "GET", "/");
    h2_bench_answer_all(&bench);
    h2_session_goaway(bench.far.sessions[0].session);
    h2_bench_settle(&bench);
    CHECK_SIZE(http2_origin_sessions(bench.origin), 0);
    ask_release(&ask);
    h2_bench_close(&bench);
}

TEST(a_session_that_is_lost_while_it_rests_is_not_used_again)
{
    static struct h2_bench bench;
    struct ask asks[2];
    begin(&bench, 0);
    h2_bench_ask(&bench, &asks[0], "POST", "/");
    h2_bench_answer_all(&bench);
    h2_far_hang_up(&bench.far, 0);
    h2_bench_settle(&bench);
    CHECK_SIZE(http2_origin_sessions(bench.origin), 0);
    h2_bench_ask(&bench, &asks[1], "POST", "/");
    h2_bench_answer_all(&bench);
    CHECK_SIZE(done_of(asks, 2), 2);
    h2_bench_release_all(&bench, asks, 2);
    h2_bench_close(&bench);
}

TEST(sessions_keep_to_the_name_that_tls_asked_for)
{
    static struct h2_bench bench;
    struct ask asks[3];
    static const char *const names[] = {"app.origin", "app.origin:8443", "other.test"};
    h2_bench_open_tls(&bench);
    bench.options.http.server_name = NULL; /* matchSNItoHost */
    h2_bench_start(&bench);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        ask_init(&asks[i], "GET", "/");
        buf_clear(&asks[i].head.authority);
        CHECK(buf_put_span(&asks[i].head.authority, span_of(names[i])));
        CHECK(ask_send(&asks[i], http2_origin_opener(bench.origin)));
        h2_bench_settle(&bench);
    }
    h2_bench_answer_all(&bench);
    CHECK_SIZE(done_of(asks, 2), 2);
    CHECK_SIZE(requests_of(&bench, 0), 2);
    CHECK(asks[2].failed); /* it has no certificate for that */
    CHECK_SIZE(bench.far.count, 2);
    h2_bench_release_all(&bench, asks, 3);
    h2_bench_close(&bench);
}

TEST(a_silent_session_is_never_asked_whether_it_lives)
{
    static struct h2_bench bench;
    struct ask ask;
    h2_bench_open(&bench);
    bench.far.options.is_quiet = true;
    h2_bench_start(&bench);
    h2_bench_ask(&bench, &ask, "POST", "/");
    size_t written = bench.memory.bytes_written;
    h2_bench_pass(&bench, 10 * 60 * 1000);
    CHECK_SIZE(bench.memory.bytes_written, written);
    h2_bench_answer_all(&bench);
    CHECK(ask.done);
    ask_release(&ask);
    h2_bench_close(&bench);
}

TEST(a_stream_that_the_origin_refuses_is_opened_in_a_newer_session)
{
    static struct h2_bench bench;
    static struct ask asks[CROWD];
    begin(&bench, 3); /* less than are opened before it says so */
    h2_bench_ask_all(&bench, asks, CROWD);
    CHECK_SIZE(requests_of(&bench, 0), 3);
    h2_bench_answer_all(&bench);
    CHECK_SIZE(done_of(asks, CROWD), CROWD);
    CHECK_SIZE(bench.far.count, CROWD / 3 + 1);
    h2_bench_release_all(&bench, asks, CROWD);
    h2_bench_close(&bench);
}

/* Posts of `size` bytes, all of them whole when they are sent. */
static void post_all(struct h2_bench *bench, struct ask *asks, size_t count, size_t size)
{
    static unsigned char bytes[CHANNEL_LIMIT];
    for (size_t i = 0; i < count; i++) {
        ask_init(&asks[i], "POST", "/");
        ask_announce(&asks[i], LENGTH_UNKNOWN);
        ask_put(&asks[i], span_make(bytes, size));
        ask_end(&asks[i]);
        CHECK(ask_send(&asks[i], http2_origin_opener(bench->origin)));
    }
    h2_bench_settle(bench);
}

TEST(a_small_body_that_was_sent_in_vain_is_sent_again_and_a_large_one_fails)
{
    static const struct {
        size_t size;
        bool all_done;
    } cases[] = {{100, true}, {HTTP2_ORIGIN_COPY_MAX, true}, {HTTP2_ORIGIN_COPY_MAX + 1, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct h2_bench bench;
        struct ask asks[8];
        begin(&bench, 3);
        post_all(&bench, asks, 8, cases[i].size);
        CHECK_SIZE(requests_of(&bench, 0), 3);
        h2_bench_answer_all(&bench);
        CHECK((done_of(asks, 8) == 8) == cases[i].all_done);
        CHECK_SIZE(done_of(asks, 8) + failed_of(asks, 8), 8);
        for (size_t k = 0; k < bench.far.desk.count; k++)
            CHECK_SIZE(bench.far.desk.requests[k].body.len, cases[i].size);
        h2_bench_release_all(&bench, asks, 8);
        h2_bench_close(&bench);
    }
}

TEST(who_was_refused_goes_before_those_who_came_later)
{
    static struct h2_bench bench;
    static struct ask asks[CROWD];
    static const char *const targets[] = {"/0", "/1", "/2", "/3", "/4", "/5"};
    begin(&bench, 2);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        ask_init(&asks[i], "GET", targets[i]);
        CHECK(ask_send(&asks[i], http2_origin_opener(bench.origin)));
    }
    h2_bench_settle(&bench); /* all six are in the first session, which takes two */
    REQUIRE(bench.far.desk.count == ARRAY_LEN(targets));
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        CHECK_TEXT(buf_text(&bench.far.desk.requests[i].head.target), targets[i]);
    h2_bench_release_all(&bench, asks, ARRAY_LEN(targets));
    h2_bench_close(&bench);
}

TEST(one_that_takes_no_stream_at_all_fails_the_requests)
{
    static struct h2_bench bench;
    struct ask asks[3];
    h2_bench_open(&bench);
    bench.far.options.streams_max = 0;
    h2_bench_start(&bench);
    h2_bench_ask_all(&bench, asks, 3);
    CHECK_SIZE(failed_of(asks, 3), 3);
    CHECK(asks[0].why.kind == ERROR_LIMIT);
    CHECK(bench.far.count <= 1 + 3 * HTTP2_ORIGIN_REFUSALS_MAX);
    h2_bench_release_all(&bench, asks, 3);
    h2_bench_close(&bench);
}
