/* One byte connection. A small machine: what is watched follows from the state in one place
 * (rewatch).
 *
 *   OPENING --handshake done--> OPEN --on_lost--> LOST --conn_close--> CLOSED
 *                                  \--conn_close_lingering--> LINGERING --peer or time--> CLOSED
 *
 * What TLS does to the bytes is in conn_tls.c. */
#include "culvert/net/conn.h"

#include "conn_internal.h"
#include "conn_tls.h"

#include <errno.h>
#include <unistd.h>

enum {
    READS_PER_TURN = 4, /* then others get their turn */
    READS_OF_BULK = 2,  /* the same, of LOOP_SCRATCH each */
    READ_USUAL = 64 * 1024,
    READ_MIN = 4 * 1024, /* less is not worth the call */
    /* What a lingering peer takes of the kernel's rest in CONN_LINGER_MS to be waited
     * for: CONN_DRAIN_MIN a minute, and more than the end of TLS. */
    LINGER_DRAIN_MIN = 136,
};

static void destroy(void *object)
{
    struct conn *conn = object;
    buf_release(&conn->pending);
    outqueue_release(&conn->out, conn->loop);
    conn_tls_free(conn->tls);
    error_drop(conn->why);
    free(conn);
}

/* What the kernel still has for a peer it does not keep for ever, and not at all for one that was
 * given up for not taking it. */
static void leave_to_kernel(const struct conn *conn)
{
    if (conn->cut == CONN_CUT_PACE || conn->cut == CONN_CUT_QUEUE)
        sockets_reset_on_close(conn->fd);
    else if (sockets_unsent(conn->fd) > 0)
        sockets_give_up_after(conn->fd, CONN_UNSENT_MS);
}

void conn_close(struct conn *conn)
{
    if (!conn || conn->state == CONN_CLOSED)
        return;
    conn->state = CONN_CLOSED;
    if (conn->gone)
        conn->gone(conn->gone_arg, conn->cut);
    leave_to_kernel(conn);
    watch_release(&conn->watch);
    timer_stop(&conn->timer);
    timer_stop(&conn->stall);
    task_cancel(&conn->flush);
    task_cancel(&conn->deliver);
    task_cancel(&conn->lose);
    loop_disown(conn->loop, &conn->orphan);
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
    timer_stop(&conn->timer);
    timer_stop(&conn->stall);
    conn_rewatch(conn);
    if (!conn->why)
        conn_blame(conn, &(struct error){ERROR_SYSTEM, 0, "the connection is of no use any more"});
    conn->events->on_lost(conn->arg, conn->why);
}

void conn_blame(struct conn *conn, const struct error *why)
{
    error_drop(conn->why);
    conn->why = error_keep(why);
}

void conn_lose_later(struct conn *conn)
{
    if (conn->state == CONN_LOST || conn->state == CONN_CLOSED)
        return;
    task_post(&conn->lose);
}

void conn_lose(struct conn *conn, const struct error *why)
{
    conn_blame(conn, why);
    conn_lose_later(conn);
}

void conn_lose_memory(struct conn *conn)
{
    struct error why;
    error_memory(&why);
    conn_lose(conn, &why);
}

static void lose_errno(struct conn *conn, const char *doing)
{
    struct error why;
    error_errno(&why, "%s", doing);
    why.kind = ERROR_NETWORK;
    conn_lose(conn, &why);
}

/* ---- output ---- */

/* The wait for the peer begins anew: for its end, or before that for it to take what is queued,
 * unless its pace is watched. */
static void linger_on(struct conn *conn)
{
    bool has_its_time = conn->deaf ? timer_is_armed(&conn->timer)
                                   : !conn->ended && conn->stall_ms > 0; /* its pace is watched */
    if (has_its_time)
        return;
    conn->linger_mark = sockets_unsent(conn->fd);
    if (!timer_start(&conn->timer, CONN_LINGER_MS))
        conn_lose_later(conn);
}

/* Writes what is queued, as far as the kernel takes it. */
static void write_out(struct conn *conn)
{
    uint64_t before = conn->sent;
    if (conn->tls)
        conn_tls_write(conn);
    else
        (void)conn_send_queue(conn, &conn->out);
    if (conn_waiting(conn) == 0)
        timer_stop(&conn->stall);
    if (conn->state == CONN_LINGERING && conn->sent > before)
        linger_on(conn);
}

static void end_now(struct conn *conn)
{
    if (conn->tls && !conn_tls_end(conn)) {
        conn->blocked = true;
        return;
    }
    conn->ended = true;
    (void)shutdown(conn->fd, SHUT_WR);
    if (conn->state == CONN_LINGERING)
        linger_on(conn);
}

static void flush(void *arg)
{
    struct conn *conn = arg;
    if ((conn->state != CONN_OPEN && conn->state != CONN_LINGERING) || conn->blocked)
        return;
    write_out(conn);
    if (conn->ending && !conn->ended && conn_waiting(conn) == 0 &&
        !link_is_in_list(&conn->lose.link))
        end_now(conn);
    conn_watch_pace(conn);
    conn_rewatch(conn);
    if (conn->state == CONN_LINGERING && conn->ended && conn->peer_ended) {
        conn_close(conn);
        return;
    }
    if (conn->wants_room && conn_waiting(conn) <= CONN_OUT_LOW && conn->state == CONN_OPEN) {
        conn->wants_room = false;
        conn->events->on_room(conn->arg);
    }
}

/* What nobody takes any more must not look like a way that is always free: who fills it for as long
 * as there is room would never come to read why. */
size_t conn_room(const struct conn *conn)
{
    if (conn->mute)
        return 0;
    size_t waiting = conn_waiting(conn);
    size_t limit = conn->bulk ? CONN_OUT_BULK : CONN_OUT_ROOM;
    return waiting < limit ? limit - waiting : 0;
}

size_t conn_queued(const struct conn *conn)
{
    return conn_waiting(conn);
}

uint64_t conn_sent(const struct conn *conn)
{
    return conn->sent;
}

void conn_end(struct conn *conn)
{
    if (conn->ending || conn->state >= CONN_LOST)
        return;
    conn->ending = true;
    task_post(&conn->flush);
}

/* ---- input ---- */

bool conn_wants_bytes(const struct conn *conn)
{
    return (conn->state == CONN_OPEN && gate_is_open(&conn->gate) && !conn->peer_ended) ||
           (conn->state == CONN_LINGERING && !conn->peer_ended && !conn->deaf);
}

/* Gives the consumer what it left behind, with `len` new bytes (may be 0) after it. */
static void give_pending(struct conn *conn, const unsigned char *data, size_t len)
{
    if (len > CONN_PENDING_MAX - conn->pending.len) {
        struct error why;
        error_set(&why, ERROR_LIMIT, 0, "more than %d bytes wait unread", CONN_PENDING_MAX);
        conn_lose(conn, &why);
        return;
    }
    if (!buf_put(&conn->pending, data, len)) {
        conn_lose_memory(conn);
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

void conn_give(struct conn *conn, const unsigned char *data, size_t len)
{
    if (len == 0 && conn->pending.len == 0)
        return;
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
        conn_lose_memory(conn);
    }
}

void conn_tell_end(struct conn *conn)
{
    if (conn->state == CONN_LINGERING) {
        conn->peer_ended = true;
        if (conn->ended)
            conn_close(conn);
        return;
    }
    if (conn->peer_ended || conn->state != CONN_OPEN)
        return;
    if (!gate_is_open(&conn->gate)) {
        /* It lies behind bytes that wait; it is read again when the gate opens. */
        conn->tls_readable = conn->tls != NULL;
        return;
    }
    conn->peer_ended = true;
    conn->events->on_end(conn->arg);
}

size_t conn_read_size(const struct conn *conn)
{
    size_t wanted = conn->bulk ? LOOP_SCRATCH : READ_USUAL;
    if (conn->events->wants && conn->state == CONN_OPEN)
        wanted = conn->events->wants(conn->arg);
    if (wanted < READ_MIN)
        return READ_MIN;
    return wanted < LOOP_SCRATCH ? wanted : (size_t)LOOP_SCRATCH;
}

/* One read; false when there is nothing more for now. */
static bool read_clear(struct conn *conn)
{
    const struct sockets *sockets = loop_sockets(conn->loop);
    unsigned char *to = loop_scratch(conn->loop);
    size_t size = conn_read_size(conn);
    if (!conn_wants_bytes(conn))
        return false; /* its consumer has no room now */
    ssize_t n = sockets->read(sockets, conn->fd, to, size);
    if (n > 0) {
        conn_give(conn, to, (size_t)n);
        return (size_t)n == size;
    }
    if (n == 0) {
        conn_give(conn, to, 0);
        conn_tell_end(conn);
    } else if (errno != EAGAIN && errno != EINTR)
        lose_errno(conn, "read");
    return false;
}

static void read_some(struct conn *conn)
{
    int reads = conn->bulk ? READS_OF_BULK : READS_PER_TURN;
    for (int i = 0; i < reads && conn_wants_bytes(conn); i++) {
        bool more = conn->tls ? conn_tls_read(conn) : read_clear(conn);
        if (conn->state == CONN_CLOSED)
            return;
        if (!more)
            break;
    }
    if (conn->tls_readable && conn_wants_bytes(conn))
        task_post(&conn->deliver);
    conn_rewatch(conn);
}

static void deliver(void *arg)
{
    struct conn *conn = arg;
    if (conn->pending.len > 0 && conn->state == CONN_OPEN && gate_is_open(&conn->gate)) {
        give_pending(conn, NULL, 0);
        if (conn->state == CONN_CLOSED)
            return;
    }
    if (conn->tls_readable && conn_wants_bytes(conn))
        read_some(conn);
    else
        conn_rewatch(conn);
}

static void gate_changed(struct gate *gate)
{
    struct conn *conn = CONTAINER_OF(gate, struct conn, gate);
    if (conn->state >= CONN_LOST)
        return;
    if (gate_is_open(gate) && (conn->pending.len > 0 || conn->tls_readable))
        task_post(&conn->deliver);
    conn_rewatch(conn);
}

/* ---- time ---- */

static void timed_out(void *arg)
{
    struct conn *conn = arg;
    if (conn->state == CONN_LINGERING) {
        if (conn->ended && !conn->deaf &&
            sockets_unsent(conn->fd) + LINGER_DRAIN_MIN <= conn->linger_mark)
            linger_on(conn); /* the last bytes are still on their way out of the kernel */
        else
            conn_close(conn);
        return;
    }
    struct error why;
    error_set(&why, ERROR_TIMEOUT, 0, "TLS handshake: no answer in time");
    conn->cut = CONN_CUT_HANDSHAKE;
    conn_lose(conn, &why);
}

/* ---- the descriptor ---- */

/* Most gates that shut open again in the same turn, and what made room is written at its end: the
 * kernel is told only of what lasts, that is when bytes come for which the gate is shut. */
static unsigned watched_for_now(const struct conn *conn)
{
    unsigned keep = WATCH_NONE;
    if (conn->state == CONN_OPEN && !conn->peer_ended && !conn->in_vain)
        keep |= WATCH_READ;
    if (link_is_in_list(&conn->flush.link) &&
        (conn->state == CONN_OPEN || conn->state == CONN_LINGERING))
        keep |= WATCH_WRITE;
    return conn->watch.wants & keep;
}

/* The one place that decides what is waited for. */
void conn_rewatch(struct conn *conn)
{
    unsigned wants = WATCH_NONE;
    if (conn->state == CONN_OPENING)
        wants = conn->needs_tls_write ? WATCH_WRITE : WATCH_READ;
    else if (conn_wants_bytes(conn))
        wants = WATCH_READ;
    if (conn->blocked && (conn->state == CONN_OPEN || conn->state == CONN_LINGERING))
        wants |= WATCH_WRITE;
    if (conn->state == CONN_CLOSED)
        return;
    if (!watch_set(&conn->watch, wants | watched_for_now(conn))) {
        struct error why;
        error_set(&why, ERROR_SYSTEM, 0, "the descriptor cannot be watched");
        conn_lose(conn, &why);
    }
}

static void ready(void *arg, unsigned events)
{
    struct conn *conn = arg;
    if (conn->state == CONN_OPENING) {
        conn_tls_shake_hands(conn);
        return;
    }
    if (events & WATCH_WRITE) {
        conn->blocked = false;
        task_post(&conn->flush);
    }
    /* What waits for its delivery goes first: bytes read on top of it would pile up. */
    if ((events & WATCH_READ) && conn_wants_bytes(conn) && !link_is_in_list(&conn->deliver.link)) {
        read_some(conn);
        return;
    }
    conn->in_vain = (events & WATCH_READ) != 0;
    conn_rewatch(conn);
    conn->in_vain = false;
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
    timer_init(&conn->stall, loop, conn_judge_pace, conn);
    if (!watch_init(&conn->watch, loop, fd, ready, conn) || !watch_set(&conn->watch, WATCH_READ)) {
        error_set(err, ERROR_SYSTEM, 0, "the descriptor cannot be watched");
        conn_close(conn);
        return NULL;
    }
    return conn;
}

void conn_again(struct conn *conn)
{
    if (conn->state == CONN_OPEN)
        task_post(&conn->deliver); /* also from within on_bytes, whose rest is not kept yet */
}

void conn_set_bulk(struct conn *conn)
{
    conn->bulk = true;
}

void conn_set_events(struct conn *conn, const struct conn_events *events, void *arg)
{
    conn->events = events;
    conn->arg = arg;
    conn_again(conn);
}

void conn_reset(struct conn *conn)
{
    if (conn->state >= CONN_LINGERING)
        return;
    sockets_reset_on_close(conn->fd);
    conn->state = CONN_LOST;
    conn_drop_output(conn);
    task_cancel(&conn->lose);
    task_cancel(&conn->deliver);
    timer_stop(&conn->timer);
    timer_stop(&conn->stall);
    conn_rewatch(conn);
}

static void end_orphan(void *object)
{
    conn_close(object);
}

/* Not all that was said has left yet. */
static bool is_busy_orphan(const void *object)
{
    const struct conn *conn = object;
    return !conn->ended;
}

void conn_close_deaf(struct conn *conn)
{
    if (conn)
        conn->deaf = true;
    conn_close_lingering(conn);
}

void conn_close_lingering(struct conn *conn)
{
    if (!conn || conn->state >= CONN_LINGERING)
        return;
    if (conn->state != CONN_OPEN) {
        conn_close(conn);
        return;
    }
    conn->state = CONN_LINGERING;
    conn->ending = true;
    conn->orphan.is_busy = is_busy_orphan;
    loop_adopt(conn->loop, &conn->orphan, end_orphan, conn);
    linger_on(conn);
    task_post(&conn->deliver); /* the peer's end may lie decrypted already */
    if (!conn->blocked)
        task_post(&conn->flush);
    conn_rewatch(conn);
}

struct gate *conn_gate(struct conn *conn)
{
    return &conn->gate;
}

bool conn_peer_left(const struct conn *conn)
{
    return conn->peer_ended || sockets_peer_left(conn->fd);
}

bool conn_is_reset(const struct conn *conn)
{
    return conn->mute || sockets_is_reset(conn->fd);
}

void conn_on_gone(struct conn *conn, void (*gone)(void *arg, enum conn_cut cut), void *arg)
{
    conn->gone = gone;
    conn->gone_arg = arg;
}

bool conn_is_tls(const struct conn *conn)
{
    return conn->tls != NULL;
}

struct span conn_protocol(const struct conn *conn)
{
    return conn->tls ? tls_session_protocol(conn->tls->ssl) : SPAN("");
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
