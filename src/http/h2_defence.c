/* Where a session asks its guard: bytes that come, DATA and resets that leave, heads that unpack,
 * frames that stay unfinished, and the time without a request. */
#include "h2_internal.h"

enum {
    HEAD_BOMB_FACTOR = 4, /* a head this many times over its limit is no mistake */
};

static bool is_guarded(const struct h2_session *session)
{
    return session->options.is_guarded && session->why.kind == ERROR_NONE;
}

static void judge(struct h2_session *session, enum abuse abuse)
{
    if (abuse != ABUSE_NONE)
        h2_session_cut_off(session, abuse);
}

void h2_defence_read(struct h2_session *session, const unsigned char *data, size_t len)
{
    if (!is_guarded(session) || len <= session->scanned)
        return;
    struct span fresh = span_make(data + session->scanned, len - session->scanned);
    judge(session, h2_guard_read(&session->guard, fresh, loop_now_ms(session->loop)));
}

/* Frames that are not DATA wait in the library, whose own bound is for acknowledgements only. */
static bool is_piled_up(const struct h2_session *session)
{
    return session->options.is_server && !session->broken &&
           nghttp2_session_get_outbound_queue_size(session->ng) >
               session->informs + H2_UNSENT_MAX + 2 * (size_t)session->options.streams_max;
}

void h2_defence_taken(struct h2_session *session, size_t len, size_t taken)
{
    session->scanned = len - taken;
}

void h2_defence_flushed(struct h2_session *session)
{
    if (is_piled_up(session))
        h2_session_cut_off(session, ABUSE_H2_UNREAD);
}

void h2_defence_sent(struct h2_session *session, size_t len, bool is_cut)
{
    if (is_guarded(session))
        judge(session, h2_guard_sent(&session->guard, len, is_cut, loop_now_ms(session->loop)));
}

/* Nobody who leaves says so by a broken frame: behind this one somebody else works already. */
static enum h2_cost cost_of_reset(const struct h2_stream *stream)
{
    return stream && stream->head_done && !stream->refused ? H2_COST_FAULT : H2_COST_RESET;
}

void h2_defence_reset(struct h2_session *session, const struct h2_stream *stream)
{
    bool is_ours = stream ? stream->reset_asked : session->unborn > 0;
    if (!stream && session->unborn > 0)
        session->unborn--;
    if (is_guarded(session) && session->options.is_server && !is_ours)
        judge(session,
              h2_guard_spend(&session->guard, cost_of_reset(stream), loop_now_ms(session->loop)));
}

/* In the turn that brought it, it has not left yet: nobody else is troubled. */
static bool is_given_up(const struct h2_stream *stream)
{
    return stream->in.ops && stream->head_done && !stream->refused && !stream->reset_asked &&
           !stream->sent_head && stream->turn != stream->session->turns;
}

void h2_defence_closed(struct h2_stream *stream)
{
    struct h2_session *session = stream->session;
    if (session && is_guarded(session) && is_given_up(stream))
        judge(session, h2_guard_gave_up(&session->guard, loop_now_ms(session->loop)));
}

void h2_defence_rest(struct h2_session *session)
{
    if (!is_guarded(session) || !session->options.is_server)
        return;
    uint64_t rest_ms = h2_guard_rest_ms(&session->guard, loop_now_ms(session->loop));
    if (rest_ms > 0 && !timer_is_armed(&session->calm) && timer_start(&session->calm, rest_ms))
        gate_hold(conn_gate(session->conn), HOLD_CALM);
}

static void go_on(void *arg)
{
    struct h2_session *session = arg;
    gate_release(conn_gate(session->conn), HOLD_CALM);
}

bool h2_defence_field(struct h2_stream *stream, size_t len)
{
    struct h2_session *session = stream->session;
    stream->head_seen += len + FIELD_OVERHEAD;
    if (!is_guarded(session) ||
        stream->head_seen <= (size_t)HEAD_BOMB_FACTOR * session->options.head_max)
        return true;
    h2_session_cut_off(session, ABUSE_H2_HEADS);
    return false;
}

/* Heads of usual length are bounded by the number of streams. */
static bool hold_long(struct h2_stream *stream, size_t len, size_t *held)
{
    struct h2_session *session = stream->session;
    if (len <= H2_FIELD_MAX)
        return true;
    if (len > H2_LONG_HEADS_MAX - session->long_heads)
        return false;
    session->long_heads += len;
    *held += len;
    return true;
}

bool h2_defence_hold(struct h2_stream *stream)
{
    struct h2_session *session = stream->session;
    const struct request_head *head = &stream->in.head;
    size_t len = headers_bytes(&head->fields) + head->target.len + head->authority.len;
    if (is_guarded(session) && session->heads_held + len > H2_HEADS_HELD_MAX) {
        /* It did nothing that others must not: see H2_HEADS_HELD_MAX. */
        h2_stream_reset(stream, NGHTTP2_REFUSED_STREAM);
        return false;
    }
    if (!hold_long(stream, len, &stream->long_held)) {
        h2_stream_reset(stream, NGHTTP2_REFUSED_STREAM);
        return false;
    }
    stream->head_held = len;
    session->heads_held += len;
    return true;
}

bool h2_defence_owe(struct h2_stream *stream, size_t len, struct error *err)
{
    return hold_long(stream, len, &stream->long_owed) ||
           error_set(err, ERROR_LIMIT, 0, "long heads of %d bytes wait already", H2_LONG_HEADS_MAX);
}

/* Who sends them without end is an origin: that must not cost its connector the connection, nor
 * the memory of what nobody takes. */
bool h2_defence_inform(struct h2_stream *stream, size_t len)
{
    bool is_enough = stream->informs == H2_INFORMS_MAX ||
                     (stream->informs > 0 && stream->inform_bytes + len > H2_FIELD_MAX);
    if (is_enough || !hold_long(stream, len, &stream->long_owed))
        return false;
    stream->informs++;
    stream->session->informs++;
    stream->inform_bytes += len;
    return true;
}

static void forget_informs(struct h2_stream *stream, size_t count)
{
    stream->informs -= count;
    stream->session->informs -= count;
    if (stream->informs == 0)
        stream->inform_bytes = 0;
}

void h2_defence_paid(struct h2_stream *stream)
{
    stream->session->long_heads -= stream->long_owed;
    stream->long_owed = 0;
    forget_informs(stream, stream->informs > 0 ? 1 : 0); /* they leave before the final one */
}

void h2_defence_release(struct h2_stream *stream)
{
    h2_defence_paid(stream);
    forget_informs(stream, stream->informs);
    stream->session->long_heads -= stream->long_held;
    stream->long_held = 0;
    stream->session->heads_held -= stream->head_held;
    stream->head_held = 0;
}

void h2_defence_told(struct h2_session *session, enum abuse abuse)
{
    if (session->options.is_guarded && session->events->on_abuse)
        session->events->on_abuse(session->arg, abuse);
}

enum abuse h2_defence_of_code(int code)
{
    switch (code) {
    case NGHTTP2_ERR_FLOODED:
        return ABUSE_H2_UNREAD;
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
        return ABUSE_H2_CONTINUATIONS;
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
        return ABUSE_H2_PROTOCOL;
    default:
        return ABUSE_NONE;
    }
}

/* ---- time ---- */

static uint64_t frame_limit_ms(const struct h2_session *session)
{
    return session->options.frame_ms > 0 ? session->options.frame_ms : H2_FRAME_LIMIT_MS;
}

static uint64_t idle_due_ms(const struct h2_session *session)
{
    return session->options.idle_ms > 0 && session->open == 0
               ? session->idle_since_ms + session->options.idle_ms
               : UINT64_MAX;
}

/* Nothing bad was done: GOAWAY without a fault, as RFC 9113 9.1 has it for idle connections. */
static void end_idle(struct h2_session *session)
{
    struct error why;
    session->abuse = ABUSE_H2_IDLE;
    h2_session_goaway(session);
    error_set(&why, ERROR_TIMEOUT, 0, "HTTP/2: no request for %llu ms",
              (unsigned long long)session->options.idle_ms);
    h2_session_fail(session, &why);
}

/* Looks again when something may be due, at the latest when a frame that begins now would be. */
static void look(void *arg)
{
    struct h2_session *session = arg;
    uint64_t now = loop_now_ms(session->loop);
    uint64_t limit = frame_limit_ms(session);
    uint64_t begun = h2_guard_unfinished_ms(&session->guard);
    uint64_t frame = begun == UINT64_MAX ? UINT64_MAX : begun + limit;
    uint64_t idle = idle_due_ms(session);
    uint64_t next = now + limit;
    if (!is_guarded(session))
        return;
    if (now >= frame) {
        h2_session_cut_off(session, ABUSE_H2_SLOW_FRAMES);
        return;
    }
    if (now >= idle) {
        end_idle(session);
        return;
    }
    next = frame < next ? frame : next;
    next = idle < next ? idle : next;
    h2_session_arm(session, &session->watch, next - now);
}

void h2_defence_init(struct h2_session *session)
{
    uint64_t now = loop_now_ms(session->loop);
    session->idle_since_ms = now;
    timer_init(&session->watch, session->loop, look, session);
    timer_init(&session->calm, session->loop, go_on, session);
    h2_guard_init(&session->guard, session->options.is_server, session->options.head_max, now);
    if (session->options.is_guarded)
        look(session);
}

void h2_defence_stop(struct h2_session *session)
{
    timer_stop(&session->watch);
    timer_stop(&session->calm);
}
