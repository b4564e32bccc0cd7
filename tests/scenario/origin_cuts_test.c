/* No visitor takes a body that the origin cut for a whole one, however it was cut. */
#include "support/h2_visitor.h"
#include "support/scripted_server.h"
#include "support/thread_ends.h"
#include "support/tls_pair.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define LENGTH  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n"
#define CLOSING "HTTP/1.0 200 OK\r\n\r\nbegun"

static const struct {
    const char *name;
    struct span begun; /* a whole head and "begun" */
    struct span more;  /* behind it */
    enum fake_action how;
    bool tls;
} cuts[] = {
    {"short of its length", SPAN_INIT(LENGTH), {NULL, 0}, FAKE_CLOSE, false},
    {"short of its length, reset", SPAN_INIT(LENGTH), {NULL, 0}, FAKE_RESET, false},
    {"without a last chunk", SPAN_INIT(CHUNKED), {NULL, 0}, FAKE_CLOSE, false},
    {"without a last chunk, reset", SPAN_INIT(CHUNKED), {NULL, 0}, FAKE_RESET, false},
    {"inside of a chunk", SPAN_INIT(CHUNKED), SPAN_INIT("9\r\nmore"), FAKE_CLOSE, false},
    {"inside of a chunk's size", SPAN_INIT(CHUNKED), SPAN_INIT("1"), FAKE_CLOSE, false},
    {"before the end of the trailers", SPAN_INIT(CHUNKED), SPAN_INIT("0\r\nX-A: b\r\n"), FAKE_CLOSE,
     false},
    {"before the empty line", SPAN_INIT(CHUNKED), SPAN_INIT("0\r\n"), FAKE_CLOSE, false},
    {"no chunk's size", SPAN_INIT(CHUNKED), SPAN_INIT("zz\r\n"), FAKE_END, false},
    {"a chunk longer than its size", SPAN_INIT(CHUNKED), SPAN_INIT("1\r\nxyz\r\n"), FAKE_END,
     false},
    {"until close, reset", SPAN_INIT(CLOSING), {NULL, 0}, FAKE_RESET, false},
    {"short of its length, TLS ended", SPAN_INIT(LENGTH), {NULL, 0}, FAKE_CLOSE, true},
    {"short of its length, TLS cut", SPAN_INIT(LENGTH), {NULL, 0}, FAKE_DROP, true},
    {"without a last chunk, TLS cut", SPAN_INIT(CHUNKED), {NULL, 0}, FAKE_DROP, true},
    {"until close, TLS cut", SPAN_INIT(CLOSING), {NULL, 0}, FAKE_DROP, true},
};

struct scene {
    struct both_ends ends;
    struct fake_script script;
};

static void scene_open(struct scene *scene, size_t i, struct tls_context *far)
{
    scene->script = (struct fake_script){{{FAKE_SEND, cuts[i].begun, 0, 0},
                                          {FAKE_SLEEP, SPAN_NONE, 100, 0},
                                          {FAKE_SEND, cuts[i].more, 0, 0},
                                          {FAKE_SLEEP, SPAN_NONE, 100, 0},
                                          {cuts[i].how, SPAN_NONE, 0, 0}}};
    both_ends_open(&scene->ends);
    fake_origin_follow(&scene->ends.origin, &scene->script, 1);
    scene->ends.origin.tls = cuts[i].tls ? far : NULL;
    both_ends_connect(&scene->ends, cuts[i].tls
                                        ? "ingress:\n  - {service: 'https://127.0.0.1:3000', "
                                          "originRequest: {noTLSVerify: true}}\n"
                                        : "ingress:\n  - {service: 'http://127.0.0.1:3000'}\n");
    CHECK(both_ends_registered(&scene->ends, 4));
}

static void scene_close(struct scene *scene)
{
    CHECK(both_ends_stop(&scene->ends));
    both_ends_close(&scene->ends);
}

static void play_h1(size_t i, struct tls_context *far)
{
    struct scene scene;
    struct visitor_wire visitor;
    scene_open(&scene, i, far);
    visitor_open(&visitor, &scene.ends);
    visitor_say(&visitor, SPAN("GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"));
    CHECK_CASE(visitor_hears(&visitor, "begun"), "%s: not begun", cuts[i].name);
    CHECK_CASE(visitor_sees_end(&visitor), "%s: no end", cuts[i].name);
    const char *got = buf_text(&visitor.got);
    const char *body = strstr(got, "\r\n\r\n");
    CHECK_CASE(strstr(got, "HTTP/1.1 200 OK\r\n") == got, "%s: %s", cuts[i].name, got);
    CHECK_CASE(body && !strstr(body, "\r\n0\r\n"), "%s: a whole-looking %s", cuts[i].name, got);
    CHECK_CASE(strcasestr(got, "Transfer-Encoding: chunked") ||
                   strcasestr(got, "Content-Length: 10"),
               "%s: nothing tells the length in %s", cuts[i].name, got);
    visitor_close(&visitor);
    scene_close(&scene);
}

static void play_h2(size_t i, struct tls_context *far)
{
    struct scene scene;
    struct h2_visitor visitor;
    struct ask ask;
    scene_open(&scene, i, far);
    h2_visitor_open(&visitor, &scene.ends);
    ask_init(&ask, "GET", "/");
    buf_clear(&ask.head.authority);
    CHECK(buf_put_span(&ask.head.authority, SPAN("app.example.com")));
    CHECK(ask_send(&ask, &visitor.opener));
    CHECK_CASE(h2_visitor_hears(&visitor, &ask), "%s: no end", cuts[i].name);
    CHECK_CASE(ask.failed && !ask.done, "%s: it ended as a whole one", cuts[i].name);
    CHECK_CASE(ask.status == 200 && span_starts(buf_span(&ask.text), SPAN("begun")), "%s: %d %s",
               cuts[i].name, ask.status, buf_text(&ask.text));
    CHECK_CASE(!visitor.over, "%s: its neighbours lost the connection", cuts[i].name);
    ask_release(&ask);
    h2_visitor_close(&visitor);
    scene_close(&scene);
}

static void play_all(void (*play)(size_t i, struct tls_context *far))
{
    struct tls_fixture fixture;
    tls_fixture_init(&fixture, "localhost");
    struct tls_context *far = tls_server_new(
        &(struct tls_server_options){.choose = tls_fixture_choose, .arg = fixture.identity}, NULL);
    REQUIRE(far != NULL);
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++)
        play(i, far);
    tls_context_unref(far);
    tls_fixture_release(&fixture);
}

TEST(a_cut_body_is_never_a_whole_one)
{
    play_all(play_h1);
}

TEST(a_cut_body_is_a_reset_stream_over_h2)
{
    play_all(play_h2);
}

/* ---- HTTP/1.0 ---- */

struct old_visitor {
    int fd;
    char got[1024];
    size_t len;
    int end; /* what the last read said: 0 or an errno */
};

static bool is_over(void *arg)
{
    struct old_visitor *visitor = arg;
    ssize_t more =
        recv(visitor->fd, visitor->got + visitor->len, sizeof visitor->got - 1 - visitor->len, 0);
    if (more > 0)
        visitor->len += (size_t)more;
    visitor->end = more == 0 ? 0 : errno;
    return more == 0 || (more == -1 && errno != EAGAIN);
}

/* For such a visitor a body ends with the connection: only a reset, which takes a real socket,
 * tells the one that was cut from the whole one. */
TEST(a_cut_body_is_a_reset_for_a_visitor_of_http_1_0)
{
    static const char request[] = "GET / HTTP/1.0\r\nHost: app.example.com\r\n\r\n";
    static const char *const answers[] = {CHUNKED, CHUNKED "0\r\n\r\n"};
    static const int ends_of[] = {ECONNRESET, 0};
    struct scripted_server *server = scripted_server_new(answers, ARRAY_LEN(answers));
    struct thread_ends ends;
    thread_ends_open(&ends);
    thread_ends_start(&ends, scripted_server_url(server));
    thread_ends_registered(&ends, 4);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct old_visitor visitor = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        REQUIRE(connect(visitor.fd, &ends.at.http.any, ends.at.http.len) == 0);
        CHECK(fcntl(visitor.fd, F_SETFL, O_NONBLOCK) == 0);
        CHECK(send(visitor.fd, request, sizeof request - 1, 0) == (ssize_t)sizeof request - 1);
        thread_ends_until(&ends, is_over, &visitor);
        CHECK_CASE(visitor.end == ends_of[i], "answer %zu: %s after %s", i, strerror(visitor.end),
                   visitor.got);
        CHECK(!strcasestr(visitor.got, "Transfer-Encoding"));
        (void)close(visitor.fd);
    }
    thread_ends_close(&ends);
    scripted_server_free(server);
}
