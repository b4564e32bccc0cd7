/* See the header. A request that takes longer than ANSWER_MS has failed: who waits so long is no
 * longer served. A connection that ends while nothing is asked is no failure. */
#include "support/steady_visitor.h"

#include "culvert/net/sockets.h"
#include "support/must.h"

enum { ANSWER_MS = 60 * 1000 }; /* also where many tests share a processor */

static void connect_again(struct steady_visitor *visitor);

static void drop_connection(struct steady_visitor *visitor)
{
    conn_close(visitor->conn);
    h1_client_close(visitor->h1);
    h2_session_close(visitor->h2);
    visitor->conn = NULL;
    visitor->h1 = NULL;
    visitor->h2 = NULL;
}

static void on_h1_gone(void *arg)
{
    struct steady_visitor *visitor = arg;
    h1_client_close(visitor->h1);
    visitor->h1 = NULL;
}

static void note_failure(struct steady_visitor *visitor, const struct error *why)
{
    if (visitor->failed++ == 0)
        visitor->why = *why;
}

/* ---- requests ---- */

static bool is_right(const struct steady_visitor *visitor, struct error *why)
{
    const struct ask *ask = &visitor->ask;
    struct span want = request_is(&ask->head, SPAN("POST")) ? SPAN("0123456789") : SPAN("hello");
    if (ask->failed) {
        *why = ask->why;
        return false;
    }
    if (!ask->done)
        return error_set(why, ERROR_TIMEOUT, 0, "no answer");
    if (ask->status != 200 || !span_equal(buf_span(&ask->text), want))
        return error_set(why, ERROR_PROTOCOL, 0, "%d \"%.*s\"", ask->status,
                         (int)(ask->text.len < 99 ? ask->text.len : 99), buf_text(&ask->text));
    return true;
}

/* The request in hand has ended in some way. */
static void over(struct steady_visitor *visitor)
{
    struct error why;
    uint64_t took = loop_now_ms(visitor->loop) - visitor->asked_ms;
    timer_stop(&visitor->limit);
    if (is_right(visitor, &why)) {
        visitor->served++;
        if (took > visitor->slowest_ms)
            visitor->slowest_ms = took;
    } else {
        note_failure(visitor, &why);
    }
    bool broken = visitor->ask.failed || !visitor->ask.done;
    ask_release(&visitor->ask);
    visitor->asks = false;
    if (broken || (visitor->h1 && !h1_client_is_reusable(visitor->h1)))
        drop_connection(visitor);
    else if (visitor->h1)
        h1_client_set_idle(visitor->h1, on_h1_gone, visitor);
    visitor->stopped = visitor->stops;
    if (!visitor->stops)
        must(timer_start(&visitor->pause, visitor->options.pause_ms));
}

static void too_late(void *arg)
{
    over(arg);
}

static void ask_again(struct steady_visitor *visitor)
{
    if (visitor->h2 && !h2_session_can_open(visitor->h2))
        drop_connection(visitor);
    if (!visitor->h1 && !visitor->h2) {
        if (!visitor->conn)
            connect_again(visitor);
        return;
    }
    bool posts = visitor->served % 2 == 1;
    ask_init(&visitor->ask, posts ? "POST" : "GET", posts ? "/echo" : "/hello");
    buf_clear(&visitor->ask.head.authority);
    bool turns = visitor->options.other && visitor->served % 4 >= 2;
    must(buf_put_span(&visitor->ask.head.authority,
                      span_of(turns ? visitor->options.other : visitor->options.authority)));
    if (posts) {
        ask_announce(&visitor->ask, 10);
        ask_put(&visitor->ask, SPAN("0123456789"));
        ask_end(&visitor->ask);
    }
    visitor->asks = true;
    visitor->asked_ms = loop_now_ms(visitor->loop);
    must(timer_start(&visitor->limit, ANSWER_MS) && timer_start(&visitor->pause, 1));
    if (ask_send(&visitor->ask, &visitor->opener))
        return;
    visitor->ask.failed = true;
    visitor->ask.ends++;
}

/* Looks at what it asked, outside of the ask's own callbacks, or asks. */
static void fire(void *arg)
{
    struct steady_visitor *visitor = arg;
    if (visitor->asks && visitor->ask.ends > 0)
        over(visitor);
    else if (visitor->asks)
        must(timer_start(&visitor->pause, 1));
    else if (!visitor->stops)
        ask_again(visitor);
    else
        visitor->stopped = true;
}

static struct outbound *open_request(struct opener *opener, const struct request_head *head,
                                     struct body *body, const struct outbound_events *events,
                                     void *arg, struct error *err)
{
    struct steady_visitor *visitor = CONTAINER_OF(opener, struct steady_visitor, opener);
    return visitor->h1 ? h1_client_send(visitor->h1, head, body, events, arg, err)
                       : h2_session_open(visitor->h2, head, body, events, arg, err);
}

/* ---- the connection ---- */

static void on_h2_request(void *arg, struct inbound *in)
{
    (void)arg;
    inbound_close(in);
}

static void on_h2_goaway(void *arg, uint32_t code)
{
    (void)arg;
    (void)code;
}

static void on_h2_idle(void *arg)
{
    (void)arg;
}

static void on_h2_closed(void *arg, const struct error *why)
{
    struct steady_visitor *visitor = arg;
    (void)why; /* its streams were told, if there were any */
    h2_session_close(visitor->h2);
    visitor->h2 = NULL;
}

static const struct h2_session_events h2_events = {.on_request = on_h2_request,
                                                   .on_goaway = on_h2_goaway,
                                                   .on_idle = on_h2_idle,
                                                   .on_closed = on_h2_closed};

static void on_connected(void *arg)
{
    static const struct h2_options options = {.head_max = 64 * 1024};
    struct steady_visitor *visitor = arg;
    struct conn *conn = visitor->conn;
    visitor->conn = NULL;
    if (visitor->options.h2)
        visitor->h2 = h2_session_new(conn, &options, &h2_events, visitor, NULL);
    else
        visitor->h1 = h1_client_new(conn, NULL, NULL);
    must(visitor->h1 || visitor->h2);
    if (visitor->h1)
        h1_client_set_idle(visitor->h1, on_h1_gone, visitor);
    must(timer_start(&visitor->pause, 0));
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    (void)arg;
    (void)data;
    (void)len;
    return 0;
}

static void on_end(void *arg)
{
    (void)arg;
}

static void on_lost(void *arg, const struct error *why)
{
    struct steady_visitor *visitor = arg;
    note_failure(visitor, why);
    drop_connection(visitor);
    must(timer_start(&visitor->pause, visitor->options.pause_ms));
}

static const struct conn_events conn_events = {.on_open = on_connected,
                                               .on_bytes = on_bytes,
                                               .on_end = on_end,
                                               .on_room = on_end,
                                               .on_lost = on_lost};

static void connect_again(struct steady_visitor *visitor)
{
    const struct sockets *sockets = loop_sockets(visitor->loop);
    int fd = sockets->connect(sockets, &visitor->options.at, NULL);
    must(fd != -1);
    sockets_tune(fd, -1);
    visitor->connections++;
    visitor->conn = conn_new(visitor->loop, fd, &conn_events, visitor, NULL);
    must(visitor->conn != NULL);
    if (!visitor->options.tls)
        on_connected(visitor);
    else
        must(conn_start_tls(visitor->conn, visitor->options.tls, visitor->options.authority,
                            ANSWER_MS, NULL));
}

void steady_visitor_begin(struct steady_visitor *visitor, struct loop *loop,
                          const struct steady_visitor_options *options)
{
    static const struct opener_ops ops = {open_request};
    *visitor = (struct steady_visitor){.loop = loop, .options = *options, .opener = {.ops = &ops}};
    timer_init(&visitor->pause, loop, fire, visitor);
    timer_init(&visitor->limit, loop, too_late, visitor);
    connect_again(visitor);
}

void steady_visitor_stop(struct steady_visitor *visitor)
{
    visitor->stops = true;
    if (!visitor->asks)
        visitor->stopped = true;
}

void steady_visitor_end(struct steady_visitor *visitor)
{
    timer_stop(&visitor->pause);
    timer_stop(&visitor->limit);
    if (visitor->asks)
        ask_release(&visitor->ask);
    visitor->asks = false;
    drop_connection(visitor);
}
