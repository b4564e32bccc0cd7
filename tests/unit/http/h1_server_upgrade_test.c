/* WebSockets of a visitor that is played by hand: what waits for 101, and each way's end. */
#include "culvert/http/h1_server.h"
#include "harness.h"
#include "support/h1_scene.h"

#include <errno.h>

#define HELLO                                                                                      \
    "GET /a HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"          \
    "Sec-WebSocket-Key: k\r\n\r\n"
#define ACCEPTED                                                                                   \
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"            \
    "X-Desk: 1\r\nX-A: b\r\n\r\n"

static const struct header fields[] = {{SPAN_INIT("Connection"), SPAN_INIT("Upgrade")},
                                       {SPAN_INIT("Upgrade"), SPAN_INIT("websocket")},
                                       {SPAN_INIT("X-A"), SPAN_INIT("b")},
                                       {SPAN_INIT(""), SPAN_INIT("")}};

static struct desk_request *take_hello(struct h1_scene *scene, const char *text)
{
    scene->desk.keeps = true;
    scene->desk.fields = fields;
    h1_scene_say(scene, text);
    CHECK_SIZE(scene->desk.count, 1);
    return &scene->desk.requests[0];
}

static struct desk_request *accept_hello(struct h1_scene *scene, const char *text)
{
    struct desk_request *request = take_hello(scene, text);
    desk_begin(request, 101, LENGTH_UNKNOWN);
    CHECK_HEARD(scene, ACCEPTED);
    return request;
}

static void put(struct desk_request *request, const char *text)
{
    CHECK_SIZE(desk_put(request, span_of(text)), strlen(text));
}

TEST(an_upgrade_is_handed_out_with_an_open_body_that_nobody_reads)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    struct desk_request *request = take_hello(&scene, HELLO "early");
    const struct request_head *head = &request->head;
    CHECK(head->is_websocket && !head->ends_here && head->length == LENGTH_UNKNOWN);
    CHECK_SIZE(head->fields.count, 1); /* the key */
    CHECK(!request->body_ended && request->body.len == 0);
    turned_loop_pass(&scene.turned, 3600 * 1000); /* an origin may take its time */
    CHECK(request->body.len == 0 && request->aborted == 0);
    desk_begin(request, 101, LENGTH_UNKNOWN);
    CHECK_HEARD(&scene, ACCEPTED);
    CHECK_SPAN(buf_span(&request->body), SPAN("early"));
    h1_scene_say(&scene, " and late");
    put(request, "hello");
    CHECK_HEARD(&scene, "hello");
    CHECK_SPAN(buf_span(&request->body), SPAN("early and late"));
    turned_loop_pass(&scene.turned, 3600 * 1000);
    CHECK(request->aborted + request->answered == 0 && scene.closed == 0 && scene.refused == 0);
    desk_end(request);
    (void)h1_scene_hear(&scene);
    CHECK_SIZE(request->answered, 1);
    desk_close(request);
    h1_scene_end(&scene);
}

TEST(each_direction_ends_by_itself)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    struct desk_request *request = accept_hello(&scene, HELLO);
    h1_scene_say(&scene, "last");
    raw_peer_end(&scene.peer);
    (void)h1_scene_hear(&scene);
    CHECK(request->body_ended && request->answered + request->aborted == 0);
    CHECK_SPAN(buf_span(&request->body), SPAN("last"));
    put(request, "late");
    desk_end(request);
    CHECK_HEARD(&scene, "late");
    CHECK(request->answered == 1 && scene.peer.ended);
    desk_close(request);
    (void)h1_scene_hear(&scene);
    CHECK_SIZE(scene.closed, 1);
    h1_scene_end(&scene);

    h1_scene_begin(&scene);
    request = accept_hello(&scene, HELLO);
    put(request, "bye");
    desk_end(request);
    CHECK_HEARD(&scene, "bye");
    CHECK(scene.peer.ended && request->answered == 1 && scene.closed == 0);
    h1_scene_say(&scene, "still there");
    CHECK_SPAN(buf_span(&request->body), SPAN("still there"));
    raw_peer_end(&scene.peer);
    (void)h1_scene_hear(&scene);
    CHECK(request->body_ended && request->answered == 1 && request->aborted == 0);
    desk_close(request);
    h1_scene_end(&scene);
}

TEST(an_upgrade_that_is_refused_ends_empty_and_the_next_request_follows)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    struct desk_request *request = take_hello(&scene, HELLO GET("/next"));
    desk_answer(request, 403, "no");
    CHECK(span_starts(h1_scene_hear(&scene), SPAN("HTTP/1.1 403 Forbidden\r\n")));
    CHECK(request->answered == 1 && request->body_ended && request->body.len == 0);
    desk_close(request);
    (void)h1_scene_hear(&scene);
    REQUIRE(scene.desk.count == 2);
    CHECK(!scene.desk.requests[1].head.is_websocket);
    CHECK_TEXT(buf_text(&scene.desk.requests[1].head.target), "/next");
    h1_scene_end(&scene);
}

TEST(only_who_asks_is_upgraded)
{
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        struct h1_scene scene;
        struct error err = {0};
        struct response_head head;
        h1_scene_begin(&scene);
        struct desk_request *request = take_hello(&scene, heads[i]);
        CHECK_CASE(!request->head.is_websocket && request->head.ends_here, "%s", heads[i]);
        response_head_init(&head);
        head.status = 101;
        CHECK_CASE(!inbound_answer(request->in, &head, NULL, &err), "%s", heads[i]);
        CHECK(err.kind == ERROR_PROTOCOL);
        response_head_release(&head);
        CHECK_HEARD(&scene, "");
        desk_answer(request, 502, NULL); /* it can still be answered */
        CHECK(span_starts(h1_scene_hear(&scene), SPAN("HTTP/1.1 502")));
        h1_scene_end(&scene);
    }
}

TEST(a_visitor_who_leaves_before_101_is_told_and_one_behind_it_too)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    struct desk_request *request = take_hello(&scene, HELLO);
    raw_peer_end(&scene.peer);
    (void)h1_scene_hear(&scene);
    CHECK(request->aborted == 1 && request->answered == 0);
    desk_close(request);
    h1_scene_end(&scene);

    h1_scene_begin(&scene);
    request = accept_hello(&scene, HELLO);
    desk_end(request); /* it got all, and is lost before it said all */
    (void)h1_scene_hear(&scene);
    CHECK(request->answered == 1 && request->aborted == 0);
    scene.turned.memory.on_read = (struct memory_fault){.error = ECONNRESET};
    h1_scene_say(&scene, "x");
    CHECK(request->answered == 1 && request->aborted == 1 && !request->body_ended);
    desk_close(request);
    h1_scene_end(&scene);
}

/* A reset that a write met is read as an end. */
TEST(an_end_behind_a_write_that_failed_is_no_end)
{
    struct h1_scene scene;
    h1_scene_begin(&scene);
    struct desk_request *request = accept_hello(&scene, HELLO);
    scene.turned.memory.on_write = (struct memory_fault){.error = EPIPE};
    put(request, "lost");
    turned_loop_settle(&scene.turned);
    h1_scene_say(&scene, "why");
    CHECK_SIZE(request->aborted, 0);
    raw_peer_end(&scene.peer);
    turned_loop_settle(&scene.turned);
    CHECK_SPAN(buf_span(&request->body), SPAN("why"));
    CHECK(request->aborted == 1 && !request->body_ended);
    desk_close(request);
    h1_scene_end(&scene);
}

/* Over the kernel's TCP: sockets in memory know no reset. */
TEST(an_upgrade_that_is_given_up_is_a_reset_for_the_visitor)
{
    static const struct {
        bool visitor_ends, we_end, is_reset;
    } cases[] = {{false, false, true}, {true, false, true}, {true, true, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h1_scene scene;
        h1_scene_begin_tcp(&scene);
        struct desk_request *request = accept_hello(&scene, HELLO);
        if (cases[i].visitor_ends)
            raw_peer_end(&scene.peer);
        if (cases[i].we_end)
            desk_end(request);
        turned_loop_settle(&scene.turned);
        if (!cases[i].we_end)
            desk_reset(request);
        desk_close(request);
        turned_loop_settle(&scene.turned);
        raw_peer_await_end(&scene.peer);
        CHECK_CASE((scene.peer.error == ECONNRESET) == cases[i].is_reset, "case %zu", i);
        h1_scene_end(&scene);
    }
}

TEST(a_visitor_that_is_not_read_is_looked_after)
{
    static char bytes[512 * 1024];
    struct h1_scene scene;
    h1_scene_begin_tcp(&scene);
    scene.desk.holds = true;
    struct desk_request *request = accept_hello(&scene, HELLO);
    memset(bytes, 'x', sizeof bytes);
    CHECK(raw_peer_put(&scene.peer, span_make(bytes, sizeof bytes)) > CHANNEL_LIMIT);
    turned_loop_settle(&scene.turned);
    raw_peer_end(&scene.peer);
    turned_loop_pass(&scene.turned, 10 * H1_LOOK_MS); /* an end is no loss: what came is read yet */
    CHECK_SIZE(request->aborted, 0);
    CHECK_SIZE(channel_len(request->in->body->bytes), CHANNEL_LIMIT);
    (void)setsockopt(scene.peer.fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0},
                     sizeof(struct linger));
    raw_peer_close(&scene.peer);
    turned_loop_pass(&scene.turned, 2 * H1_LOOK_MS);
    CHECK_SIZE(request->aborted, 1);
    desk_close(request);
    h1_scene_end(&scene);
}

TEST(bytes_behind_a_hello_that_are_too_many_wait_in_the_kernel)
{
    static char bytes[3 * H1_PIPELINE_MAX];
    struct h1_scene scene;
    h1_scene_begin(&scene);
    struct desk_request *request = take_hello(&scene, HELLO);
    memset(bytes, 'x', sizeof bytes);
    CHECK_SIZE(raw_peer_put(&scene.peer, span_make(bytes, sizeof bytes)), sizeof bytes);
    turned_loop_settle(&scene.turned);
    CHECK(!gate_is_open(conn_gate(scene.conn)));
    turned_loop_pass(&scene.turned, 10 * H1_LOOK_MS);
    desk_begin(request, 101, LENGTH_UNKNOWN);
    CHECK_HEARD(&scene, ACCEPTED);
    CHECK_SIZE(request->body.len, sizeof bytes);
    desk_close(request);
    h1_scene_end(&scene);
}
