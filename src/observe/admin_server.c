/* The operator's own small HTTP server. Whatever the method, it answers like GET, as others do. A
 * Host that is neither a number nor localhost is refused: a page of the web must not read it
 * through a name of its own (DNS rebinding). */
#include "culvert/observe/admin_server.h"
#include "culvert/http/h1_server.h"
#include "culvert/http/reply.h"
#include "culvert/observe/exposition.h"

struct admin_conn {
    struct admin_server *server;
    struct h1_server *h1;
    struct link link;
    struct reap reap;
};

/* A GET of /metrics that waits for the workers' figures. */
struct question {
    struct admin_server *server;
    struct inbound *in;
    struct scrape scrape;
    struct link link;
    struct reap reap;
};

struct admin_server {
    struct loop *loop;
    struct listener *listener;
    struct admin_sources sources;
    struct list conns;
    struct list questions;
    struct reap reap;
};

static void send_text(struct admin_server *server, struct inbound *in, int status, const char *type,
                      struct span text)
{
    struct reply reply = {.status = status, .content_type = type, .text = text};
    reply_send(server->loop, in, &reply);
}

static void destroy_question(void *object)
{
    free(object);
}

/* The inbound is the caller's again. */
static struct inbound *question_end(struct question *question)
{
    struct admin_server *server = question->server;
    scrape_cancel(&question->scrape);
    list_remove(&server->questions, &question->link);
    loop_reap(server->loop, &question->reap, destroy_question, question);
    return question->in;
}

static void refuse(struct admin_server *server, struct inbound *in, const struct error *why)
{
    struct buf text = BUF_LIMIT(sizeof why->text + 64);
    if (buf_printf(&text, "the metrics cannot be told: %s\n", why->text))
        send_text(server, in, 503, "text/plain; charset=utf-8", buf_span(&text));
    else
        send_text(server, in, 503, "text/plain", SPAN("out of memory\n"));
    buf_release(&text);
}

static void on_figures(void *arg, const struct metrics *sum, const struct error *why)
{
    struct question *question = arg;
    struct admin_server *server = question->server;
    struct inbound *in = question_end(question);
    struct buf text = BUF_LIMIT(ADMIN_TEXT_MAX);
    if (!sum)
        refuse(server, in, why);
    else if (exposition_write(sum, &text))
        send_text(server, in, 200, EXPOSITION_CONTENT_TYPE, buf_span(&text));
    else
        send_text(server, in, 500, "text/plain", SPAN("the metrics do not fit\n"));
    buf_release(&text);
}

static void never_answered(void *arg)
{
    (void)arg; /* nothing was answered yet */
}

static void asker_left(void *arg, const struct error *why)
{
    (void)why;
    inbound_close(question_end(arg));
}

static const struct inbound_events question_events = {never_answered, asker_left};

static void get_metrics(struct admin_server *server, struct inbound *in)
{
    struct error err;
    struct question *question = calloc(1, sizeof *question);
    if (!question) {
        (void)error_memory(&err);
        refuse(server, in, &err);
        return;
    }
    question->server = server;
    question->in = in;
    list_put_last(&server->questions, &question->link);
    if (scraper_ask(server->sources.scraper, &question->scrape, on_figures, question, &err))
        inbound_set_events(in, &question_events, question);
    else
        refuse(server, question_end(question), &err);
}

/* "min=3" of the query; 0 when absent, SIZE_MAX when it is no number. */
static size_t wanted_connections(const struct request_head *head)
{
    enum { MOST = 1024 };
    uint64_t min = 0;
    struct span query = span_skip(buf_span(&head->target), request_path(head).len + 1);
    if (!span_starts(query, SPAN("min=")))
        return 0;
    return span_to_u64(span_skip(query, 4), MOST, &min) ? (size_t)min : SIZE_MAX;
}

static void get_ready(struct admin_server *server, struct inbound *in)
{
    struct buf text = BUF_LIMIT(ADMIN_TEXT_MAX);
    int status = 503;
    if (server->sources.ready(server->sources.arg, wanted_connections(&in->head), &text, &status))
        send_text(server, in, status, "application/json", buf_span(&text));
    else
        send_text(server, in, 500, "text/plain", SPAN("out of memory\n"));
    buf_release(&text);
}

static void get_healthcheck(struct admin_server *server, struct inbound *in)
{
    send_text(server, in, 200, "text/plain; charset=utf-8", SPAN("OK\n"));
}

static void get_config(struct admin_server *server, struct inbound *in)
{
    struct buf text = BUF_LIMIT(ADMIN_TEXT_MAX);
    if (!server->sources.config)
        send_text(server, in, 404, "text/plain; charset=utf-8", SPAN("404 page not found\n"));
    else if (server->sources.config(server->sources.arg, &text))
        send_text(server, in, 200, "application/json", buf_span(&text));
    else
        send_text(server, in, 500, "text/plain", SPAN("the configuration does not fit\n"));
    buf_release(&text);
}

static const struct {
    struct span path;
    void (*get)(struct admin_server *server, struct inbound *in);
} pages[] = {
    {SPAN_INIT("/metrics"), get_metrics},
    {SPAN_INIT("/ready"), get_ready},
    {SPAN_INIT("/healthcheck"), get_healthcheck},
    {SPAN_INIT("/config"), get_config},
};

static bool host_is_local(const struct request_head *head)
{
    struct span host;
    uint16_t port = 0;
    struct ip_address address;
    if (head->authority.len == 0)
        return true;
    return ip_split_host_port(buf_span(&head->authority), &host, &port) &&
           (span_equal_nocase(host, SPAN("localhost")) || ip_parse(host, port, &address));
}

static void on_request(void *arg, struct inbound *in)
{
    struct admin_conn *conn = arg;
    struct admin_server *server = conn->server;
    if (!host_is_local(&in->head)) {
        send_text(server, in, 403, "text/plain; charset=utf-8",
                  SPAN("this server is asked by address or as localhost\n"));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (span_equal(request_path(&in->head), pages[i].path)) {
            pages[i].get(server, in);
            return;
        }
    }
    send_text(server, in, 404, "text/plain; charset=utf-8", SPAN("404 page not found\n"));
}

static void on_refused(void *arg, int status, enum abuse abuse, const char *why)
{
    (void)arg;
    (void)status;
    (void)abuse;
    (void)why;
}

static void destroy_conn(void *object)
{
    free(object);
}

static void conn_over(struct admin_conn *conn)
{
    struct admin_server *server = conn->server;
    h1_server_close(conn->h1);
    list_remove(&server->conns, &conn->link);
    loop_reap(server->loop, &conn->reap, destroy_conn, conn);
}

static void on_closed(void *arg)
{
    struct admin_conn *conn = arg;
    struct admin_server *server = conn->server;
    conn_over(conn);
    listener_released(server->listener);
}

static const struct h1_server_events h1_events = {on_request, on_refused, on_closed};

static const struct h1_server_options h1_options = {.scheme = "http"};

static void on_accept(void *arg, int fd, const struct ip_address *from)
{
    (void)from;
    struct admin_server *server = arg;
    struct error err;
    static const struct conn_events none = {0};
    struct admin_conn *conn = calloc(1, sizeof *conn);
    struct conn *socket = conn_new(server->loop, fd, &none, NULL, &err);
    if (!conn || !socket) {
        conn_close(socket);
        free(conn);
        listener_released(server->listener);
        return;
    }
    conn->server = server;
    conn->h1 = h1_server_new(socket, &h1_options, &h1_events, conn, &err);
    if (!conn->h1) {
        free(conn);
        listener_released(server->listener);
        return;
    }
    list_put_last(&server->conns, &conn->link);
}

struct admin_server *admin_server_new(struct loop *loop, const struct ip_address *at,
                                      const struct admin_sources *sources, struct error *err)
{
    struct admin_server *server = calloc(1, sizeof *server);
    if (!server) {
        error_memory(err);
        return NULL;
    }
    server->loop = loop;
    server->sources = *sources;
    list_init(&server->conns);
    list_init(&server->questions);
    struct listener_options options = {
        .at = at, .limit = ADMIN_CONNECTIONS_MAX, .on_accept = on_accept, .arg = server};
    server->listener = listener_new(loop, &options, err);
    if (!server->listener) {
        free(server);
        return NULL;
    }
    return server;
}

void admin_server_address(const struct admin_server *server, struct ip_address *at)
{
    listener_address(server->listener, at);
}

static void destroy(void *object)
{
    free(object);
}

void admin_server_close(struct admin_server *server)
{
    if (!server)
        return;
    listener_close(server->listener);
    LIST_EACH_SAFE (it, after, &server->questions) {
        inbound_close(question_end(CONTAINER_OF(it, struct question, link)));
    }
    LIST_EACH_SAFE (it, after, &server->conns) {
        conn_over(CONTAINER_OF(it, struct admin_conn, link));
    }
    loop_reap(server->loop, &server->reap, destroy, server);
}
