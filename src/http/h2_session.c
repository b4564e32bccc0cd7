/* An nghttp2 session on a conn: callbacks in, frames out, liveness. The library is never asked to
 * send or to receive from its own callbacks; output is gathered and leaves at the end of the loop
 * turn. */
#include "h2_internal.h"

enum {
    SEND_HEAD_MAX = 2 * 1024 * 1024, /* encoded head that we send: any list of fields */
    NO_RESET_LIMIT = 1000000000,     /* the library's own guard is not asked, see h2_guard */
    LIBRARY_CONTINUATIONS = 256,     /* nor this one */
};

void h2_session_flush_soon(struct h2_session *session)
{
    if (!session->closed)
        task_post(&session->flush);
}

void h2_session_fail(struct h2_session *session, const struct error *why)
{
    if (session->closed || session->why.kind != ERROR_NONE)
        return; /* the first reason is the reason */
    session->why = *why;
    task_post(&session->end);
}

void h2_session_arm(struct h2_session *session, struct timer *timer, uint64_t after_ms)
{
    struct error why;
    if (timer_start(timer, after_ms))
        return;
    error_memory(&why);
    h2_session_fail(session, &why);
}

void h2_session_cut_off(struct h2_session *session, enum abuse abuse)
{
    struct error why;
    if (session->closed || session->why.kind != ERROR_NONE)
        return;
    session->abuse = abuse;
    h2_session_need(session,
                    nghttp2_session_terminate_session(session->ng, NGHTTP2_ENHANCE_YOUR_CALM));
    error_set(&why, ERROR_LIMIT, 0, "HTTP/2: the peer ran into the limit %s", abuse_name(abuse));
    h2_session_fail(session, &why);
}

void h2_session_fail_code(struct h2_session *session, const char *doing, int code)
{
    struct error why;
    session->broken = true;
    error_set(&why, ERROR_PROTOCOL, code, "HTTP/2: %s: %s", doing, nghttp2_strerror(code));
    h2_session_fail(session, &why);
}

void h2_session_need(struct h2_session *session, int code)
{
    if (nghttp2_is_fatal(code))
        h2_session_fail_code(session, "note", code);
}

/* ---- what the library calls; a session that was closed in one of these wants no more ---- */

static struct h2_stream *stream_of(struct h2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session->ng, id);
}

/* Strings of the head that begins were left out: nobody may see what is left of it. */
static void note_size(const struct h2_session *session, struct h2_stream *stream)
{
    if (stream && session->sieve.shortened == (uint32_t)stream->id)
        stream->head_too_big = true;
}

static int begin_headers(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    struct h2_session *session = arg;
    if (session->closed)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
        note_size(session, stream_of(session, frame->hd.stream_id));
        return 0;
    }
    struct h2_stream *stream = h2_stream_new(session);
    if (!stream) {
        session->unborn++;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    stream->id = frame->hd.stream_id;
    stream->turn = session->turns;
    if (nghttp2_session_set_stream_user_data(ng, stream->id, stream) != 0)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    session->fresh++;
    note_size(session, stream);
    return 0;
}

/* A peer that resets its requests at once is not held up by the limit of streams, and what it left
 * behind is freed at the end of the turn only: the rest of its bytes waits for the next one. */
static bool is_enough(struct h2_session *session)
{
    if (session->fresh < H2_NEW_PER_TURN || session->rests)
        return false;
    session->rests = true;
    gate_hold(conn_gate(session->conn), HOLD_TURN);
    return true;
}

/* Puts a value that went round the library in its place; false: no field may have it. */
static bool take_long(struct h2_session *session, struct span *value)
{
    struct span kept = h2_sieve_next_long(&session->sieve);
    if (!kept.data)
        return true;
    *value = kept;
    return session->options.judges_itself || header_value_is_valid(kept);
}

static int header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                  size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
    (void)ng;
    (void)flags;
    struct h2_session *session = arg;
    if (session->closed)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    struct h2_stream *stream = stream_of(session, frame->hd.stream_id);
    if (!stream)
        return 0;
    struct span text = span_make(value, value_len);
    if (!take_long(session, &text) || !h2_defence_field(stream, name_len + text.len) ||
        !h2_stream_field(stream, span_make(name, name_len), text))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return is_enough(session) ? NGHTTP2_ERR_PAUSE : 0;
}

static int invalid_header(nghttp2_session *ng, const nghttp2_frame *frame, const uint8_t *name,
                          size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                          void *arg)
{
    (void)ng;
    (void)frame;
    (void)name;
    (void)name_len;
    (void)value;
    (void)value_len;
    (void)flags;
    (void)arg;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* a malformed message resets its stream (8.1.1)
                                                   */
}

static void head_done(struct h2_session *session, const nghttp2_frame *frame)
{
    struct h2_stream *stream = stream_of(session, frame->hd.stream_id);
    if (stream)
        h2_stream_head_done(stream, (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0,
                            stream->head_done);
}

static int frame_recv(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    (void)ng;
    struct h2_session *session = arg;
    struct h2_stream *stream;
    if (session->closed)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        head_done(session, frame);
        break;
    case NGHTTP2_DATA:
        stream = stream_of(session, frame->hd.stream_id);
        if (stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
            h2_stream_peer_ended(stream);
        break;
    case NGHTTP2_SETTINGS:
        session->heard_settings = true;
        h2_settings_read(session, &frame->settings);
        if (session->events->on_settings)
            session->events->on_settings(session->arg);
        break;
    case NGHTTP2_PING:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK)
            h2_pace_pong(session, frame->ping.opaque_data);
        break;
    case NGHTTP2_GOAWAY:
        if (!session->heard_goaway) {
            session->heard_goaway = true;
            session->events->on_goaway(session->arg, frame->goaway.error_code);
        }
        break;
    default:
        break;
    }
    return 0;
}

static int data_chunk(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *data,
                      size_t len, void *arg)
{
    (void)ng;
    (void)flags;
    struct h2_session *session = arg;
    if (session->closed)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    struct h2_stream *stream = stream_of(session, id);
    if (stream)
        h2_stream_data(stream, data, len);
    h2_session_credit(session, len);
    return 0;
}

static int stream_close(nghttp2_session *ng, int32_t id, uint32_t code, void *arg)
{
    (void)ng;
    struct h2_session *session = arg;
    if (session->closed)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    struct h2_stream *stream = stream_of(session, id);
    if (stream) {
        h2_defence_closed(stream);
        h2_stream_closed(stream, code, NULL);
    }
    return 0;
}

/* The library gives the session up: its words are the reason. */
static void giving_up(struct h2_session *session, const nghttp2_goaway *goaway)
{
    struct error why;
    struct span text = span_make(goaway->opaque_data, goaway->opaque_data_len);
    if (session->why.kind != ERROR_NONE)
        return;
    session->abuse = ABUSE_H2_PROTOCOL;
    error_set(&why, ERROR_PROTOCOL, (int)goaway->error_code, "HTTP/2: %s: %.*s",
              nghttp2_http2_strerror(goaway->error_code), SPAN_ARG(text));
    h2_session_fail(session, &why);
}

static int frame_send(nghttp2_session *ng, const nghttp2_frame *frame, void *arg)
{
    (void)ng;
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
        giving_up(arg, &frame->goaway);
    struct h2_stream *stream = stream_of(arg, frame->hd.stream_id);
    if (stream && frame->hd.type == NGHTTP2_RST_STREAM)
        stream->reset_here = true;
    if (stream && frame->hd.type == NGHTTP2_HEADERS)
        h2_defence_paid(stream);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        h2_defence_reset(arg, stream);
    if ((frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) ||
        !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    if (stream)
        h2_stream_sent_end(stream);
    return 0;
}

static int frame_not_send(nghttp2_session *ng, const nghttp2_frame *frame, int code, void *arg)
{
    (void)code;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        return 0;
    /* An answer whose head could not be framed must not hang: its stream is reset. */
    struct h2_stream *stream = stream_of(arg, frame->hd.stream_id);
    if (stream)
        stream->reset_asked = true;
    h2_session_need(arg, nghttp2_submit_rst_stream(ng, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                                   NGHTTP2_INTERNAL_ERROR));
    return 0;
}

static int send_data(nghttp2_session *ng, nghttp2_frame *frame, const uint8_t *head, size_t length,
                     nghttp2_data_source *source, void *arg)
{
    (void)ng;
    (void)frame;
    struct h2_session *session = arg;
    struct h2_stream *stream = source->ptr;
    if (conn_room(session->conn) == 0)
        return NGHTTP2_ERR_WOULDBLOCK;
    if (!stream->sending)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    struct channel *bytes = stream->sending;
    stream->sent += length;
    session->sent += length;
    size_t sent = length;
    bool ok = conn_put(session->conn, head, 9);
    while (length > 0 && ok) {
        struct span part = span_first(channel_peek(bytes), length);
        ok = conn_put(session->conn, part.data, part.len);
        channel_drop(bytes, part.len);
        length -= part.len;
    }
    h2_defence_sent(session, sent, channel_len(bytes) > 0);
    return ok ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* ---- life ---- */

static void tell_idle(void *arg)
{
    struct h2_session *session = arg;
    if (!session->wants_idle || session->open > session->idle_level || session->closed)
        return;
    session->wants_idle = false;
    session->events->on_idle(session->arg);
}

static void tell_used_up(void *arg)
{
    struct h2_session *session = arg;
    if (!session->closed)
        session->events->on_goaway(session->arg, NGHTTP2_NO_ERROR);
}

void h2_session_tell_idle(struct h2_session *session, size_t level)
{
    session->wants_idle = true;
    session->idle_level = level;
    if (session->open <= level && !session->closed)
        task_post(&session->idle);
}

/* A stream lost its connection, whatever ended that one: LIMIT is said of refused streams only. */
static void end_streams(struct h2_session *session, const struct error *why)
{
    struct error lost = *why;
    lost.kind = ERROR_NETWORK;
    if (why->kind == ERROR_PROTOCOL)
        error_label(&lost, "malformed");
    LIST_EACH_SAFE (it, after, &session->streams) {
        h2_stream_closed(CONTAINER_OF(it, struct h2_stream, link), NGHTTP2_CANCEL, &lost);
    }
}

/* The streams tell their ends from tasks: the session's own end is told behind them. */
static void tell_end(void *arg)
{
    struct h2_session *session = arg;
    if (session->closed) {
        if (session->abuse != ABUSE_NONE && session->events->on_abuse)
            session->events->on_abuse(session->arg, session->abuse);
        session->events->on_closed(session->arg, &session->why);
        return;
    }
    h2_io_flush(session); /* a GOAWAY that says why */
    session->closed = true;
    end_streams(session, &session->why);
    task_post(&session->end);
}

static void destroy(void *object)
{
    struct h2_session *session = object;
    nghttp2_session_del(session->ng);
    h2_sieve_release(&session->sieve);
    free(session);
}

static void stop_all(struct h2_session *session)
{
    task_cancel(&session->flush);
    task_cancel(&session->idle);
    task_cancel(&session->used_up);
    task_cancel(&session->end);
    h2_life_stop(session);
    h2_pace_stop(session);
    h2_defence_stop(session);
}

void h2_session_close(struct h2_session *session)
{
    if (!session || !session->conn)
        return;
    struct error why;
    error_set(&why, ERROR_NETWORK, 0, "the connection was closed");
    h2_io_flush(session);
    session->closed = true;
    end_streams(session, &why);
    stop_all(session);
    if (session->abuse != ABUSE_NONE && session->abuse != ABUSE_H2_IDLE)
        conn_close_deaf(session->conn);
    else
        conn_close_lingering(session->conn);
    session->conn = NULL;
    loop_reap(session->loop, &session->reap, destroy, session);
}

void h2_session_goaway(struct h2_session *session)
{
    if (session->closed || session->said_goaway)
        return;
    session->said_goaway = true;
    h2_session_need(session,
                    nghttp2_submit_goaway(session->ng, NGHTTP2_FLAG_NONE,
                                          nghttp2_session_get_last_proc_stream_id(session->ng),
                                          NGHTTP2_NO_ERROR, NULL, 0));
    h2_session_flush_soon(session);
}

static nghttp2_session_callbacks *new_callbacks(void)
{
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        return NULL;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, frame_not_send);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
    return callbacks;
}

static nghttp2_option *new_options(const struct h2_options *options)
{
    nghttp2_option *ng;
    if (nghttp2_option_new(&ng) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(ng, 1);
    nghttp2_option_set_max_send_header_block_length(ng, SEND_HEAD_MAX);
    nghttp2_option_set_no_closed_streams(ng, 1);
    nghttp2_option_set_stream_reset_rate_limit(ng, NO_RESET_LIMIT, NO_RESET_LIMIT);
    nghttp2_option_set_max_continuations(ng, LIBRARY_CONTINUATIONS);
    nghttp2_option_set_no_http_messaging(ng, options->judges_itself ? 1 : 0);
    if (options->peer_streams > 0)
        nghttp2_option_set_peer_max_concurrent_streams(ng, options->peer_streams);
    return ng;
}

static bool new_library(struct h2_session *session)
{
    nghttp2_session_callbacks *callbacks = new_callbacks();
    nghttp2_option *options = new_options(&session->options);
    int failed = -1;
    if (callbacks && options)
        failed = session->options.is_server
                     ? nghttp2_session_server_new2(&session->ng, callbacks, session, options)
                     : nghttp2_session_client_new2(&session->ng, callbacks, session, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    return failed == 0;
}

struct h2_session *h2_session_new(struct conn *conn, const struct h2_options *options,
                                  const struct h2_session_events *events, void *arg,
                                  struct error *err)
{
    struct h2_session *session = calloc(1, sizeof *session);
    if (!session) {
        conn_close(conn);
        error_memory(err);
        return NULL;
    }
    session->conn = conn;
    session->loop = conn_loop(conn);
    session->options = *options;
    session->head_max = options->head_max;
    if (options->is_guarded && !options->is_server && options->head_max > H2_STRANGER_HEAD_MAX)
        session->options.head_max = H2_STRANGER_HEAD_MAX;
    session->events = events;
    session->arg = arg;
    list_init(&session->streams);
    task_init(&session->flush, session->loop, TASK_FLUSH, h2_io_turn_ends, session);
    task_init(&session->idle, session->loop, TASK_SOON, tell_idle, session);
    task_init(&session->used_up, session->loop, TASK_SOON, tell_used_up, session);
    task_init(&session->end, session->loop, TASK_SOON, tell_end, session);
    h2_sieve_init(&session->sieve, options->is_server, session->options.head_max);
    h2_life_init(session);
    h2_pace_init(session);
    h2_defence_init(session);
    if (!new_library(session) || !h2_settings_say(session) || !h2_life_start(session)) {
        error_memory(err);
        conn_close(conn);
        stop_all(session); /* a timer that could not be armed may have posted its end */
        loop_reap(session->loop, &session->reap, destroy, session);
        return NULL;
    }
    conn_set_events(conn, &h2_io_events, session);
    h2_session_flush_soon(session);
    return session;
}

void h2_session_trust(struct h2_session *session)
{
    session->options.head_max = session->head_max;
    session->sieve.values_max = session->head_max;
    h2_guard_trust(&session->guard);
}

size_t h2_session_streams(const struct h2_session *session)
{
    return session->open;
}

struct conn *h2_session_conn(struct h2_session *session)
{
    return session->conn;
}
