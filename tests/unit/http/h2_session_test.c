/* A client session against a server session: requests, answers and bodies. */
#include "culvert/http/h2_session.h"
#include "harness.h"
#include "support/h2_scene.h"

#include <stdlib.h>

static void rest(struct h2_scene *scene)
{
    turned_loop_settle(&scene->turned);
}

static void request_of(struct h2_scene *scene, struct ask *ask, const char *method,
                       const char *target)
{
    ask_init(ask, method, target);
    CHECK(buf_put_span(&ask->head.scheme, SPAN("https")));
    CHECK(ask_send(ask, &scene->opener));
    rest(scene);
}

/* A request whose body follows. */
static void send_body(struct h2_scene *scene, struct ask *ask, int64_t length)
{
    ask_init(ask, "POST", "/upload");
    ask_announce(ask, length);
    CHECK(ask_send(ask, &scene->opener));
    rest(scene);
}

/* Answers with the method, the target and the body, as soon as the request is whole. */
static void echo(struct desk_request *request, char letter)
{
    struct buf text = BUF_LIMIT(1024 * 1024);
    if ((letter != 'q' && letter != 'f') || !request->body_ended || request->answer.bytes)
        return;
    CHECK(buf_printf(&text, "%s %s %s", buf_text(&request->head.method),
                     buf_text(&request->head.target), buf_text(&request->body)));
    desk_answer(request, 200, buf_text(&text));
    buf_release(&text);
}

TEST(a_request_crosses_and_its_answer_comes_back)
{
    struct h2_scene scene;
    struct ask ask;
    h2_scene_begin(&scene);
    scene.desk.act = echo;
    CHECK(h2_session_can_open(scene.client.session));
    request_of(&scene, &ask, "GET", "/a?b=c");
    REQUIRE(scene.desk.count == 1);
    struct desk_request *request = &scene.desk.requests[0];
    CHECK_SPAN(buf_span(&request->head.method), SPAN("GET"));
    CHECK_SPAN(buf_span(&request->head.target), SPAN("/a?b=c"));
    CHECK_SPAN(buf_span(&request->head.scheme), SPAN("https"));
    CHECK_SPAN(buf_span(&request->head.authority), SPAN("app.test"));
    CHECK(request->head.ends_here && request->head.length == 0);
    CHECK_SIZE(ask.status, 200);
    CHECK(ask.done && ask.ends == 1);
    CHECK(ask.got.length == 11);
    CHECK_SPAN(buf_span(&ask.text), SPAN("GET /a?b=c "));
    CHECK_SIZE(request->answered, 1);
    ask_release(&ask);
    rest(&scene);
    CHECK_SIZE(h2_session_streams(scene.client.session), 0);
    CHECK_SIZE(h2_session_streams(scene.server.session), 0);
    CHECK(h2_session_conn(scene.client.session) == scene.client.conn);
    h2_scene_end(&scene);
}

TEST(an_exchange_takes_one_write_each_way)
{
    struct h2_scene scene;
    struct ask ask;
    h2_scene_begin(&scene);
    scene.desk.act = echo;
    size_t before = scene.turned.memory.writes;
    request_of(&scene, &ask, "GET", "/");
    CHECK_SIZE(scene.turned.memory.writes - before, 2);
    ask_release(&ask);
    h2_scene_end(&scene);
}

TEST(fields_keep_their_order_and_what_belongs_to_a_hop_stays_behind)
{
    struct h2_scene scene;
    struct ask ask;
    h2_scene_begin(&scene);
    ask_init(&ask, "GET", "/");
    ask_field(&ask, "X-B", "1");
    ask_field(&ask, "Connection", "keep-alive");
    ask_field(&ask, "Transfer-Encoding", "chunked");
    ask_field(&ask, "Upgrade", "foo");
    ask_field(&ask, "TE", "trailers");
    ask_field(&ask, "x-a", "2");
    ask_field(&ask, "x-b", "3");
    CHECK(ask_send(&ask, &scene.opener));
    rest(&scene);
    REQUIRE(scene.desk.count == 1);
    const struct headers *fields = &scene.desk.requests[0].head.fields;
    static const char *const want[] = {"x-b", "1", "te", "trailers", "x-a", "2", "x-b", "3"};
    CHECK_SIZE(fields->count, ARRAY_LEN(want) / 2);
    for (size_t i = 0; i < fields->count && i < ARRAY_LEN(want) / 2; i++) {
        CHECK_SPAN(headers_at(fields, i).name, span_of(want[2 * i]));
        CHECK_SPAN(headers_at(fields, i).value, span_of(want[2 * i + 1]));
    }
    ask_release(&ask);
    h2_scene_end(&scene);
}

TEST(a_body_crosses_with_its_length_and_trailers)
{
    struct h2_scene scene;
    struct ask ask;
    struct span sum;
    h2_scene_begin(&scene);
    scene.desk.act = echo;
    send_body(&scene, &ask, 5);
    CHECK(scene.desk.requests[0].head.length == 5);
    CHECK(!scene.desk.requests[0].head.ends_here);
    ask_put(&ask, SPAN("he"));
    rest(&scene);
    CHECK_SPAN(buf_span(&scene.desk.requests[0].body), SPAN("he"));
    ask_put(&ask, SPAN("llo"));
    CHECK(headers_add(&ask.body.trailers, SPAN("x-sum"), SPAN("5"), NULL));
    ask_end(&ask);
    rest(&scene);
    CHECK(headers_find(&scene.desk.requests[0].trailers, SPAN("x-sum"), &sum));
    CHECK(ask.done);
    CHECK_SPAN(buf_span(&ask.text), SPAN("POST /upload hello"));
    ask_release(&ask);
    h2_scene_end(&scene);
}

TEST(an_answer_streams_with_trailers)
{
    struct h2_scene scene;
    struct ask ask;
    struct span sum;
    h2_scene_begin(&scene);
    request_of(&scene, &ask, "GET", "/");
    struct desk_request *request = &scene.desk.requests[0];
    desk_begin(request, 200, LENGTH_UNKNOWN);
    rest(&scene);
    CHECK_SIZE(ask.status, 200);
    CHECK(ask.got.length == LENGTH_UNKNOWN);
    CHECK_SIZE(desk_put(request, SPAN("one ")), 4);
    rest(&scene);
    CHECK_SPAN(buf_span(&ask.text), SPAN("one "));
    CHECK_SIZE(desk_put(request, SPAN("two")), 3);
    desk_trailer(request, "x-sum", "7");
    CHECK_SIZE(request->answered + ask.ends, 0);
    desk_end(request);
    rest(&scene);
    CHECK_SPAN(buf_span(&ask.text), SPAN("one two"));
    CHECK(ask.done && request->answered == 1);
    CHECK(headers_find(&ask.trailers, SPAN("x-sum"), &sum));
    CHECK_SPAN(sum, SPAN("7"));
    ask_release(&ask);
    h2_scene_end(&scene);
}

TEST(trailers_may_follow_no_bytes_at_all)
{
    struct h2_scene scene;
    struct ask ask;
    h2_scene_begin(&scene);
    request_of(&scene, &ask, "GET", "/");
    struct desk_request *request = &scene.desk.requests[0];
    desk_trailer(request, "grpc-status", "0");
    desk_begin(request, 200, LENGTH_UNKNOWN);
    desk_end(request);
    rest(&scene);
    CHECK(ask.done && request->answered == 1);
    CHECK(headers_has(&ask.trailers, SPAN("grpc-status")));
    ask_release(&ask);
    h2_scene_end(&scene);
}

TEST(answers_without_a_body_keep_the_length_they_speak_of)
{
    static const struct {
        const char *method;
        int status;
        int64_t length, want;
    } cases[] = {
        {"HEAD", 200, 7, 7}, {"HEAD", 200, LENGTH_UNKNOWN, LENGTH_UNKNOWN},
        {"GET", 304, 7, 7},  {"GET", 204, LENGTH_UNKNOWN, LENGTH_UNKNOWN},
        {"GET", 200, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h2_scene scene;
        struct ask ask;
        h2_scene_begin(&scene);
        request_of(&scene, &ask, cases[i].method, "/");
        struct desk_request *request = &scene.desk.requests[0];
        struct response_head head;
        response_head_init(&head);
        head.status = cases[i].status;
        head.length = cases[i].length;
        head.ends_here = true;
        CHECK(inbound_answer(request->in, &head, NULL, NULL));
        rest(&scene);
        CHECK_CASE(ask.status == cases[i].status && ask.got.length == cases[i].want &&
                       ask.got.ends_here && ask.from == NULL,
                   "case %zu", i);
        CHECK_CASE(ask.done && request->answered == 1, "case %zu", i);
        response_head_release(&head);
        ask_release(&ask);
        h2_scene_end(&scene);
    }
}

TEST(interim_answers_are_told_before_the_final_one)
{
    struct h2_scene scene;
    struct ask ask;
    struct response_head hints;
    response_head_init(&hints);
    hints.status = 103;
    CHECK(headers_add(&hints.fields, SPAN("link"), SPAN("</a>"), NULL));
    h2_scene_begin(&scene);
    request_of(&scene, &ask, "GET", "/");
    inbound_inform(scene.desk.requests[0].in, &hints);
    inbound_inform(scene.desk.requests[0].in, &hints);
    rest(&scene);
    CHECK_SIZE(ask.informs, 2);
    CHECK_SIZE(ask.inform_status, 103);
    CHECK_SIZE(ask.status, 0);
    desk_answer(&scene.desk.requests[0], 200, "x");
    rest(&scene);
    CHECK_SIZE(ask.status, 200);
    CHECK(!headers_has(&ask.got.fields, SPAN("link")));
    CHECK(ask.done);
    response_head_release(&hints);
    ask_release(&ask);
    h2_scene_end(&scene);
}

TEST(interim_answers_without_end_cost_neither_the_connection_nor_memory)
{
    static const struct {
        size_t size, said, heard;
    } cases[] = {{1, 20 * 1000, H2_INFORMS_MAX}, {30 * 1000, 100, 2}, {60 * 1000, 100, 1}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h2_scene scene;
        struct ask ask;
        struct response_head hints;
        struct buf link = BUF_LIMIT(1024 * 1024);
        while (link.len < cases[i].size)
            CHECK(buf_put_char(&link, 'a'));
        response_head_init(&hints);
        hints.status = 103;
        CHECK(headers_add(&hints.fields, SPAN("link"), buf_span(&link), NULL));
        h2_scene_begin(&scene);
        request_of(&scene, &ask, "GET", "/");
        for (size_t round = 1; round <= 2; round++) { /* what has left makes room */
            for (size_t k = 0; k < cases[i].said; k++)
                inbound_inform(scene.desk.requests[0].in, &hints);
            rest(&scene);
            CHECK_SIZE(ask.informs, round * cases[i].heard);
        }
        desk_answer(&scene.desk.requests[0], 200, "x");
        rest(&scene);
        CHECK(ask.status == 200 && ask.done && scene.server.closed == 0);
        response_head_release(&hints);
        buf_release(&link);
        ask_release(&ask);
        h2_scene_end(&scene);
    }
}

TEST(many_streams_share_the_connection)
{
    enum { MANY = 50 };
    static struct ask asks[MANY];
    struct h2_scene scene;
    h2_scene_begin(&scene);
    scene.desk.act = echo;
    for (size_t i = 0; i < MANY; i++) {
        char target[16];
        (void)snprintf(target, sizeof target, "/%zu", i);
        ask_init(&asks[i], "GET", target);
        CHECK(ask_send(&asks[i], &scene.opener));
    }
    CHECK_SIZE(h2_session_streams(scene.client.session), MANY);
    rest(&scene);
    for (size_t i = 0; i < MANY; i++) {
        char want[32];
        (void)snprintf(want, sizeof want, "GET /%zu ", i);
        CHECK_SPAN(buf_span(&asks[i].text), span_of(want));
        ask_release(&asks[i]);
    }
    h2_scene_end(&scene);
}

TEST(the_peers_limit_of_streams_is_kept)
{
    struct ask asks[3];
    struct h2_scene scene;
    h2_scene_prepare(&scene);
    scene.server.options.streams_max = 2;
    h2_scene_open(&scene);
    request_of(&scene, &asks[0], "GET", "/0");
    request_of(&scene, &asks[1], "GET", "/1");
    CHECK(!h2_session_can_open(scene.client.session));
    ask_init(&asks[2], "GET", "/2");
    CHECK(!ask_send(&asks[2], &scene.opener));
    CHECK(asks[2].why.kind == ERROR_LIMIT);
    desk_answer(&scene.desk.requests[0], 200, NULL);
    rest(&scene);
    CHECK(h2_session_can_open(scene.client.session));
    CHECK(ask_send(&asks[2], &scene.opener));
    rest(&scene);
    CHECK_SIZE(scene.desk.count, 3);
    for (size_t i = 0; i < 3; i++)
        ask_release(&asks[i]);
    h2_scene_end(&scene);
}

/* ---- much and slow ---- */

enum { MUCH = 3 * 1000 * 1000 };

static char byte_at(size_t i)
{
    return (char)('a' + i % 23 + i / 4096 % 3);
}

/* Puts the next bytes of a long body; true when all were put and it was ended. */
static bool feed(struct channel *to, size_t *fed)
{
    char piece[8 * 1024];
    while (*fed < MUCH) {
        size_t n = MUCH - *fed < sizeof piece ? MUCH - *fed : sizeof piece;
        for (size_t i = 0; i < n; i++)
            piece[i] = byte_at(*fed + i);
        size_t put = channel_put(to, piece, n);
        *fed += put;
        if (put < n)
            return false;
    }
    channel_end(to);
    return true;
}

static bool is_all(struct span got)
{
    if (got.len != MUCH)
        return false;
    for (size_t i = 0; i < got.len; i++)
        if (got.data[i] != byte_at(i))
            return false;
    return true;
}

TEST(long_bodies_cross_both_ways_at_once)
{
    struct h2_scene scene;
    struct ask ask;
    size_t fed_up = 0;
    size_t fed_down = 0;
    h2_scene_begin(&scene);
    scene.desk.keeps = true; /* the request's body may end behind the answer */
    scene.turned.memory.write_most = 10 * 1000;
    send_body(&scene, &ask, MUCH);
    struct desk_request *request = &scene.desk.requests[0];
    desk_begin(request, 200, MUCH);
    bool up = false;
    bool down = false;
    for (int i = 0; i < 1000 && !(up && down); i++) {
        up = up || feed(ask.body.bytes, &fed_up);
        down = down || feed(request->answer.bytes, &fed_down);
        rest(&scene);
    }
    CHECK(is_all(buf_span(&request->body)));
    CHECK(is_all(buf_span(&ask.text)));
    CHECK(ask.done && request->answered == 1);
    ask_release(&ask);
    h2_scene_end(&scene);
}

TEST(a_stuck_stream_holds_its_window_and_stalls_nobody)
{
    struct h2_scene scene;
    struct ask stuck, lively;
    size_t fed_stuck = 0;
    size_t fed_lively = 0;
    h2_scene_begin(&scene);
    scene.desk.holds = true;
    send_body(&scene, &stuck, MUCH);
    for (int i = 0; i < 20; i++) {
        (void)feed(stuck.body.bytes, &fed_stuck);
        rest(&scene);
    }
    CHECK_SIZE(channel_len(scene.desk.requests[0].in->body->bytes), H2_STREAM_WINDOW);
    CHECK(scene.server.budget.used <= H2_STREAM_WINDOW);
    CHECK(fed_stuck <= 2 * H2_STREAM_WINDOW + CONN_OUT_ROOM);
    send_body(&scene, &lively, MUCH);
    bool all = false;
    for (int i = 0; i < 1000 && !all; i++) {
        all = feed(lively.body.bytes, &fed_lively);
        rest(&scene);
        desk_read(&scene.desk.requests[1]);
        rest(&scene);
    }
    desk_read(&scene.desk.requests[1]);
    CHECK(is_all(buf_span(&scene.desk.requests[1].body)));
    CHECK_SIZE(channel_len(scene.desk.requests[0].in->body->bytes), H2_STREAM_WINDOW);
    /* And the stuck one goes on as if nothing had been. */
    all = false;
    for (int i = 0; i < 1000 && !all; i++) {
        desk_read(&scene.desk.requests[0]);
        all = feed(stuck.body.bytes, &fed_stuck);
        rest(&scene);
    }
    for (int i = 0; i < 10; i++) {
        desk_read(&scene.desk.requests[0]);
        rest(&scene);
    }
    CHECK(is_all(buf_span(&scene.desk.requests[0].body)));
    ask_release(&stuck);
    ask_release(&lively);
    h2_scene_end(&scene);
}

TEST(a_client_that_takes_no_answer_stalls_only_that_answer)
{
    struct h2_scene scene;
    struct ask stuck, lively;
    size_t fed_stuck = 0;
    size_t fed_lively = 0;
    h2_scene_begin(&scene);
    ask_init(&stuck, "GET", "/stuck");
    stuck.holds = true;
    CHECK(ask_send(&stuck, &scene.opener));
    request_of(&scene, &lively, "GET", "/lively");
    for (size_t i = 0; i < 2; i++)
        desk_begin(&scene.desk.requests[i], 200, LENGTH_UNKNOWN);
    bool all = false;
    for (int i = 0; i < 1000 && !all; i++) {
        (void)feed(scene.desk.requests[0].answer.bytes, &fed_stuck);
        all = feed(scene.desk.requests[1].answer.bytes, &fed_lively);
        rest(&scene);
    }
    CHECK(is_all(buf_span(&lively.text)));
    CHECK_SIZE(channel_len(stuck.from->bytes), H2_STREAM_WINDOW);
    CHECK_SIZE(scene.client.budget.used, H2_STREAM_WINDOW);
    ask_release(&stuck);
    ask_release(&lively);
    CHECK_SIZE(scene.client.budget.used, 0);
    h2_scene_end(&scene);
}

/* ---- the memory budget ---- */

TEST(above_the_budget_the_stream_that_does_not_move_is_reset_in_the_end)
{
    struct h2_scene scene;
    struct ask stuck, other;
    size_t fed = 0;
    h2_scene_prepare(&scene);
    scene.server.budget.limit = H2_STREAM_WINDOW / 2;
    h2_scene_open(&scene);
    scene.desk.holds = true;
    send_body(&scene, &stuck, MUCH);
    (void)feed(stuck.body.bytes, &fed);
    rest(&scene);
    CHECK(scene.server.budget.used > scene.server.budget.limit);
    turned_loop_pass(&scene.turned, 9 * 1000);
    CHECK_SIZE(scene.desk.requests[0].aborted, 0);
    turned_loop_pass(&scene.turned, 3 * 1000);
    CHECK_SIZE(scene.desk.requests[0].aborted, 1);
    CHECK(scene.desk.requests[0].why.kind == ERROR_LIMIT);
    CHECK(stuck.failed && stuck.ends == 1);
    CHECK_SIZE(scene.server.budget.used, 0);
    /* The connection's credit came back: others go on. */
    scene.desk.holds = false;
    fed = 0;
    send_body(&scene, &other, MUCH);
    bool all = false;
    for (int i = 0; i < 1000 && !all; i++) {
        all = feed(other.body.bytes, &fed);
        turned_loop_pass(&scene.turned, 100);
    }
    CHECK(is_all(buf_span(&scene.desk.requests[1].body)));
    ask_release(&stuck);
    ask_release(&other);
    h2_scene_end(&scene);
}

TEST(above_the_budget_a_stream_that_moves_slowly_is_left_alone)
{
    struct h2_scene scene;
    struct ask ask;
    char some[100];
    size_t fed = 0;
    h2_scene_prepare(&scene);
    scene.server.budget.limit = H2_STREAM_WINDOW / 2;
    h2_scene_open(&scene);
    scene.desk.holds = true;
    send_body(&scene, &ask, MUCH);
    (void)feed(ask.body.bytes, &fed);
    for (int i = 0; i < 10; i++) {
        turned_loop_pass(&scene.turned, 9 * 1000);
        CHECK_SIZE(channel_take(scene.desk.requests[0].in->body->bytes, some, sizeof some), 100);
    }
    CHECK_SIZE(scene.desk.requests[0].aborted, 0);
    ask_release(&ask);
    h2_scene_end(&scene);
}
