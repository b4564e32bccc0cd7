/* See the header. */
#include "support/fake_edge.h"

#include "culvert/tunnel/stream_kind.h"
#include "support/must.h"

static void end_connection(struct fake_edge_connection *far)
{
    far->over = true;
    if (far->in)
        channel_set_taker(far->in->bytes, NULL, NULL);
    far->in = NULL;
    h2_session_close(far->session);
    far->session = NULL;
    conn_close(far->held);
    far->held = NULL;
    outbound_close(far->control);
    far->control = NULL;
}

/* ---- registration ---- */

static void rpc_send(void *arg, struct span bytes)
{
    struct fake_edge_connection *far = arg;
    must(channel_put(far->out.bytes, bytes.data, bytes.len) == bytes.len);
}

static void say_fault(struct fake_edge_connection *far)
{
    struct buf bytes = BUF_LIMIT(RPC_FAULT_BYTES_MAX);
    rpc_fault_write(far->answer->fault, &bytes);
    rpc_send(far, buf_span(&bytes));
    buf_release(&bytes);
}

static void on_register(void *arg, const struct registration_params *params)
{
    struct fake_edge_connection *far = arg;
    struct error err;
    far->asked = true;
    far->index = params->index;
    far->attempts = params->attempts;
    if (far->answer->kind == FAKE_EDGE_ACCEPT) {
        const struct connection_details details = {.uuid = uuid_make(),
                                                   .location = SPAN("fake"),
                                                   .is_remotely_managed = far->edge->manages};
        far->registered = true;
        must(registration_server_accept(far->rpc, &details, &err));
        if (far->answer->fault && !far->answer->fault_first)
            say_fault(far);
    } else if (far->answer->kind == FAKE_EDGE_REFUSE) {
        const struct registration_refusal refusal = {
            .cause = span_of(far->answer->cause),
            .should_retry = far->answer->should_retry,
            .retry_after_ns = (int64_t)far->answer->retry_after_ms * 1000000};
        must(registration_server_refuse(far->rpc, &refusal, &err));
    }
}

static void on_local_configuration(void *arg, struct span json)
{
    struct fake_edge_connection *far = arg;
    far->configured = json.len > 0;
}

static void on_unregister(void *arg)
{
    struct fake_edge_connection *far = arg;
    struct error err;
    far->unregistered = true;
    must(registration_server_unregistered(far->rpc, &err));
}

static void on_rpc_closed(void *arg, struct span reason)
{
    (void)arg;
    (void)reason;
}

static void on_rpc_failed(void *arg, const struct error *err)
{
    (void)arg;
    (void)err;
}

static const struct registration_server_events rpc_events = {
    rpc_send, on_register, on_local_configuration, on_unregister, on_rpc_closed, on_rpc_failed};

/* ---- the control stream ---- */

static void on_filled(void *arg)
{
    struct fake_edge_connection *far = arg;
    struct span part;
    while (far->in && (part = channel_peek(far->in->bytes)).len > 0) {
        registration_server_feed(far->rpc, part);
        channel_drop(far->in->bytes, part.len);
    }
}

static const struct channel_events taker = {on_filled};

static void on_inform(void *arg, const struct response_head *head)
{
    (void)arg;
    (void)head;
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct fake_edge_connection *far = arg;
    must(head->status == 200 && body);
    if (far->answer->deaf)
        return;
    far->in = body;
    channel_set_taker(body->bytes, &taker, far);
    on_filled(far);
}

static void on_done(void *arg)
{
    struct fake_edge_connection *far = arg;
    channel_end(far->out.bytes);
    if (far->unregistered && !far->edge->keeps_open)
        h2_session_tell_idle(far->session, 0);
}

static void on_failed(void *arg, const struct error *why)
{
    (void)arg;
    (void)why;
}

static const struct outbound_events control_events = {on_inform, on_answer, on_done, on_failed};

static void open_control(struct fake_edge_connection *far)
{
    struct error err;
    struct request_head head;
    request_head_init(&head);
    head.length = LENGTH_UNKNOWN;
    must(buf_put_span(&head.method, SPAN("GET")) && buf_put_span(&head.scheme, SPAN("https")) &&
         buf_put_span(&head.authority, SPAN("control")) && buf_put_span(&head.target, SPAN("/")) &&
         stream_kind_mark(&head, STREAM_CONTROL, SPAN_NONE, &err));
    far->control = h2_session_open(far->session, &head, &far->out, &control_events, far, &err);
    must(far->control != NULL);
    request_head_release(&head);
    if (far->answer->fault && far->answer->fault_first)
        say_fault(far);
}

/* ---- connections ---- */

static void on_request(void *arg, struct inbound *in)
{
    (void)arg;
    inbound_close(in);
}

static void on_goaway(void *arg, uint32_t code)
{
    struct fake_edge_connection *far = arg;
    (void)code;
    far->heard_goaway = true;
}

static void on_idle(void *arg)
{
    end_connection(arg);
}

static void on_closed(void *arg, const struct error *why)
{
    (void)why;
    end_connection(arg);
}

static const struct h2_session_events session_events = {on_request, on_goaway, on_idle, on_closed};

static struct outbound *open_stream(struct opener *opener, const struct request_head *head,
                                    struct body *body, const struct outbound_events *events,
                                    void *arg, struct error *err)
{
    struct fake_edge_connection *far = CONTAINER_OF(opener, struct fake_edge_connection, opener);
    return h2_session_open(far->session, head, body, events, arg, err);
}

static void held_nothing(void *arg)
{
    (void)arg;
}

static size_t held_bytes(void *arg, const unsigned char *data, size_t len)
{
    (void)arg;
    (void)data;
    return len;
}

static void held_end(void *arg)
{
    end_connection(arg);
}

static void held_lost(void *arg, const struct error *why)
{
    (void)why;
    end_connection(arg);
}

static void hold(struct fake_edge_connection *far, struct conn *conn)
{
    static const struct conn_events events = {held_nothing, held_bytes, held_end, held_nothing,
                                              held_lost};
    far->held = conn;
    conn_set_events(conn, &events, far);
    if (far->answer->text)
        must(conn_put(conn, far->answer->text, strlen(far->answer->text)));
}

static void on_accept(void *arg, int fd)
{
    static const struct opener_ops opener_ops = {open_stream};
    static const struct conn_events nobody = {0};
    static const struct h2_options options = {.head_max = 64 * 1024};
    struct fake_edge *edge = arg;
    struct error err;
    must(edge->count < FAKE_EDGE_CONNECTIONS_MAX);
    size_t number = edge->count++;
    struct fake_edge_connection *far = &edge->connections[number];
    *far = (struct fake_edge_connection){.edge = edge, .opener = {&opener_ops}};
    far->came_ms = loop_now_ms(edge->loop);
    far->answer = &edge->answers[number < edge->answer_count ? number : edge->answer_count - 1];
    far->out.bytes = channel_new(0, RPC_FAULT_BYTES_MAX, NULL, NULL);
    far->rpc = registration_server_new(&rpc_events, far);
    struct conn *conn = conn_new(edge->loop, fd, &nobody, NULL, &err);
    must(far->out.bytes && far->rpc && conn);
    if (far->answer->kind == FAKE_EDGE_CLOSE) {
        conn_close(conn);
        far->over = true;
        return;
    }
    if (far->answer->kind == FAKE_EDGE_HOLD) {
        hold(far, conn);
        return;
    }
    far->session = h2_session_new(conn, &options, &session_events, far, &err);
    must(far->session != NULL);
    if (far->answer->kind != FAKE_EDGE_NO_CONTROL)
        open_control(far);
}

void fake_edge_open(struct fake_edge *edge, struct loop *loop, struct memory_sockets *memory,
                    const char *at)
{
    static const struct fake_edge_answer accept = {FAKE_EDGE_ACCEPT, NULL, false, 0};
    memset(edge, 0, sizeof *edge);
    edge->loop = loop;
    edge->memory = memory;
    fake_edge_follow(edge, &accept, 1);
    fake_edge_serve(edge, at);
}

void fake_edge_serve(struct fake_edge *edge, const char *at)
{
    memory_sockets_serve(edge->memory, at, on_accept, edge);
}

void fake_edge_follow(struct fake_edge *edge, const struct fake_edge_answer *answers, size_t count)
{
    edge->answers = answers;
    edge->answer_count = count;
}

size_t fake_edge_registered(const struct fake_edge *edge)
{
    size_t count = 0;
    for (size_t i = 0; i < edge->count; i++)
        count += edge->connections[i].registered && !edge->connections[i].over ? 1 : 0;
    return count;
}

void fake_edge_goaway(struct fake_edge *edge, size_t connection)
{
    h2_session_goaway(edge->connections[connection].session);
}

void fake_edge_end_control(struct fake_edge *edge, size_t connection)
{
    channel_end(edge->connections[connection].out.bytes);
}

void fake_edge_drop(struct fake_edge *edge, size_t connection)
{
    end_connection(&edge->connections[connection]);
}

void fake_edge_close(struct fake_edge *edge)
{
    for (size_t i = 0; i < edge->count; i++)
        if (!edge->connections[i].over)
            end_connection(&edge->connections[i]);
    (void)loop_turn(edge->loop, 0);
    (void)loop_turn(edge->loop, 0);
    for (size_t i = 0; i < edge->count; i++) {
        registration_server_free(edge->connections[i].rpc);
        channel_free(edge->connections[i].out.bytes);
    }
}
