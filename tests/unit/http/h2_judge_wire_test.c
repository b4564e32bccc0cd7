/* A server session that judges requests itself, as the connector's does, against a client whose
 * frames are written by hand. */
#include "culvert/http/h2_session.h"
#include "harness.h"
#include "support/h2_scene.h"
#include "support/h2_wire.h"

enum h2_code { NO_ERROR = 0, PROTOCOL_ERROR = 1 };

struct scene {
    struct h2_scene two; /* the server of which is used */
    struct raw_peer peer;
    struct buf out; /* frames that wait to be sent */
    struct task answer;
};

static void send_out(struct scene *scene)
{
    (void)raw_peer_put(&scene->peer, buf_span(&scene->out));
    buf_clear(&scene->out);
    turned_loop_settle(&scene->two.turned);
}

static struct span hear(struct scene *scene)
{
    return raw_peer_hear(&scene->peer, &scene->two.turned);
}

static void scene_begin(struct scene *scene)
{
    h2_scene_prepare(&scene->two);
    scene->two.server.options.judges_itself = true;
    h2_end_open(&scene->two.server, &scene->two.turned, raw_peer_open(&scene->peer));
    scene->out = (struct buf)BUF_LIMIT(1024 * 1024);
    CHECK(buf_put_span(&scene->out, SPAN(WIRE_PREFACE)));
    wire_put_settings(&scene->out, 0, 0);
    wire_put_ack(&scene->out);
    send_out(scene);
}

static void scene_end(struct scene *scene)
{
    raw_peer_close(&scene->peer);
    buf_release(&scene->out);
    h2_scene_end(&scene->two);
}

#define REQUEST(method, path)                                                                      \
    ":method", method, ":scheme", "https", ":path", path, ":authority", "a.example"

/* Is the session well: does it answer one more request? */
static bool is_well(struct scene *scene, uint32_t stream)
{
    static const char *const fields[] = {REQUEST("GET", "/"), NULL};
    size_t before = scene->two.desk.count;
    wire_put_headers(&scene->out, stream, WIRE_END_STREAM, fields);
    send_out(scene);
    return scene->two.server.closed == 0 && scene->two.desk.count == before + 1;
}

static void post(struct scene *scene, const char *length)
{
    const char *const fields[] = {REQUEST("POST", "/"), length ? "content-length" : NULL, length,
                                  NULL};
    wire_put_headers(&scene->out, 1, 0, fields);
}

/* The stream was reset with that code, once. */
static bool is_reset(struct scene *scene, uint32_t code)
{
    struct wire_frame last;
    return wire_count(hear(scene), WIRE_RST_STREAM, 1, &last) == 1 && wire_number(&last) == code;
}

TEST(a_malformed_head_costs_its_stream_and_nobody_hears_of_it)
{
    static const struct {
        const char *fields[12];
        const char *reason;
    } cases[] = {
        {{REQUEST("GET", "abc"), NULL}, "a path without its slash"},
        {{REQUEST("GET", "/%zz"), NULL}, "a broken escape"},
        {{REQUEST("GET", "/"), "X-Upper", "1", NULL}, "capitals"},
        {{REQUEST("GET", "/"), "x", "a\nb", NULL}, "LF in a value"},
        {{REQUEST("CONNECT", "/"), NULL}, "CONNECT with a path"},
        {{REQUEST("GET", "/"), ":protocol", "websocket", NULL}, "a protocol"},
        {{REQUEST("GET", "/"), "content_length", "5", NULL}, "read as framing behind us"},
        {{REQUEST("GET", "/%zz"), "connection", "x", NULL}, "both malformed and out of place"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_begin(&scene);
        wire_put_headers(&scene.out, 1, i % 2 ? 0 : WIRE_END_STREAM, cases[i].fields);
        if (i % 2)
            wire_put_data(&scene.out, 1, WIRE_END_STREAM, SPAN("hello")); /* is lost with it */
        send_out(&scene);
        CHECK_CASE(scene.two.desk.count == 0, "%s: the desk", cases[i].reason);
        CHECK_CASE(is_reset(&scene, PROTOCOL_ERROR), "%s: reset", cases[i].reason);
        CHECK_CASE(is_well(&scene, 3), "%s: the session goes on", cases[i].reason);
        scene_end(&scene);
    }
}

TEST(what_the_library_would_not_have_taken_passes_where_it_does_no_harm)
{
    static const struct {
        const char *fields[14];
        const char *authority, *target;
        const char *reason;
    } cases[] = {
        {{REQUEST("GET", "/a b?c d"), NULL}, "a.example", "/a b?c d", "blanks"},
        {{REQUEST("GET", "*"), NULL}, "a.example", "*", "an asterisk"},
        {{REQUEST("GET", "/"), "host", "b.example", NULL}, "a.example", "/", "another Host"},
        {{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "", NULL},
         "",
         "/",
         "an empty authority"},
        {{REQUEST("G T", "/"), NULL}, "a.example", "/", "a method that no origin will see"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_begin(&scene);
        wire_put_headers(&scene.out, 1, WIRE_END_STREAM, cases[i].fields);
        send_out(&scene);
        REQUIRE(scene.two.desk.count == 1);
        const struct request_head *head = &scene.two.desk.requests[0].head;
        CHECK_CASE(span_equal(buf_span(&head->authority), span_of(cases[i].authority)), "%s",
                   cases[i].reason);
        CHECK_CASE(span_equal(buf_span(&head->target), span_of(cases[i].target)), "%s",
                   cases[i].reason);
        CHECK_CASE(!headers_has(&head->fields, SPAN("host")), "%s", cases[i].reason);
        scene_end(&scene);
    }
}

TEST(a_field_of_one_hop_is_answered_400_with_a_text_before_anybody_is_asked)
{
    static const char text[] = "request header \"Upgrade\" is not valid in HTTP/2\n";
    static const struct {
        const char *method;
        uint8_t flags;
    } cases[] = {{"GET", WIRE_END_STREAM}, {"POST", 0}, {"HEAD", WIRE_END_STREAM}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const fields[] = {REQUEST(cases[i].method, "/"), "upgrade", "h2c", NULL};
        struct scene scene;
        struct wire_frame last = {0};
        bool is_head = strcmp(cases[i].method, "HEAD") == 0;
        bool goes_on = cases[i].flags == 0;
        scene_begin(&scene);
        wire_put_headers(&scene.out, 1, cases[i].flags, fields);
        send_out(&scene);
        CHECK_SIZE(scene.two.desk.count, 0);
        CHECK_SIZE(wire_count(hear(&scene), WIRE_HEADERS, 1, &last), 1);
        CHECK(span_starts(last.payload, SPAN("\x8c"))); /* 400 of the static table */
        CHECK(((last.flags & WIRE_END_STREAM) != 0) == is_head);
        CHECK_SIZE(wire_count(hear(&scene), WIRE_DATA, 1, &last), is_head ? 0 : 1);
        if (!is_head) {
            CHECK_SPAN(last.payload, span_of(text));
            CHECK(last.flags & WIRE_END_STREAM);
        }
        CHECK_SIZE(wire_count(hear(&scene), WIRE_RST_STREAM, 1, &last), goes_on ? 1 : 0);
        if (goes_on)
            CHECK_SIZE(wire_number(&last), NO_ERROR); /* nobody wants the rest */
        CHECK(is_well(&scene, 3));
        CHECK_SIZE(h2_session_streams(scene.two.server.session), 1); /* the last one */
        scene_end(&scene);
    }
}

TEST(a_connection_that_ends_behind_a_400_leaves_nothing)
{
    static const char *const fields[] = {REQUEST("POST", "/"), "te", "gzip", NULL};
    struct scene scene;
    scene_begin(&scene);
    wire_put_settings(&scene.out, 4, 0); /* no window: the text cannot leave */
    wire_put_headers(&scene.out, 1, 0, fields);
    send_out(&scene);
    CHECK_SIZE(wire_count(hear(&scene), WIRE_HEADERS, 1, NULL), 1);
    CHECK_SIZE(wire_count(hear(&scene), WIRE_DATA, 1, NULL), 0);
    raw_peer_close(&scene.peer);
    turned_loop_settle(&scene.two.turned);
    CHECK_SIZE(scene.two.server.closed, 1);
    scene_end(&scene);
}

TEST(a_body_beyond_its_length_aborts_its_request_and_none_of_it_passes)
{
    static const struct {
        const char *length, *first, *second, *taken;
    } cases[] = {{"3", "hello", "", ""}, {"3", "he", "lo", "he"}, {"0", "a", "", ""}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_begin(&scene);
        post(&scene, cases[i].length);
        wire_put_data(&scene.out, 1, 0, span_of(cases[i].first));
        wire_put_data(&scene.out, 1, WIRE_END_STREAM, span_of(cases[i].second));
        send_out(&scene);
        REQUIRE(scene.two.desk.count == 1);
        const struct desk_request *request = &scene.two.desk.requests[0];
        CHECK_SIZE(request->aborted, 1);
        CHECK(request->why.kind == ERROR_PROTOCOL);
        CHECK(!request->body_ended);
        CHECK_TEXT(buf_text(&request->body), cases[i].taken);
        CHECK(is_reset(&scene, PROTOCOL_ERROR));
        CHECK(is_well(&scene, 3));
        scene_end(&scene);
    }
}

static void answer_now(void *arg)
{
    desk_answer(arg, 200, "hi");
}

/* Behind all that came in this turn, and before what is to be said of it. */
static void answer_soon(struct desk_request *request, char letter)
{
    struct h2_scene *two = request->desk->arg;
    if (letter == 'f')
        task_post(&CONTAINER_OF(two, struct scene, two)->answer);
}

TEST(an_answer_in_the_turn_of_a_fault_does_not_reset_its_stream_again)
{
    struct scene scene;
    scene_begin(&scene);
    post(&scene, "3");
    send_out(&scene);
    REQUIRE(scene.two.desk.count == 1);
    scene.two.desk.act = answer_soon;
    task_init(&scene.answer, scene.two.turned.loop, TASK_SOON, answer_now,
              &scene.two.desk.requests[0]);
    wire_put_data(&scene.out, 1, 0, SPAN("he"));
    wire_put_data(&scene.out, 1, WIRE_END_STREAM, SPAN("lo"));
    send_out(&scene);
    CHECK(is_reset(&scene, PROTOCOL_ERROR));
    CHECK_SIZE(wire_count(hear(&scene), WIRE_HEADERS, 1, NULL), 0);
    CHECK_SIZE(scene.two.desk.requests[0].aborted, 1);
    task_cancel(&scene.answer);
    scene_end(&scene);
}

TEST(a_body_below_its_length_ends_as_it_came)
{
    struct scene scene;
    scene_begin(&scene);
    post(&scene, "10");
    wire_put_data(&scene.out, 1, WIRE_END_STREAM, SPAN("hello"));
    send_out(&scene);
    REQUIRE(scene.two.desk.count == 1);
    const struct desk_request *request = &scene.two.desk.requests[0];
    CHECK(request->head.length == 10 && request->body_ended);
    CHECK_TEXT(buf_text(&request->body), "hello");
    CHECK_SIZE(wire_count(hear(&scene), WIRE_RST_STREAM, 1, NULL), 0);
    scene_end(&scene);
}

TEST(a_length_without_a_body_is_none)
{
    static const char *const fields[] = {REQUEST("POST", "/"), "content-length", "10", NULL};
    struct scene scene;
    scene_begin(&scene);
    wire_put_headers(&scene.out, 1, WIRE_END_STREAM, fields);
    send_out(&scene);
    REQUIRE(scene.two.desk.count == 1);
    const struct request_head *head = &scene.two.desk.requests[0].head;
    CHECK(head->ends_here && head->length == 0);
    CHECK(!headers_has(&head->fields, SPAN("content-length")));
    scene_end(&scene);
}

TEST(trailers_of_an_edge_arrive_and_malformed_ones_abort)
{
    static const struct {
        const char *fields[4];
        uint8_t flags;
        bool good;
        const char *reason;
    } cases[] = {
        {{"x-sum", " 1 ", NULL}, WIRE_END_STREAM, true, "a trailer"},
        {{":path", "/", NULL}, WIRE_END_STREAM, false, "a pseudo field"},
        {{"X-Sum", "1", NULL}, WIRE_END_STREAM, false, "capitals"},
        {{"x-sum", "a\rb", NULL}, WIRE_END_STREAM, false, "CR"},
        {{"x-sum", "1", NULL}, 0, false, "no end"},
        {{"connection", "close", NULL}, WIRE_END_STREAM, false, "a field of one hop"},
        {{NULL}, WIRE_END_STREAM, true, "none at all"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        struct span sum = SPAN("");
        scene_begin(&scene);
        post(&scene, NULL);
        wire_put_data(&scene.out, 1, 0, SPAN("body"));
        wire_put_headers(&scene.out, 1, cases[i].flags, cases[i].fields);
        send_out(&scene);
        struct desk_request *request = &scene.two.desk.requests[0];
        CHECK_CASE(request->body_ended == cases[i].good, "%s", cases[i].reason);
        CHECK_CASE(request->aborted == !cases[i].good, "%s", cases[i].reason);
        if (cases[i].good && cases[i].fields[0]) {
            CHECK(headers_find(&request->trailers, SPAN("x-sum"), &sum));
            CHECK_SPAN(sum, SPAN("1"));
        }
        if (!cases[i].good)
            CHECK_CASE(is_reset(&scene, PROTOCOL_ERROR), "%s", cases[i].reason);
        CHECK_CASE(is_well(&scene, 3), "%s", cases[i].reason);
        scene_end(&scene);
    }
}

TEST(an_edge_may_ask_by_connect)
{
    static const char *const fields[] = {":method", "CONNECT", ":authority", "192.0.2.1:22", NULL};
    struct scene scene;
    scene_begin(&scene);
    wire_put_headers(&scene.out, 1, 0, fields);
    send_out(&scene);
    REQUIRE(scene.two.desk.count == 1);
    CHECK_SPAN(buf_span(&scene.two.desk.requests[0].head.authority), SPAN("192.0.2.1:22"));
    CHECK_SIZE(scene.two.desk.requests[0].head.target.len, 0);
    CHECK(!is_reset(&scene, PROTOCOL_ERROR));
    scene_end(&scene);
}

TEST(a_head_over_its_limit_is_431_whatever_else_is_wrong_with_it)
{
    static const char *const fields[] = {REQUEST("GET", "/%zz"), "connection", "x", NULL};
    static char value[20 * 1000];
    struct scene scene;
    struct wire_frame last = {0};
    struct buf block = BUF_LIMIT(256 * 1024);
    memset(value, 'x', sizeof value);
    scene_begin(&scene);
    for (int i = 0; i < 4; i++)
        wire_put_field(&block, "x-big", span_make(value, sizeof value));
    for (const char *const *field = fields; *field; field += 2)
        wire_put_field(&block, field[0], span_of(field[1]));
    for (struct span rest = buf_span(&block); rest.len > 0;) {
        struct span part = span_first(rest, 16 * 1024);
        bool first = rest.data == block.data;
        rest = span_skip(rest, part.len);
        uint8_t flags =
            (uint8_t)((first ? WIRE_END_STREAM : 0) | (rest.len == 0 ? WIRE_END_HEADERS : 0));
        wire_put(&scene.out,
                 &(struct wire_frame){first ? WIRE_HEADERS : WIRE_CONTINUATION, flags, 1, part});
    }
    send_out(&scene);
    CHECK_SIZE(scene.two.desk.count, 0);
    CHECK_SIZE(wire_count(hear(&scene), WIRE_HEADERS, 1, &last), 1);
    CHECK(is_well(&scene, 3));
    buf_release(&block);
    scene_end(&scene);
}
