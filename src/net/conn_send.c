/* What is queued on a connection, and how it gets to the kernel. What TLS does to it is in
 * conn_tls.c. */
#include "conn_internal.h"

#include <errno.h>

enum { VECTORS_MAX = 16 };

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
