/* One listener for visitors. A connection is told apart once: by ALPN under TLS, by its first bytes
 * in clear; from then on it is an HTTP/1.1 server or an HTTP/2 session. */
#include "culvert/edge/public_server.h"

#include "culvert/http/h1_server.h"
#include "culvert/http/h2_session.h"
#include "culvert/net/sockets.h"

#include <unistd.h>

struct public_conn {
    struct public_server *server;
    struct link link;
    struct conn *conn; /* until it is told apart */
    struct h1_server *h1;
    struct h2_session *h2;
    bool speaks_h2;
    struct visitor visitor;
    struct timer preface;
    struct task chosen;
    struct reap reap;
};

struct public_server {
    struct loop *loop;
    struct public_server_options options;
    struct listener *listener;
    struct list conns;
    bool draining;
    uint64_t abuses, abuses_logged, abuse_logged_ms;
    struct reap reap;
};

static void destroy_conn(void *object)
{
    free(object);
}

static void conn_free(struct public_conn *conn)
{
    struct public_server *server = conn->server;
    timer_stop(&conn->preface);
    task_cancel(&conn->chosen);
    h1_server_close(conn->h1);
    h2_session_close(conn->h2);
    conn_close(conn->conn);
    list_remove(&server->conns, &conn->link);
    loop_reap(server->loop, &conn->reap, destroy_conn, conn);
}

static void conn_over(struct public_conn *conn)
{
    struct public_server *server = conn->server;
    conn_free(conn);
    if (server->listener)
        listener_released(server->listener);
    server->options.on_over(server->options.arg);
}

/* ---- requests ---- */

static void on_request(void *arg, struct inbound *in)
{
    struct public_conn *conn = arg;
    visitor_requests_serve(conn->server->options.requests, in, &conn->visitor);
}

/* Each is counted; of a flood of them the log shows one a second. */
static void on_abuse(void *arg, enum abuse abuse)
{
    struct public_conn *conn = arg;
    struct public_server *server = conn->server;
    uint64_t now = loop_now_ms(server->loop);
    char ip[IP_TEXT_SIZE] = "";
    server->abuses++;
    if (server->options.on_abuse)
        server->options.on_abuse(server->options.arg, abuse);
    if (server->abuses_logged > 0 && now - server->abuse_logged_ms < PUBLIC_ABUSE_LOG_MS)
        return;
    if (conn->visitor.address.len > 0)
        ip_format(&conn->visitor.address, ip);
    log_info(loop_log(server->loop), "A visitor ran into a limit",
             LOG_TEXT("limit", abuse_name(abuse)), LOG_TEXT("client", ip),
             LOG_INT("since_last_line", (int64_t)(server->abuses - server->abuses_logged)));
    server->abuses_logged = server->abuses;
    server->abuse_logged_ms = now;
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

static void drain_conn(struct public_conn *conn)
{
    if (conn->h1) {
        h1_server_drain(conn->h1);
    } else if (conn->h2) {
        h2_session_goaway(conn->h2);
        h2_session_tell_idle(conn->h2, 0);
    } else {
        conn_over(conn);
    }
}

/* The protocol is known: its engine takes the connection and the bytes that came. */
static void choose(void *arg)
{
    struct public_conn *conn = arg;
    struct public_server *server = conn->server;
    struct error err;
    struct conn *socket = conn->conn;
    conn->conn = NULL;
    timer_stop(&conn->preface);
    if (conn->speaks_h2) {
        const struct h2_options options = {.is_server = true,
                                           .streams_max = PUBLIC_STREAMS_MAX,
                                           .head_max = PUBLIC_HEAD_MAX,
                                           .stall_ms = H1_STALL_MS,
                                           .budget = server->options.budget};
        conn_set_stall_limit(socket, H1_STALL_MS);
        conn->h2 = h2_session_new(socket, &options, &h2_events, conn, &err);
    } else {
        const struct h1_server_options options = {
            .scheme = conn->visitor.over_tls ? "https" : "http", .budget = server->options.budget};
        conn->h1 = h1_server_new(socket, &options, &h1_events, conn, &err);
    }
    if (!conn->h1 && !conn->h2)
        conn_over(conn);
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
    conn_over(arg);
}

static const struct conn_events conn_events = {on_open, on_bytes, on_end, on_room, on_lost};

static bool begin(struct public_conn *conn, int fd, struct error *err)
{
    struct public_server *server = conn->server;
    sockets_tune(fd, 0);
    conn->conn = conn_new(server->loop, fd, &conn_events, conn, err);
    if (!conn->conn)
        return false;
    if (server->options.tls)
        return conn_start_tls(conn->conn, server->options.tls, NULL, PUBLIC_TLS_MS, err);
    return timer_start(&conn->preface, PUBLIC_PREFACE_MS);
}

static void on_accept(void *arg, int fd, const struct ip_address *from)
{
    struct public_server *server = arg;
    struct error err;
    struct public_conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        (void)close(fd);
        listener_released(server->listener);
        return;
    }
    conn->server = server;
    conn->visitor.address = *from;
    conn->visitor.over_tls = server->options.tls != NULL;
    timer_init(&conn->preface, server->loop, late, conn);
    task_init(&conn->chosen, server->loop, TASK_SOON, choose, conn);
    list_put_last(&server->conns, &conn->link);
    if (!begin(conn, fd, &err))
        conn_over(conn);
}

/* ---- the listener ---- */

struct public_server *public_server_new(const struct public_server_options *options,
                                        struct error *err)
{
    struct public_server *server = calloc(1, sizeof *server);
    if (!server) {
        error_memory(err);
        return NULL;
    }
    server->loop = options->loop;
    server->options = *options;
    list_init(&server->conns);
    const struct listener_options listener = {
        .at = options->at, .limit = PUBLIC_CONNECTIONS_MAX, .on_accept = on_accept, .arg = server};
    server->listener = listener_new(options->loop, &listener, err);
    if (server->listener)
        return server;
    free(server);
    return NULL;
}

void public_server_address(const struct public_server *server, struct ip_address *at)
{
    listener_address(server->listener, at);
}

void public_server_drain(struct public_server *server)
{
    server->draining = true;
    listener_close(server->listener);
    server->listener = NULL;
    LIST_EACH_SAFE (it, after, &server->conns) {
        drain_conn(CONTAINER_OF(it, struct public_conn, link));
    }
}

size_t public_server_open(const struct public_server *server)
{
    return server->conns.count;
}

static void destroy(void *object)
{
    free(object);
}

void public_server_close(struct public_server *server)
{
    if (!server)
        return;
    listener_close(server->listener);
    server->listener = NULL;
    LIST_EACH_SAFE (it, after, &server->conns) {
        conn_free(CONTAINER_OF(it, struct public_conn, link));
    }
    loop_reap(server->loop, &server->reap, destroy, server);
}
