/* See the header. */
#include "support/fake_connector.h"

#include "culvert/tunnel/response_meta.h"
#include "culvert/tunnel/stream_kind.h"
#include "culvert/tunnel/user_headers.h"
#include "support/must.h"

enum { PACKED_MAX = 64 * 1024, STREAMS_MAX = 100 };

/* ---- the control stream ---- */

static void rpc_send(void *arg, struct span bytes)
{
    struct fake_connector *fake = arg;
    must(channel_put(fake->out.bytes, bytes.data, bytes.len) == bytes.len);
}

static void on_registered(void *arg, const struct connection_details *details)
{
    struct fake_connector *fake = arg;
    fake->registered = true;
    fake->connection_id = details->uuid;
}

/* As the peer does it: says goodbye and ends its side, TCP is the edge's to close. */
static void take_leave(struct fake_connector *fake)
{
    if (fake->options.holds_control)
        return;
    registration_client_shutdown(fake->rpc);
    channel_end(fake->out.bytes);
}

static void on_refused(void *arg, const struct registration_refusal *refusal)
{
    struct fake_connector *fake = arg;
    fake->refused = true;
    (void)snprintf(fake->cause, sizeof fake->cause, "%.*s", SPAN_ARG(refusal->cause));
    fake->should_retry = refusal->should_retry;
    fake->retry_after_ns = refusal->retry_after_ns;
    take_leave(fake);
}

static void on_configured(void *arg, const struct error *err)
{
    (void)arg;
    must(err == NULL);
}

static void on_unregistered(void *arg, const struct error *err)
{
    struct fake_connector *fake = arg;
    fake->unregistered = err == NULL;
    take_leave(fake);
}

static void on_rpc_failed(void *arg, const struct error *err)
{
    (void)arg;
    (void)err;
}

static const struct registration_client_events rpc_events = {
    rpc_send, on_registered, on_refused, on_configured, on_unregistered, on_rpc_failed};

static void on_control_filled(void *arg)
{
    struct fake_connector *fake = arg;
    struct span part;
    while (fake->control && (part = channel_peek(fake->control->body->bytes)).len > 0) {
        registration_client_feed(fake->rpc, part);
        channel_drop(fake->control->body->bytes, part.len);
    }
    if (fake->control && channel_is_done(fake->control->body->bytes))
        fake->control_ended = true;
}

static void on_control_answered(void *arg)
{
    (void)arg;
}

static void on_control_aborted(void *arg, const struct error *why)
{
    struct fake_connector *fake = arg;
    (void)why;
    fake->control_ended = true;
}

static const struct channel_events control_taker = {on_control_filled};
static const struct inbound_events control_events = {on_control_answered, on_control_aborted};

void fake_connector_say(struct fake_connector *fake, const struct rpc_fault *fault)
{
    struct buf bytes = BUF_LIMIT(RPC_FAULT_BYTES_MAX);
    rpc_fault_write(fault, &bytes);
    rpc_send(fake, buf_span(&bytes));
    buf_release(&bytes);
}

static void serve_control(struct fake_connector *fake, struct inbound *in)
{
    struct response_head head;
    const struct registration_params params = {
        .account_tag = fake->options.account,
        .tunnel_secret = fake->options.secret,
        .tunnel_id = fake->options.tunnel_id,
        .client_id = fake->options.client_id,
        .index = fake->options.index,
        .attempts = fake->options.attempts,
        .replace_existing = fake->options.replaces,
        .version = SPAN("fake"),
        .arch = SPAN("linux_amd64"),
        .feature_count = 2,
        .features = {SPAN("ha-origin"), SPAN("two, words\n")},
    };
    fake->control = in;
    inbound_set_events(in, &control_events, fake);
    channel_set_taker(in->body->bytes, &control_taker, fake);
    response_head_init(&head);
    head.status = 200;
    head.length = LENGTH_UNKNOWN;
    must(inbound_answer(in, &head, &fake->out, NULL));
    response_head_release(&head);
    if (fake->options.fault)
        fake_connector_say(fake, fake->options.fault);
    must(fake->options.mute || registration_client_register(fake->rpc, &params, NULL));
}

/* ---- requests ---- */

static void let_go(struct fake_call *call)
{
    if (!call->in)
        return;
    channel_set_taker(call->in->body->bytes, NULL, NULL);
    inbound_close(call->in);
    call->in = NULL;
}

static void put_fields(struct headers *to, const char *lines)
{
    struct span rest = span_of(lines);
    struct span line;
    while (span_cut(&rest, '\n', &line)) {
        size_t colon = span_find(line, ':');
        must(headers_add(to, span_first(line, colon), span_trim(span_skip(line, colon + 1)), NULL));
    }
}

static void put_packed(struct response_head *head, const struct fake_reply *reply)
{
    struct headers fields;
    struct buf packed = BUF_LIMIT(PACKED_MAX);
    headers_init(&fields);
    if (reply->fields)
        put_fields(&fields, reply->fields);
    must(user_headers_pack(&fields, &packed, NULL));
    struct span value = reply->packed ? span_of(reply->packed) : buf_span(&packed);
    must(headers_add(&head->fields, SPAN(USER_HEADERS_FIELD), value, NULL));
    headers_release(&fields);
    buf_release(&packed);
}

static void send_head(struct fake_call *call)
{
    const struct fake_reply *reply = call->reply;
    struct span meta =
        reply->meta ? span_of(reply->meta) : response_meta_text(RESPONSE_FROM_ORIGIN);
    struct response_head head;
    response_head_init(&head);
    head.status = reply->status ? reply->status : 200;
    head.length = reply->length ? reply->length : LENGTH_UNKNOWN;
    put_packed(&head, reply);
    for (size_t i = 0; i < reply->crowd; i++)
        must(headers_add(&head.fields, SPAN("x-one-of-many"), SPAN("x"), NULL));
    must(meta.len == 0 || headers_add(&head.fields, SPAN(RESPONSE_META_FIELD), meta, NULL));
    must(inbound_answer(call->in, &head, &call->out, NULL));
    response_head_release(&head);
}

static void inform(struct fake_call *call)
{
    struct response_head head;
    response_head_init(&head);
    head.status = 100;
    head.length = LENGTH_UNKNOWN;
    inbound_inform(call->in, &head);
    response_head_release(&head);
}

/* No connector of ours says it on its own: the frame is written by hand, behind whole frames. The
 * control stream is 1, requests follow in steps of 2. */
static void refuse(struct fake_call *call)
{
    struct fake_connector *fake = call->fake;
    unsigned id = 3 + 2 * (unsigned)(call - fake->calls);
    const unsigned char frame[] = {0, 0, 4, 3, 0, 0, 0, (unsigned char)(id >> 8), (unsigned char)id,
                                   0, 0, 0, 7};
    must(conn_put(h2_session_conn(fake->session), frame, sizeof frame));
    let_go(call);
}

static void follow(struct fake_call *call)
{
    const struct fake_reply *reply = call->reply;
    if (!call->in || call->replied || (reply->waits && !call->whole))
        return;
    call->replied = true;
    if (reply->informs)
        inform(call);
    switch (reply->kind) {
    case FAKE_REPLY_WHOLE:
    case FAKE_REPLY_BEGUN:
        send_head(call);
        if (reply->body)
            fake_call_say(call, reply->body);
        if (reply->kind == FAKE_REPLY_WHOLE)
            fake_call_end(call);
        break;
    case FAKE_REPLY_RESET:
        fake_call_reset(call);
        break;
    case FAKE_REPLY_REFUSED:
        refuse(call);
        break;
    case FAKE_REPLY_HANG_UP:
        task_post(&call->fake->hang_up);
        break;
    case FAKE_REPLY_SILENCE:
        break;
    }
}

static void on_body(void *arg)
{
    struct fake_call *call = arg;
    struct span part;
    while (call->in && !call->fake->leaves_bodies &&
           (part = channel_peek(call->in->body->bytes)).len > 0) {
        must(buf_put_span(&call->body, part));
        channel_drop(call->in->body->bytes, part.len);
    }
    if (!call->in || !channel_is_done(call->in->body->bytes) || call->whole)
        return;
    call->whole = true;
    must(headers_copy(&call->trailers, &call->in->body->trailers, NULL));
    follow(call);
}

static void on_answered(void *arg)
{
    struct fake_call *call = arg;
    call->answered = true;
    let_go(call);
}

static void on_aborted(void *arg, const struct error *why)
{
    struct fake_call *call = arg;
    (void)why;
    call->aborted = true;
    let_go(call);
}

static const struct channel_events body_taker = {on_body};
static const struct inbound_events call_events = {on_answered, on_aborted};

static void on_request(void *arg, struct inbound *in)
{
    struct fake_connector *fake = arg;
    if (stream_kind_of(&in->head) == STREAM_CONTROL) {
        serve_control(fake, in);
        return;
    }
    must(fake->call_count < FAKE_CALLS_MAX);
    size_t number = fake->call_count++;
    struct fake_call *call = &fake->calls[number];
    *call = (struct fake_call){.fake = fake, .in = in, .body = BUF_LIMIT(FAKE_CALL_BYTES_MAX)};
    call->reply = &fake->replies[number < fake->reply_count ? number : fake->reply_count - 1];
    call->out.bytes = channel_new(0, FAKE_CALL_BYTES_MAX, NULL, NULL);
    must(call->out.bytes != NULL);
    headers_init(&call->out.trailers);
    headers_init(&call->trailers);
    request_head_init(&call->head);
    must(request_head_copy(&call->head, &in->head, NULL));
    inbound_set_events(in, &call_events, call);
    channel_set_taker(in->body->bytes, &body_taker, call);
    on_body(call);
    follow(call);
}

void fake_call_say(struct fake_call *call, const char *bytes)
{
    must(channel_put(call->out.bytes, bytes, strlen(bytes)) == strlen(bytes));
}

void fake_call_end(struct fake_call *call)
{
    channel_end(call->out.bytes);
}

void fake_call_reset(struct fake_call *call)
{
    if (call->in)
        inbound_reset(call->in, NULL);
    let_go(call);
}

/* ---- the connection ---- */

static void end_session(struct fake_connector *fake)
{
    if (fake->over)
        return;
    fake->over = true;
    task_cancel(&fake->hang_up);
    fake->over_ms = loop_now_ms(fake->ends->loop);
    h2_session_close(fake->session);
    fake->session = NULL;
    for (size_t i = 0; i < fake->call_count; i++)
        let_go(&fake->calls[i]);
    if (fake->control) {
        channel_set_taker(fake->control->body->bytes, NULL, NULL);
        inbound_close(fake->control);
    }
    fake->control = NULL;
}

static void on_goaway(void *arg, uint32_t code)
{
    struct fake_connector *fake = arg;
    (void)code;
    fake->heard_goaway = true;
}

static void on_idle(void *arg)
{
    (void)arg;
}

static void on_closed(void *arg, const struct error *why)
{
    (void)why;
    end_session(arg);
}

static const struct h2_session_events session_events = {on_request, on_goaway, on_idle, on_closed};

struct fake_connector_options fake_connector_of(const struct both_ends *ends, uint8_t index)
{
    return (struct fake_connector_options){
        .account = span_of(ends->store.credentials->account_tag),
        .secret = buf_span(&ends->store.credentials->secret),
        .tunnel_id = ends->store.credentials->tunnel_id,
        .client_id = uuid_make(),
        .index = index,
    };
}

static void hang_up(void *arg)
{
    end_session(arg);
}

void fake_connector_dial(struct fake_connector *fake, struct both_ends *ends,
                         const struct fake_connector_options *options)
{
    static const struct fake_reply fine = {.kind = FAKE_REPLY_WHOLE, .body = "fine"};
    static const struct conn_events nobody = {0};
    const struct h2_options h2 = {.is_server = true,
                                  .streams_max =
                                      options->streams_max ? options->streams_max : STREAMS_MAX,
                                  .head_max = 64 * 1024};
    memset(fake, 0, sizeof *fake);
    fake->ends = ends;
    fake->options = *options;
    fake->dialed_ms = loop_now_ms(ends->loop);
    task_init(&fake->hang_up, ends->loop, TASK_SOON, hang_up, fake);
    fake_connector_follow(fake, &fine, 1);
    fake->out.bytes = channel_new(0, RPC_FAULT_BYTES_MAX, NULL, NULL);
    fake->rpc = registration_client_new(&rpc_events, fake);
    int fd = memory_sockets_dial(&ends->memory, "127.0.0.1:7844");
    must(fd != -1 && fake->out.bytes && fake->rpc);
    struct conn *conn = conn_new(ends->loop, fd, &nobody, NULL, NULL);
    must(conn != NULL);
    fake->session = h2_session_new(conn, &h2, &session_events, fake, NULL);
    must(fake->session != NULL);
}

void fake_connector_follow(struct fake_connector *fake, const struct fake_reply *replies,
                           size_t count)
{
    fake->replies = replies;
    fake->reply_count = count;
}

/* ---- waiting ---- */

static bool is_settled(void *arg)
{
    struct fake_connector *fake = arg;
    return fake->registered || fake->refused || fake->over;
}

bool fake_connector_is_taken(struct fake_connector *fake)
{
    (void)both_ends_until(fake->ends, is_settled, fake);
    return fake->registered;
}

static bool is_over(void *arg)
{
    struct fake_connector *fake = arg;
    return fake->over;
}

bool fake_connector_sees_end(struct fake_connector *fake)
{
    return both_ends_until(fake->ends, is_over, fake);
}

struct wanted {
    struct fake_connector *fake;
    size_t count;
};

static bool is_asked(void *arg)
{
    struct wanted *wanted = arg;
    return wanted->fake->call_count >= wanted->count;
}

bool fake_connector_is_asked(struct fake_connector *fake, size_t count)
{
    struct wanted wanted = {fake, count};
    return both_ends_until(fake->ends, is_asked, &wanted);
}

/* ---- leaving ---- */

void fake_connector_unregister(struct fake_connector *fake)
{
    must(registration_client_unregister(fake->rpc, NULL));
}

void fake_connector_abort(struct fake_connector *fake)
{
    registration_client_shutdown(fake->rpc);
}

void fake_connector_end_control(struct fake_connector *fake)
{
    channel_end(fake->out.bytes);
}

void fake_connector_goaway(struct fake_connector *fake)
{
    h2_session_goaway(fake->session);
}

void fake_connector_stop_reading(struct fake_connector *fake)
{
    gate_hold(conn_gate(h2_session_conn(fake->session)), HOLD_DRAIN);
}

void fake_connector_hang_up(struct fake_connector *fake)
{
    if (!fake->over)
        conn_reset(h2_session_conn(fake->session));
    end_session(fake);
}

void fake_connector_close(struct fake_connector *fake)
{
    end_session(fake);
    must(settle(fake->ends->loop));
    for (size_t i = 0; i < fake->call_count; i++) {
        struct fake_call *call = &fake->calls[i];
        request_head_release(&call->head);
        headers_release(&call->trailers);
        headers_release(&call->out.trailers);
        channel_free(call->out.bytes);
        buf_release(&call->body);
    }
    registration_client_free(fake->rpc);
    channel_free(fake->out.bytes);
}
