/* One byte connection. A small machine: what is watched follows from the state in one place
 * (rewatch).
 *
 *   OPENING --handshake done--> OPEN --on_lost--> LOST --conn_close--> CLOSED
 *                                  \--conn_close_lingering--> LINGERING --peer or time--> CLOSED
 *
 * Under TLS a read may need writability and the other way round only while shaking hands: OpenSSL
 * is told never to renegotiate, and TLS 1.3 key updates are answered with the next write. */
#include "culvert/net/conn.h"
#include "culvert/base/buf.h"
#include "culvert/net/sockets.h"

#include "conn_bio.h"
#include "outqueue.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

enum {
    READS_PER_TURN = 4, /* then others get their turn */
    VECTORS_MAX = 16,
};

enum conn_state { CONN_OPENING, CONN_OPEN, CONN_LOST, CONN_LINGERING, CONN_CLOSED };

struct conn {
    struct loop *loop;
    int fd;
    enum conn_state state;
    bool peer_ended; /* the peer's side is over */
    bool ending;     /* conn_end was called */
    bool ended;      /* our side is over on the wire */
    bool blocked;    /* the kernel took less than we have */
    bool wants_room; /* conn_room was used up */
    bool mute;       /* the peer takes nothing any more; what it said may still be read */
    bool needs_tls_write;
    bool tls_readable; /* decrypted bytes may wait in the session: the descriptor will not tell */
    struct watch watch;
    struct gate gate;
    struct task flush;   /* at the end of the turn */
    struct task deliver; /* the gate opened, or reading goes on without the descriptor */
    struct timer timer;  /* handshake, or lingering */
    struct timer stall;  /* blocked for too long */
    uint64_t stall_ms;   /* 0: no limit */
    struct outqueue out;
    struct buf pending; /* what the consumer left */
    struct ssl_st *ssl;
    struct conn_bio bio;
    struct error why; /* for on_lost, told from a task */
    struct task lose;
    const struct conn_events *events;
    void *arg;
    struct reap reap;
};

static void rewatch(struct conn *conn);

static void destroy(void *object)
{
    struct conn *conn = object;
    buf_release(&conn->pending);
    outqueue_release(&conn->out);
    SSL_free(conn->ssl);
    conn_bio_release(&conn->bio);
    free(conn);
}

void conn_close(struct conn *conn)
{
    if (!conn || conn->state == CONN_CLOSED)
        return;
    conn->state = CONN_CLOSED;
    watch_release(&conn->watch);
    timer_stop(&conn->timer);
    timer_stop(&conn->stall);
    task_cancel(&conn->flush);
    task_cancel(&conn->deliver);
    task_cancel(&conn->lose);
    (void)close(conn->fd);
    conn->fd = -1;
    loop_reap(conn->loop, &conn->reap, destroy, conn);
}

/* From a callback of ours it is told at once; from a caller's call in a task. */
static void tell_lost(void *arg)
{
    struct conn *conn = arg;
    if (conn->state == CONN_LINGERING) {
        conn_close(conn);
        return;
    }
    if (conn->state == CONN_CLOSED)
        return;
    conn->state = CONN_LOST;
    rewatch(conn);
    conn->events->on_lost(conn->arg, &conn->why);
}

static void lose_later(struct conn *conn)
{
    if (conn->state == CONN_LOST || conn->state == CONN_CLOSED)
        return;
    task_post(&conn->lose);
}

static void lose_errno(struct conn *conn, const char *doing)
{
    error_errno(&conn->why, "%s", doing);
    conn->why.kind = ERROR_NETWORK;
    lose_later(conn);
}

/* ---- output ---- */

static void output_left(struct conn *conn, size_t n)
{
    outqueue_drop(&conn->out, n);
    timer_stop(&conn->stall);
}

static bool wants_bytes(const struct conn *conn);

/* The peer closed its ears. If it may have said why before (an early answer), that is read first;
 * the end or the error behind it ends the connection. */
static void write_failed(struct conn *conn)
{
    if (!wants_bytes(conn)) {
        lose_later(conn);
        return;
    }
    conn->mute = true;
    outqueue_release(&conn->out);
}

static void write_clear(struct conn *conn)
{
    const struct sockets *sockets = loop_sockets(conn->loop);
    while (conn->out.len > 0) {
        struct iovec vectors[VECTORS_MAX];
        int count = outqueue_vectors(&conn->out, vectors, VECTORS_MAX);
        ssize_t n = sockets->write(sockets, conn->fd, vectors, count);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1 && (errno == EAGAIN || errno == ENOBUFS)) {
            conn->blocked = true;
            return;
        }
        if (n == -1) {
            error_errno(&conn->why, "write");
            conn->why.kind = ERROR_NETWORK;
            write_failed(conn);
            return;
        }
        output_left(conn, (size_t)n);
    }
}

/* What a call into OpenSSL came to. */
enum tls_result { TLS_OK, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_ENDED, TLS_FAILED };

static enum tls_result tls_result(struct conn *conn, int code, const char *doing)
{
    int why = SSL_get_error(conn->ssl, code);
    if (why == SSL_ERROR_WANT_READ)
        return TLS_WANTS_READ;
    if (why == SSL_ERROR_WANT_WRITE)
        return TLS_WANTS_WRITE;
    if (why == SSL_ERROR_ZERO_RETURN)
        return TLS_ENDED;
    int cause = errno;
    if (why == SSL_ERROR_SYSCALL && cause != 0 && ERR_peek_error() == 0) {
        error_errno(&conn->why, "%s", doing);
        conn->why.kind = ERROR_NETWORK;
    } else {
        (void)tls_session_error(conn->ssl, &conn->why);
        error_wrap(&conn->why, "%s", doing);
    }
    return TLS_FAILED;
}

static void write_tls(struct conn *conn)
{
    while (conn->out.len > 0) {
        struct span record = outqueue_peek(&conn->out);
        size_t n = 0;
        ERR_clear_error();
        errno = 0;
        int code = SSL_write_ex(conn->ssl, record.data, record.len, &n);
        if (code == 1) {
            output_left(conn, n);
            continue;
        }
        enum tls_result result = tls_result(conn, code, "write");
        if (result == TLS_WANTS_WRITE)
            conn->blocked = true;
        else if (result != TLS_WANTS_READ)
            write_failed(conn);
        return;
    }
}

static void end_now(struct conn *conn)
{
    conn->ended = true;
    if (conn->ssl) {
        ERR_clear_error();
        (void)SSL_shutdown(conn->ssl); /* close_notify; the answer is not waited for */
        ERR_clear_error();
    }
    (void)shutdown(conn->fd, SHUT_WR);
}

static void flush(void *arg)
{
    struct conn *conn = arg;
    if ((conn->state != CONN_OPEN && conn->state != CONN_LINGERING) || conn->blocked)
        return;
    if (conn->ssl)
        write_tls(conn);
    else
        write_clear(conn);
    if (conn->ending && !conn->ended && conn->out.len == 0 && !link_is_in_list(&conn->lose.link))
        end_now(conn);
    if (conn->blocked && conn->stall_ms > 0 && !timer_is_armed(&conn->stall) &&
        !timer_start(&conn->stall, conn->stall_ms)) {
        error_memory(&conn->why);
        lose_later(conn);
    }
    rewatch(conn);
    if (conn->state == CONN_LINGERING && conn->ended && conn->peer_ended) {
        conn_close(conn);
        return;
    }
    if (conn->wants_room && conn->out.len <= CONN_OUT_LOW && conn->state == CONN_OPEN) {
        conn->wants_room = false;
        conn->events->on_room(conn->arg);
    }
}

size_t conn_room(const struct conn *conn)
{
    return conn->out.len < CONN_OUT_ROOM ? CONN_OUT_ROOM - conn->out.len : 0;
}

size_t conn_queued(const struct conn *conn)
{
    return conn->out.len;
}

bool conn_put(struct conn *conn, const void *data, size_t len)
{
    if (conn->state >= CONN_LOST || conn->ending)
        return false;
    if (conn->mute)
        return true;
    if (len > CONN_OUT_MAX - conn->out.len) {
        error_set(&conn->why, ERROR_LIMIT, 0, "the peer does not read: %zu bytes wait to be sent",
                  conn->out.len);
        lose_later(conn);
        return false;
    }
    if (!outqueue_put(&conn->out, data, len)) {
        error_memory(&conn->why);
        lose_later(conn);
        return false;
    }
    if (conn->out.len > CONN_OUT_LOW)
        conn->wants_room = true;
    if (!conn->blocked)
        task_post(&conn->flush);
    return true;
}

void conn_end(struct conn *conn)
{
    if (conn->ending || conn->state >= CONN_LOST)
        return;
    conn->ending = true;
    task_post(&conn->flush);
}

/* ---- input ---- */

static bool wants_bytes(const struct conn *conn)
{
    return (conn->state == CONN_OPEN && gate_is_open(&conn->gate) && !conn->peer_ended) ||
           (conn->state == CONN_LINGERING && !conn->peer_ended);
}

/* Gives the consumer what it left behind, with `len` new bytes (may be 0) after it. */
static void give_pending(struct conn *conn, const unsigned char *data, size_t len)
{
    if (!buf_put(&conn->pending, data, len)) {
        error_set(&conn->why, ERROR_LIMIT, 0, "more than %d bytes wait unread", CONN_PENDING_MAX);
        lose_later(conn);
        return;
    }
    const void *all = conn->pending.data;
    size_t taken = conn->events->on_bytes(conn->arg, all, conn->pending.len);
    if (conn->state == CONN_CLOSED)
        return;
    if (taken >= conn->pending.len)
        buf_release(&conn->pending);
    else
        buf_drop(&conn->pending, taken);
}

static void give(struct conn *conn, const unsigned char *data, size_t len)
{
    if (conn->state == CONN_LINGERING)
        return; /* read only so that the kernel does not answer it with a reset */
    if (conn->pending.len > 0) {
        give_pending(conn, data, len);
        return;
    }
    size_t taken = conn->events->on_bytes(conn->arg, data, len);
    if (conn->state == CONN_CLOSED || taken >= len)
        return;
    if (!buf_put(&conn->pending, data + taken, len - taken)) {
        error_memory(&conn->why);
        lose_later(conn);
    }
}

static void tell_end(struct conn *conn)
{
    if (conn->peer_ended)
        return;
    conn->peer_ended = true;
    if (conn->state == CONN_LINGERING) {
        if (conn->ended)
            conn_close(conn);
        return;
    }
    conn->events->on_end(conn->arg);
}

/* One read; false when there is nothing more for now. */
static bool read_clear(struct conn *conn)
{
    const struct sockets *sockets = loop_sockets(conn->loop);
    unsigned char *to = loop_scratch(conn->loop);
    ssize_t n = sockets->read(sockets, conn->fd, to, LOOP_SCRATCH);
    if (n > 0) {
        give(conn, to, (size_t)n);
        return n == LOOP_SCRATCH;
    }
    if (n == 0)
        tell_end(conn);
    else if (errno != EAGAIN && errno != EINTR)
        lose_errno(conn, "read");
    return false;
}

/* Decrypts as many records as lie there into one scratch buffer, so that the consumer is called
 * once. */
static bool read_tls(struct conn *conn)
{
    unsigned char *to = loop_scratch(conn->loop);
    size_t len = 0;
    enum tls_result result = TLS_OK;
    while (len < LOOP_SCRATCH && result == TLS_OK) {
        size_t n = 0;
        ERR_clear_error();
        errno = 0;
        int code = SSL_read_ex(conn->ssl, to + len, LOOP_SCRATCH - len, &n);
        if (code == 1)
            len += n;
        else
            result = tls_result(conn, code, "read");
    }
    conn->tls_readable = result == TLS_OK;
    if (len > 0) {
        give(conn, to, len);
        if (conn->state == CONN_CLOSED)
            return false;
    }
    if (result == TLS_ENDED)
        tell_end(conn);
    else if (result == TLS_FAILED)
        lose_later(conn);
    return result == TLS_OK;
}

static void read_some(struct conn *conn)
{
    for (int i = 0; i < READS_PER_TURN && wants_bytes(conn); i++) {
        bool more = conn->ssl ? read_tls(conn) : read_clear(conn);
        if (conn->state == CONN_CLOSED)
            return;
        if (!more)
            break;
    }
    if (conn->tls_readable && wants_bytes(conn))
        task_post(&conn->deliver);
    rewatch(conn);
}

static void deliver(void *arg)
{
    struct conn *conn = arg;
    if (conn->pending.len > 0 && conn->state == CONN_OPEN && gate_is_open(&conn->gate)) {
        give_pending(conn, NULL, 0);
        if (conn->state == CONN_CLOSED)
            return;
    }
    if (conn->tls_readable && wants_bytes(conn))
        read_some(conn);
    else
        rewatch(conn);
}

static void gate_changed(struct gate *gate)
{
    struct conn *conn = CONTAINER_OF(gate, struct conn, gate);
    if (conn->state >= CONN_LOST)
        return;
    if (gate_is_open(gate) && (conn->pending.len > 0 || conn->tls_readable))
        task_post(&conn->deliver);
    rewatch(conn);
}

/* ---- the handshake ---- */

static void shake_hands(struct conn *conn)
{
    ERR_clear_error();
    errno = 0;
    int code = SSL_do_handshake(conn->ssl);
    if (code == 1) {
        conn->state = CONN_OPEN;
        conn->needs_tls_write = false;
        conn->tls_readable = true;
        timer_stop(&conn->timer);
        task_post(&conn->deliver);
        if (conn->out.len > 0)
            task_post(&conn->flush);
        rewatch(conn);
        conn->events->on_open(conn->arg);
        return;
    }
    enum tls_result result = tls_result(conn, code, "TLS handshake");
    conn->needs_tls_write = result == TLS_WANTS_WRITE;
    if (result == TLS_FAILED || result == TLS_ENDED) {
        if (result == TLS_ENDED)
            error_set(&conn->why, ERROR_NETWORK, 0, "TLS handshake: the peer closed");
        lose_later(conn);
        return;
    }
    rewatch(conn);
}

static void timed_out(void *arg)
{
    struct conn *conn = arg;
    if (conn->state == CONN_LINGERING) {
        conn_close(conn);
        return;
    }
    error_set(&conn->why, ERROR_TIMEOUT, 0, "TLS handshake: no answer in time");
    lose_later(conn);
}

static void stalled(void *arg)
{
    struct conn *conn = arg;
    error_set(&conn->why, ERROR_TIMEOUT, 0, "the peer took nothing for %llu ms",
              (unsigned long long)conn->stall_ms);
    lose_later(conn);
}

void conn_set_stall_limit(struct conn *conn, uint64_t stall_ms)
{
    conn->stall_ms = stall_ms;
}

bool conn_start_tls(struct conn *conn, struct tls_context *context, const char *server_name,
                    uint64_t timeout_ms, struct error *err)
{
    assert(conn->state == CONN_OPEN && !conn->ssl && conn->out.len == 0);
    conn->ssl = tls_session_new(context, server_name, err);
    if (!conn->ssl)
        return false;
    BIO *bio = conn_bio_new(&conn->bio, loop_sockets(conn->loop), conn->fd);
    if (!bio)
        return error_memory(err);
    SSL_set_bio(conn->ssl, bio, bio);
    if (timeout_ms > 0 && !timer_start(&conn->timer, timeout_ms))
        return error_memory(err);
    conn->state = CONN_OPENING;
    conn->needs_tls_write = !SSL_is_server(conn->ssl);
    rewatch(conn);
    return true;
}

/* ---- the descriptor ---- */

/* The one place that decides what is waited for. */
static void rewatch(struct conn *conn)
{
    unsigned wants = WATCH_NONE;
    if (conn->state == CONN_OPENING)
        wants = conn->needs_tls_write ? WATCH_WRITE : WATCH_READ;
    else if (wants_bytes(conn))
        wants = WATCH_READ;
    if (conn->blocked && (conn->state == CONN_OPEN || conn->state == CONN_LINGERING))
        wants |= WATCH_WRITE;
    if (conn->state == CONN_CLOSED)
        return;
    if (!watch_set(&conn->watch, wants)) {
        error_set(&conn->why, ERROR_SYSTEM, 0, "the descriptor cannot be watched");
        lose_later(conn);
    }
}

static void ready(void *arg, unsigned events)
{
    struct conn *conn = arg;
    if (conn->state == CONN_OPENING) {
        shake_hands(conn);
        return;
    }
    if (events & WATCH_WRITE) {
        conn->blocked = false;
        task_post(&conn->flush);
    }
    if ((events & WATCH_READ) && wants_bytes(conn)) {
        read_some(conn);
        return;
    }
    rewatch(conn);
}

struct conn *conn_new(struct loop *loop, int fd, const struct conn_events *events, void *arg,
                      struct error *err)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (!conn) {
        (void)close(fd);
        error_memory(err);
        return NULL;
    }
    conn->loop = loop;
    conn->fd = fd;
    conn->state = CONN_OPEN;
    conn->events = events;
    conn->arg = arg;
    conn->gate.changed = gate_changed;
    conn->pending.limit = CONN_PENDING_MAX;
    task_init(&conn->flush, loop, TASK_FLUSH, flush, conn);
    task_init(&conn->deliver, loop, TASK_SOON, deliver, conn);
    task_init(&conn->lose, loop, TASK_SOON, tell_lost, conn);
    timer_init(&conn->timer, loop, timed_out, conn);
    timer_init(&conn->stall, loop, stalled, conn);
    if (!watch_init(&conn->watch, loop, fd, ready, conn) || !watch_set(&conn->watch, WATCH_READ)) {
        error_set(err, ERROR_SYSTEM, 0, "the descriptor cannot be watched");
        conn_close(conn);
        return NULL;
    }
    return conn;
}

void conn_again(struct conn *conn)
{
    if (conn->pending.len > 0 && conn->state == CONN_OPEN)
        task_post(&conn->deliver);
}

void conn_set_events(struct conn *conn, const struct conn_events *events, void *arg)
{
    conn->events = events;
    conn->arg = arg;
    conn_again(conn);
}

void conn_reset(struct conn *conn)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    if (conn->state >= CONN_LINGERING)
        return;
    (void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    conn->state = CONN_LOST;
    outqueue_release(&conn->out);
    task_cancel(&conn->lose);
    task_cancel(&conn->deliver);
    timer_stop(&conn->timer);
    timer_stop(&conn->stall);
    rewatch(conn);
}

void conn_close_lingering(struct conn *conn)
{
    if (!conn || conn->state >= CONN_LINGERING)
        return;
    if (conn->state != CONN_OPEN || !timer_start(&conn->timer, CONN_LINGER_MS)) {
        conn_close(conn);
        return;
    }
    conn->state = CONN_LINGERING;
    conn->ending = true;
    buf_release(&conn->pending);
    task_cancel(&conn->deliver);
    if (!conn->blocked)
        task_post(&conn->flush);
    rewatch(conn);
}

struct gate *conn_gate(struct conn *conn)
{
    return &conn->gate;
}

bool conn_is_tls(const struct conn *conn)
{
    return conn->ssl != NULL;
}

struct span conn_protocol(const struct conn *conn)
{
    return conn->ssl ? tls_session_protocol(conn->ssl) : SPAN("");
}

void conn_local_address(const struct conn *conn, struct ip_address *address)
{
    sockets_local_address(conn->fd, address);
}

void conn_peer_address(const struct conn *conn, struct ip_address *address)
{
    sockets_peer_address(conn->fd, address);
}

struct loop *conn_loop(const struct conn *conn)
{
    return conn->loop;
}
