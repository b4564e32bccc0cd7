/* Requests over HTTP/2: the input is what a visitor sends, a preface is put in front when it brings
 * none; once to a session that bears everything and judges requests itself, once to one with a
 * guard and the library's rules. Heads that reach the owner keep their promises, each request ends
 * once, what the session says is whole frames, and who is cut off is told to calm down. */
#include "culvert/http/h2_session.h"
#include "still_clock.h"

#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    HEAD_MAX = 16 * 1024,
    REQUESTS_MAX = 4096,
    FRAME_HEAD = 9,
    FRAME_TYPES = 10,
    ANSWER = 60000, /* bytes of the answer to "/b..." */
};

struct request {
    struct inbound *in; /* NULL: let go */
    struct body answer; /* bytes NULL: none */
    size_t ends;
};

struct visitor {
    struct loop *loop;
    struct h2_session *session; /* NULL: closed */
    int fd;                     /* the visitor's end */
    struct buf heard;
    struct request requests[REQUESTS_MAX];
    size_t count;
    size_t closed, abuses;
    bool is_guarded;
};

/* ---- what a head promises ---- */

static void check_fields(const struct headers *fields)
{
    static const struct span never[] = {
        SPAN_INIT("host"),           SPAN_INIT("connection"),       SPAN_INIT("transfer-encoding"),
        SPAN_INIT("keep-alive"),     SPAN_INIT("proxy-connection"), SPAN_INIT("upgrade"),
        SPAN_INIT("content-length"),
    };
    for (size_t i = 0; i < fields->count; i++) {
        struct header field = headers_at(fields, i);
        assert(header_name_is_valid(field.name));
        assert(header_value_is_valid(field.value));
    }
    for (size_t i = 0; i < ARRAY_LEN(never); i++)
        assert(!headers_has(fields, never[i]));
    assert(headers_count_of(fields, SPAN("cookie")) <= 1);
    assert(headers_bytes(fields) <= HEAD_MAX);
}

/* Of a session that judges itself. */
static void check_judged(const struct request_head *head)
{
    struct span target = buf_span(&head->target);
    struct span scheme = buf_span(&head->scheme);
    struct span authority = buf_span(&head->authority);
    if (request_is(head, SPAN("CONNECT"))) {
        assert(scheme.len == 0 && target.len == 0 && authority.len > 0);
    } else {
        assert(span_equal(scheme, SPAN("http")) || span_equal(scheme, SPAN("https")));
        assert(span_starts(target, SPAN("/")) || span_equal(target, SPAN("*")));
    }
    assert(request_path_is_whole(head));
    assert(span_find(target, '\t') == target.len && span_find(authority, '@') == authority.len);
    for (size_t i = 0; i < head->fields.count; i++) {
        struct header field = headers_at(&head->fields, i);
        assert(!span_equal(field.name, SPAN("te")) || field.value.len == 0 ||
               span_equal(field.value, SPAN("trailers")));
        assert(span_equal(field.name, SPAN("cookie")) ||
               span_equal(field.value, span_trim(field.value)));
    }
}

static void check_head(const struct request_head *head, bool is_guarded)
{
    struct span target = buf_span(&head->target);
    struct span scheme = buf_span(&head->scheme);
    struct span method = buf_span(&head->method);
    assert(is_guarded ? header_name_is_valid(method)
                      : method.len > 0 && header_value_is_valid(method));
    if (!is_guarded)
        check_judged(head);
    else
        assert(!request_is(head, SPAN("CONNECT")) && scheme.len > 0 && target.len > 0);
    bool is_web =
        span_equal_nocase(scheme, SPAN("http")) || span_equal_nocase(scheme, SPAN("https"));
    if (is_web && is_guarded)
        assert(span_starts(target, SPAN("/")) ||
               (span_equal(target, SPAN("*")) && request_is(head, SPAN("OPTIONS"))));
    assert(header_value_is_valid(target) && header_value_is_valid(buf_span(&head->authority)));
    assert(head->length >= LENGTH_UNKNOWN);
    assert(!head->ends_here || head->length == 0 || head->length == LENGTH_UNKNOWN);
    check_fields(&head->fields);
}

/* ---- the owner of requests ---- */

static void let_go(struct request *request)
{
    struct inbound *in = request->in;
    request->in = NULL;
    channel_set_taker(in->body->bytes, NULL, NULL);
    inbound_close(in);
}

static void on_answered(void *arg)
{
    struct request *request = arg;
    assert(request->ends++ == 0);
    let_go(request);
}

static void on_aborted(void *arg, const struct error *why)
{
    struct request *request = arg;
    assert(why->kind != ERROR_NONE);
    assert(request->ends++ == 0);
    let_go(request);
}

static const struct inbound_events inbound_events = {on_answered, on_aborted};

static void fill_answer(struct request *request)
{
    static const char bytes[ANSWER];
    request->answer.length = ANSWER;
    request->answer.bytes = channel_new(ANSWER, ANSWER, NULL, NULL);
    assert(request->answer.bytes);
    size_t put = channel_put(request->answer.bytes, bytes, ANSWER);
    assert(put == ANSWER);
    channel_end(request->answer.bytes);
}

/* Answers when the request's body is whole, so that bodies and trailers are read. */
static void read_body(void *arg)
{
    struct request *request = arg;
    struct response_head head;
    struct body *body = request->in->body;
    channel_drop(body->bytes, channel_len(body->bytes));
    if (!channel_is_ended(body->bytes))
        return;
    channel_set_taker(body->bytes, NULL, NULL);
    response_head_init(&head);
    head.status = 200;
    bool has_body = span_starts(buf_span(&request->in->head.target), SPAN("/b"));
    head.length = has_body ? ANSWER : 0;
    head.ends_here = !has_body;
    if (has_body)
        fill_answer(request);
    bool ok = inbound_answer(request->in, &head, has_body ? &request->answer : NULL, NULL);
    assert(ok);
    response_head_release(&head);
}

static const struct channel_events taker = {read_body};

static void on_request(void *arg, struct inbound *in)
{
    struct visitor *visitor = arg;
    check_head(&in->head, visitor->is_guarded);
    if (visitor->count == REQUESTS_MAX) {
        inbound_close(in);
        return;
    }
    struct request *request = &visitor->requests[visitor->count++];
    *request = (struct request){.in = in};
    inbound_set_events(in, &inbound_events, request);
    channel_set_taker(in->body->bytes, &taker, request);
    read_body(request);
}

static void on_goaway(void *arg, uint32_t code)
{
    (void)arg;
    (void)code;
}

static void on_idle(void *arg)
{
    (void)arg;
}

static void on_closed(void *arg, const struct error *why)
{
    struct visitor *visitor = arg;
    assert(why->kind != ERROR_NONE);
    assert(visitor->closed++ == 0);
    assert(visitor->abuses <= 1 && (why->kind != ERROR_LIMIT || visitor->abuses == 1));
    for (size_t i = 0; i < visitor->count; i++)
        assert(visitor->requests[i].ends == 1); /* told before */
    h2_session_close(visitor->session);
    visitor->session = NULL;
}

static void on_abuse(void *arg, enum abuse abuse)
{
    struct visitor *visitor = arg;
    assert(abuse > ABUSE_NONE && abuse < ABUSES);
    visitor->abuses++;
}

static const struct h2_session_events session_events = {on_request, on_goaway, on_idle, on_closed,
                                                        on_abuse};

/* ---- the visitor ---- */

static void hear(struct visitor *visitor)
{
    ssize_t n;
    for (;;) {
        char *to = buf_room(&visitor->heard, 65536);
        assert(to);
        n = read(visitor->fd, to, 65536);
        if (n <= 0)
            return;
        buf_added(&visitor->heard, (size_t)n);
    }
}

static void settle(struct visitor *visitor)
{
    for (int i = 0; i < 100000 && loop_turn(visitor->loop, 0); i++)
        hear(visitor);
    hear(visitor);
}

static void say(struct visitor *visitor, const void *data, size_t size)
{
    const char *bytes = data;
    while (size > 0) {
        ssize_t n = send(visitor->fd, bytes, size, MSG_NOSIGNAL);
        settle(visitor);
        if (n <= 0)
            return; /* nobody listens any more */
        bytes += n;
        size -= (size_t)n;
    }
}

static void check_frames(struct span bytes)
{
    while (bytes.len > 0) {
        assert(bytes.len >= FRAME_HEAD);
        const unsigned char *head = (const unsigned char *)bytes.data;
        size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        assert(head[3] < FRAME_TYPES && bytes.len >= FRAME_HEAD + len);
        bytes = span_skip(bytes, FRAME_HEAD + len);
    }
}

static void open_session(struct visitor *visitor, bool is_guarded)
{
    int ends[2];
    const struct h2_options options = {
        .is_server = true,
        .streams_max = 100,
        .head_max = HEAD_MAX,
        .is_guarded = is_guarded,
        .judges_itself = !is_guarded,
    };
    visitor->is_guarded = is_guarded;
    int failed = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
    assert(failed == 0);
    struct conn *conn = conn_new(visitor->loop, ends[0], NULL, NULL, NULL);
    assert(conn);
    visitor->fd = ends[1];
    visitor->session = h2_session_new(conn, &options, &session_events, visitor, NULL);
    assert(visitor->session);
}

static void visit(struct visitor *visitor, const uint8_t *data, size_t size, bool is_guarded)
{
    static const char greeting[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    open_session(visitor, is_guarded);
    if (!span_starts(span_make(data, size), SPAN("PRI ")))
        say(visitor, greeting, sizeof greeting - 1);
    /* In two pieces, cut somewhere. */
    size_t cut = size ? data[size - 1] * size / 256 : 0;
    say(visitor, data, cut);
    say(visitor, data + cut, size - cut);
    (void)shutdown(visitor->fd, SHUT_WR);
    settle(visitor);
    assert(visitor->closed == 1 && visitor->session == NULL);
    check_frames(buf_span(&visitor->heard));
    for (size_t i = 0; i < visitor->count; i++)
        assert(visitor->requests[i].in == NULL);
    (void)close(visitor->fd);
    settle(visitor);
}

static void visit_once(const uint8_t *data, size_t size, bool is_guarded)
{
    struct visitor *visitor = calloc(1, sizeof *visitor);
    assert(visitor);
    visitor->heard = (struct buf)BUF_LIMIT(64 * 1024 * 1024);
    visitor->loop = loop_new(&(struct loop_options){.clock = &still_clock}, NULL);
    assert(visitor->loop);
    visit(visitor, data, size, is_guarded);
    loop_free(visitor->loop);
    for (size_t i = 0; i < visitor->count; i++)
        channel_free(visitor->requests[i].answer.bytes);
    buf_release(&visitor->heard);
    free(visitor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    visit_once(data, size, false);
    visit_once(data, size, true);
    return 0;
}
