/* Requests of one visitor's connection, one after the other.
 *
 *   IDLE --first byte--> HEAD --whole head--> REQUEST --answered and closed--> IDLE
 *      \------- refused, timed out, lost, or not to be kept -------> OVER
 *
 * Reading goes on during a request, so that a visitor who leaves is noticed; what lies behind the
 * body waits in the conn, up to H1_PIPELINE_MAX. */
#include "culvert/http/h1_server.h"
#include "culvert/http/h1_body.h"
#include "culvert/http/h1_request.h"

#include "h1_pump.h"

enum h1_server_state { IDLE, HEAD, REQUEST, OVER };

struct h1_server {
    struct conn *conn; /* NULL: closed */
    struct loop *loop;
    enum h1_server_state state;
    struct h1_server_options options;
    const struct h1_server_events *events;
    void *arg;
    bool held;       /* the owner did not close the request yet */
    bool told;       /* its last event was told */
    bool answering;  /* its head was sent */
    bool refused;    /* its body was broken, and a last answer of ours says so */
    bool answered;   /* its whole answer was handed to the conn */
    bool keep_alive; /* another request may follow */
    bool draining;
    struct inbound in;
    struct h1_parser parser;
    struct h1_framing framing;
    struct h1_body reader;
    struct body body;
    struct h1_pump pump;
    struct timer limit;    /* head, idle or body */
    bool spoke;            /* a head began once */
    uint64_t window_ms;    /* of waiting for the body, in steps of the looks after it */
    uint64_t window_bytes; /* that came in it */
    struct task tell;      /* on_answered or on_aborted */
    struct task end;       /* on_closed */
    struct error why;
    struct reap reap;
};

static bool body_is_whole(const struct h1_server *server)
{
    return channel_is_ended(server->body.bytes);
}

/* The connection serves no more; its owner hears it when no request is open. */
static void over(struct h1_server *server)
{
    server->state = OVER;
    timer_stop(&server->limit);
    if (!server->held)
        task_post(&server->end);
}

static void tell_end(void *arg)
{
    struct h1_server *server = arg;
    server->events->on_closed(server->arg);
}

static void tell(void *arg)
{
    struct h1_server *server = arg;
    if (!server->held || server->told)
        return;
    server->told = true;
    if (server->why.kind != ERROR_NONE)
        server->in.events->on_aborted(server->in.arg, &server->why);
    else
        server->in.events->on_answered(server->in.arg);
}

/* The request in hand cannot go on. */
static void abort_request(struct h1_server *server, const struct error *why)
{
    if (server->held && !server->answered) {
        server->why = *why;
        task_post(&server->tell);
    }
    h1_pump_stop(&server->pump);
    over(server);
}

/* ---- refusals ---- */

/* A last answer of our own, behind which the connection ends. */
static void put_refusal(struct h1_server *server, int status, const char *text)
{
    struct buf answer = BUF_LIMIT(1024);
    if (buf_printf(&answer,
                   "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
                   "Content-Length: %zu\r\nConnection: close\r\n\r\n%s\n",
                   status, status_reason(status), strlen(text) + 1, text))
        (void)conn_put(server->conn, answer.data, answer.len);
    buf_release(&answer);
}

static enum abuse abuse_of(int status)
{
    switch (status) {
    case 408:
        return ABUSE_H1_HEAD_TIME;
    case 414:
    case 431:
        return ABUSE_H1_HEAD_SIZE;
    case 500:
        return ABUSE_NONE;
    default:
        return ABUSE_H1_MALFORMED;
    }
}

static void refuse(struct h1_server *server, int status, const char *text)
{
    server->events->on_refused(server->arg, status, abuse_of(status), text);
    if (!server->conn)
        return; /* it was closed there */
    put_refusal(server, status, text);
    over(server);
}

static enum abuse abuse_of_body(const struct h1_server *server, const struct error *why)
{
    if (why->kind == ERROR_SYSTEM)
        return ABUSE_NONE;
    if (why->kind != ERROR_LIMIT)
        return ABUSE_H1_MALFORMED;
    return server->reader.state == H1_BODY_TRAILERS ? ABUSE_H1_TRAILERS : ABUSE_H1_CHUNKS;
}

/* The body will not be whole: who has heard nothing yet hears why. */
static void refuse_body(struct h1_server *server, int status, enum abuse abuse,
                        const struct error *why)
{
    bool is_told = !server->answering;
    if (!server->conn)
        return; /* its owner let go when it saw the bytes */
    server->events->on_refused(server->arg, is_told ? status : 0, abuse, why->text);
    if (!server->conn)
        return;
    server->refused = is_told;
    if (is_told)
        put_refusal(server, status, why->text);
    abort_request(server, why);
}

static void limit_start(struct h1_server *server, uint64_t ms)
{
    struct error why;
    if (timer_start(&server->limit, ms))
        return;
    error_memory(&why);
    abort_request(server, &why);
}

static uint64_t look_ms(const struct h1_server *server)
{
    uint64_t window_ms = server->options.patience.body_ms;
    return window_ms < H1_LOOK_MS ? window_ms : H1_LOOK_MS;
}

/* Looks after the visitor until its body is whole. */
static void watch_body(struct h1_server *server)
{
    limit_start(server, look_ms(server));
}

/* It is we who do not read: is the visitor still there? */
static void look_after(struct h1_server *server)
{
    struct error why;
    if (!conn_peer_left(server->conn)) {
        watch_body(server);
        return;
    }
    error_set(&why, ERROR_NETWORK, 0, "the visitor closed the connection");
    abort_request(server, &why);
}

/* We would have read more, one look long. */
static void judge_body(struct h1_server *server)
{
    struct error why;
    server->window_ms += look_ms(server);
    if (server->window_ms >= server->options.patience.body_ms) {
        if (server->window_bytes < H1_BODY_MIN) {
            error_set(&why, ERROR_TIMEOUT, 0, "the body of the request came too slowly");
            refuse_body(server, 408, ABUSE_H1_BODY_PACE, &why);
            return;
        }
        server->window_ms = server->window_bytes = 0;
    }
    watch_body(server);
}

/* Nothing was said for too long. */
static void end_idle(struct h1_server *server)
{
    if (!server->spoke)
        server->events->on_refused(server->arg, 0, ABUSE_SILENT, "no request came");
    if (server->conn)
        over(server);
}

static void limit_fired(void *arg)
{
    struct h1_server *server = arg;
    if (server->state == HEAD)
        refuse(server, 408, "the head of the request did not come in time");
    else if (server->state == IDLE)
        end_idle(server);
    else if (!gate_is_open(conn_gate(server->conn)))
        look_after(server);
    else if (!body_is_whole(server))
        judge_body(server);
}

/* ---- reading ---- */

static bool begin_request(struct h1_server *server)
{
    struct request_head *head = &server->in.head;
    h1_body_init(&server->reader, &server->framing, false);
    server->body.bytes =
        channel_new(CHANNEL_LOW, CHANNEL_LIMIT, conn_gate(server->conn), server->options.budget);
    if (!server->body.bytes)
        return false;
    server->body.length = head->length;
    if (h1_body_is_done(&server->reader))
        channel_end(server->body.bytes);
    buf_clear(&head->scheme);
    return buf_put_span(&head->scheme, span_of(server->options.scheme));
}

static void start_request(struct h1_server *server)
{
    timer_stop(&server->limit);
    if (!begin_request(server)) {
        refuse(server, 500, "out of memory");
        return;
    }
    server->keep_alive = server->framing.keep_alive && !server->draining;
    server->state = REQUEST;
    server->held = true;
    server->told = server->answering = server->answered = false;
    server->why.kind = ERROR_NONE;
    server->window_ms = server->window_bytes = 0;
    if (!body_is_whole(server))
        watch_body(server);
    server->events->on_request(server->arg, &server->in);
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (server->conn && server->state == REQUEST && server->in.head.wants_continue &&
        !server->answering && !body_is_whole(server))
        (void)conn_put(server->conn, go_on, sizeof go_on - 1);
}

static size_t read_head(struct h1_server *server, struct span bytes)
{
    struct h1_refusal why;
    if (server->state == IDLE) {
        server->state = HEAD;
        server->spoke = true;
        limit_start(server, server->options.patience.head_ms);
        if (server->state == OVER)
            return bytes.len;
    }
    enum h1_verdict verdict =
        h1_parse_request(&server->parser, bytes, &server->in.head, &server->framing, &why);
    if (verdict == H1_MORE)
        return 0;
    if (verdict == H1_BAD) {
        refuse(server, why.status, why.text);
        return bytes.len;
    }
    size_t used = server->parser.used;
    start_request(server);
    return used;
}

static size_t read_body(struct h1_server *server, struct span bytes)
{
    struct error err = {0};
    size_t room = channel_room(server->body.bytes);
    size_t used = 0;
    struct span payload;
    if (room == 0) {
        channel_rest(server->body.bytes);
        return 0;
    }
    enum h1_verdict verdict =
        h1_body_feed(&server->reader, span_first(bytes, room), &used, &payload, &err);
    if (verdict != H1_BAD &&
        channel_put(server->body.bytes, payload.data, payload.len) < payload.len) {
        error_memory(&err);
        verdict = H1_BAD;
    }
    if (verdict == H1_BAD) {
        refuse_body(server, err.kind == ERROR_SYSTEM ? 500 : 400, abuse_of_body(server, &err),
                    &err);
        return bytes.len;
    }
    if (server->state != REQUEST)
        return used; /* its owner let go when it saw the bytes */
    server->window_bytes += used;
    if (verdict == H1_DONE) {
        timer_stop(&server->limit);
        body_take_trailers(&server->body, &server->reader.trailers);
        channel_end(server->body.bytes);
    }
    return used;
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct h1_server *server = arg;
    size_t used = 0;
    while (server->conn && used < len) {
        struct span rest = span_make(data + used, len - used);
        size_t n = 0;
        if (server->state == OVER)
            return len;
        if (server->state != REQUEST)
            n = read_head(server, rest);
        else if (!body_is_whole(server))
            n = read_body(server, rest);
        if (n == 0)
            break;
        used += n;
    }
    /* The next requests wait for their turn; more of them wait in the kernel. */
    if (server->conn && server->state == REQUEST && body_is_whole(server) &&
        len - used > H1_PIPELINE_MAX) {
        gate_hold(conn_gate(server->conn), HOLD_EXCHANGE);
        watch_body(server);
    }
    return used;
}

static void on_end(void *arg)
{
    struct h1_server *server = arg;
    struct error why;
    if (server->state == OVER)
        return;
    error_set(&why, ERROR_NETWORK, 0, "the visitor closed the connection");
    abort_request(server, &why);
}

static void on_lost(void *arg, const struct error *why)
{
    struct h1_server *server = arg;
    abort_request(server, why);
}

static void on_room(void *arg)
{
    struct h1_server *server = arg;
    h1_pump_run(&server->pump);
}

static void on_open(void *arg)
{
    (void)arg;
}

static const struct conn_events conn_events = {on_open, on_bytes, on_end, on_room, on_lost};

/* ---- answering ---- */

static void sent(void *arg)
{
    struct h1_server *server = arg;
    server->answered = true;
    task_post(&server->tell);
}

static struct h1_server *server_of(struct inbound *in)
{
    return CONTAINER_OF(in, struct h1_server, in);
}

static bool in_answer(struct inbound *in, const struct response_head *head, struct body *body,
                      struct error *err)
{
    struct h1_server *server = server_of(in);
    if (!server->conn || server->state != REQUEST)
        return true; /* on_aborted is on its way */
    struct buf text = BUF_LIMIT(HEADERS_BYTES_MAX);
    bool to_head = request_is(&in->head, SPAN("HEAD"));
    struct h1_shape shape = h1_response_shape(head, to_head, in->head.is_http10);
    bool no_body = head->ends_here || to_head || !body;
    if (shape.body == H1_BODY_UNTIL_CLOSE && !no_body)
        server->keep_alive = false;
    if (no_body && shape.body != H1_BODY_LENGTH && shape.body != H1_BODY_NONE && !to_head)
        shape = (struct h1_shape){.body = H1_BODY_LENGTH};
    if (server->draining)
        server->keep_alive = false;
    shape.connection = !server->keep_alive  ? H1_CONNECTION_CLOSE
                       : in->head.is_http10 ? H1_CONNECTION_KEEP_ALIVE
                                            : H1_CONNECTION_SILENT;
    bool ok = h1_write_response(&text, head, &shape, err);
    if (ok) {
        server->answering = true;
        (void)conn_put(server->conn, text.data, text.len);
        h1_pump_start(&server->pump, server->conn, no_body ? NULL : body, shape.body);
    }
    buf_release(&text);
    return ok;
}

static void in_inform(struct inbound *in, const struct response_head *head)
{
    struct h1_server *server = server_of(in);
    struct h1_shape shape = {.body = H1_BODY_NONE};
    struct buf text = BUF_LIMIT(HEADERS_BYTES_MAX);
    if (!server->conn || server->state != REQUEST || server->answering || in->head.is_http10)
        return;
    if (h1_write_response(&text, head, &shape, NULL))
        (void)conn_put(server->conn, text.data, text.len);
    buf_release(&text);
}

/* A short body must look short: an orderly end would make one without a length whole. */
static void in_reset(struct inbound *in, const struct error *why)
{
    (void)why;
    struct h1_server *server = server_of(in);
    server->told = true;
    h1_pump_stop(&server->pump);
    if (server->conn && server->state != OVER)
        over(server);
    if (server->conn && !server->refused)
        conn_reset(server->conn);
}

static void destroy(void *object)
{
    struct h1_server *server = object;
    request_head_release(&server->in.head);
    h1_body_release(&server->reader);
    headers_release(&server->body.trailers);
    channel_free(server->body.bytes);
    free(server);
}

static void next_request(struct h1_server *server)
{
    gate_release(conn_gate(server->conn), HOLD_EXCHANGE);
    gate_release(conn_gate(server->conn), HOLD_CHANNEL);
    h1_body_release(&server->reader);
    memset(&server->reader, 0, sizeof server->reader);
    headers_clear(&server->body.trailers);
    server->body.unwanted = NULL;
    request_head_release(&server->in.head);
    request_head_init(&server->in.head);
    h1_parser_reset(&server->parser, &h1_request_limits);
    server->state = IDLE;
    limit_start(server, server->options.patience.idle_ms);
    conn_again(server->conn);
}

static void in_close(struct inbound *in)
{
    struct h1_server *server = server_of(in);
    if (!server->held)
        return;
    bool reusable = server->state == REQUEST && server->answered && server->keep_alive &&
                    !server->draining && body_is_whole(server);
    if (server->state == REQUEST && !server->answered)
        in_reset(in, NULL);
    h1_pump_stop(&server->pump);
    task_cancel(&server->tell);
    server->held = false;
    channel_close(server->body.bytes, server->loop); /* what was not read will not be */
    server->body.bytes = NULL;
    if (!server->conn)
        loop_reap(server->loop, &server->reap, destroy, server);
    else if (reusable)
        next_request(server);
    else
        over(server);
}

static const struct inbound_ops inbound_ops = {in_answer, in_inform, in_reset, in_close};

/* ---- life ---- */

static uint64_t or_else(uint64_t ms, uint64_t otherwise)
{
    return ms > 0 ? ms : otherwise;
}

static struct h1_patience patience_of(const struct h1_patience *wanted)
{
    return (struct h1_patience){.head_ms = or_else(wanted->head_ms, H1_HEAD_LIMIT_MS),
                                .idle_ms = or_else(wanted->idle_ms, H1_IDLE_LIMIT_MS),
                                .body_ms = or_else(wanted->body_ms, H1_BODY_WINDOW_MS),
                                .stall_ms = or_else(wanted->stall_ms, H1_STALL_MS)};
}

struct h1_server *h1_server_new(struct conn *conn, const struct h1_server_options *options,
                                const struct h1_server_events *events, void *arg, struct error *err)
{
    struct h1_server *server = calloc(1, sizeof *server);
    if (!server) {
        conn_close(conn);
        error_memory(err);
        return NULL;
    }
    server->conn = conn;
    server->loop = conn_loop(conn);
    server->options = *options;
    server->options.patience = patience_of(&options->patience);
    server->events = events;
    server->arg = arg;
    server->in.ops = &inbound_ops;
    server->in.body = &server->body;
    request_head_init(&server->in.head);
    headers_init(&server->body.trailers);
    h1_parser_reset(&server->parser, &h1_request_limits);
    task_init(&server->tell, server->loop, TASK_SOON, tell, server);
    task_init(&server->end, server->loop, TASK_SOON, tell_end, server);
    timer_init(&server->limit, server->loop, limit_fired, server);
    h1_pump_init(&server->pump, sent, server);
    conn_set_stall_limit(conn, server->options.patience.stall_ms);
    conn_set_events(conn, &conn_events, server);
    limit_start(server, server->options.patience.head_ms);
    return server;
}

void h1_server_drain(struct h1_server *server)
{
    server->draining = true;
    if (server->conn && server->state == IDLE)
        over(server);
}

bool h1_server_is_idle(const struct h1_server *server)
{
    return !server->held;
}

/* The server's memory waits for its request to be let go: an exchange may still hold the inbound.
 */
void h1_server_close(struct h1_server *server)
{
    struct error why;
    if (!server || !server->conn)
        return;
    error_set(&why, ERROR_NETWORK, 0, "the connection was closed");
    if (server->state != OVER)
        abort_request(server, &why);
    timer_stop(&server->limit);
    task_cancel(&server->end);
    if (server->body.bytes)
        channel_set_reader(server->body.bytes, NULL);
    conn_close_lingering(server->conn);
    server->conn = NULL;
    if (!server->held)
        loop_reap(server->loop, &server->reap, destroy, server);
}
