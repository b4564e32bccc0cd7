/* The line in front of one origin address: requests that want a connection, in the order in which
 * they came. Each gets one that rests, or is told to dial, of which only so many may go on at a
 * time. All of it lives in one loop. */
#ifndef CULVERT_ORIGIN_LINE_H
#define CULVERT_ORIGIN_LINE_H

#include "culvert/net/dial.h"
#include "culvert/origin/pool.h"

enum {
    ORIGIN_DIALS_MAX = 128,     /* dials under way to one origin: a short listen queue holds them */
    ORIGIN_LEFT_MS = 1000,      /* a dial goes on so long when its request is gone */
    ORIGIN_WAITERS_MAX = 16384, /* requests that wait for their turn */
};

struct origin_line;
struct origin_place;

struct origin_line_options {
    size_t idle_limit; /* as in pool.h */
    uint64_t idle_ms;
    uint64_t wait_ms; /* for a turn; 0: as long as it takes */
    size_t dials_max; /* under way at a time; 0: ORIGIN_DIALS_MAX */
};

struct origin_place_events {
    /* Moves a connection that rested to the caller, and the place is left. NULL: none did, dial;
     * the place counts as a dial until origin_place_leave. */
    void (*on_turn)(void *arg, struct h1_client *client);
    /* Its turn did not come in time, `why` (TIMEOUT, "busy"); the place is left. */
    void (*on_late)(void *arg, const struct error *why);
};

/* Embedded; all zero is in no line. */
struct origin_place {
    struct link link;
    struct origin_line *line; /* NULL: it was left */
    bool dials;               /* its turn has come */
    bool is_fresh;            /* set before: takes no connection that had a request before */
    uint64_t since_ms;
    const char *server_name;                  /* set before, borrowed: as in pool.h */
    const struct origin_place_events *events; /* set before */
    void *arg;
};

/* `loop` is borrowed and outlives it. The caller owns it. NULL: `err` says why. */
struct origin_line *origin_line_new(struct loop *loop, const struct origin_line_options *options,
                                    struct error *err);

/* Waits behind all others. One event follows, at the end of this turn or later: who leaves before
 * it costs the origin nothing. False: LIMIT, "busy": ORIGIN_WAITERS_MAX are there. */
bool origin_line_join(struct origin_line *line, struct origin_place *place,
                      struct error *err) MUST_CHECK;

/* The same before all others, for who had a turn of no use. */
void origin_line_join_again(struct origin_line *line, struct origin_place *place);

/* Leaves the line, or ends its dial; twice is fine. */
void origin_place_leave(struct origin_place *place);

/* The same, but its dial (NULL: none yet), taken over, goes on for ORIGIN_LEFT_MS: what it connects
 * is for who waits then, or rests; where none may rest it is closed. So a flood of requests that
 * leave makes no flood of dials. */
void origin_place_leave_dial(struct origin_place *place, struct dial *dial, struct budget *budget);

/* Takes `client` over in every case, for who waits or as origin_pool_give. */
void origin_line_give(struct origin_line *line, struct h1_client *client, const char *server_name);

/* How many connections rest. */
size_t origin_line_idle(const struct origin_line *line);

/* Closes what rests. Every place must be left by then. NULL is allowed. */
void origin_line_free(struct origin_line *line);

#endif
