/* See the header. */
#include "support/siege_origin.h"

#include "culvert/http/h1_server.h"
#include "culvert/http/reply.h"
#include "culvert/net/sockets.h"
#include "support/must.h"
#include "support/pattern.h"

#include <stdlib.h>

enum { CONNECTIONS_MAX = 100000, ECHO_MAX = 64 * 1024, PIECE = 16 * 1024 };

struct origin_conn {
    struct siege_origin *origin;
    struct link link;
    struct h1_server *h1;
    struct reap reap;
};

/* A request whose answer takes longer than a turn. */
struct origin_call {
    struct siege_origin *origin;
    struct link link;
    struct inbound *in;
    struct body body;
    uint64_t made, total;
    struct task more;
    struct reap reap;
};

/* ---- answers ---- */

static void destroy_call(void *object)
{
    struct origin_call *call = object;
    channel_free(call->body.bytes);
    free(call);
}

static void end_call(struct origin_call *call)
{
    inbound_close(call->in);
    task_cancel(&call->more);
    list_remove(&call->origin->calls, &call->link);
    loop_reap(call->origin->loop, &call->reap, destroy_call, call);
}

static void on_answered(void *arg)
{
    end_call(arg);
}

static void on_aborted(void *arg, const struct error *why)
{
    (void)why;
    end_call(arg);
}

static const struct inbound_events call_events = {on_answered, on_aborted};

static void more(void *arg)
{
    struct origin_call *call = arg;
    unsigned char piece[PIECE];
    size_t room;
    while (call->made < call->total && (room = channel_room(call->body.bytes)) > 0) {
        size_t len = room < sizeof piece ? room : sizeof piece;
        if (len > call->total - call->made)
            len = (size_t)(call->total - call->made);
        pattern_fill(piece, len, call->made);
        call->made += channel_put(call->body.bytes, piece, len);
    }
    if (call->made == call->total && !channel_is_ended(call->body.bytes))
        channel_end(call->body.bytes);
}

static void drained(void *arg, size_t bytes)
{
    struct origin_call *call = arg;
    (void)bytes;
    task_post(&call->more);
}

static struct origin_call *hold(struct siege_origin *origin, struct inbound *in)
{
    struct origin_call *call = calloc(1, sizeof *call);
    must(call != NULL);
    call->origin = origin;
    call->in = in;
    task_init(&call->more, origin->loop, TASK_SOON, more, call);
    list_put_last(&origin->calls, &call->link);
    inbound_set_events(in, &call_events, call);
    return call;
}

static void send_bytes(struct siege_origin *origin, struct inbound *in, uint64_t count)
{
    struct origin_call *call = hold(origin, in);
    struct response_head head;
    call->total = count;
    call->body.length = (int64_t)count;
    call->body.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    must(call->body.bytes != NULL);
    channel_set_drained(call->body.bytes, drained, call);
    response_head_init(&head);
    head.status = 200;
    head.length = (int64_t)count;
    must(inbound_answer(in, &head, &call->body, NULL));
    response_head_release(&head);
    task_post(&call->more);
}

static void say(struct siege_origin *origin, struct inbound *in, struct span text)
{
    const struct reply reply = {.status = 200, .content_type = "text/plain", .text = text};
    reply_send(origin->loop, in, &reply);
}

static void on_gathered(void *arg, struct inbound *in, const struct buf *body,
                        const struct error *why)
{
    if (body)
        say(arg, in, buf_span(body));
    else if (why->kind == ERROR_LIMIT)
        inbound_close(in);
}

static void on_request(void *arg, struct inbound *in)
{
    struct origin_conn *conn = arg;
    struct siege_origin *origin = conn->origin;
    struct span target = buf_span(&in->head.target);
    const struct span bytes = SPAN("/bytes/");
    uint64_t count;
    origin->requests++;
    if (span_equal(target, SPAN("/hello")))
        say(origin, in, SPAN("hello"));
    else if (span_equal(target, SPAN("/echo")))
        request_gather(origin->loop, in, ECHO_MAX, on_gathered, origin);
    else if (span_starts(target, bytes) &&
             span_to_u64(span_skip(target, bytes.len), INT64_MAX, &count))
        send_bytes(origin, in, count);
    else
        (void)hold(origin, in);
}

/* ---- connections ---- */

static void destroy_conn(void *object)
{
    free(object);
}

static void end_conn(struct origin_conn *conn)
{
    struct siege_origin *origin = conn->origin;
    h1_server_close(conn->h1);
    list_remove(&origin->conns, &conn->link);
    loop_reap(origin->loop, &conn->reap, destroy_conn, conn);
}

static void on_refused(void *arg, int status, enum abuse abuse, const char *why)
{
    (void)arg;
    (void)status;
    (void)abuse;
    (void)why;
}

static void on_closed(void *arg)
{
    struct origin_conn *conn = arg;
    listener_released(conn->origin->listener);
    end_conn(conn);
}

static const struct h1_server_events server_events = {
    .on_request = on_request, .on_refused = on_refused, .on_closed = on_closed};

static void on_accept(void *arg, int fd, const struct ip_address *from)
{
    static const struct h1_server_options options = {.scheme = "http"};
    static const struct conn_events nobody = {0};
    struct siege_origin *origin = arg;
    (void)from;
    struct origin_conn *conn = calloc(1, sizeof *conn);
    must(conn != NULL);
    origin->accepted++;
    conn->origin = origin;
    sockets_tune(fd, -1);
    struct conn *socket = conn_new(origin->loop, fd, &nobody, NULL, NULL);
    must(socket != NULL);
    conn->h1 = h1_server_new(socket, &options, &server_events, conn, NULL);
    must(conn->h1 != NULL);
    list_put_last(&origin->conns, &conn->link);
}

void siege_origin_open(struct siege_origin *origin, struct loop *loop)
{
    struct ip_address at;
    *origin = (struct siege_origin){.loop = loop};
    list_init(&origin->conns);
    list_init(&origin->calls);
    must(ip_parse(SPAN("127.0.0.1"), 0, &at));
    const struct listener_options options = {
        .at = &at, .limit = CONNECTIONS_MAX, .on_accept = on_accept, .arg = origin};
    origin->listener = listener_new(loop, &options, NULL);
    must(origin->listener != NULL);
    listener_address(origin->listener, &origin->at);
}

void siege_origin_close(struct siege_origin *origin)
{
    listener_close(origin->listener);
    LIST_EACH_SAFE (it, after, &origin->calls) {
        end_call(CONTAINER_OF(it, struct origin_call, link));
    }
    LIST_EACH_SAFE (it, after, &origin->conns) {
        end_conn(CONTAINER_OF(it, struct origin_conn, link));
    }
}
