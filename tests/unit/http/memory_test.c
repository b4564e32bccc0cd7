/* The HTTP servers and clients with each of their allocations failing once: every owner is told
 * once, nothing is lost, and what looks whole is whole. The owners here allocate nothing. */
#include "culvert/http/h1_client.h"
#include "culvert/http/h1_server.h"
#include "culvert/http/h2_session.h"
#include "harness.h"
#include "support/scarce_memory.h"
#include "support/turned_loop.h"

#include <stdlib.h>
#include <unistd.h>

enum { ALLOCATIONS_MAX = 100000, REQUESTS_MAX = 4, LONG = 100 * 1000 };

/* A request at a server, and its owner. */
struct serving {
    struct inbound *in; /* NULL: let go */
    struct body answer;
    size_t answered, aborted, got;
    bool whole;
};

struct play {
    struct turned_loop turned;
    int fd; /* of a peer by hand; -1: none */
    char heard[8192];
    size_t heard_len;
    struct h1_server *server;
    struct h1_client *client;
    struct h2_session *sessions[2];
    struct serving servings[REQUESTS_MAX];
    size_t served, closed[2];
    /* A request of a client. */
    struct request_head head;
    struct body body, *from;
    struct outbound *out;
    size_t done, failed, taken;
    int status;
};

/* ---- the owner of requests ---- */

static void let_go(struct serving *serving)
{
    struct inbound *in = serving->in;
    if (!in)
        return;
    serving->in = NULL;
    channel_set_taker(in->body->bytes, NULL, NULL);
    inbound_close(in);
}

static void on_answered(void *arg)
{
    struct serving *serving = arg;
    serving->answered++;
    let_go(serving);
}

static void on_aborted(void *arg, const struct error *why)
{
    struct serving *serving = arg;
    CHECK(why->kind != ERROR_NONE);
    serving->aborted++;
    let_go(serving);
}

static const struct inbound_events inbound_events = {on_answered, on_aborted};

static void take_request(void *arg)
{
    struct serving *serving = arg;
    struct channel *bytes = serving->in->body->bytes;
    serving->got += channel_len(bytes);
    channel_drop(bytes, channel_len(bytes));
    serving->whole = channel_is_done(bytes);
}

static const struct channel_events request_taker = {take_request};

/* An answer with a body and a trailer, put together before memory gets scarce. */
static void on_request(void *arg, struct inbound *in)
{
    struct play *play = arg;
    struct response_head head;
    REQUIRE(play->served < REQUESTS_MAX);
    struct serving *serving = &play->servings[play->served++];
    serving->in = in;
    inbound_set_events(in, &inbound_events, serving);
    channel_set_taker(in->body->bytes, &request_taker, serving);
    take_request(serving);
    struct span value;
    if (headers_find(&in->head.fields, SPAN("x-long"), &value))
        CHECK_SIZE(value.len, LONG);
    response_head_init(&head);
    head.status = in->head.is_websocket ? 101 : 200;
    head.length = LENGTH_UNKNOWN;
    if (!inbound_answer(in, &head, &serving->answer, NULL))
        let_go(serving);
    response_head_release(&head);
}

static void on_refused(void *arg, int status, enum abuse abuse, const char *why)
{
    (void)arg;
    CHECK((status == 0 || status >= 400) && abuse < ABUSES && why);
}

static void on_server_closed(void *arg)
{
    struct play *play = arg;
    play->closed[1]++;
    h1_server_close(play->server);
    play->server = NULL;
}

static const struct h1_server_events server_events = {on_request, on_refused, on_server_closed};

/* ---- the owner of one request that is sent ---- */

static void take_answer(void *arg)
{
    struct play *play = arg;
    play->taken += channel_len(play->from->bytes);
    channel_drop(play->from->bytes, channel_len(play->from->bytes));
}

static const struct channel_events answer_taker = {take_answer};

static void on_inform(void *arg, const struct response_head *head)
{
    (void)arg;
    (void)head;
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct play *play = arg;
    play->status = head->status;
    play->from = body;
    if (body) {
        channel_set_taker(body->bytes, &answer_taker, play);
        take_answer(play);
    }
}

static void on_done(void *arg)
{
    ((struct play *)arg)->done++;
}

static void on_failed(void *arg, const struct error *why)
{
    CHECK(why->kind != ERROR_NONE);
    ((struct play *)arg)->failed++;
}

static const struct outbound_events outbound_events = {on_inform, on_answer, on_done, on_failed};

/* ---- the play ---- */

static void body_init(struct body *body, size_t len)
{
    static const char bytes[CHANNEL_LIMIT];
    headers_init(&body->trailers);
    body->length = LENGTH_UNKNOWN;
    body->bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    REQUIRE(body->bytes && headers_add(&body->trailers, SPAN("x-sum"), SPAN("1"), NULL));
    CHECK_SIZE(channel_put(body->bytes, bytes, len), len);
    channel_end(body->bytes);
}

static void body_release(struct body *body)
{
    headers_release(&body->trailers);
    channel_free(body->bytes);
}

enum { BODY = 20 * 1000, ANSWER = 30 * 1000 };

static void play_begin(struct play *play)
{
    *play = (struct play){.fd = -1};
    turned_loop_init(&play->turned);
    request_head_init(&play->head);
    CHECK(buf_put_span(&play->head.method, SPAN("POST")) &&
          buf_put_span(&play->head.scheme, SPAN("http")) &&
          buf_put_span(&play->head.authority, SPAN("a.example")) &&
          buf_put_span(&play->head.target, SPAN("/")));
    for (int i = 0; i < 5; i++)
        CHECK(headers_add(&play->head.fields, SPAN("x-field"), SPAN("value"), NULL));
    play->head.length = LENGTH_UNKNOWN;
    body_init(&play->body, BODY);
    for (size_t i = 0; i < REQUESTS_MAX; i++)
        body_init(&play->servings[i].answer, ANSWER);
}

static void play_end(struct play *play)
{
    outbound_close(play->out);
    h1_client_close(play->client);
    h1_server_close(play->server);
    h2_session_close(play->sessions[0]);
    h2_session_close(play->sessions[1]);
    turned_loop_pass(&play->turned, 5 * 1000);
    for (size_t i = 0; i < REQUESTS_MAX; i++) {
        struct serving *serving = &play->servings[i];
        CHECK(serving->answered + serving->aborted <= 1);
        let_go(serving);
        body_release(&serving->answer);
    }
    if (play->fd != -1)
        (void)close(play->fd);
    turned_loop_settle(&play->turned);
    body_release(&play->body);
    request_head_release(&play->head);
    turned_loop_release(&play->turned);
}

/* Plays with the first, then the second, ... allocation failing, until none is left to fail. */
static void play_all(void (*perform)(struct play *play), void (*judge)(const struct play *play))
{
    static struct play play;
    size_t n = 0;
    for (bool failed = true; failed && n < ALLOCATIONS_MAX; n++) {
        play_begin(&play);
        scarce_memory_begin(n);
        perform(&play);
        failed = scarce_memory_end();
        judge(&play);
        play_end(&play);
    }
    CHECK(n > 5 && n < ALLOCATIONS_MAX);
}

static void hear(struct play *play)
{
    ssize_t n;
    do {
        turned_loop_settle(&play->turned);
        n = read(play->fd, play->heard, sizeof play->heard);
        if (n > 0)
            play->heard_len += (size_t)n;
    } while (n > 0);
}

/* The other side may be gone already. */
static void say(struct play *play, const char *text, size_t len)
{
    ssize_t sent = send(play->fd, text, len, MSG_NOSIGNAL);
    CHECK(sent == (ssize_t)len || sent == -1);
    turned_loop_settle(&play->turned);
}

static struct conn *conn_to_peer(struct play *play)
{
    int ends[2];
    memory_pair(ends);
    play->fd = ends[1];
    return conn_new(play->turned.loop, ends[0], NULL, NULL, NULL);
}

static void serve_over_h1(struct play *play)
{
    static const char said[] =
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"
        "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
        "GET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    struct conn *conn = conn_to_peer(play);
    if (conn)
        play->server = h1_server_new(conn, &(struct h1_server_options){.scheme = "http"},
                                     &server_events, play, NULL);
    if (!play->server)
        return;
    say(play, said, 20); /* in two pieces, so that one is kept */
    say(play, said + 20, sizeof said - 21);
    hear(play);
    CHECK_SIZE(play->closed[1], 1);
}

static void judge_served(const struct play *play)
{
    for (size_t i = 0; i < play->served; i++) {
        const struct serving *serving = &play->servings[i];
        CHECK(serving->answered + serving->aborted == 1 || serving->in == NULL);
    }
    if (play->served == 2 && play->servings[1].answered)
        CHECK(play->heard_len > (size_t)2 * ANSWER);
}

TEST(an_http1_server_survives_each_failing_allocation)
{
    play_all(serve_over_h1, judge_served);
}

static void ask_over_h1(struct play *play)
{
    static const char head[] = "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"
                               "5\r\nhello\r\n";
    static const char tail[] = "0\r\nX-Sum: 1\r\n\r\n";
    struct conn *conn = conn_to_peer(play);
    if (conn)
        play->client = h1_client_new(conn, NULL, NULL);
    if (!play->client)
        return;
    play->out =
        h1_client_send(play->client, &play->head, &play->body, &outbound_events, play, NULL);
    if (!play->out)
        return;
    hear(play);
    say(play, head, sizeof head - 1);
    say(play, tail, sizeof tail - 1);
    CHECK_SIZE(play->done + play->failed, 1);
}

static void judge_asked(const struct play *play)
{
    CHECK(play->done + play->failed <= 1);
    if (play->done)
        CHECK(play->status == 200 && play->taken == 5 && play->from->trailers.count == 1);
}

TEST(an_http1_client_survives_each_failing_allocation)
{
    play_all(ask_over_h1, judge_asked);
}

static void serve_upgrade(struct play *play)
{
    static const char said[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                               "Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\nhello";
    struct conn *conn = conn_to_peer(play);
    if (conn)
        play->server = h1_server_new(conn, &(struct h1_server_options){.scheme = "http"},
                                     &server_events, play, NULL);
    if (!play->server)
        return;
    say(play, said, sizeof said - 1);
    hear(play);
    CHECK_SIZE(play->closed[1], 1);
}

static void judge_upgrade_served(const struct play *play)
{
    const struct serving *serving = &play->servings[0];
    CHECK(play->served <= 1 && serving->in == NULL);
    CHECK(!serving->answered || play->heard_len > ANSWER);
}

TEST(an_upgrade_that_is_served_survives_each_failing_allocation)
{
    play_all(serve_upgrade, judge_upgrade_served);
}

static void ask_upgrade(struct play *play)
{
    static const char accepts[] = "HTTP/1.1 101 S\r\nConnection: Upgrade\r\n"
                                  "Upgrade: websocket\r\nX-A: b\r\n\r\nhello";
    struct conn *conn = conn_to_peer(play);
    if (conn)
        play->client = h1_client_new(conn, NULL, NULL);
    if (!play->client)
        return;
    play->head.is_websocket = true;
    play->out =
        h1_client_send(play->client, &play->head, &play->body, &outbound_events, play, NULL);
    if (!play->out)
        return;
    hear(play);
    say(play, accepts, sizeof accepts - 1);
    (void)shutdown(play->fd, SHUT_WR);
    hear(play);
    CHECK_SIZE(play->done + play->failed, 1);
}

static void judge_upgrade_asked(const struct play *play)
{
    CHECK(play->done + play->failed <= 1);
    if (play->done)
        CHECK(play->status == 101 && play->taken == 5 && play->heard_len > BODY);
}

TEST(an_upgrade_that_is_asked_for_survives_each_failing_allocation)
{
    play_all(ask_upgrade, judge_upgrade_asked);
}

/* ---- HTTP/2 ---- */

static void on_goaway(void *arg, uint32_t code)
{
    (void)arg;
    (void)code;
}

static void on_idle(void *arg)
{
    (void)arg;
}

static void on_client_closed(void *arg, const struct error *why)
{
    struct play *play = arg;
    CHECK(why->kind != ERROR_NONE);
    play->closed[0]++;
    h2_session_close(play->sessions[0]);
    play->sessions[0] = NULL;
}

static void on_session_closed(void *arg, const struct error *why)
{
    struct play *play = arg;
    CHECK(why->kind != ERROR_NONE);
    play->closed[1]++;
    h2_session_close(play->sessions[1]);
    play->sessions[1] = NULL;
}

static const struct h2_session_events client_events = {on_request, on_goaway, on_idle,
                                                       on_client_closed};
static const struct h2_session_events session_events = {on_request, on_goaway, on_idle,
                                                        on_session_closed};

static void ask_with(struct play *play, struct h2_options options)
{
    int ends[2];
    memory_pair(ends);
    struct conn *near = conn_new(play->turned.loop, ends[0], NULL, NULL, NULL);
    struct conn *far = conn_new(play->turned.loop, ends[1], NULL, NULL, NULL);
    if (near)
        play->sessions[0] = h2_session_new(near, &options, &client_events, play, NULL);
    options.is_server = true;
    if (far)
        play->sessions[1] = h2_session_new(far, &options, &session_events, play, NULL);
    turned_loop_settle(&play->turned);
    if (!play->sessions[0])
        return;
    play->out =
        h2_session_open(play->sessions[0], &play->head, &play->body, &outbound_events, play, NULL);
    if (!play->out)
        return;
    turned_loop_pass(&play->turned, 2 * H2_PING_AFTER_MS);
    CHECK_SIZE(play->done + play->failed, 1);
}

static void ask_over_h2(struct play *play)
{
    ask_with(play, (struct h2_options){.streams_max = 10,
                                       .head_max = 16 * 1024,
                                       .stall_ms = 1000,
                                       .is_guarded = true,
                                       .idle_ms = 1000});
}

/* What goes round the library arrives whole, or its request does not. */
static void ask_at_length(struct play *play)
{
    static char value[LONG];
    memset(value, 'v', sizeof value);
    if (headers_add(&play->head.fields, SPAN("x-long"), span_make(value, LONG), NULL))
        ask_with(play, (struct h2_options){.streams_max = 10,
                                           .head_max = 1024 * 1024,
                                           .sends_long_fields = true,
                                           .stall_ms = 1000});
}

static void judge_h2(const struct play *play)
{
    CHECK(play->done + play->failed <= 1 && play->closed[0] <= 1 && play->closed[1] <= 1);
    if (play->done) {
        CHECK(play->status != 200 || play->taken == ANSWER);
        CHECK(play->status != 200 || play->from->trailers.count == 1);
    }
    for (size_t i = 0; i < play->served; i++)
        CHECK(play->servings[i].in == NULL);
    if (play->served > 0 && play->servings[0].answered && play->servings[0].whole)
        CHECK(play->servings[0].got == BODY);
}

TEST(http2_sessions_survive_each_failing_allocation)
{
    play_all(ask_over_h2, judge_h2);
}

TEST(a_request_with_a_long_field_survives_each_failing_allocation)
{
    play_all(ask_at_length, judge_h2);
}

/* The server of an edge: an answer 400, a body that is too long, malformed trailers. */
static void be_judged(struct play *play)
{
    static const char frames[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
                                 "\0\0\x11\1\5\0\0\0\1\x82\x87\x84\x41\1a\0\7upgrade\1x"
                                 "\0\0\x0a\1\4\0\0\0\3\x83\x87\x84\x41\1a\x0f\x0d\1"
                                 "3"
                                 "\0\0\5\0\1\0\0\0\3hello"
                                 "\0\0\6\1\4\0\0\0\5\x83\x87\x84\x41\1a"
                                 "\0\0\4\1\5\0\0\0\5\0\1X\0";
    const struct h2_options options = {
        .is_server = true, .streams_max = 10, .head_max = 16 * 1024, .judges_itself = true};
    struct conn *conn = conn_to_peer(play);
    if (conn)
        play->sessions[1] = h2_session_new(conn, &options, &session_events, play, NULL);
    say(play, frames, sizeof frames - 1);
    hear(play);
}

static void judge_judged(const struct play *play)
{
    CHECK(play->served <= 2 && play->closed[1] <= 1);
    for (size_t i = 0; i < play->served; i++) {
        CHECK(!play->servings[i].whole && play->servings[i].got == 0);
        CHECK(play->servings[i].answered + play->servings[i].aborted <= 1);
    }
    CHECK(play->closed[1] == 1 || !play->sessions[1] || play->heard_len > 0);
}

TEST(requests_that_are_judged_survive_each_failing_allocation)
{
    play_all(be_judged, judge_judged);
}
