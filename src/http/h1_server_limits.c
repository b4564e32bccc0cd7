/* What ends a visitor who is slow, endless or ambiguous, and the last answer that says so. */
#include "h1_server_internal.h"

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

void h1_server_refuse(struct h1_server *server, int status, const char *text)
{
    server->events->on_refused(server->arg, status, abuse_of(status), text);
    if (!server->conn)
        return; /* it was closed there */
    put_refusal(server, status, text);
    h1_server_over(server);
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
static void give_up_body(struct h1_server *server, int status, enum abuse abuse,
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
    h1_server_abort(server, why);
}

void h1_server_refuse_body(struct h1_server *server, const struct error *why)
{
    give_up_body(server, why->kind == ERROR_SYSTEM ? 500 : 400, abuse_of_body(server, why), why);
}

/* ---- time ---- */

static uint64_t or_else(uint64_t ms, uint64_t otherwise)
{
    return ms > 0 ? ms : otherwise;
}

struct h1_patience h1_server_patience(const struct h1_patience *wanted)
{
    return (struct h1_patience){.head_ms = or_else(wanted->head_ms, H1_HEAD_LIMIT_MS),
                                .idle_ms = or_else(wanted->idle_ms, H1_IDLE_LIMIT_MS),
                                .body_ms = or_else(wanted->body_ms, H1_BODY_WINDOW_MS),
                                .stall_ms = or_else(wanted->stall_ms, H1_STALL_MS)};
}

void h1_server_limit(struct h1_server *server, uint64_t ms)
{
    struct error why;
    if (timer_start(&server->limit, ms))
        return;
    error_memory(&why);
    h1_server_abort(server, &why);
}

static uint64_t look_ms(const struct h1_server *server)
{
    uint64_t window_ms = server->options.patience.body_ms;
    return window_ms < H1_LOOK_MS ? window_ms : H1_LOOK_MS;
}

void h1_server_watch_body(struct h1_server *server)
{
    h1_server_limit(server, look_ms(server));
}

/* It is we who do not read: is the visitor still there? */
static void look_after(struct h1_server *server)
{
    struct error why;
    bool is_there = server->upgraded ? !conn_is_reset(server->conn) : !conn_peer_left(server->conn);
    if (is_there) {
        h1_server_watch_body(server);
        return;
    }
    error_set(&why, ERROR_NETWORK, 0, "the visitor closed the connection");
    h1_server_abort(server, &why);
}

/* Who did not say how long its body is may be telling what happens elsewhere, and who is being
 * answered may be talking: it takes its time. */
static uint64_t least_of_body(const struct h1_server *server)
{
    const struct request_head *head = &server->in.head;
    if (server->answering || request_is_grpc(head))
        return 0;
    return head->length == LENGTH_UNKNOWN ? 1 : H1_BODY_MIN;
}

/* We would have read more, one look long. */
static void judge_body(struct h1_server *server)
{
    struct error why;
    server->window_ms += look_ms(server);
    if (server->window_ms >= server->options.patience.body_ms) {
        if (server->window_bytes < least_of_body(server)) {
            error_set(&why, ERROR_TIMEOUT, 0, "the body of the request came too slowly");
            give_up_body(server, 408, ABUSE_H1_BODY_PACE, &why);
            return;
        }
        server->window_ms = server->window_bytes = 0;
    }
    h1_server_watch_body(server);
}

/* Nothing was said for too long. */
static void end_idle(struct h1_server *server)
{
    if (!server->spoke)
        server->events->on_refused(server->arg, 0, ABUSE_SILENT, "no request came");
    if (server->conn)
        h1_server_over(server);
}

void h1_server_late(void *arg)
{
    struct h1_server *server = arg;
    if (server->state == H1_SERVER_HEAD)
        h1_server_refuse(server, 408, "the head of the request did not come in time");
    else if (server->state == H1_SERVER_IDLE)
        end_idle(server);
    else if (!gate_is_open(conn_gate(server->conn)))
        look_after(server);
    else if (!h1_server_body_is_whole(server) && !server->upgraded)
        judge_body(server);
}
