/* How fast a peer takes what waits for it. The kernel asks for more only when much of its buffer is
 * free, so it is asked what the peer acknowledged: who reads slowly is not taken for who does not
 * read. */
#include "culvert/net/pace.h"

#include "conn_internal.h"

uint64_t conn_taken(const struct conn *conn)
{
    uint64_t given = conn->tls ? conn->tls->bio.written : conn->sent;
    uint64_t waiting = sockets_unsent(conn->fd);
    return given > waiting ? given - waiting : 0;
}

bool conn_is_behind(const struct conn *conn)
{
    return conn_waiting(conn) > 0 || sockets_unsent(conn->fd) > 0;
}

uint64_t conn_patience_ms(const struct conn *conn)
{
    return pace_patience_ms(conn_taken(conn), conn->stall_ms);
}

static void start(struct conn *conn)
{
    conn->stall_mark = conn_taken(conn);
    if (timer_start(&conn->stall, conn_patience_ms(conn)))
        return;
    struct error why;
    error_memory(&why);
    conn_lose(conn, &why);
}

void conn_watch_pace(struct conn *conn)
{
    if (conn->blocked && conn->stall_ms > 0 && !timer_is_armed(&conn->stall))
        start(conn);
}

void conn_judge_pace(void *arg)
{
    struct conn *conn = arg;
    if (conn_taken(conn) >= conn->stall_mark + CONN_DRAIN_MIN) {
        start(conn);
        return;
    }
    struct error why;
    error_set(&why, ERROR_TIMEOUT, 0, "the peer took less than %d bytes in %llu ms", CONN_DRAIN_MIN,
              (unsigned long long)conn_patience_ms(conn));
    conn->cut = CONN_CUT_PACE;
    conn_lose(conn, &why);
}

void conn_set_stall_limit(struct conn *conn, uint64_t stall_ms)
{
    conn->stall_ms = stall_ms;
    timer_stop(&conn->stall);
    if (conn->state < CONN_LOST)
        conn_watch_pace(conn);
}
