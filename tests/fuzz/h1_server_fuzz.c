/* The input is what a visitor sends to a server that answers each request with its body. Heads that
 * reach the owner keep their promises, each request ends once, and what the server says reads as
 * answers to these requests in their order, then perhaps one refusal. */
#include "culvert/http/h1_body.h"
#include "culvert/http/h1_response.h"
#include "culvert/http/h1_server.h"
#include "still_clock.h"

#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS_MAX = 4096, HEARD_MAX = 64 * 1024 * 1024 };

struct request {
    struct inbound *in; /* NULL: let go */
    struct body answer;
    uint64_t bytes; /* of its body, and of its answer's */
    bool is_head, is_whole;
    bool is_busy; /* its answer drains while it is filled */
    size_t answered, aborted;
};

struct visitor {
    struct loop *loop;
    struct h1_server *server; /* NULL: closed */
    int fd;                   /* the visitor's end */
    struct buf heard;
    struct request requests[REQUESTS_MAX];
    size_t count, refused, closed;
};

/* ---- the owner of requests ---- */

static void check_head(const struct request_head *head)
{
    struct span target = buf_span(&head->target);
    assert(header_name_is_valid(buf_span(&head->method)));
    assert(span_starts(target, SPAN("/")) || span_equal(target, SPAN("*")));
    assert(head->authority.len == 0 ? head->is_http10
                                    : authority_is_valid(buf_span(&head->authority)));
    assert(!head->ends_here || head->length == 0);
    assert(!headers_has(&head->fields, SPAN("transfer-encoding")));
    assert(!headers_has(&head->fields, SPAN("connection")));
    assert(!headers_has(&head->fields, SPAN("host")));
    for (size_t i = 0; i < head->fields.count; i++) {
        struct header field = headers_at(&head->fields, i);
        assert(header_name_is_valid(field.name) && header_value_is_valid(field.value));
    }
}

static void let_go(struct request *request)
{
    struct inbound *in = request->in;
    request->in = NULL;
    channel_set_taker(in->body->bytes, NULL, NULL);
    inbound_close(in);
    channel_free(request->answer.bytes);
    request->answer.bytes = NULL;
    headers_release(&request->answer.trailers);
}

static void on_answered(void *arg)
{
    struct request *request = arg;
    assert(request->answered++ + request->aborted == 0);
    assert(request->is_whole || request->is_head); /* whose answer has no body to wait for */
    let_go(request);
}

static void on_aborted(void *arg, const struct error *why)
{
    struct request *request = arg;
    assert(why->kind != ERROR_NONE);
    assert(request->answered + request->aborted++ == 0);
    let_go(request);
}

static const struct inbound_events inbound_events = {on_answered, on_aborted};

/* Gives the body back as the answer's, until one of the channels is full or it ends. */
static void echo(void *arg)
{
    struct request *request = arg;
    if (request->is_busy)
        return;
    struct channel *from = request->in->body->bytes;
    struct channel *to = request->answer.bytes;
    struct span bytes;
    request->is_busy = true;
    size_t n = 1;
    while (n > 0 && (bytes = channel_peek(from)).len > 0) {
        n = channel_put(to, bytes.data, bytes.len);
        channel_drop(from, n);
        request->bytes += n;
    }
    request->is_busy = false;
    if (!channel_is_done(from) || request->is_whole)
        return;
    request->is_whole = true;
    bool ok = headers_copy(&request->answer.trailers, &request->in->body->trailers, NULL);
    assert(ok);
    channel_end(to);
}

static const struct channel_events taker = {echo};

/* The answer's channel has room again. */
static void on_drained(void *arg, size_t bytes)
{
    struct request *request = arg;
    (void)bytes;
    if (request->in && !request->is_whole)
        echo(request);
}

static void answer(struct request *request)
{
    struct response_head head;
    response_head_init(&head);
    head.status = 200;
    head.length = request->in->head.length;
    headers_init(&request->answer.trailers);
    request->answer.length = head.length;
    request->answer.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    assert(request->answer.bytes);
    channel_set_drained(request->answer.bytes, on_drained, request);
    bool ok = inbound_answer(request->in, &head, &request->answer, NULL);
    assert(ok);
    response_head_release(&head);
}

static void on_request(void *arg, struct inbound *in)
{
    struct visitor *visitor = arg;
    check_head(&in->head);
    if (visitor->count == REQUESTS_MAX) {
        inbound_close(in);
        return;
    }
    struct request *request = &visitor->requests[visitor->count++];
    *request = (struct request){.in = in, .is_head = request_is(&in->head, SPAN("HEAD"))};
    inbound_set_events(in, &inbound_events, request);
    answer(request);
    channel_set_taker(in->body->bytes, &taker, request);
    echo(request);
}

static void on_refused(void *arg, int status, enum abuse abuse, const char *why)
{
    struct visitor *visitor = arg;
    assert(status == 0 || (status >= 400 && status < 600));
    assert((abuse == ABUSE_NONE) == (status == 500) && *why);
    assert(visitor->refused++ == 0);
}

static void on_closed(void *arg)
{
    struct visitor *visitor = arg;
    assert(visitor->closed++ == 0);
    for (size_t i = 0; i < visitor->count; i++)
        assert(visitor->requests[i].in == NULL);
    h1_server_close(visitor->server);
    visitor->server = NULL;
}

static const struct h1_server_events server_events = {on_request, on_refused, on_closed};

/* ---- the visitor ---- */

static void hear(struct visitor *visitor)
{
    ssize_t n;
    do {
        char *to = buf_room(&visitor->heard, 65536);
        assert(to);
        n = read(visitor->fd, to, 65536);
        if (n > 0)
            buf_added(&visitor->heard, (size_t)n);
    } while (n > 0);
}

static void settle(struct visitor *visitor)
{
    for (int i = 0; i < 100000 && loop_turn(visitor->loop, 0); i++)
        hear(visitor);
    hear(visitor);
}

static void say(struct visitor *visitor, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n = send(visitor->fd, data, size, MSG_NOSIGNAL);
        settle(visitor);
        if (n <= 0)
            return; /* nobody listens any more */
        data += n;
        size -= (size_t)n;
    }
}

/* ---- what was heard ---- */

struct reading {
    struct span rest;
    struct h1_parser parser;
    struct response_head head;
    struct h1_framing framing;
};

/* Reads a final head; false: the bytes end before. */
static bool read_head(struct reading *reading, bool to_head)
{
    do {
        h1_response_reset(&reading->parser, &h1_response_limits, to_head);
        enum h1_verdict verdict = h1_parse_response(&reading->parser, reading->rest, &reading->head,
                                                    &reading->framing, NULL);
        assert(verdict != H1_BAD);
        if (verdict == H1_MORE)
            return false;
        assert(!reading->framing.is_lenient);
        reading->rest = span_skip(reading->rest, reading->parser.used);
    } while (reading->head.status < 200);
    return true;
}

/* Reads a body; returns how many bytes it had, with *whole. */
static uint64_t read_body(struct reading *reading, bool *whole)
{
    struct h1_body body;
    uint64_t bytes = 0;
    h1_body_init(&body, &reading->framing, false);
    while (!h1_body_is_done(&body) && reading->rest.len > 0) {
        size_t used;
        struct span payload;
        enum h1_verdict verdict = h1_body_feed(&body, reading->rest, &used, &payload, NULL);
        assert(verdict != H1_BAD);
        bytes += payload.len;
        reading->rest = span_skip(reading->rest, used);
    }
    *whole = h1_body_end_of_input(&body, NULL);
    h1_body_release(&body);
    return bytes;
}

static void check_answers(const struct visitor *visitor)
{
    struct reading reading = {.rest = buf_span(&visitor->heard)};
    response_head_init(&reading.head);
    for (size_t i = 0; i < visitor->count; i++) {
        const struct request *request = &visitor->requests[i];
        bool whole = false;
        if (!read_head(&reading, request->is_head)) {
            assert(request->answered == 0);
            break;
        }
        assert(reading.head.status == 200);
        uint64_t bytes = read_body(&reading, &whole);
        if (request->answered > 0)
            assert(whole && bytes == (request->is_head ? 0 : request->bytes));
        assert(bytes <= request->bytes);
    }
    if (reading.rest.len > 0 && visitor->refused > 0 && read_head(&reading, false)) {
        bool whole = false;
        assert(reading.head.status >= 400);
        (void)read_body(&reading, &whole);
        assert(whole);
    }
    assert(reading.rest.len == 0);
    response_head_release(&reading.head);
}

static void visit(struct visitor *visitor, const uint8_t *data, size_t size)
{
    int ends[2];
    int failed = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
    assert(failed == 0);
    struct conn *conn = conn_new(visitor->loop, ends[0], NULL, NULL, NULL);
    assert(conn);
    const struct h1_server_options options = {.scheme = "http"};
    visitor->fd = ends[1];
    visitor->server = h1_server_new(conn, &options, &server_events, visitor, NULL);
    assert(visitor->server);
    size_t cut = size ? data[size - 1] * size / 256 : 0;
    say(visitor, data, cut);
    say(visitor, data + cut, size - cut);
    (void)shutdown(visitor->fd, SHUT_WR);
    settle(visitor);
    assert(visitor->closed == 1 && visitor->server == NULL);
    check_answers(visitor);
    (void)close(visitor->fd);
    settle(visitor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct visitor *visitor = calloc(1, sizeof *visitor);
    assert(visitor);
    visitor->heard = (struct buf)BUF_LIMIT(HEARD_MAX);
    visitor->loop = loop_new(&(struct loop_options){.clock = &still_clock}, NULL);
    assert(visitor->loop);
    visit(visitor, data, size);
    loop_free(visitor->loop);
    buf_release(&visitor->heard);
    free(visitor);
    return 0;
}
