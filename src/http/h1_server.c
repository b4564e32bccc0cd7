/* Requests of one visitor's connection, one after the other.
 *
 *   IDLE --first byte--> HEAD --whole head--> REQUEST --answered and closed--> IDLE
 *      \------- refused, timed out, lost, or not to be kept -------> OVER
 *
 * An upgrade is a REQUEST that lasts, behind which the connection is OVER.
 *
 * Reading goes on during a request, so that a visitor who leaves is noticed; what lies behind the
 * body waits in the conn, up to H1_PIPELINE_MAX. */
#include "h1_server_internal.h"

/* The connection serves no more; its owner hears it when no request is open. */
void h1_server_over(struct h1_server *server)
{
    server->state = H1_SERVER_OVER;
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
    server->told = server->why.kind != ERROR_NONE || !h1_server_goes_on(server);
    if (server->why.kind != ERROR_NONE)
        server->in.events->on_aborted(server->in.arg, &server->why);
    else
        server->in.events->on_answered(server->in.arg);
}

/* The request in hand cannot go on. */
void h1_server_abort(struct h1_server *server, const struct error *why)
{
    if (server->held && (!server->answered || h1_server_goes_on(server))) {
        server->why = *why;
        task_post(&server->tell);
    }
    h1_pump_stop(&server->pump);
    h1_server_over(server);
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
    if (head->is_websocket) {
        head->ends_here = false; /* as an upgrade goes on */
        head->length = LENGTH_UNKNOWN;
    }
    server->body.length = head->length;
    if (h1_body_is_done(&server->reader) && !head->is_websocket)
        channel_end(server->body.bytes);
    buf_clear(&head->scheme);
    return buf_put_span(&head->scheme, span_of(server->options.scheme));
}

static void start_request(struct h1_server *server)
{
    timer_stop(&server->limit);
    if (!begin_request(server)) {
        h1_server_refuse(server, 500, "out of memory");
        return;
    }
    server->keep_alive = server->framing.keep_alive && !server->draining;
    server->state = H1_SERVER_REQUEST;
    server->held = true;
    server->told = server->answering = server->answered = server->upgraded = false;
    server->why.kind = ERROR_NONE;
    server->window_ms = server->window_bytes = 0;
    if (!h1_server_body_is_whole(server) && !server->in.head.is_websocket)
        h1_server_watch_body(server);
    server->events->on_request(server->arg, &server->in);
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (server->conn && server->state == H1_SERVER_REQUEST && server->in.head.wants_continue &&
        !server->answering && !h1_server_body_is_whole(server))
        (void)conn_put(server->conn, go_on, sizeof go_on - 1);
}

static size_t read_head(struct h1_server *server, struct span bytes)
{
    struct h1_refusal why;
    if (server->state == H1_SERVER_IDLE) {
        server->state = H1_SERVER_HEAD;
        server->spoke = true;
        h1_server_limit(server, server->options.patience.head_ms);
        if (server->state == H1_SERVER_OVER)
            return bytes.len;
    }
    enum h1_verdict verdict =
        h1_parse_request(&server->parser, bytes, &server->in.head, &server->framing, &why);
    if (verdict == H1_MORE)
        return 0;
    if (verdict == H1_BAD) {
        h1_server_refuse(server, why.status, why.text);
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
        h1_server_refuse_body(server, &err);
        return bytes.len;
    }
    if (server->state != H1_SERVER_REQUEST)
        return used; /* its owner let go when it saw the bytes */
    server->window_bytes += used;
    if (verdict == H1_DONE) {
        timer_stop(&server->limit);
        body_take_trailers(&server->body, &server->reader.trailers);
        channel_end(server->body.bytes);
    }
    return used;
}

/* All that comes belongs to what follows the request in hand, if anything does. */
static bool is_read_up(const struct h1_server *server)
{
    return h1_server_body_is_whole(server) || h1_server_awaits_upgrade(server);
}

/* The next requests wait for their turn; more of them wait in the kernel. Who is not read, since
 * that is too much or since nobody takes what came, is looked after. */
static void look_at_rest(struct h1_server *server, size_t waiting)
{
    if (is_read_up(server) && waiting > H1_PIPELINE_MAX)
        gate_hold(conn_gate(server->conn), HOLD_EXCHANGE);
    else if (!server->upgraded || gate_is_open(conn_gate(server->conn)) ||
             timer_is_armed(&server->limit))
        return;
    h1_server_watch_body(server);
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct h1_server *server = arg;
    size_t used = 0;
    while (server->conn && used < len) {
        struct span rest = span_make(data + used, len - used);
        size_t n = 0;
        if (server->state == H1_SERVER_OVER)
            return len;
        if (server->state != H1_SERVER_REQUEST)
            n = read_head(server, rest);
        else if (!is_read_up(server))
            n = read_body(server, rest);
        if (n == 0)
            break;
        used += n;
    }
    if (server->conn && server->state == H1_SERVER_REQUEST)
        look_at_rest(server, len - used);
    return used;
}

static void on_end(void *arg)
{
    struct h1_server *server = arg;
    struct error why;
    if (server->state == H1_SERVER_OVER)
        return;
    /* A reset that a write met looks like an end here. */
    if (server->state == H1_SERVER_REQUEST && server->upgraded && !conn_is_reset(server->conn)) {
        timer_stop(&server->limit);
        channel_end(server->body.bytes);
        return;
    }
    error_set(&why, ERROR_NETWORK, 0, "the visitor closed the connection");
    h1_server_abort(server, &why);
}

static void on_lost(void *arg, const struct error *why)
{
    struct h1_server *server = arg;
    h1_server_abort(server, why);
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

/* ---- life ---- */

static void destroy(void *object)
{
    struct h1_server *server = object;
    request_head_release(&server->in.head);
    h1_body_release(&server->reader);
    headers_release(&server->body.trailers);
    channel_free(server->body.bytes);
    free(server);
}

void h1_server_destroy(struct h1_server *server)
{
    loop_reap(server->loop, &server->reap, destroy, server);
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
    server->options.patience = h1_server_patience(&options->patience);
    server->events = events;
    server->arg = arg;
    server->in.ops = &h1_server_inbound_ops;
    server->in.body = &server->body;
    request_head_init(&server->in.head);
    headers_init(&server->body.trailers);
    h1_parser_reset(&server->parser, &h1_request_limits);
    task_init(&server->tell, server->loop, TASK_SOON, tell, server);
    task_init(&server->end, server->loop, TASK_SOON, tell_end, server);
    timer_init(&server->limit, server->loop, h1_server_late, server);
    h1_pump_init(&server->pump, h1_server_sent, server);
    conn_set_stall_limit(conn, server->options.patience.stall_ms);
    conn_set_events(conn, &conn_events, server);
    h1_server_limit(server, server->options.patience.head_ms);
    return server;
}

void h1_server_drain(struct h1_server *server)
{
    server->draining = true;
    if (server->conn && server->state == H1_SERVER_IDLE)
        h1_server_over(server);
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
    if (server->state != H1_SERVER_OVER)
        h1_server_abort(server, &why);
    timer_stop(&server->limit);
    task_cancel(&server->end);
    if (server->body.bytes)
        channel_set_reader(server->body.bytes, NULL);
    conn_close_lingering(server->conn);
    server->conn = NULL;
    if (!server->held)
        h1_server_destroy(server);
}
