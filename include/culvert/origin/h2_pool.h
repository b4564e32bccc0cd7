/* HTTP/2 sessions to one origin, which its requests share. One more is dialed when none has room
 * for those that wait, and who waits shares the dial. All of it lives in one loop. */
#ifndef CULVERT_ORIGIN_H2_POOL_H
#define CULVERT_ORIGIN_H2_POOL_H

#include "culvert/http/h2_session.h"
#include "culvert/net/dial.h"
#include "culvert/origin/line.h"

enum {
    H2_POOL_EARLY = 8,     /* streams of a session before the server said how many it takes */
    H2_POOL_STREAMS = 100, /* that a dial is made for: the least that a server should take (RFC 9113
                            * 6.5.2). Both are less where the last session took less */
    H2_POOL_HTTP1_MS = 60 * 1000, /* how long a server's choice of HTTP/1.1 is believed, */
    H2_POOL_NAMES = 256,          /* of so many TLS names */
};

struct h2_pool;
struct h2_seat;
struct h2_name;

/* All is borrowed and outlives the pool. */
struct h2_pool_options {
    struct origin_line *line;  /* in which dials wait for their turn */
    struct dial_target target; /* with TLS it offers h2; the name is that of each seat */
    struct resolver *resolver;
    size_t idle_limit;     /* sessions without a stream that are kept; 0: none */
    uint64_t idle_ms;      /* for so long; 0: as long as the origin likes */
    struct budget *budget; /* may be NULL */
};

/* Exactly one of them, at the end of this turn or in a later one; the seat is left then. */
struct h2_seat_events {
    /* The session takes one more stream: open it now, and nothing else of it. `was_used`: it had
     * streams before. */
    void (*on_session)(void *arg, struct h2_session *session, bool was_used);
    /* The server chose HTTP/1.1. */
    void (*on_http1)(void *arg);
    void (*on_failed)(void *arg, const struct error *why);
};

/* Embedded; all zero waits for nothing. */
struct h2_seat {
    struct link link;
    struct h2_name *name;                /* NULL: it was left */
    uint64_t order;                      /* the pool's: its place among others */
    uint64_t behind;                     /* set before: takes no session up to this one */
    const struct h2_seat_events *events; /* set before */
    void *arg;
};

/* `loop` outlives it. In clear HTTP/2 is spoken without asking (RFC 9113 3.3). The caller owns it.
 * NULL: memory. */
struct h2_pool *h2_pool_new(struct loop *loop, const struct h2_pool_options *options,
                            struct error *err);

/* Waits for a session under this TLS name ("" in clear). Who leaves before the event costs the
 * origin nothing but perhaps a dial. False: memory. */
bool h2_pool_join(struct h2_pool *pool, struct h2_seat *seat, const char *server_name,
                  struct error *err) MUST_CHECK;

/* Leaves; twice is fine. */
void h2_seat_leave(struct h2_seat *seat);

/* For `behind`: the last session that was made. */
uint64_t h2_pool_newest(const struct h2_pool *pool);

/* Sessions that are open. */
size_t h2_pool_count(const struct h2_pool *pool);

/* Closes all sessions. Every seat must be left and every stream closed by then. NULL is allowed. */
void h2_pool_free(struct h2_pool *pool);

#endif
