/* One HTTP/2 stream as an inbound (server role) or an outbound (client role). Its end is told from
 * a task, never inside nghttp2, so that owners may close whatever they like. Its heads are read in
 * h2_head.c. */
#include "h2_internal.h"

static void let_go(struct h2_stream *stream);
static void tell_later(struct h2_stream *stream);

static void destroy(void *object)
{
    struct h2_stream *stream = object;
    channel_free(stream->body.bytes);
    request_head_release(&stream->in.head);
    response_head_release(&stream->answer);
    headers_release(&stream->trailers_in);
    buf_release(&stream->cookie);
    error_drop(stream->why);
    headers_release(&stream->body.trailers);
    free(stream);
}

/* ---- bytes that the owner takes out of our channel ---- */

static void drained(void *arg, size_t bytes)
{
    struct h2_stream *stream = arg;
    struct h2_session *session = stream->session;
    if (!session || stream->id == 0 || session->closed)
        return;
    stream->drained_ms = loop_now_ms(session->loop);
    h2_session_need(session, nghttp2_session_consume_stream(session->ng, stream->id, bytes));
    h2_pace_drained(stream, bytes);
    h2_session_flush_soon(session);
}

/* ---- bytes that we send ---- */

static void filled(void *arg)
{
    struct h2_stream *stream = arg;
    struct h2_session *session = stream->session;
    if (!session || stream->id == 0 || session->closed || !stream->deferred)
        return;
    stream->deferred = false;
    h2_session_need(session, nghttp2_session_resume_data(session->ng, stream->id));
    h2_session_flush_soon(session);
}

static const struct channel_events sending_events = {filled};

static bool body_is_none(const struct body *body)
{
    return !body || (channel_is_done(body->bytes) && body->trailers.count == 0);
}

static void take_body(struct h2_stream *stream, struct body *body)
{
    stream->sending = body->bytes;
    stream->after = &body->trailers;
    channel_set_taker(stream->sending, &sending_events, stream);
}

static void stop_sending(struct h2_stream *stream)
{
    if (stream->sending)
        channel_set_taker(stream->sending, NULL, NULL);
    stream->sending = NULL;
}

/* Whoever filled it gave up before it had as much as the head says. */
static bool is_short(const struct h2_stream *stream, size_t last)
{
    return stream->promised != LENGTH_UNKNOWN && stream->sent + last < (uint64_t)stream->promised;
}

/* `last`: bytes that leave with it. */
static ssize_t end_of_body(nghttp2_session *ng, struct h2_stream *stream, size_t last,
                           uint32_t *flags)
{
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (is_short(stream, last)) {
        struct error why;
        (void)request_set_short(&why);
        h2_stream_blame(stream, &why);
        stream->reset_asked = true;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    if (stream->after->count == 0)
        return 0;
    struct h2_fields fields;
    bool ok =
        h2_fields_of_trailers(&fields, stream->after, h2_settings_room(stream->session), NULL);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (ok) {
        ok = nghttp2_submit_trailer(ng, stream->id, fields.nv, fields.count) == 0;
        h2_fields_release(&fields);
    }
    if (ok)
        return 0;
    stream->reset_asked = true; /* the origin's fault, or ours */
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

ssize_t h2_stream_read(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length,
                       uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    (void)id;
    (void)buf;
    (void)arg;
    struct h2_stream *stream = source->ptr;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (!stream->sending)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t have = channel_len(stream->sending);
    if (have == 0 && channel_is_ended(stream->sending))
        return end_of_body(ng, stream, 0, flags);
    if (have == 0) {
        stream->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (have > length)
        return (ssize_t)length;
    if (channel_is_ended(stream->sending)) {
        ssize_t ended = end_of_body(ng, stream, have, flags);
        if (ended < 0)
            return ended;
    }
    return (ssize_t)have;
}

/* ---- the inbound face ---- */

static struct h2_stream *of_inbound(struct inbound *in)
{
    return CONTAINER_OF(in, struct h2_stream, in);
}

/* To CONNECT any 2xx says yes, and to nothing else does 101 (RFC 8441 5, RFC 9113 8.6). */
static bool may_answer(const struct h2_stream *stream, const struct response_head *head,
                       struct error *err)
{
    if (head->status == 101 && !stream->asks_websocket)
        return error_set(err, ERROR_PROTOCOL, 0, "an upgrade that was not asked for");
    if (head->status >= 200 && head->status < 300 && stream->asks_websocket)
        return error_set(err, ERROR_PROTOCOL, 0, "the WebSocket was answered %d, not 101",
                         head->status);
    return true;
}

static bool in_answer(struct inbound *in, const struct response_head *head, struct body *body,
                      struct error *err)
{
    struct h2_stream *stream = of_inbound(in);
    struct h2_session *session = stream->session;
    if (!session || stream->id == 0 || stream->why)
        return true; /* on_aborted is on its way */
    struct h2_fields fields;
    if (!may_answer(stream, head, err) ||
        !h2_fields_of_response(&fields, head, h2_settings_room(session), err))
        return false;
    if (!h2_defence_owe(stream, fields.size, err)) {
        h2_fields_release(&fields);
        return false;
    }
    bool none = head->ends_here || stream->is_head_request || body_is_none(body);
    if (!none)
        take_body(stream, body);
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = h2_stream_read};
    int failed = nghttp2_submit_response(session->ng, stream->id, fields.nv, fields.count,
                                         none ? NULL : &provider);
    h2_fields_release(&fields);
    if (failed) {
        stop_sending(stream);
        return error_set(err, ERROR_LIMIT, failed, "the answer's head: %s",
                         nghttp2_strerror(failed));
    }
    stream->sent_head = true;
    stream->upgraded = head->is_upgrade;
    h2_session_flush_soon(session);
    return true;
}

static bool takes_interim(const struct h2_stream *stream, const struct response_head *head)
{
    const struct h2_session *session = stream->session;
    return !session->options.interim_if_asked || session->peer_takes_interim || head->is_due ||
           (head->status == 100 && stream->in.head.wants_continue && !stream->said_go_on);
}

static void in_inform(struct inbound *in, const struct response_head *head)
{
    struct h2_stream *stream = of_inbound(in);
    struct h2_fields fields;
    if (!stream->session || stream->id == 0 || stream->sent_head || !takes_interim(stream, head) ||
        !h2_fields_of_response(&fields, head, h2_settings_room(stream->session), NULL))
        return;
    if (h2_defence_inform(stream, fields.size)) {
        h2_session_need(stream->session,
                        nghttp2_submit_headers(stream->session->ng, NGHTTP2_FLAG_NONE, stream->id,
                                               NULL, fields.nv, fields.count, NULL));
        stream->said_go_on |= head->status == 100;
        h2_session_flush_soon(stream->session);
    }
    h2_fields_release(&fields);
}

void h2_stream_blame(struct h2_stream *stream, const struct error *why)
{
    error_drop(stream->why);
    stream->why = error_keep(why);
}

void h2_stream_reset(struct h2_stream *stream, uint32_t code)
{
    stop_sending(stream);
    if (!stream->session || stream->id == 0)
        return;
    stream->reset_asked = true;
    h2_session_need(stream->session, nghttp2_submit_rst_stream(
                                         stream->session->ng, NGHTTP2_FLAG_NONE, stream->id, code));
    h2_session_flush_soon(stream->session);
}

void h2_stream_fault(struct h2_stream *stream, const char *what)
{
    struct h2_session *session = stream->session;
    struct error why;
    error_set(&why, ERROR_PROTOCOL, NGHTTP2_PROTOCOL_ERROR, "the peer's message is malformed: %s",
              what);
    log_debug(loop_log(session->loop), "Reset a request", LOG_ERROR(&why));
    h2_stream_blame(stream, &why);
    stop_sending(stream);
    h2_session_need(session, nghttp2_submit_rst_stream(session->ng, NGHTTP2_FLAG_NONE, stream->id,
                                                       NGHTTP2_PROTOCOL_ERROR));
    h2_session_flush_soon(session);
}

static void in_reset(struct inbound *in, const struct error *why)
{
    struct h2_stream *stream = of_inbound(in);
    uint32_t code = NGHTTP2_INTERNAL_ERROR;
    if (why && why->kind == ERROR_LIMIT)
        code = NGHTTP2_ENHANCE_YOUR_CALM;
    else if (why && why->kind == ERROR_INVALID)
        code = NGHTTP2_PROTOCOL_ERROR;
    stream->told = true;
    h2_stream_reset(stream, code);
}

static void in_close(struct inbound *in)
{
    struct h2_stream *stream = of_inbound(in);
    stop_sending(stream);
    if (stream->id != 0 && !(stream->sent_end && stream->peer_ended))
        /* Answered in full while the request goes on: nobody wants the rest (RFC 9113 8.1). */
        h2_stream_reset(stream, stream->sent_end ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR);
    let_go(stream);
}

static const struct inbound_ops inbound_ops = {in_answer, in_inform, in_reset, in_close};

/* ---- the outbound face ---- */

static struct h2_stream *of_outbound(struct outbound *out)
{
    return CONTAINER_OF(out, struct h2_stream, out);
}

static void out_close(struct outbound *out)
{
    struct h2_stream *stream = of_outbound(out);
    bool has_all = stream->peer_ended && !stream->upgraded;
    stop_sending(stream);
    if (stream->id != 0 && !(stream->sent_end && stream->peer_ended))
        h2_stream_reset(stream, has_all ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
    let_go(stream);
}

static void out_upgraded(struct outbound *out)
{
    struct h2_stream *stream = of_outbound(out);
    stream->upgraded = true;
    if (stream->sent_end || stream->peer_ended)
        tell_later(stream);
}

static const struct outbound_ops outbound_ops = {out_close, out_upgraded};

/* The library takes the head and gives the stream its number. */
static bool send_request(struct h2_session *session, struct h2_stream *stream,
                         const struct request_head *head, struct body *body, struct error *err)
{
    struct h2_fields fields;
    bool none = head->ends_here || body_is_none(body);
    stream->promised = head->ends_here ? LENGTH_UNKNOWN : head->length;
    if (none && is_short(stream, 0))
        return request_set_short(err);
    if (!h2_fields_of_request(&fields, head, h2_settings_room(session), err))
        return false;
    if (!h2_defence_owe(stream, fields.size, err)) {
        h2_fields_release(&fields);
        return false;
    }
    if (!none)
        take_body(stream, body);
    nghttp2_data_provider provider = {.source.ptr = stream, .read_callback = h2_stream_read};
    stream->id = nghttp2_submit_request(session->ng, NULL, fields.nv, fields.count,
                                        none ? NULL : &provider, stream);
    h2_fields_release(&fields);
    if (stream->id > 0)
        return true;
    int failed = stream->id;
    stream->id = 0;
    return error_set(err, ERROR_LIMIT, failed, "open a stream: %s", nghttp2_strerror(failed));
}

uint32_t h2_session_limit(const struct h2_session *session)
{
    return nghttp2_session_get_remote_settings(session->ng,
                                               NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool h2_session_can_open(const struct h2_session *session)
{
    return !session->closed && !session->heard_goaway && !session->said_goaway &&
           nghttp2_session_check_request_allowed(session->ng) &&
           session->open < h2_session_limit(session);
}

/* The numbers of streams do not come again (RFC 9113 5.1.1): behind the last one the session is
 * what a peer's GOAWAY would make of it. */
static void count_request(struct h2_session *session)
{
    session->requests++;
    if (session->requests != session->options.requests_max &&
        nghttp2_session_check_request_allowed(session->ng))
        return;
    session->heard_goaway = true;
    task_post(&session->used_up);
}

struct outbound *h2_session_open(struct h2_session *session, const struct request_head *head,
                                 struct body *body, const struct outbound_events *events, void *arg,
                                 struct error *err)
{
    if (!h2_session_can_open(session)) {
        error_set(err, ERROR_LIMIT, 0, "the connection takes no new streams");
        return NULL;
    }
    struct h2_stream *stream = h2_stream_new(session);
    if (!stream) {
        error_memory(err);
        return NULL;
    }
    stream->out = (struct outbound){&outbound_ops, events, arg};
    stream->is_head_request = request_is(head, SPAN("HEAD"));
    stream->held = true;
    if (!send_request(session, stream, head, body, err)) {
        stop_sending(stream);
        stream->held = false;
        h2_stream_detach(stream);
        loop_reap(session->loop, &stream->reap, destroy, stream);
        return NULL;
    }
    count_request(session);
    h2_life_opened(session);
    h2_session_flush_soon(session);
    return &stream->out;
}

/* ---- what the library hears ---- */

static bool is_beyond_length(const struct h2_stream *stream, size_t len)
{
    return stream->session->options.judges_itself && stream->body.length != LENGTH_UNKNOWN &&
           channel_total(stream->body.bytes) + len > (uint64_t)stream->body.length;
}

void h2_stream_data(struct h2_stream *stream, const void *data, size_t len)
{
    struct h2_session *session = stream->session;
    if (!stream->held || stream->why) {
        /* Nobody will read it, or a part is missing: only the library's account has to be kept. */
        h2_session_need(session, nghttp2_session_consume_stream(session->ng, stream->id, len));
        return;
    }
    if (is_beyond_length(stream, len)) {
        h2_stream_fault(stream, "the body is longer than its content-length"); /* 8.1.1 */
        return;
    }
    if (channel_put(stream->body.bytes, data, len) == len)
        return;
    /* The window is the room, so only a failed allocation leads here. */
    struct error why;
    error_memory(&why);
    h2_stream_blame(stream, &why);
    h2_stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
}

/* The owner, if there is one, hears of the end in a task. */
static void tell_later(struct h2_stream *stream)
{
    if (stream->held)
        task_post(&stream->done);
}

/* Of an upgrade one direction ended, the other goes on. */
static void tell_half(struct h2_stream *stream)
{
    bool is_due = stream->out.ops ? stream->out.events->on_half_closed != NULL : stream->sent_end;
    if (stream->told_half || !is_due)
        return;
    stream->told_half = true;
    if (stream->out.ops)
        stream->out.events->on_half_closed(stream->out.arg);
    else
        stream->in.events->on_answered(stream->in.arg);
}

static bool is_over(const struct h2_stream *stream)
{
    if (stream->upgraded)
        return stream->peer_ended && stream->sent_end;
    return stream->in.ops ? stream->sent_end : stream->peer_ended && stream->head_done;
}

/* The last event of a stream, outside of the library. */
static void tell(void *arg)
{
    struct h2_stream *stream = arg;
    if (stream->told || !stream->held)
        return;
    bool good = !stream->why;
    if (stream->upgraded && good && !is_over(stream)) {
        tell_half(stream);
        return;
    }
    stream->told = true;
    if (stream->in.ops && good && stream->told_half)
        return; /* it was answered when that was told */
    if (stream->in.ops && good)
        stream->in.events->on_answered(stream->in.arg);
    else if (stream->in.ops)
        stream->in.events->on_aborted(stream->in.arg, stream->why);
    else if (good)
        stream->out.events->on_done(stream->out.arg);
    else
        stream->out.events->on_failed(stream->out.arg, stream->why);
}

void h2_stream_peer_ended(struct h2_stream *stream)
{
    if (stream->peer_ended || stream->why)
        return; /* a body that lost a part never looks whole */
    stream->peer_ended = true;
    channel_end(stream->body.bytes);
    if (stream->out.ops && stream->head_done)
        tell_later(stream);
}

void h2_stream_sent_end(struct h2_stream *stream)
{
    stream->sent_end = true;
    h2_guard_answered(&stream->session->guard);
    if (stream->in.ops || stream->upgraded)
        tell_later(stream);
    if (stream->refused && !stream->peer_ended)
        h2_stream_reset(stream, NGHTTP2_NO_ERROR); /* the rest of the request is of no use */
}

static void blame_reset(struct h2_stream *stream, uint32_t code)
{
    struct error why;
    if (stream->reset_here)
        error_set(&why, ERROR_PROTOCOL, (int)code, "the peer's message is malformed");
    else
        error_set(&why, code == NGHTTP2_REFUSED_STREAM ? ERROR_LIMIT : ERROR_NETWORK, (int)code,
                  "stream reset by the peer: %s", nghttp2_http2_strerror(code));
    h2_stream_blame(stream, &why);
}

void h2_stream_closed(struct h2_stream *stream, uint32_t code, const struct error *why)
{
    stream->id = 0;
    stop_sending(stream);
    if (stream->upgraded && stream->out.ops && stream->peer_ended && code == NGHTTP2_NO_ERROR)
        stream->sent_end = true; /* it said all, and has nobody left for what we would say */
    if (!is_over(stream) && !stream->why && why)
        h2_stream_blame(stream, why);
    else if (!is_over(stream) && !stream->why && stream->held)
        blame_reset(stream, code);
    h2_stream_detach(stream);
    tell_later(stream);
    if (!stream->held)
        loop_reap(stream->done.loop, &stream->reap, destroy, stream);
}

void h2_stream_refuse(struct h2_stream *stream, int status)
{
    char text[4];
    (void)snprintf(text, sizeof text, "%03u", (unsigned)status % 1000);
    nghttp2_nv nv = {.name = (uint8_t *)(uintptr_t) ":status",
                     .value = (uint8_t *)text,
                     .namelen = 7,
                     .valuelen = 3};
    h2_session_need(stream->session,
                    nghttp2_submit_response(stream->session->ng, stream->id, &nv, 1, NULL));
    stream->refused = true;
    h2_session_flush_soon(stream->session);
}

/* ---- holding and letting go ---- */

struct h2_stream *h2_stream_new(struct h2_session *session)
{
    struct h2_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->body.bytes =
        channel_new(H2_STREAM_WINDOW / 2, H2_STREAM_WINDOW, NULL, session->options.budget);
    if (!stream->body.bytes) {
        free(stream);
        return NULL;
    }
    channel_set_drained(stream->body.bytes, drained, stream);
    stream->session = session;
    stream->promised = LENGTH_UNKNOWN;
    stream->window = stream->stayed = H2_STREAM_WINDOW;
    stream->drained_ms = stream->epoch.since_ms = loop_now_ms(session->loop);
    task_init(&stream->done, session->loop, TASK_SOON, tell, stream);
    request_head_init(&stream->in.head);
    response_head_init(&stream->answer);
    headers_init(&stream->trailers_in);
    stream->cookie = (struct buf)BUF_LIMIT(HEADERS_BYTES_MAX);
    headers_init(&stream->body.trailers);
    if (session->options.is_server) {
        stream->in.ops = &inbound_ops;
        stream->in.body = &stream->body;
    }
    list_put_last(&session->streams, &stream->link);
    session->open++;
    return stream;
}

void h2_stream_detach(struct h2_stream *stream)
{
    struct h2_session *session = stream->session;
    if (!session)
        return;
    h2_defence_release(stream);
    stream->session = NULL;
    list_remove(&session->streams, &stream->link);
    session->open--;
    if (session->open == 0)
        session->idle_since_ms = loop_now_ms(session->loop);
    if (session->wants_idle && session->open <= session->idle_level && !session->closed)
        task_post(&session->idle);
}

static void let_go(struct h2_stream *stream)
{
    if (!stream->held)
        return;
    stream->held = false;
    stream->told = true;
    stream->body.unwanted = NULL;
    task_cancel(&stream->done);
    channel_set_taker(stream->body.bytes, NULL, NULL);
    if (stream->id != 0) {
        /* What lies there will not be read: give its credit back. */
        channel_drop(stream->body.bytes, channel_len(stream->body.bytes));
        return;
    }
    h2_stream_detach(stream);
    loop_reap(stream->done.loop, &stream->reap, destroy, stream);
}
