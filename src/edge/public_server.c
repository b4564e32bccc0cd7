/* A visitor's connection is told apart once: by ALPN under TLS, by its first bytes
 * in clear; from then on it is an HTTP/1.1 server or an HTTP/2 session. */
#include "culvert/edge/public_server.h"

#include "culvert/http/h1_server.h"
#include "culvert/http/h2_session.h"
#include "culvert/net/sockets.h"

#include "abuse_log.h"

struct public_conn {
    struct public_server *server;
    struct link link;    /* the one that was used last stands last */
    struct link opening; /* until it is told apart */
    struct handover *handover;
    struct conn *socket; /* until its descriptor is closed, whoever owns it then */
    struct conn *conn;   /* the same until it is told apart */
    struct h1_server *h1;
    struct h2_session *h2;
    bool speaks_h2;
    bool over; /* it is served no more; its last bytes may be on their way yet */
    struct visitor visitor;
    struct timer preface;
    struct task chosen;
    struct reap reap;
};

struct public_server {
    struct loop *loop;
    struct public_server_options options;
    struct list conns;
    struct list opening;
    size_t served;
    bool draining;
    struct abuse_log abuses;
    struct reap reap;
};

static void destroy_conn(void *object)
{
    free(object);
}

/* Nothing of it is left. */
static void release(struct public_conn *conn)
{
    struct public_server *server = conn->server;
    list_remove(&server->conns, &conn->link);
    handover_back(conn->handover);
    conn->handover = NULL;
    loop_reap(server->loop, &conn->reap, destroy_conn, conn);
}

static void is_told_apart(struct public_conn *conn)
{
    timer_stop(&conn->preface);
    task_cancel(&conn->chosen);
    if (link_is_in_list(&conn->opening))
        list_remove(&conn->server->opening, &conn->opening);
}

/* Serves it no more. */
static void let_go(struct public_conn *conn)
{
    is_told_apart(conn);
    h1_server_close(conn->h1);
    h2_session_close(conn->h2);
    conn_close(conn->conn);
    conn->h1 = NULL;
    conn->h2 = NULL;
    conn->conn = NULL;
    conn->over = true;
    conn->server->served--;
    if (!conn->socket)
        release(conn);
}

static void conn_over(struct public_conn *conn)
{
    struct public_server *server = conn->server;
    let_go(conn);
    server->options.on_over(server->options.arg);
}

/* It is not the visitor's doing: memory, or the end of the edge. */
static void conn_fails(struct public_conn *conn)
{
    conn->handover->visit.excused = true;
    conn_over(conn);
}

/* ---- requests ---- */

/* Who began to speak before the end was known, and is not read yet, is owed one answer. */
static void drain_conn(struct public_conn *conn)
{
    if (conn->handover->said)
        return;
    if (conn->h1) {
        h1_server_drain(conn->h1);
    } else if (conn->h2) {
        h2_session_goaway(conn->h2);
        h2_session_tell_idle(conn->h2, 0);
    } else {
        conn_fails(conn);
    }
}

static void on_request(void *arg, struct inbound *in)
{
    struct public_conn *conn = arg;
    struct public_server *server = conn->server;
    conn->handover->visit.asked = true;
    list_remove(&server->conns, &conn->link);
    list_put_last(&server->conns, &conn->link);
    if (conn->handover->said) {
        conn->handover->said = false;
        if (server->draining)
            drain_conn(conn);
    }
    visitor_requests_serve(conn->server->options.worker->requests, in, &conn->visitor);
}

static void on_abuse(void *arg, enum abuse abuse)
{
    const struct public_conn *conn = arg;
    struct public_server *server = conn->server;
    server->options.on_abuse(server->options.arg, abuse);
    if (abuse_is_flood(abuse) && conn->handover)
        conn->handover->visit.flooded = true;
    if (abuse != ABUSE_H2_IDLE) /* every browser comes to that */
        abuse_log_note(&server->abuses, server->loop, abuse, &conn->visitor.address);
}

static void on_refused(void *arg, int status, enum abuse abuse, const char *why)
{
    struct public_conn *conn = arg;
    char ip[IP_TEXT_SIZE] = "";
    if (abuse != ABUSE_NONE)
        on_abuse(conn, abuse);
    if (conn->visitor.address.len > 0)
        ip_format(&conn->visitor.address, ip);
    log_debug(loop_log(conn->server->loop), "Refused a malformed request",
              LOG_INT("status", status), LOG_TEXT("reason", why), LOG_TEXT("client", ip));
}

/* The descriptor is closed, perhaps long after the last request. */
static void on_gone(void *arg, enum conn_cut cut)
{
    struct public_conn *conn = arg;
    enum abuse abuse = abuse_of_cut(cut);
    conn->socket = NULL;
    if (abuse != ABUSE_NONE)
        on_abuse(conn, abuse);
    if (conn->over)
        release(conn);
}

static void on_h1_closed(void *arg)
{
    conn_over(arg);
}

static void on_goaway(void *arg, uint32_t code)
{
    struct public_conn *conn = arg;
    (void)code;
    h2_session_tell_idle(conn->h2, 0);
}

static void on_idle(void *arg)
{
    conn_over(arg);
}

static void on_h2_closed(void *arg, const struct error *why)
{
    (void)why;
    conn_over(arg);
}

static const struct h1_server_events h1_events = {on_request, on_refused, on_h1_closed};
static const struct h2_session_events h2_events = {on_request, on_goaway, on_idle, on_h2_closed,
                                                   on_abuse};

/* ---- telling apart ---- */

/* The protocol is known: its engine takes the connection and the bytes that came. */
static void choose(void *arg)
{
    struct public_conn *conn = arg;
    struct public_server *server = conn->server;
    struct error err;
    struct conn *socket = conn->conn;
    const struct h1_patience patience = h1_server_patience(&server->options.patience);
    conn->conn = NULL;
    is_told_apart(conn);
    conn->visitor.over_h2 = conn->speaks_h2;
    if (conn->speaks_h2) {
        const struct h2_options options = {.is_server = true,
                                           .streams_max = PUBLIC_STREAMS_MAX,
                                           .head_max = PUBLIC_HEAD_MAX,
                                           .takes_websockets = true,
                                           .is_guarded = true,
                                           .stall_ms = patience.stall_ms,
                                           .body_ms = patience.body_ms,
                                           .idle_ms = patience.idle_ms,
                                           .frame_ms = patience.head_ms,
                                           .budget = &server->options.worker->budget};
        conn_set_stall_limit(socket, patience.stall_ms);
        conn->h2 = h2_session_new(socket, &options, &h2_events, conn, &err);
    } else {
        const struct h1_server_options options = {.scheme =
                                                      conn->visitor.over_tls ? "https" : "http",
                                                  .budget = &server->options.worker->budget,
                                                  .patience = patience};
        conn->h1 = h1_server_new(socket, &options, &h1_events, conn, &err);
    }
    if (!conn->h1 && !conn->h2)
        conn_fails(conn);
    else if (server->draining)
        drain_conn(conn);
}

static void on_open(void *arg)
{
    struct public_conn *conn = arg;
    conn->speaks_h2 = span_equal(conn_protocol(conn->conn), SPAN("h2"));
    task_post(&conn->chosen);
}

/* RFC 9113 3.4: no HTTP/1.1 request begins like this. */
static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct public_conn *conn = arg;
    static const struct span preface = SPAN_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    struct span begin = span_first(span_make(data, len), preface.len);
    if (conn->visitor.over_tls || link_is_in_list(&conn->chosen.link))
        return 0;
    bool alike = span_equal(begin, span_first(preface, begin.len));
    if (alike && begin.len < preface.len)
        return 0;
    conn->speaks_h2 = alike;
    task_post(&conn->chosen);
    return 0;
}

static void on_end(void *arg)
{
    conn_over(arg);
}

static void on_room(void *arg)
{
    (void)arg;
}

static void on_lost(void *arg, const struct error *why)
{
    struct public_conn *conn = arg;
    log_debug(loop_log(conn->server->loop), "A visitor's connection failed", LOG_ERROR(why));
    conn_over(conn);
}

static void late(void *arg)
{
    on_abuse(arg, ABUSE_SILENT);
    conn_over(arg);
}

static const struct conn_events conn_events = {on_open, on_bytes, on_end, on_room, on_lost};

static uint64_t at_most(uint64_t limit_ms, uint64_t wanted_ms)
{
    return wanted_ms > 0 && wanted_ms < limit_ms ? wanted_ms : limit_ms;
}

static bool begin(struct public_conn *conn, struct error *err)
{
    struct public_server *server = conn->server;
    int fd = conn->handover->fd;
    conn->handover->fd = -1;
    uint64_t head_ms = server->options.patience.head_ms;
    sockets_tune(fd, 0);
    conn->conn = conn->socket = conn_new(server->loop, fd, &conn_events, conn, err);
    if (!conn->conn)
        return false;
    conn->visitor.conn = conn->conn;
    conn_on_gone(conn->conn, on_gone, conn);
    if (server->options.tls)
        return conn_start_tls(conn->conn, server->options.tls, NULL,
                              at_most(PUBLIC_TLS_MS, head_ms), err);
    return timer_start(&conn->preface, at_most(PUBLIC_PREFACE_MS, head_ms));
}

/* Too many do not speak: the oldest of them has had its time. */
static void bound_opening(struct public_server *server)
{
    struct link *oldest = list_first(&server->opening);
    size_t most = PUBLIC_OPENING_MAX / server->options.worker->team->count;
    if (most < PUBLIC_OPENING_SHARE_MIN)
        most = PUBLIC_OPENING_SHARE_MIN;
    if (server->opening.count <= most)
        return;
    struct public_conn *conn = CONTAINER_OF(oldest, struct public_conn, opening);
    on_abuse(conn, ABUSE_OPENING);
    conn_over(conn);
}

static struct public_conn *conn_new_for(struct public_server *server, struct handover *handover)
{
    struct public_conn *conn = calloc(1, sizeof *conn);
    if (!conn)
        return NULL;
    conn->server = server;
    conn->handover = handover;
    conn->visitor.address = handover->from;
    conn->visitor.over_tls = server->options.tls != NULL;
    timer_init(&conn->preface, server->loop, late, conn);
    task_init(&conn->chosen, server->loop, TASK_SOON, choose, conn);
    return conn;
}

/* One too many, and all others are busy. */
static bool is_one_too_many(struct public_server *server, const struct handover *handover)
{
    if (!handover->crowds || server->options.give_way(server->options.arg))
        return false;
    server->options.on_abuse(server->options.arg, ABUSE_CONNECTIONS);
    abuse_log_note(&server->abuses, server->loop, ABUSE_CONNECTIONS, &handover->from);
    return true;
}

void public_server_take(struct public_server *server, struct handover *handover)
{
    struct error err;
    struct public_conn *conn = NULL;
    if (!server->draining && !is_one_too_many(server, handover))
        conn = conn_new_for(server, handover);
    if (!conn) {
        handover->visit.excused = true;
        handover_back(handover);
        return;
    }
    list_put_last(&server->conns, &conn->link);
    list_put_last(&server->opening, &conn->opening);
    server->served++;
    if (!begin(conn, &err))
        conn_fails(conn);
    bound_opening(server);
}

/* ---- giving way ---- */

static bool is_busy(const struct public_conn *conn)
{
    return (conn->h1 && !h1_server_is_idle(conn->h1)) ||
           (conn->h2 && h2_session_streams(conn->h2) > 0);
}

bool public_server_shed(struct public_server *server)
{
    for (int i = 0; i < PUBLIC_SHED_LOOKS && server->conns.count > 0; i++) {
        struct link *first = list_first(&server->conns);
        struct public_conn *conn = CONTAINER_OF(first, struct public_conn, link);
        if (is_busy(conn)) {
            list_remove(&server->conns, first);
            list_put_last(&server->conns, first);
            continue;
        }
        on_abuse(conn, ABUSE_CONNECTIONS);
        if (!conn->over)
            conn_over(conn);
        conn_close(conn->socket); /* no lingering: its place is taken */
        return true;
    }
    return false;
}

/* ---- the server ---- */

struct public_server *public_server_new(const struct public_server_options *options)
{
    struct public_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->loop = options->worker->loop;
    server->options = *options;
    list_init(&server->conns);
    list_init(&server->opening);
    return server;
}

void public_server_drain(struct public_server *server)
{
    server->draining = true;
    LIST_EACH_SAFE (it, after, &server->conns) {
        struct public_conn *conn = CONTAINER_OF(it, struct public_conn, link);
        if (!conn->over)
            drain_conn(conn);
    }
}

size_t public_server_open(const struct public_server *server)
{
    return server->served;
}

static void destroy(void *object)
{
    free(object);
}

void public_server_close(struct public_server *server)
{
    if (!server)
        return;
    LIST_EACH_SAFE (it, after, &server->conns) {
        struct public_conn *conn = CONTAINER_OF(it, struct public_conn, link);
        if (!conn->over)
            let_go(conn);
    }
    /* What was said last leaves without us. */
    LIST_EACH_SAFE (it, after, &server->conns) {
        struct public_conn *conn = CONTAINER_OF(it, struct public_conn, link);
        conn_on_gone(conn->socket, NULL, NULL);
        release(conn);
    }
    loop_reap(server->loop, &server->reap, destroy, server);
}
