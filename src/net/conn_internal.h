/* What the files of a conn share; nobody else includes it. */
#ifndef CULVERT_NET_CONN_INTERNAL_H
#define CULVERT_NET_CONN_INTERNAL_H

#include "culvert/base/buf.h"
#include "culvert/net/conn.h"

#include "conn_bio.h"
#include "outqueue.h"
#include "tls_guard.h"

enum conn_state { CONN_OPENING, CONN_OPEN, CONN_LOST, CONN_LINGERING, CONN_CLOSED };

/* What TLS needs; most connections to origins go without. */
struct conn_tls {
    struct ssl_st *ssl;
    struct conn_bio bio;
    struct tls_guard guard; /* of a server's session */
    uint64_t sealed_ms;     /* when the last record was sealed */
    size_t burst;           /* bytes sealed since a pause */
};

struct conn {
    struct loop *loop;
    int fd;
    enum conn_state state;
    bool peer_ended; /* the peer's side is over */
    bool ending;     /* conn_end was called */
    bool ended;      /* our side is over on the wire */
    bool blocked;    /* the kernel took less than we have */
    bool wants_room; /* conn_room was used up */
    bool deaf;       /* it lingers without reading, and only for so long */
    bool bulk;       /* larger steps, see conn_set_bulk */
    bool mute;       /* the peer takes nothing any more; what it said may still be read */
    bool needs_tls_write;
    bool in_vain;      /* the descriptor is readable while nobody reads */
    bool tls_readable; /* decrypted bytes may wait in the session: the descriptor will not tell */
    enum conn_cut cut;
    struct watch watch;
    struct gate gate;
    struct task flush;    /* at the end of the turn */
    struct task deliver;  /* the gate opened, or reading goes on without the descriptor */
    struct timer timer;   /* handshake, or lingering */
    struct timer stall;   /* blocked for too long */
    uint64_t stall_ms;    /* 0: no limit */
    uint64_t stall_mark;  /* what the peer had taken when the stall timer was started */
    uint64_t linger_mark; /* what it had not when the wait for its end began, while it lingers */
    struct outqueue out;
    uint64_t sent;           /* given to the kernel so far, sealed if it is TLS */
    struct buf pending;      /* what the consumer left */
    struct conn_tls *tls;    /* NULL: in clear */
    const struct error *why; /* for on_lost, told from a task; kept; NULL: nothing yet */
    void (*gone)(void *arg, enum conn_cut cut);
    void *gone_arg;
    struct task lose;
    const struct conn_events *events;
    void *arg;
    struct orphan orphan; /* while it lingers */
    struct reap reap;
};

/* conn.c */

/* The one place that decides what is waited for. */
void conn_rewatch(struct conn *conn);
/* Notes what on_lost will say. */
void conn_blame(struct conn *conn, const struct error *why);
/* on_lost follows in a task, with what was blamed last. */
void conn_lose_later(struct conn *conn);
/* Both. */
void conn_lose(struct conn *conn, const struct error *why);
void conn_lose_memory(struct conn *conn);
/* Does somebody read now? */
bool conn_wants_bytes(const struct conn *conn);
/* How many bytes the next read may bring. */
size_t conn_read_size(const struct conn *conn);
/* New bytes for the consumer, behind what it left; none: what it left. */
void conn_give(struct conn *conn, const unsigned char *data, size_t len);
/* The peer's side is over; the consumer hears it when its gate is open. */
void conn_tell_end(struct conn *conn);

/* conn_send.c */

/* Bytes that the kernel did not take yet. */
size_t conn_waiting(const struct conn *conn);
/* They will not be sent. */
void conn_drop_output(struct conn *conn);
/* One write. 0: the kernel is full or the peer closed its ears, which is noted. */
size_t conn_send(struct conn *conn, const struct iovec *vectors, int count);
/* Writes what the queue holds. False: not all of it, see above. */
bool conn_send_queue(struct conn *conn, struct outqueue *queue);
/* The peer closed its ears; how was blamed. */
void conn_write_failed(struct conn *conn);

/* conn_pace.c */

/* A blocked connection is waited for within its limit. */
void conn_watch_pace(struct conn *conn);
/* The stall timer fired. */
void conn_judge_pace(void *arg);

#endif
