/* Is the peer still there? Any byte is a sign; after a silence it is asked for one by PING. Behind
 * megabytes that a slow reader has not read yet it cannot answer: then what it takes of them is the
 * sign. A quiet session does not ask; it looks whether what it sent is taken. */
#include "h2_internal.h"

void h2_life_sign(struct h2_session *session)
{
    session->heard_ms = loop_now_ms(session->loop);
    if (!session->asked)
        return;
    session->asked = false;
    void (*alive)(void *arg) = session->alive;
    session->alive = NULL;
    h2_session_arm(session, &session->life, H2_PING_AFTER_MS);
    if (alive)
        alive(session->arg);
}

static bool still_takes(const struct h2_session *session)
{
    return session->asked_behind && conn_taken(session->conn) > session->taken;
}

/* Who has bytes to take has the time for it that it has anyway. */
static uint64_t patience_ms(const struct h2_session *session)
{
    uint64_t own_ms = session->options.stall_ms > 0 && conn_is_behind(session->conn)
                          ? conn_patience_ms(session->conn)
                          : 0;
    return own_ms > H2_PING_LIMIT_MS ? own_ms : H2_PING_LIMIT_MS;
}

/* Nothing that was sent arrives any more: the way to the peer is gone. What waits in vain for a
 * whole period is seen at the end of the next one. */
static void look_at_the_way(struct h2_session *session)
{
    struct error why;
    bool behind = conn_is_behind(session->conn);
    uint64_t taken = conn_taken(session->conn);
    if (session->asked_behind && behind && taken == session->taken) {
        error_set(&why, ERROR_TIMEOUT, 0, "HTTP/2: the peer took nothing for %d ms",
                  H2_PING_AFTER_MS);
        h2_session_fail(session, &why);
        return;
    }
    session->asked_behind = behind;
    session->taken = taken;
    h2_session_arm(session, &session->life, H2_PING_AFTER_MS);
}

static void life_fired(void *arg)
{
    struct h2_session *session = arg;
    struct error why;
    uint64_t silent = loop_now_ms(session->loop) - session->heard_ms;
    if (session->asked && still_takes(session)) {
        h2_life_sign(session);
        return;
    }
    if (session->asked || !session->heard_settings) {
        session->abuse = session->heard_settings ? ABUSE_NONE : ABUSE_H2_GREETING;
        error_set(&why, ERROR_TIMEOUT, 0, "HTTP/2: the peer is silent for %llu ms",
                  (unsigned long long)silent);
        h2_session_fail(session, &why);
        return;
    }
    if (session->options.is_quiet) {
        look_at_the_way(session);
        return;
    }
    if (silent < H2_PING_AFTER_MS) {
        h2_session_arm(session, &session->life, H2_PING_AFTER_MS - silent);
        return;
    }
    if (!h2_session_ping(session, patience_ms(session), NULL, &why))
        h2_session_fail(session, &why);
}

bool h2_session_ping(struct h2_session *session, uint64_t limit_ms, void (*alive)(void *arg),
                     struct error *err)
{
    if (session->closed)
        return error_set(err, ERROR_NETWORK, 0, "HTTP/2: the session is over");
    if (nghttp2_submit_ping(session->ng, NGHTTP2_FLAG_NONE, NULL) != 0 ||
        !timer_start(&session->life, limit_ms))
        return error_memory(err);
    session->asked = true;
    session->asked_behind = conn_is_behind(session->conn);
    session->taken = conn_taken(session->conn);
    session->alive = alive;
    h2_session_flush_soon(session);
    return true;
}

/* ---- doubt: requests should not wait for long on a connection whose peer is gone ---- */

static uint64_t silent_ms(const struct h2_session *session)
{
    return loop_now_ms(session->loop) - session->heard_ms;
}

bool h2_session_is_silent(const struct h2_session *session)
{
    return silent_ms(session) >= H2_DOUBT_AFTER_MS;
}

void h2_session_probe(struct h2_session *session)
{
    struct error why;
    if (session->closed || session->why.kind != ERROR_NONE || session->asked ||
        !session->heard_settings || !h2_session_is_silent(session))
        return;
    if (!h2_session_ping(session, patience_ms(session), NULL, &why))
        h2_session_fail(session, &why);
}

static void wait_for_sign(struct h2_session *session)
{
    h2_session_probe(session);
    session->doubts = true;
    h2_session_arm(session, &session->doubt, H2_DOUBT_MS);
}

void h2_life_opened(struct h2_session *session)
{
    uint64_t silent = silent_ms(session);
    if (!session->options.doubts || !session->heard_settings)
        return;
    session->opened_ms = loop_now_ms(session->loop);
    if (timer_is_armed(&session->doubt))
        return;
    session->doubts = false;
    if (silent >= H2_DOUBT_AFTER_MS)
        wait_for_sign(session);
    else
        h2_session_arm(session, &session->doubt, H2_DOUBT_AFTER_MS - silent);
}

static void doubt(void *arg)
{
    struct h2_session *session = arg;
    bool waited = session->doubts;
    uint64_t silent = silent_ms(session);
    session->doubts = false;
    if (session->open == 0 || session->heard_ms > session->opened_ms)
        return;
    if (silent < H2_DOUBT_AFTER_MS) {
        h2_session_arm(session, &session->doubt, H2_DOUBT_AFTER_MS - silent);
        return;
    }
    wait_for_sign(session);
    if (!still_takes(session) && session->events->on_doubt)
        session->events->on_doubt(session->arg, waited);
}

void h2_session_move_on(struct h2_session *session)
{
    struct error why;
    error_set(&why, ERROR_NETWORK, 0, "HTTP/2: the peer is silent for %llu ms",
              (unsigned long long)silent_ms(session));
    LIST_EACH (it, &session->streams) {
        struct h2_stream *stream = CONTAINER_OF(it, struct h2_stream, link);
        /* Nothing of an answer came: it was drained when it began. */
        if (!stream->out.ops || !stream->out.moves_on || stream->head_done || stream->reset_asked ||
            stream->drained_ms < session->heard_ms)
            continue;
        h2_stream_blame(stream, &why);
        h2_stream_reset(stream, NGHTTP2_CANCEL);
    }
}

bool h2_session_is_lost(const struct h2_session *session)
{
    return session->closed || session->why.kind != ERROR_NONE;
}

void h2_life_init(struct h2_session *session)
{
    session->heard_ms = loop_now_ms(session->loop);
    timer_init(&session->life, session->loop, life_fired, session);
    timer_init(&session->doubt, session->loop, doubt, session);
}

bool h2_life_start(struct h2_session *session)
{
    uint64_t limit_ms = session->options.frame_ms;
    if (limit_ms == 0 || limit_ms > H2_SETTINGS_LIMIT_MS)
        limit_ms = H2_SETTINGS_LIMIT_MS;
    return timer_start(&session->life, limit_ms);
}

void h2_life_stop(struct h2_session *session)
{
    timer_stop(&session->life);
    timer_stop(&session->doubt);
}
