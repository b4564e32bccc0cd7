/* Bytes between the conn and the library: what came through the sieve, what it says at the end of a
 * turn. */
#include "h2_internal.h"

/* All that the library has to say and the connection takes. */
static void say(struct h2_session *session)
{
    session->in_library = true;
    while (conn_room(session->conn) > 0) {
        const uint8_t *bytes;
        ssize_t n = nghttp2_session_mem_send(session->ng, &bytes);
        if (n < 0)
            h2_session_fail_code(session, "send", (int)n);
        if (n <= 0 || !conn_put(session->conn, bytes, (size_t)n))
            break;
    }
    session->in_library = false;
}

void h2_io_flush(struct h2_session *session)
{
    if (session->closed || session->in_library || session->broken)
        return;
    say(session);
    h2_defence_flushed(session);
    if (!nghttp2_session_want_read(session->ng) && !nghttp2_session_want_write(session->ng)) {
        struct error why;
        error_set(&why, ERROR_NETWORK, 0, "HTTP/2: the session has ended");
        h2_session_fail(session, &why);
    }
}

/* Gives bytes to the library; returns how many it took: all, unless the turn rests. */
static size_t give(struct h2_session *session, struct span bytes)
{
    session->in_library = true;
    ssize_t n = nghttp2_session_mem_recv(session->ng, (const uint8_t *)bytes.data, bytes.len);
    session->in_library = false;
    if (n >= 0)
        return (size_t)n;
    if (!session->closed) {
        session->abuse = h2_defence_of_code((int)n);
        h2_session_fail_code(session, "receive", (int)n);
    }
    return bytes.len;
}

static bool is_deaf(const struct h2_session *session)
{
    return session->closed || session->broken || session->why.kind != ERROR_NONE;
}

/* A header block that nobody can read: the table is lost with it, and so is the connection. */
static void fail_block(struct h2_session *session)
{
    struct error why;
    session->abuse = ABUSE_H2_PROTOCOL;
    session->broken = true;
    error_set(&why, ERROR_PROTOCOL, 0,
              "HTTP/2: a header block is broken, or over %d frames or %d bytes", H2_LONG_FRAMES_MAX,
              H2_LONG_BLOCK_MAX);
    h2_session_fail(session, &why);
}

/* A visitor needs none: nobody but himself loses the connection. */
static bool has_sieve(const struct h2_session *session)
{
    return !session->options.is_guarded || !session->options.is_server;
}

/* Gives what passes the sieve. Returns how many of the bytes are used. */
static size_t sift(struct h2_session *session, struct span bytes)
{
    struct h2_sieve *sieve = &session->sieve;
    size_t used = 0;
    if (!has_sieve(session))
        return bytes.len > 0 ? give(session, bytes) : 0;
    while (!session->rests && !is_deaf(session)) {
        struct span rest = span_skip(bytes, used);
        bool anew, broken;
        struct span next = h2_sieve_next(sieve, rest, &anew);
        if (next.len > 0) {
            size_t given = give(session, next);
            h2_sieve_given(sieve, rest, given, anew);
            used += anew ? 0 : given;
            continue;
        }
        size_t taken = h2_sieve_take(sieve, rest, &broken);
        used += taken;
        if (broken)
            fail_block(session);
        if (taken == 0)
            break;
    }
    return is_deaf(session) ? bytes.len : used;
}

/* The library may have stopped behind the last byte of a head: it judges that head only when it is
 * asked to read, and nothing more may come. */
static void go_on_reading(struct h2_session *session)
{
    session->rests = false;
    gate_release(conn_gate(session->conn), HOLD_TURN);
    if (session->broken || session->why.kind != ERROR_NONE)
        return;
    (void)give(session, SPAN(""));
    (void)sift(session, SPAN(""));
}

void h2_io_turn_ends(void *arg)
{
    struct h2_session *session = arg;
    session->fresh = 0;
    session->turns++;
    if (session->rests)
        go_on_reading(session);
    h2_io_flush(session);
}

/* The library tells of a reset when it is said. Said at once, it ends a request that its visitor
 * spoiled before that left for the tunnel, as a reset of the visitor's own does. */
static void say_faults(struct h2_session *session)
{
    if (session->options.is_server && session->options.is_guarded && !session->broken &&
        nghttp2_session_get_outbound_queue_size(session->ng) > 0)
        say(session);
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct h2_session *session = arg;
    if (is_deaf(session))
        return len;
    h2_defence_read(session, data, len);
    if (session->why.kind != ERROR_NONE)
        return len;
    size_t used = sift(session, span_make(data, len));
    if (session->closed)
        return len;
    h2_defence_taken(session, len, used);
    say_faults(session);
    h2_defence_rest(session);
    h2_session_flush_soon(session);
    h2_life_sign(session);
    return used;
}

static void on_end(void *arg)
{
    struct h2_session *session = arg;
    struct error why;
    error_set(&why, ERROR_NETWORK, 0, "the peer closed the connection");
    h2_session_fail(session, &why);
}

static void on_room(void *arg)
{
    h2_session_flush_soon(arg);
}

static void on_lost(void *arg, const struct error *why)
{
    h2_session_fail(arg, why);
}

static void on_open(void *arg)
{
    (void)arg;
}

const struct conn_events h2_io_events = {on_open, on_bytes, on_end, on_room, on_lost};
