/* Who does not read holds its own stream and nothing else, in bounded memory; who reads slowly gets
 * every byte; and nobody waits for bytes that have come. */
#include "culvert/http/h1_server.h"
#include "support/both_ends.h"
#include "support/h2_visitor.h"
#include "support/pattern.h"

#include "harness.h"

#include <unistd.h>

#define MUCH "67108864" /* 64 MiB */

enum { STUCK = 8, OTHERS = 12, MANY_BYTES = 64 * 1024 * 1024 };

/* What one stream may hold of its budget at either end: a window of the tunnel and a channel of
 * HTTP/1.1. */
enum { STREAM_BYTES_MAX = H2_STREAM_WINDOW + CHANNEL_LIMIT };

static const char rules[] = "ingress:\n"
                            "  - {hostname: app.example.com, service: 'http://127.0.0.1:3000'}\n"
                            "  - {service: 'http://127.0.0.1:3001'}\n";

static const struct fake_script download = {
    {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: " MUCH "\r\n\r\n"), 0, 0},
     {FAKE_STREAM, {0}, MANY_BYTES, 0}}};
static const struct fake_script hello = {
    {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 0, 0}}};

/* Both ends, the origin of app.example.com and one that is always quick. */
struct scene {
    struct both_ends ends;
    struct fake_origin quick;
};

static void scene_open(struct scene *scene, const struct fake_script *script)
{
    both_ends_open(&scene->ends);
    fake_origin_follow(&scene->ends.origin, script, 1);
    fake_origin_open(&scene->quick, scene->ends.loop, &scene->ends.memory, "127.0.0.1:3001");
    fake_origin_follow(&scene->quick, &hello, 1);
    both_ends_connect(&scene->ends, rules);
    CHECK(both_ends_registered(&scene->ends, 4));
}

static void scene_close(struct scene *scene)
{
    CHECK(both_ends_stop(&scene->ends));
    fake_origin_close(&scene->quick);
    CHECK(settle(scene->ends.loop));
    both_ends_close(&scene->ends);
}

static void settle_all(struct scene *scene)
{
    CHECK(settle(scene->ends.loop));
}

/* Requests that share the HA connections with the stuck ones. */
static void others_go_on(struct scene *scene)
{
    struct visitor_wire visitor;
    visitor_open(&visitor, &scene->ends);
    for (size_t i = 0; i < OTHERS; i++) {
        buf_clear(&visitor.got);
        visitor_say(&visitor, SPAN("GET / HTTP/1.1\r\nHost: x.wild.example.com\r\n\r\n"));
        CHECK_CASE(visitor_hears(&visitor, "hello"), "request %zu of the others", i);
    }
    visitor_close(&visitor);
}

static size_t held(struct scene *scene, bool at_edge)
{
    return (
        size_t)(at_edge
                    ? both_ends_metric(&scene->ends, "127.0.0.1:2001", "culvert_edge_channel_bytes")
                    : both_ends_metric(&scene->ends, "127.0.0.1:20241", "culvert_channel_bytes"));
}

static void check_held(struct scene *scene, size_t streams)
{
    for (int at_edge = 0; at_edge < 2; at_edge++) {
        size_t bytes = held(scene, at_edge);
        CHECK_CASE(bytes <= streams * STREAM_BYTES_MAX, "%zu bytes lie at the %s", bytes,
                   at_edge ? "edge" : "connector");
        CHECK_CASE(streams == 0 || bytes > 0, "nothing lies at the %s",
                   at_edge ? "edge" : "connector");
    }
}

static void check_all_gone(struct scene *scene)
{
    check_held(scene, 0);
    CHECK(both_ends_metric(&scene->ends, "127.0.0.1:2001", "culvert_edge_open_requests") == 0);
    for (size_t i = 0; i < scene->ends.origin.connection_count; i++)
        CHECK_CASE(scene->ends.origin.connections[i].peer_closed, "origin connection %zu", i);
}

/* ---- visitors that read as they are told ---- */

struct reader {
    int fd;
    struct buf head;
    bool in_body;
    uint64_t got; /* of the body, right so far */
    bool wrong, ended;
};

static void reader_open(struct reader *reader, struct scene *scene, const char *request)
{
    *reader = (struct reader){.head = BUF_LIMIT(64 * 1024)};
    reader->fd = memory_sockets_dial(&scene->ends.memory, "127.0.0.1:8080");
    CHECK(reader->fd != -1);
    CHECK(write(reader->fd, request, strlen(request)) == (ssize_t)strlen(request));
}

static void reader_take(struct reader *reader, struct span bytes)
{
    if (!reader->in_body) {
        for (; bytes.len > 0 && !reader->in_body; bytes = span_skip(bytes, 1)) {
            CHECK(buf_put_char(&reader->head, bytes.data[0]));
            reader->in_body = span_ends(buf_span(&reader->head), SPAN("\r\n\r\n"));
        }
    }
    reader->wrong |= !pattern_fits(bytes.data, bytes.len, reader->got);
    reader->got += bytes.len;
}

/* Reads at most `most` bytes; returns how many. */
static size_t reader_read(struct reader *reader, size_t most)
{
    static char bytes[256 * 1024];
    ssize_t n = read(reader->fd, bytes, most < sizeof bytes ? most : sizeof bytes);
    reader->ended |= n == 0;
    if (n <= 0)
        return 0;
    reader_take(reader, span_make(bytes, (size_t)n));
    return (size_t)n;
}

static void reader_close(struct reader *reader)
{
    (void)close(reader->fd);
    buf_release(&reader->head);
}

#define GET_APP "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"

TEST(downloads_that_nobody_reads_hold_their_own_streams_only)
{
    struct scene scene;
    struct reader readers[STUCK];
    scene_open(&scene, &download);
    for (size_t i = 0; i < STUCK; i++)
        reader_open(&readers[i], &scene, GET_APP);
    settle_all(&scene);
    CHECK_SIZE(scene.ends.origin.request_count, STUCK);
    check_held(&scene, STUCK);
    others_go_on(&scene);
    both_ends_pass(&scene.ends, H1_STALL_MS / 2);
    check_held(&scene, STUCK);
    others_go_on(&scene);
    for (size_t i = 0; i < STUCK; i++) {
        CHECK(scene.ends.origin.connections[i].sent < MANY_BYTES / 8);
        reader_close(&readers[i]);
    }
    both_ends_pass(&scene.ends, 100);
    check_all_gone(&scene);
    others_go_on(&scene);
    scene_close(&scene);
}

TEST(a_download_that_nobody_reads_is_given_up_in_the_end)
{
    struct scene scene;
    struct reader reader;
    scene_open(&scene, &download);
    reader_open(&reader, &scene, GET_APP);
    both_ends_pass(&scene.ends, H1_STALL_MS - 1);
    CHECK(!scene.ends.origin.connections[0].peer_closed);
    both_ends_pass(&scene.ends, 1000);
    check_all_gone(&scene);
    reader_close(&reader);
    scene_close(&scene);
}

TEST(an_origin_that_leaves_a_stuck_download_cuts_it)
{
    struct scene scene;
    struct reader reader;
    scene_open(&scene, &download);
    reader_open(&reader, &scene, GET_APP);
    settle_all(&scene);
    fake_origin_hang_up(&scene.ends.origin, 0);
    both_ends_pass(&scene.ends, 100);
    for (size_t i = 0; i < 1000 && !reader.ended; i++) {
        if (reader_read(&reader, SIZE_MAX) == 0)
            both_ends_pass(&scene.ends, 10);
    }
    CHECK(reader.ended && !reader.wrong);
    CHECK(reader.got < MANY_BYTES / 8);
    check_held(&scene, 0);
    reader_close(&reader);
    scene_close(&scene);
}

TEST(a_slow_reader_gets_every_byte_right)
{
    enum { PIECE = 40 * 1000, LENGTH = 8 * 1024 * 1024 };
    static const struct fake_script script = {
        {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n"), 0, 0},
         {FAKE_STREAM, {0}, LENGTH, 0}}};
    struct scene scene;
    struct reader reader;
    scene_open(&scene, &script);
    reader_open(&reader, &scene, GET_APP);
    settle_all(&scene);
    while (reader.got < LENGTH && !reader.wrong) {
        if (reader_read(&reader, PIECE) == 0)
            break;
        both_ends_pass(&scene.ends, 1000);
    }
    CHECK(!reader.wrong);
    CHECK_SIZE(reader.got, LENGTH);
    check_held(&scene, 0);
    reader_close(&reader);
    scene_close(&scene);
}

TEST(a_fast_reader_gets_64_mib_through_bounded_memory)
{
    struct scene scene;
    struct reader reader;
    scene_open(&scene, &download);
    reader_open(&reader, &scene, GET_APP);
    for (size_t idle = 0; reader.got < MANY_BYTES && !reader.wrong && idle < 100; idle++) {
        (void)loop_turn(scene.ends.loop, 0);
        if (reader_read(&reader, SIZE_MAX) > 0)
            idle = 0;
        const struct conn *origin = scene.ends.origin.connections[0].conn;
        CHECK(!origin || conn_queued(origin) <= CONN_OUT_ROOM + CHANNEL_BLOCK);
    }
    CHECK(!reader.wrong);
    CHECK_SIZE(reader.got, MANY_BYTES);
    settle_all(&scene);
    check_held(&scene, 0);
    reader_close(&reader);
    scene_close(&scene);
}

/* ---- uploads ---- */

/* Writes as much of the pattern as is taken; returns how much was written in all. */
static uint64_t write_on(int fd, struct scene *scene, uint64_t at, uint64_t most)
{
    unsigned char bytes[16 * 1024];
    for (;;) {
        size_t len = most - at < sizeof bytes ? (size_t)(most - at) : sizeof bytes;
        pattern_fill(bytes, len, at);
        ssize_t n = len > 0 ? write(fd, bytes, len) : 0;
        settle_all(scene);
        if (n <= 0 && (len == 0 || write(fd, bytes, 1) != 1))
            return at;
        at += n > 0 ? (uint64_t)n : 1;
    }
}

#define POST_APP(length)                                                                           \
    "POST / HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: " length "\r\n\r\n"

static void stuck_uploads(struct scene *scene, int fds[STUCK])
{
    static const struct fake_script never = {{{FAKE_END}}};
    static const char head[] = POST_APP(MUCH);
    scene_open(scene, &never);
    scene->ends.origin.deaf = true;
    for (size_t i = 0; i < STUCK; i++) {
        fds[i] = memory_sockets_dial(&scene->ends.memory, "127.0.0.1:8080");
        REQUIRE(fds[i] != -1 && write(fds[i], head, sizeof head - 1) == (ssize_t)sizeof head - 1);
        uint64_t taken = write_on(fds[i], scene, 0, MANY_BYTES);
        CHECK_CASE(taken < MANY_BYTES / 8, "upload %zu: %llu bytes were taken", i,
                   (unsigned long long)taken);
    }
    check_held(scene, STUCK);
    others_go_on(scene);
    both_ends_pass(&scene->ends, 10 * 1000);
    check_held(scene, STUCK);
    others_go_on(scene);
}

TEST(uploads_to_an_origin_that_reads_nothing_hold_their_own_streams_only)
{
    struct scene scene;
    int fds[STUCK];
    stuck_uploads(&scene, fds);
    for (size_t i = 0; i < STUCK; i++)
        (void)close(fds[i]);
    both_ends_pass(&scene.ends, H1_LOOK_MS);
    check_held(&scene, 0);
    CHECK(both_ends_metric(&scene.ends, "127.0.0.1:2001", "culvert_edge_open_requests") == 0);
    others_go_on(&scene);
    scene_close(&scene);
}

TEST(uploads_end_when_the_origin_that_read_nothing_leaves)
{
    struct scene scene;
    int fds[STUCK];
    char answer[64];
    stuck_uploads(&scene, fds);
    for (size_t i = 0; i < STUCK; i++)
        fake_origin_hang_up(&scene.ends.origin, i);
    both_ends_pass(&scene.ends, 100);
    check_held(&scene, 0);
    for (size_t i = 0; i < STUCK; i++) {
        ssize_t n = read(fds[i], answer, sizeof answer);
        CHECK_CASE(n > 12 && memcmp(answer, "HTTP/1.1 502", 12) == 0, "upload %zu", i);
        (void)close(fds[i]);
    }
    others_go_on(&scene);
    scene_close(&scene);
}

TEST(an_origin_that_reads_late_gets_every_byte_of_an_upload)
{
    enum { LENGTH = 8 * 1024 * 1024 };
    static const struct fake_script script = {
        {{FAKE_AWAIT, {0}, LENGTH, 0},
         {FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), 0, 0}}};
    static const char head[] = POST_APP("8388608");
    struct scene scene;
    char answer[64];
    scene_open(&scene, &script);
    scene.ends.origin.deaf = true;
    int fd = memory_sockets_dial(&scene.ends.memory, "127.0.0.1:8080");
    REQUIRE(fd != -1 && write(fd, head, sizeof head - 1) == (ssize_t)sizeof head - 1);
    uint64_t taken = write_on(fd, &scene, 0, LENGTH);
    CHECK(taken < LENGTH / 2);
    both_ends_pass(&scene.ends, 20 * 1000);
    gate_release(conn_gate(scene.ends.origin.connections[0].conn), HOLD_DRAIN);
    settle_all(&scene);
    CHECK_SIZE(write_on(fd, &scene, taken, LENGTH), LENGTH);
    REQUIRE(scene.ends.origin.request_count == 1);
    const struct fake_request *request = &scene.ends.origin.requests[0];
    CHECK_SIZE(request->body.len, LENGTH);
    CHECK(pattern_fits(request->body.data, request->body.len, 0));
    ssize_t n = read(fd, answer, sizeof answer);
    CHECK(n > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0);
    (void)close(fd);
    scene_close(&scene);
}

/* ---- visitors over HTTP/2 ---- */

TEST(a_stuck_stream_of_a_visitor_leaves_its_other_streams_alone)
{
    struct scene scene;
    struct h2_visitor visitor;
    struct ask stuck[4];
    scene_open(&scene, &download);
    h2_visitor_open(&visitor, &scene.ends);
    for (size_t i = 0; i < ARRAY_LEN(stuck); i++) {
        ask_init(&stuck[i], "GET", "/");
        buf_clear(&stuck[i].head.authority);
        CHECK(buf_put_span(&stuck[i].head.authority, SPAN("app.example.com")));
        stuck[i].holds = true;
        CHECK(ask_send(&stuck[i], &visitor.opener));
    }
    settle_all(&scene);
    check_held(&scene, ARRAY_LEN(stuck));
    for (size_t i = 0; i < OTHERS; i++) {
        struct ask ask;
        ask_init(&ask, "GET", "/");
        buf_clear(&ask.head.authority);
        CHECK(buf_put_span(&ask.head.authority, SPAN("x.wild.example.com")));
        CHECK(ask_send(&ask, &visitor.opener));
        CHECK(h2_visitor_hears(&visitor, &ask));
        CHECK_SPAN(buf_span(&ask.text), SPAN("hello"));
        ask_release(&ask);
    }
    for (size_t i = 0; i < ARRAY_LEN(stuck); i++) {
        CHECK_SIZE(channel_len(stuck[i].from->bytes), H2_STREAM_WINDOW);
        ask_take(&stuck[i]);
        settle_all(&scene);
        CHECK_SIZE(stuck[i].text.len, H2_STREAM_WINDOW);
        CHECK(pattern_fits(stuck[i].text.data, stuck[i].text.len, 0));
        ask_release(&stuck[i]);
    }
    both_ends_pass(&scene.ends, 100);
    check_all_gone(&scene);
    h2_visitor_close(&visitor);
    scene_close(&scene);
}

TEST(a_stuck_upload_of_a_visitor_leaves_its_other_streams_alone)
{
    static const struct fake_script never = {{{FAKE_END}}};
    struct scene scene;
    struct h2_visitor visitor;
    struct ask stuck[4];
    struct buf piece = BUF_LIMIT(CHANNEL_LIMIT);
    while (buf_put_char(&piece, 'x'))
        continue;
    scene_open(&scene, &never);
    scene.ends.origin.deaf = true;
    h2_visitor_open(&visitor, &scene.ends);
    for (size_t i = 0; i < ARRAY_LEN(stuck); i++) {
        ask_init(&stuck[i], "POST", "/");
        buf_clear(&stuck[i].head.authority);
        CHECK(buf_put_span(&stuck[i].head.authority, SPAN("app.example.com")));
        ask_announce(&stuck[i], MANY_BYTES);
        CHECK(ask_send(&stuck[i], &visitor.opener));
        for (size_t k = 0; k < 100 && channel_len(stuck[i].body.bytes) == 0; k++) {
            ask_put(&stuck[i], buf_span(&piece));
            settle_all(&scene);
        }
        CHECK(channel_len(stuck[i].body.bytes) > 0);
    }
    check_held(&scene, ARRAY_LEN(stuck));
    for (size_t i = 0; i < OTHERS; i++) {
        struct ask ask;
        ask_init(&ask, "GET", "/");
        buf_clear(&ask.head.authority);
        CHECK(buf_put_span(&ask.head.authority, SPAN("x.wild.example.com")));
        CHECK(ask_send(&ask, &visitor.opener));
        CHECK(h2_visitor_hears(&visitor, &ask));
        ask_release(&ask);
    }
    for (size_t i = 0; i < ARRAY_LEN(stuck); i++)
        ask_release(&stuck[i]);
    both_ends_pass(&scene.ends, 100);
    check_held(&scene, 0);
    buf_release(&piece);
    h2_visitor_close(&visitor);
    scene_close(&scene);
}

/* ---- nothing waits for company ---- */

TEST(every_byte_is_sent_on_as_it_comes_whatever_its_type)
{
    static const char *const types[] = {
        "",
        "Content-Type: text/html\r\n",
        "Content-Type: application/octet-stream\r\n",
        "Content-Type: text/event-stream\r\n",
        "Content-Type: application/json\r\n",
    };
    static const char *const framings[] = {"Content-Length: 4\r\n", ""}; /* "": until close */
    for (size_t i = 0; i < ARRAY_LEN(types) * ARRAY_LEN(framings); i++) {
        struct scene scene;
        struct visitor_wire visitor;
        struct buf head = BUF_LIMIT(1024);
        CHECK(buf_printf(&head, "HTTP/1.1 200 OK\r\n%s%s\r\n", types[i / 2], framings[i % 2]));
        const struct fake_script script = {{{FAKE_SEND, buf_span(&head), 0, 0},
                                            {FAKE_SLEEP, {0}, 1000, 0},
                                            {FAKE_SEND, SPAN("a"), 0, 0},
                                            {FAKE_SLEEP, {0}, 1000, 0},
                                            {FAKE_SEND, SPAN("b"), 0, 0},
                                            {FAKE_SLEEP, {0}, 1000, 0},
                                            {FAKE_SEND, SPAN("c"), 0, 0},
                                            {FAKE_SLEEP, {0}, 1000, 0},
                                            {FAKE_SEND, SPAN("d"), 0, 0},
                                            {FAKE_CLOSE}}};
        scene_open(&scene, &script);
        visitor_open(&visitor, &scene.ends);
        visitor_say(&visitor, SPAN(GET_APP));
        settle_all(&scene);
        CHECK_CASE(strstr(buf_text(&visitor.got), "\r\n\r\n"), "%s: the head waits",
                   buf_text(&head));
        for (int byte = 'a'; byte <= 'd'; byte++) {
            size_t before = visitor.got.len;
            both_ends_pass(&scene.ends, 999);
            CHECK_CASE(visitor.got.len == before, "%s: %c is early", buf_text(&head), byte);
            both_ends_pass(&scene.ends, 1);
            CHECK_CASE(memchr(visitor.got.data + before, byte, visitor.got.len - before),
                       "%s: %c waits", buf_text(&head), byte);
        }
        visitor_close(&visitor);
        buf_release(&head);
        scene_close(&scene);
    }
}

TEST(every_byte_of_an_upload_reaches_the_origin_as_it_comes)
{
    static const char *const heads[] = {POST_APP("4"), "POST / HTTP/1.1\r\nHost: app.example.com"
                                                       "\r\nTransfer-Encoding: chunked\r\n\r\n"};
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        static const struct fake_script never = {{{FAKE_END}}};
        struct scene scene;
        struct visitor_wire visitor;
        scene_open(&scene, &never);
        visitor_open(&visitor, &scene.ends);
        visitor_say(&visitor, span_of(heads[i]));
        settle_all(&scene);
        REQUIRE(scene.ends.origin.request_count == 1);
        const struct fake_request *request = &scene.ends.origin.requests[0];
        for (int byte = 'a'; byte <= 'd'; byte++) {
            char text[8];
            (void)snprintf(text, sizeof text, i == 0 ? "%c" : "1\r\n%c\r\n", byte);
            size_t before = request->body.len;
            both_ends_pass(&scene.ends, 1000);
            visitor_say(&visitor, span_of(text));
            settle_all(&scene);
            CHECK_CASE(request->body.len > before &&
                           memchr(request->body.data + before, byte, request->body.len - before),
                       "%s: %c waits", heads[i], byte);
        }
        visitor_close(&visitor);
        scene_close(&scene);
    }
}

TEST(a_visitor_that_leaves_behind_many_pipelined_requests_is_noticed)
{
    static const struct fake_script never = {{{FAKE_END}}};
    struct scene scene;
    struct buf requests = BUF_LIMIT(4 * H1_PIPELINE_MAX);
    scene_open(&scene, &never);
    while (requests.len < 2 * H1_PIPELINE_MAX)
        CHECK(buf_put_span(&requests, SPAN(GET_APP)));
    int fd = memory_sockets_dial(&scene.ends.memory, "127.0.0.1:8080");
    REQUIRE(fd != -1 && write(fd, requests.data, requests.len) == (ssize_t)requests.len);
    buf_release(&requests);
    settle_all(&scene);
    CHECK_SIZE(scene.ends.origin.request_count, 1);
    (void)close(fd);
    both_ends_pass(&scene.ends, H1_LOOK_MS);
    check_all_gone(&scene);
    scene_close(&scene);
}
