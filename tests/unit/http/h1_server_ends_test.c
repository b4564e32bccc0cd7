/* How a visitor's connection ends: early answers, time, leaving, cutting, draining, refusals, and
 * closing in every callback. */
#include "culvert/http/h1_server.h"
#include "harness.h"
#include "support/h1_scene.h"

#include <errno.h>

#define POST(framing) "POST / HTTP/1.1\r\nHost: a\r\n" framing "\r\n\r\n"

/* ---- early answers ---- */

TEST(an_answer_may_come_before_the_body_and_ends_the_connection_in_order)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.holds = true;
    scene.desk.act = h1_scene_refuse;
    h1_scene_say(&scene, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nsome");
    CHECK(span_starts(h1_scene_hear(&scene), SPAN("HTTP/1.1 403 ")));
    CHECK_SIZE(scene.desk.requests[0].answered, 1);
    CHECK_SIZE(scene.closed, 1);
    /* What still comes is swallowed for a while, so that no reset overtakes the answer. */
    h1_scene_say(&scene, "more of the body");
    raw_peer_pull(&scene.peer);
    CHECK(scene.peer.ended && scene.peer.error == 0);
    h1_scene_end(&scene);
}

TEST(a_body_that_was_whole_but_not_read_does_not_end_the_connection)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.holds = true;
    scene.desk.act = h1_scene_refuse;
    h1_scene_say(&scene, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nsome");
    CHECK_SIZE(scene.desk.requests[0].answered, 1);
    CHECK_SIZE(scene.budget.used, 0); /* nobody will read the body any more */
    h1_scene_say(&scene, GET("/b"));
    CHECK_SIZE(scene.desk.count, 2);
    CHECK_SIZE(scene.closed, 0);
    h1_scene_end(&scene);
}

/* ---- time ---- */

TEST(a_head_that_does_not_come_in_time_is_refused)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, "GET / HT");
    turned_loop_pass(&scene.turned, H1_HEAD_LIMIT_MS - 1000);
    h1_scene_say(&scene, "TP/1.1\r\n"); /* drop by drop does not help */
    turned_loop_pass(&scene.turned, 999);
    CHECK_SIZE(scene.refused, 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.refused_status, 408);
    CHECK(scene.abuse == ABUSE_H1_HEAD_TIME);
    CHECK(span_starts(h1_scene_hear(&scene), SPAN("HTTP/1.1 408 ")));
    CHECK_SIZE(scene.closed, 1);
    h1_scene_end(&scene);
}

TEST(a_connection_that_says_nothing_is_closed_without_a_word)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    turned_loop_pass(&scene.turned, H1_HEAD_LIMIT_MS);
    CHECK_SIZE(scene.closed, 1);
    CHECK_SIZE(scene.refused, 1);
    CHECK(scene.refused_status == 0 && scene.abuse == ABUSE_SILENT);
    CHECK_HEARD(&scene, "");
    CHECK(scene.peer.ended);
    h1_scene_end(&scene);
}

TEST(the_limits_of_time_are_those_of_the_options)
{
    static const struct h1_patience patience = {
        .head_ms = 1000, .idle_ms = 2000, .body_ms = 3000, .stall_ms = 4000};
    static const struct {
        const char *said;
        uint64_t ms;
        enum abuse abuse;
    } cases[] = {
        {"", 1000, ABUSE_SILENT},
        {"GET", 1000, ABUSE_H1_HEAD_TIME},
        {GET("/"), 2000, ABUSE_NONE},
        {POST("Content-Length: 1"), 3000, ABUSE_H1_BODY_PACE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h1_scene scene;
        h1_scene_begin_with(&scene, &patience);
        scene.desk.act = h1_scene_echo;
        h1_scene_say(&scene, cases[i].said);
        turned_loop_pass(&scene.turned, cases[i].ms - 1);
        CHECK_CASE(scene.closed == 0, "case %zu is closed too early", i);
        turned_loop_pass(&scene.turned, 1);
        CHECK_CASE(scene.closed == 1 && scene.abuse == cases[i].abuse, "case %zu", i);
        h1_scene_end(&scene);
    }
}

TEST(a_kept_connection_is_closed_after_its_idle_time)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.act = h1_scene_echo;
    h1_scene_say(&scene, GET("/a"));
    turned_loop_pass(&scene.turned, H1_IDLE_LIMIT_MS - 1);
    CHECK_SIZE(scene.closed, 0);
    h1_scene_say(&scene, GET("/b"));
    turned_loop_pass(&scene.turned, H1_IDLE_LIMIT_MS - 1);
    CHECK_SIZE(scene.closed, 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.closed, 1);
    h1_scene_end(&scene);
}

TEST(a_request_in_hand_is_in_no_hurry)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/a"));
    turned_loop_pass(&scene.turned, 10 * 60 * 1000);
    CHECK_SIZE(scene.closed + scene.desk.requests[0].aborted, 0);
    desk_answer(&scene.desk.requests[0], 200, "late");
    CHECK_HEARD(&scene, OK("4", "late"));
    h1_scene_end(&scene);
}

/* A body of which `bytes` come each second; after how many seconds it was refused. */
static size_t drip(struct h1_scene *scene, const char *head, size_t bytes, size_t seconds)
{
    char some[64] = "";
    memset(some, 'a', bytes);
    h1_scene_say(scene, head);
    for (size_t second = 0; second < seconds; second++) {
        if (scene->refused > 0)
            return second;
        h1_scene_say(scene, some);
        turned_loop_pass(&scene->turned, 1000);
    }
    return seconds;
}

TEST(a_body_that_stops_or_only_drips_is_refused_after_its_window)
{
    static const struct {
        const char *head;
        size_t bytes, windows;
    } cases[] = {
        {POST("Content-Length: 100000"), 0, 1},
        {POST("Content-Length: 100000"), 8, 1},
        {POST("Transfer-Encoding: chunked") "10000\r\n", 0, 2}, /* the first one brought a size */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h1_scene scene;
        h1_scene_begin(&scene);
        size_t seconds = drip(&scene, cases[i].head, cases[i].bytes, 500);
        CHECK_SIZE(seconds, cases[i].windows * H1_BODY_WINDOW_MS / 1000);
        CHECK(scene.abuse == ABUSE_H1_BODY_PACE);
        CHECK_SIZE(scene.desk.requests[0].aborted, 1);
        CHECK(scene.desk.requests[0].why.kind == ERROR_TIMEOUT);
        CHECK(span_starts(h1_scene_hear(&scene), SPAN("HTTP/1.1 408 ")));
        CHECK_SIZE(scene.closed, 1);
        h1_scene_end(&scene);
    }
}

TEST(a_refused_body_names_the_limit_it_reached)
{
    static const struct {
        const char *begin, *unit;
        enum abuse abuse;
    } cases[] = {
        {"5;", "x", ABUSE_H1_CHUNKS},
        {"", "0000000000001\r\nx\r\n", ABUSE_H1_CHUNKS},
        {"0\r\n", "a: b\r\n", ABUSE_H1_TRAILERS},
        {"0\r\nX: ", "x", ABUSE_H1_TRAILERS},
        {"5\r\nhello", "x", ABUSE_H1_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h1_scene scene;
        struct buf text = BUF_LIMIT(1024);
        h1_scene_begin(&scene);
        h1_scene_say(&scene, POST("Transfer-Encoding: chunked"));
        h1_scene_say(&scene, cases[i].begin);
        while (text.len < 500)
            CHECK(buf_put_span(&text, span_of(cases[i].unit)));
        for (size_t n = 0; n < 500 && scene.refused == 0; n++)
            h1_scene_say(&scene, buf_text(&text));
        CHECK_CASE(scene.refused == 1 && scene.abuse == cases[i].abuse, "case %zu: %s", i,
                   abuse_name(scene.abuse));
        CHECK_SIZE(scene.closed, 1);
        buf_release(&text);
        h1_scene_end(&scene);
    }
}

TEST(a_body_over_a_very_slow_line_is_not_refused)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    CHECK_SIZE(drip(&scene, POST("Content-Length: 100000"), 10, 600), 600);
    CHECK_SIZE(scene.desk.requests[0].aborted, 0);
    h1_scene_end(&scene);
}

TEST(who_did_not_say_how_much_it_sends_may_say_little)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, POST("Transfer-Encoding: chunked"));
    for (int i = 0; i < 20; i++) { /* tail -f | curl -T - */
        turned_loop_pass(&scene.turned, H1_BODY_WINDOW_MS - 1000);
        h1_scene_say(&scene, "1\r\nx\r\n");
    }
    CHECK_SIZE(scene.refused + scene.desk.requests[0].aborted, 0);
    h1_scene_end(&scene);
}

TEST(a_body_may_rest_behind_an_answer_that_began_and_in_a_call_of_grpc)
{
    static const char *const heads[] = {
        POST("Content-Length: 100000"),
        POST("Content-Type: application/grpc-web+proto\r\nTransfer-Encoding: chunked")};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        struct h1_scene scene;
        h1_scene_begin(&scene);
        h1_scene_say(&scene, heads[i]);
        if (i == 0)
            desk_begin(&scene.desk.requests[0], 200, LENGTH_UNKNOWN);
        turned_loop_pass(&scene.turned, 10 * H1_BODY_WINDOW_MS);
        CHECK_SIZE(scene.refused + scene.desk.requests[0].aborted, 0);
        h1_scene_end(&scene);
    }
}

TEST(a_body_that_we_do_not_read_may_take_its_time)
{
    static const char bytes[128 * 1024];
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.holds = true;
    h1_scene_say(&scene, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    CHECK_SIZE(raw_peer_put(&scene.peer, span_make(bytes, sizeof bytes)), sizeof bytes);
    turned_loop_pass(&scene.turned, 10 * H1_BODY_WINDOW_MS);
    CHECK_SIZE(scene.desk.requests[0].aborted, 0);
    h1_scene_end(&scene);
}

TEST(a_visitor_that_takes_nothing_of_its_answer_is_given_up)
{
    static const char bytes[CHANNEL_LIMIT];
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/"));
    struct desk_request *request = &scene.desk.requests[0];
    desk_begin(request, 200, LENGTH_UNKNOWN);
    for (int i = 0; i < 20; i++) {
        (void)desk_put(request, span_make(bytes, sizeof bytes));
        turned_loop_settle(&scene.turned);
    }
    turned_loop_pass(&scene.turned, H1_STALL_MS);
    CHECK_SIZE(request->aborted, 1);
    CHECK(request->why.kind == ERROR_TIMEOUT);
    CHECK_SIZE(scene.closed, 1);
    h1_scene_end(&scene);
}

/* ---- leaving ---- */

TEST(a_visitor_that_leaves_aborts_its_request_once)
{
    static const char *const when[] = {"before the answer", "within the answer",
                                       "within its own body"};
    for (size_t i = 0; i < ARRAY_LEN(when); i++) {
        struct h1_scene scene;
        h1_scene_begin(&scene);
        h1_scene_say(&scene, i == 2 ? "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab"
                                    : GET("/"));
        struct desk_request *request = &scene.desk.requests[0];
        if (i == 1) {
            desk_begin(request, 200, LENGTH_UNKNOWN);
            CHECK_SIZE(desk_put(request, SPAN("part")), 4);
            turned_loop_settle(&scene.turned);
        }
        raw_peer_close(&scene.peer);
        turned_loop_settle(&scene.turned);
        CHECK_CASE(request->aborted == 1 && request->answered == 0, "%s", when[i]);
        CHECK_CASE(request->why.kind == ERROR_NETWORK, "%s", when[i]);
        CHECK_CASE(scene.closed == 1, "%s", when[i]);
        turned_loop_pass(&scene.turned, 10 * 60 * 1000);
        CHECK_CASE(request->aborted == 1 && request->after == 0, "%s", when[i]);
        h1_scene_end(&scene);
    }
}

TEST(the_connection_ends_only_after_its_request_was_let_go)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.keeps = true;
    h1_scene_say(&scene, GET("/"));
    raw_peer_close(&scene.peer);
    turned_loop_pass(&scene.turned, 60 * 1000);
    CHECK_SIZE(scene.desk.requests[0].aborted, 1);
    CHECK_SIZE(scene.closed, 0);
    desk_close(&scene.desk.requests[0]);
    CHECK_SIZE(scene.closed, 0); /* not within the call */
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.closed, 1);
    h1_scene_end(&scene);
}

TEST(a_visitor_that_leaves_between_requests_or_within_a_head_is_no_event)
{
    static const char *const said[] = {"", "GET / HT", GET("/a")};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct h1_scene scene;
        h1_scene_begin(&scene);
        scene.desk.act = h1_scene_echo;
        h1_scene_say(&scene, said[i]);
        raw_peer_close(&scene.peer);
        turned_loop_settle(&scene.turned);
        CHECK_SIZE(scene.closed, 1);
        CHECK_SIZE(scene.refused, 0);
        h1_scene_end(&scene);
    }
}

/* ---- cutting ---- */

TEST(an_answer_that_cannot_be_finished_is_cut_visibly)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/"));
    struct desk_request *request = &scene.desk.requests[0];
    desk_begin(request, 200, LENGTH_UNKNOWN);
    CHECK_SIZE(desk_put(request, SPAN("part")), 4);
    (void)h1_scene_hear(&scene);
    desk_reset(request);
    desk_close(request);
    CHECK(!span_ends(h1_scene_hear(&scene), SPAN("0\r\n\r\n")));
    raw_peer_pull(&scene.peer);
    CHECK(scene.peer.ended);
    CHECK_SIZE(request->aborted + request->answered, 0);
    CHECK_SIZE(scene.closed, 1);
    h1_scene_end(&scene);
}

TEST(a_request_let_go_unanswered_is_cut)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/") GET("/b"));
    desk_close(&scene.desk.requests[0]);
    CHECK_HEARD(&scene, "");
    CHECK(scene.peer.ended || scene.peer.error == ECONNRESET);
    CHECK_SIZE(scene.desk.count, 1);
    CHECK_SIZE(scene.closed, 1);
    h1_scene_end(&scene);
}

/* ---- draining ---- */

TEST(a_draining_server_ends_an_idle_connection)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.act = h1_scene_echo;
    h1_scene_say(&scene, GET("/a"));
    CHECK_HEARD(&scene, OK("6", "GET /a"));
    h1_server_drain(scene.server);
    CHECK_SIZE(scene.closed, 0); /* not within the call */
    CHECK_HEARD(&scene, "");
    CHECK(scene.peer.ended);
    CHECK_SIZE(scene.closed, 1);
    h1_scene_end(&scene);
}

TEST(a_draining_server_finishes_the_request_in_hand_and_says_that_it_is_the_last)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/a") GET("/b"));
    h1_server_drain(scene.server);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.closed, 0);
    desk_answer(&scene.desk.requests[0], 200, "x");
    CHECK_HEARD(&scene, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\nX-Desk: "
                        "1\r\n\r\nx");
    CHECK_SIZE(scene.desk.count, 1);
    CHECK_SIZE(scene.closed, 1);
    h1_scene_end(&scene);
}

TEST(a_draining_server_lets_a_begun_answer_end)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/a"));
    desk_begin(&scene.desk.requests[0], 200, 4);
    CHECK_SIZE(desk_put(&scene.desk.requests[0], SPAN("ab")), 2);
    h1_server_drain(scene.server);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.closed, 0);
    CHECK_SIZE(desk_put(&scene.desk.requests[0], SPAN("cd")), 2);
    desk_end(&scene.desk.requests[0]);
    CHECK_HEARD(&scene, OK("4", "abcd"));
    CHECK_SIZE(scene.closed, 1);
    h1_scene_end(&scene);
}

/* ---- refusals ---- */

TEST(a_bad_request_is_refused_with_its_status_and_ends_the_connection)
{
    static const struct {
        const char *bytes;
        int status;
        const char *reason;
    } cases[] = {
        {"garbage\r\n\r\n", 400, "no request line"},
        {"GET / HTTP/1.1\r\n\r\n", 400, "no Host"},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "two Hosts"},
        {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400, "a bare LF"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: "
         "chunked\r\n\r\n0\r\n\r\n",
         400, "length and chunked"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "another coding"},
        {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505, "another version"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h1_scene scene;
        char start[32];
        h1_scene_begin(&scene);
        scene.desk.act = h1_scene_echo;
        h1_scene_say(&scene, GET("/a"));
        CHECK_HEARD(&scene, OK("6", "GET /a"));
        h1_scene_say(&scene, cases[i].bytes);
        (void)snprintf(start, sizeof start, "HTTP/1.1 %d ", cases[i].status);
        CHECK_CASE(span_starts(h1_scene_hear(&scene), span_of(start)), "%s: %.*s", cases[i].reason,
                   SPAN_ARG(h1_scene_hear(&scene)));
        CHECK_CASE(scene.refused == 1 && scene.refused_status == cases[i].status, "%s",
                   cases[i].reason);
        raw_peer_pull(&scene.peer);
        CHECK_CASE(scene.peer.ended && scene.closed == 1, "%s", cases[i].reason);
        CHECK_CASE(scene.desk.count == 1, "%s", cases[i].reason);
        h1_scene_end(&scene);
    }
}

TEST(a_refusal_waits_for_the_answers_before_it)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/a") "garbage\r\n\r\n");
    CHECK_SIZE(scene.refused, 0);
    desk_answer(&scene.desk.requests[0], 200, "x");
    CHECK(span_starts(h1_scene_hear(&scene), SPAN(OK("1", "x") "HTTP/1.1 400 ")));
    h1_scene_end(&scene);
}

TEST(a_server_may_be_closed_while_it_refuses)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.closes_on_refusal = true;
    h1_scene_say(&scene, "garbage\r\n\r\n");
    CHECK_SIZE(scene.refused, 1);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.closed, 0);
    h1_scene_end(&scene);
}

/* ---- closing in callbacks ---- */

static void close_server_at(struct desk_request *request, char letter)
{
    struct h1_scene *scene = request->desk->arg;
    if (letter == scene->letter) /* which letter */
        h1_scene_close_server(scene);
}

static void close_request_at(struct desk_request *request, char letter)
{
    struct h1_scene *scene = request->desk->arg;
    if (letter == scene->letter)
        desk_close(request);
}

static void close_both_at(struct desk_request *request, char letter)
{
    close_request_at(request, letter);
    close_server_at(request, letter);
}

static void close_both_the_other_way_at(struct desk_request *request, char letter)
{
    close_server_at(request, letter);
    close_request_at(request, letter);
}

static void reset_request_at(struct desk_request *request, char letter)
{
    struct h1_scene *scene = request->desk->arg;
    if (letter == scene->letter)
        desk_reset(request);
}

TEST(everything_may_be_closed_in_every_callback)
{
    static void (*const ways[])(struct desk_request *,
                                char) = {close_server_at, close_request_at, close_both_at,
                                         close_both_the_other_way_at, reset_request_at};
    static const char letters[] = "qfax";
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        for (size_t j = 0; j < strlen(letters); j++) {
            struct h1_scene scene;
            bool aborts = letters[j] == 'x';
            h1_scene_begin(&scene);
            scene.letter = letters[j];
            scene.desk.act = ways[i];
            h1_scene_say(&scene, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
            h1_scene_say(&scene, aborts ? "ab" : "abcd" GET("/b"));
            struct desk_request *request = &scene.desk.requests[0];
            if (request->in && !request->over && scene.server && !aborts)
                desk_answer(request, 200, "x");
            turned_loop_settle(&scene.turned);
            if (aborts)
                raw_peer_close(&scene.peer);
            turned_loop_pass(&scene.turned, 10 * 60 * 1000);
            CHECK_CASE(request->after == 0, "way %zu at '%c'", i, letters[j]);
            CHECK_CASE(request->answered + request->aborted <= 1, "way %zu at '%c'", i, letters[j]);
            h1_scene_end(&scene);
        }
    }
}

TEST(a_server_closed_under_an_open_request_tells_it_once)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.keeps = true;
    h1_scene_say(&scene, GET("/a"));
    h1_scene_close_server(&scene);
    struct desk_request *request = &scene.desk.requests[0];
    CHECK_SIZE(request->aborted, 0); /* not within the call */
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(request->aborted, 1);
    desk_answer(request, 200, "to nobody");
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(request->aborted, 1);
    CHECK_SIZE(request->answered, 0);
    CHECK_SIZE(scene.closed, 0);
    desk_close(request);
    h1_server_close(NULL);
    h1_scene_end(&scene);
}
