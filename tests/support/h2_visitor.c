/* See the header. */
#include "support/h2_visitor.h"

#include "support/must.h"

static struct outbound *open_stream(struct opener *opener, const struct request_head *head,
                                    struct body *body, const struct outbound_events *events,
                                    void *arg, struct error *err)
{
    struct h2_visitor *visitor = CONTAINER_OF(opener, struct h2_visitor, opener);
    return h2_session_open(visitor->session, head, body, events, arg, err);
}

static void on_request(void *arg, struct inbound *in)
{
    (void)arg;
    inbound_close(in);
}

static void on_goaway(void *arg, uint32_t code)
{
    struct h2_visitor *visitor = arg;
    (void)code;
    visitor->heard_goaway = true;
}

static void on_idle(void *arg)
{
    (void)arg;
}

static void on_closed(void *arg, const struct error *why)
{
    struct h2_visitor *visitor = arg;
    (void)why;
    visitor->over = true;
    h2_session_close(visitor->session);
    visitor->session = NULL;
}

static const struct h2_session_events session_events = {on_request, on_goaway, on_idle, on_closed};

void h2_visitor_open(struct h2_visitor *visitor, struct both_ends *ends)
{
    static const struct opener_ops ops = {open_stream};
    static const struct conn_events nobody = {0};
    static const struct h2_options options = {.head_max = 64 * 1024};
    *visitor = (struct h2_visitor){.ends = ends, .opener = {&ops}};
    int fd = memory_sockets_dial(&ends->memory, "127.0.0.1:8080");
    must(fd != -1);
    struct conn *conn = conn_new(ends->loop, fd, &nobody, NULL, NULL);
    must(conn != NULL);
    visitor->session = h2_session_new(conn, &options, &session_events, visitor, NULL);
    must(visitor->session && settle(ends->loop));
}

static bool is_over(void *arg)
{
    struct ask *ask = arg;
    return ask->ends > 0;
}

bool h2_visitor_hears(struct h2_visitor *visitor, struct ask *ask)
{
    return both_ends_until(visitor->ends, is_over, ask);
}

void h2_visitor_reset(struct h2_visitor *visitor, unsigned number, unsigned char code)
{
    const unsigned char frame[] = {0, 0, 4, 3,   0, 0, 0, 0, (unsigned char)(1 + 2 * number),
                                   0, 0, 0, code};
    must(conn_put(h2_session_conn(visitor->session), frame, sizeof frame));
}

void h2_visitor_close(struct h2_visitor *visitor)
{
    h2_session_close(visitor->session);
    visitor->session = NULL;
    must(settle(visitor->ends->loop));
}
