/* Requests of one visitor's connection: their order, their bodies, their answers. How it ends is in
 * h1_server_ends_test. */
#include "culvert/http/h1_server.h"
#include "harness.h"
#include "support/h1_scene.h"

/* ---- requests in their order ---- */

TEST(a_connection_carries_one_request_after_the_other)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.act = h1_scene_echo;
    h1_scene_say(&scene, GET("/a"));
    CHECK_HEARD(&scene, OK("6", "GET /a"));
    h1_scene_say(&scene, GET("/b"));
    CHECK_HEARD(&scene, OK("6", "GET /b"));
    CHECK_SIZE(scene.desk.count, 2);
    CHECK_SPAN(buf_span(&scene.desk.requests[1].head.scheme), SPAN("http"));
    CHECK_SPAN(buf_span(&scene.desk.requests[1].head.authority), SPAN("a.example"));
    CHECK(scene.desk.requests[1].head.ends_here);
    CHECK_SIZE(scene.closed, 0);
    h1_scene_end(&scene);
}

TEST(pipelined_requests_are_answered_in_order_one_at_a_time)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(
        &scene,
        GET("/a") GET("/b") "POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" GET("/d"));
    CHECK_SIZE(scene.desk.count, 1); /* the next waits for the answer */
    CHECK_SIZE(h1_scene_hear(&scene).len, 0);
    scene.desk.act = h1_scene_echo;
    desk_answer(&scene.desk.requests[0], 200, "first");
    CHECK_HEARD(&scene,
                OK("5", "first") OK("6", "GET /b") OK("10", "POST /c hi") OK("6", "GET /d"));
    CHECK_SIZE(scene.desk.count, 4);
    h1_scene_end(&scene);
}

TEST(requests_may_be_cut_anywhere)
{
    static const char bytes[] =
        GET("/a") "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n" GET("/c");
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.act = h1_scene_echo;
    for (size_t i = 0; i + 1 < sizeof bytes; i++) {
        CHECK_SIZE(raw_peer_put(&scene.peer, span_make(bytes + i, 1)), 1);
        turned_loop_settle(&scene.turned);
    }
    CHECK_HEARD(&scene, OK("6", "GET /a") OK("13", "POST /b abcde") OK("6", "GET /c"));
    struct span sum;
    CHECK(headers_find(&scene.desk.requests[1].trailers, SPAN("x-sum"), &sum));
    CHECK_SPAN(sum, SPAN("5"));
    h1_scene_end(&scene);
}

TEST(an_answer_given_within_on_request_is_as_good_as_a_late_one)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.act = h1_scene_echo;
    h1_scene_say(&scene, GET("/a") GET("/b") GET("/c"));
    CHECK_HEARD(&scene, OK("6", "GET /a") OK("6", "GET /b") OK("6", "GET /c"));
    h1_scene_end(&scene);
}

TEST(more_pipelined_bytes_than_are_kept_wait_in_the_kernel)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    while (raw_peer_put(&scene.peer, SPAN(GET("/a"))) > 0)
        continue;
    turned_loop_settle(&scene.turned);
    while (raw_peer_put(&scene.peer, SPAN(GET("/a"))) > 0)
        continue;
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.desk.count, 1);
    CHECK(scene.turned.memory.bytes_read <= H1_PIPELINE_MAX + LOOP_SCRATCH);
    scene.desk.act = h1_scene_echo;
    desk_answer(&scene.desk.requests[0], 200, "x");
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.desk.count, DESK_REQUESTS_MAX); /* it goes on, until the desk is full */
    h1_scene_end(&scene);
}

/* ---- bodies in ---- */

TEST(a_body_of_any_size_arrives_though_its_reader_is_slow)
{
    enum { SIZE = 400 * 1000 };
    static char bytes[SIZE];
    static const char *const heads[] = {
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n61a80\r\n",
    };
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)('a' + i % 23);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        struct h1_scene scene;
        size_t sent = 0;
        h1_scene_begin(&scene);
        scene.desk.holds = true;
        h1_scene_say(&scene, heads[i]);
        REQUIRE(scene.desk.count == 1);
        struct desk_request *request = &scene.desk.requests[0];
        sent += raw_peer_put(&scene.peer, span_make(bytes, 20 * 1000));
        turned_loop_settle(&scene.turned);
        for (int turn = 0; turn < 100 && request->body.len < SIZE; turn++) {
            sent += raw_peer_put(&scene.peer, span_make(bytes + sent, SIZE - sent));
            turned_loop_settle(&scene.turned);
            CHECK(channel_len(request->in->body->bytes) <= CHANNEL_LIMIT);
            desk_read(request);
        }
        CHECK_SIZE(request->body.len, SIZE);
        CHECK(span_equal(buf_span(&request->body), span_make(bytes, SIZE)));
        h1_scene_end(&scene);
    }
}

TEST(a_stuck_reader_keeps_little_of_a_large_body)
{
    static const char bytes[64 * 1024];
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.holds = true;
    h1_scene_say(&scene, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    for (int i = 0; i < 100; i++) {
        (void)raw_peer_put(&scene.peer, span_make(bytes, sizeof bytes));
        turned_loop_settle(&scene.turned);
    }
    CHECK(scene.turned.memory.bytes_read <= CHANNEL_LIMIT + 2 * LOOP_SCRATCH);
    CHECK_SIZE(scene.budget.used, CHANNEL_LIMIT);
    h1_scene_end(&scene);
}

TEST(a_visitor_that_waits_for_continue_is_told_to_go_on)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene,
                 "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK_HEARD(&scene, "HTTP/1.1 100 Continue\r\n\r\n");
    scene.desk.act = h1_scene_echo;
    h1_scene_say(&scene, "hi");
    CHECK_HEARD(&scene, OK("9", "POST / hi"));
    h1_scene_end(&scene);
}

TEST(a_visitor_that_waits_for_continue_may_be_refused_instead)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    scene.desk.act = h1_scene_refuse;
    h1_scene_say(&scene,
                 "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK(span_starts(h1_scene_hear(&scene), SPAN("HTTP/1.1 403 ")));
    /* The body may come or not: the connection cannot go on. */
    CHECK_SIZE(scene.closed, 1);
    h1_scene_end(&scene);
}

TEST(nobody_is_told_to_continue_who_cannot_understand_it)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    CHECK_HEARD(&scene, "");
    h1_scene_end(&scene);
    h1_scene_begin(&scene);
    h1_scene_say(&scene, "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    CHECK_HEARD(&scene, "");
    h1_scene_end(&scene);
}

TEST(a_broken_body_aborts_the_request_and_is_answered_400)
{
    static const char *const bodies[] = {
        "zz\r\n", "2\r\nabc\r\n",          "2\nab\r\n",
        "-1\r\n", "fffffffffffffffff\r\n", "0\r\nbad trailer\r\n\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct h1_scene scene;
        h1_scene_begin(&scene);
        h1_scene_say(&scene, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        h1_scene_say(&scene, bodies[i]);
        CHECK_CASE(scene.desk.requests[0].aborted == 1, "%s", bodies[i]);
        CHECK(scene.desk.requests[0].why.kind == ERROR_PROTOCOL);
        CHECK_CASE(span_starts(h1_scene_hear(&scene), SPAN("HTTP/1.1 400 ")), "%s", bodies[i]);
        CHECK_SIZE(scene.closed, 1);
        h1_scene_end(&scene);
    }
}

/* ---- answers out ---- */

TEST(an_answer_of_unknown_length_is_chunked_and_its_trailers_follow)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/a"));
    struct desk_request *request = &scene.desk.requests[0];
    desk_begin(request, 200, LENGTH_UNKNOWN);
    CHECK_HEARD(&scene, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Desk: 1\r\n\r\n");
    CHECK_SIZE(desk_put(request, SPAN("0123456789abcdef!")), 17);
    CHECK_HEARD(&scene, "11\r\n0123456789abcdef!\r\n");
    CHECK_SIZE(request->answered, 0);
    desk_trailer(request, "x-sum", "17");
    desk_end(request);
    CHECK_HEARD(&scene, "0\r\nX-Sum: 17\r\n\r\n");
    CHECK_SIZE(request->answered, 1);
    scene.desk.act = h1_scene_echo;
    h1_scene_say(&scene, GET("/b"));
    CHECK_HEARD(&scene, OK("6", "GET /b"));
    h1_scene_end(&scene);
}

TEST(answers_without_a_body_are_framed_so)
{
    static const struct {
        const char *request;
        int status;
        int64_t length;
        const char *want;
        const char *reason;
    } cases[] = {
        {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, 7,
         "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nX-Desk: 1\r\n\r\n", "HEAD says the length"},
        {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, LENGTH_UNKNOWN,
         "HTTP/1.1 200 OK\r\nX-Desk: 1\r\n\r\n", "HEAD need not know it"},
        {GET("/"), 204, LENGTH_UNKNOWN, "HTTP/1.1 204 No Content\r\nX-Desk: 1\r\n\r\n",
         "204 has no length"},
        {GET("/"), 304, 7, "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nX-Desk: 1\r\n\r\n",
         "304 may say the length"},
        {GET("/"), 200, 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Desk: 1\r\n\r\n",
         "an empty body"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h1_scene scene;
        h1_scene_begin(&scene);
        h1_scene_say(&scene, cases[i].request);
        struct desk_request *request = &scene.desk.requests[0];
        desk_begin(request, cases[i].status, cases[i].length);
        desk_end(request);
        CHECK_CASE(span_equal(h1_scene_hear(&scene), span_of(cases[i].want)), "%s: %.*s",
                   cases[i].reason, SPAN_ARG(h1_scene_hear(&scene)));
        CHECK_CASE(request->answered == 1, "%s", cases[i].reason);
        scene.desk.act = h1_scene_echo;
        buf_clear(&scene.peer.got);
        h1_scene_say(&scene, GET("/b"));
        CHECK_HEARD(&scene, OK("6", "GET /b"));
        h1_scene_end(&scene);
    }
}

TEST(an_answer_that_ends_with_its_head_says_that_there_is_nothing)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/"));
    desk_answer(&scene.desk.requests[0], 200, NULL);
    CHECK_HEARD(&scene, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Desk: 1\r\n\r\n");
    CHECK_SIZE(scene.desk.requests[0].answered, 1);
    h1_scene_end(&scene);
}

TEST(http_10_gets_what_it_understands)
{
    static const struct {
        const char *request;
        int64_t length;
        const char *want;
        bool closes;
        const char *reason;
    } cases[] = {
        {"GET / HTTP/1.0\r\n\r\n", LENGTH_UNKNOWN,
         "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Desk: 1\r\n\r\nhi", true, "until close"},
        {"GET / HTTP/1.0\r\n\r\n", 2,
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nX-Desk: 1\r\n\r\nhi", true,
         "with a length, but not to be kept"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 2,
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\nX-Desk: 1\r\n\r\nhi",
         false, "kept when it asks"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", LENGTH_UNKNOWN,
         "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Desk: 1\r\n\r\nhi", true,
         "until close cannot be kept"},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 2,
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nX-Desk: 1\r\n\r\nhi", true,
         "closed on request"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h1_scene scene;
        h1_scene_begin(&scene);
        h1_scene_say(&scene, cases[i].request);
        struct desk_request *request = &scene.desk.requests[0];
        desk_begin(request, 200, cases[i].length);
        CHECK_SIZE(desk_put(request, SPAN("hi")), 2);
        desk_end(request);
        CHECK_CASE(span_equal(h1_scene_hear(&scene), span_of(cases[i].want)), "%s: %.*s",
                   cases[i].reason, SPAN_ARG(h1_scene_hear(&scene)));
        raw_peer_pull(&scene.peer);
        CHECK_CASE(scene.peer.ended == cases[i].closes, "%s", cases[i].reason);
        CHECK_CASE((scene.closed == 1) == cases[i].closes, "%s", cases[i].reason);
        h1_scene_end(&scene);
    }
}

TEST(interim_answers_go_out_before_the_final_one_to_who_can_take_them)
{
    struct response_head hints;
    struct h1_scene scene;
    response_head_init(&hints);
    hints.status = 103;
    CHECK(headers_add(&hints.fields, SPAN("link"), SPAN("</a>"), NULL));
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/"));
    inbound_inform(scene.desk.requests[0].in, &hints);
    CHECK_HEARD(&scene, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    desk_begin(&scene.desk.requests[0], 200, 1);
    inbound_inform(scene.desk.requests[0].in, &hints); /* too late */
    CHECK_HEARD(&scene, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nX-Desk: 1\r\n\r\n");
    h1_scene_end(&scene);
    h1_scene_begin(&scene);
    h1_scene_say(&scene, "GET / HTTP/1.0\r\n\r\n");
    inbound_inform(scene.desk.requests[0].in, &hints);
    CHECK_HEARD(&scene, "");
    h1_scene_end(&scene);
    response_head_release(&hints);
}

TEST(a_head_that_cannot_be_written_leaves_room_for_another)
{
    struct response_head head;
    struct error err = {0};
    struct h1_scene scene;
    response_head_init(&head);
    head.status = 200;
    head.ends_here = true;
    head.length = 0;
    CHECK(headers_add(&head.fields, SPAN("x"), SPAN("a\r\nb: c"), NULL));
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/"));
    CHECK(!inbound_answer(scene.desk.requests[0].in, &head, NULL, &err));
    CHECK(err.kind == ERROR_INVALID);
    CHECK_HEARD(&scene, "");
    desk_answer(&scene.desk.requests[0], 502, "bad");
    CHECK(span_starts(h1_scene_hear(&scene), SPAN("HTTP/1.1 502 ")));
    response_head_release(&head);
    h1_scene_end(&scene);
}

TEST(a_slow_reader_is_answered_within_bounded_memory)
{
    enum { SIZE = 3 * 1000 * 1000 };
    static const char bytes[32 * 1024];
    struct h1_scene scene;
    h1_scene_begin(&scene);
    h1_scene_say(&scene, GET("/"));
    struct desk_request *request = &scene.desk.requests[0];
    desk_begin(request, 200, SIZE);
    size_t put = 0;
    size_t most = 0;
    for (int i = 0; i < 100000 && scene.peer.got.len < SIZE; i++) {
        size_t want = SIZE - put < sizeof bytes ? SIZE - put : sizeof bytes;
        put += desk_put(request, span_make(bytes, want));
        if (put == SIZE)
            desk_end(request);
        turned_loop_settle(&scene.turned);
        size_t held = channel_len(request->answer.bytes) + conn_queued(scene.conn);
        most = held > most ? held : most;
        if (i % 8 == 0)
            raw_peer_pull(&scene.peer);
    }
    CHECK(scene.peer.got.len > SIZE);
    CHECK(most <= CHANNEL_LIMIT + CONN_OUT_ROOM + 1024);
    CHECK_SIZE(request->answered, 1);
    h1_scene_end(&scene);
}
