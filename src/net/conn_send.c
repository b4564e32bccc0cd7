/* What is queued on a connection, and how it gets to the kernel. What TLS does to it is in
 * conn_tls.c. */
#include "channel_internal.h"
#include "conn_internal.h"

#include <errno.h>

enum { VECTORS_MAX = 16 };

/* Nothing may follow what was not taken. */
static bool is_closed_for(struct conn *conn, size_t len)
{
    if (conn->state >= CONN_LOST || conn->ending || link_is_in_list(&conn->lose.link))
        return true;
    size_t waiting = conn_waiting(conn);
    if (conn->mute || (waiting <= CONN_OUT_MAX && len <= CONN_OUT_MAX - waiting))
        return false;
    struct error why;
    error_set(&why, ERROR_LIMIT, 0, "the peer does not read: %zu bytes wait to be sent", waiting);
    conn->cut = CONN_CUT_QUEUE;
    conn_lose(conn, &why);
    return true;
}

/* Something was queued. */
static void send_later(struct conn *conn)
{
    if (conn_waiting(conn) > CONN_OUT_LOW)
        conn->wants_room = true;
    if (!conn->blocked)
        task_post(&conn->flush);
}

bool conn_put(struct conn *conn, const void *data, size_t len)
{
    if (is_closed_for(conn, len))
        return false;
    if (conn->mute)
        return true;
    if (!outqueue_put(&conn->out, conn->loop, data, len)) {
        conn_lose_memory(conn);
        return false;
    }
    send_later(conn);
    return true;
}

/* A record holds what was gathered, so that blocks move into connections in clear only. */
bool conn_put_from(struct conn *conn, struct channel *bytes, size_t *len)
{
    struct span first = channel_peek(bytes);
    struct span part = span_first(first, *len);
    *len = part.len;
    if (conn->tls || conn->mute || part.len < first.len || !outqueue_wants(&conn->out, part.len)) {
        bool ok = conn_put(conn, part.data, part.len);
        channel_drop(bytes, ok ? part.len : 0);
        return ok;
    }
    if (is_closed_for(conn, part.len))
        return false;
    outqueue_put_block(&conn->out, channel_take_block(bytes));
    send_later(conn);
    return true;
}

size_t conn_waiting(const struct conn *conn)
{
    return conn->out.len + (conn->tls ? conn->tls->bio.rest.len : 0);
}

void conn_drop_output(struct conn *conn)
{
    outqueue_release(&conn->out, conn->loop);
    if (conn->tls)
        outqueue_release(&conn->tls->bio.rest, conn->loop);
}

/* The peer closed its ears. If it may have said why before (an early answer), that is read first;
 * the end or the error behind it ends the connection. */
void conn_write_failed(struct conn *conn)
{
    if (!conn_wants_bytes(conn)) {
        conn_lose_later(conn);
        return;
    }
    conn->mute = true;
    conn_drop_output(conn);
}

size_t conn_send(struct conn *conn, const struct iovec *vectors, int count)
{
    const struct sockets *sockets = loop_sockets(conn->loop);
    ssize_t n;
    do
        n = sockets->write(sockets, conn->fd, vectors, count);
    while (n == -1 && errno == EINTR);
    if (n >= 0) {
        conn->sent += (uint64_t)n;
        if (conn->tls)
            conn->tls->bio.written += (uint64_t)n;
        return (size_t)n;
    }
    if (errno == EAGAIN || errno == ENOBUFS) {
        conn->blocked = true;
        return 0;
    }
    struct error why;
    error_errno(&why, "write");
    why.kind = ERROR_NETWORK;
    conn_blame(conn, &why);
    conn_write_failed(conn);
    return 0;
}

bool conn_send_queue(struct conn *conn, struct outqueue *queue)
{
    while (queue->len > 0) {
        struct iovec vectors[VECTORS_MAX];
        size_t n = conn_send(conn, vectors, outqueue_vectors(queue, vectors, VECTORS_MAX));
        if (n == 0)
            return false;
        outqueue_drop(queue, conn->loop, n);
    }
    return true;
}
