/* The state of every HA connection as others may see it: /ready, metrics, the log. It decides
 * nothing; the connector tells it what happened. */
#ifndef CULVERT_OBSERVE_TRACKER_H
#define CULVERT_OBSERVE_TRACKER_H

#include "culvert/base/buf.h"
#include "culvert/base/ip.h"
#include "culvert/base/uuid.h"
#include "culvert/observe/metrics.h"

struct clock;
struct tracker;

enum tracker_state {
    TRACKER_IDLE, /* not started, or waiting before the next attempt */
    TRACKER_DIALING,
    TRACKER_REGISTERING,
    TRACKER_SERVING,  /* registered: the only state that counts as ready */
    TRACKER_DRAINING, /* unregistered, finishing its streams */
    TRACKER_CLOSED,   /* for good */
    TRACKER_STATES
};

enum { TRACKER_LOCATION_SIZE = 32, TRACKER_CONNECTIONS_MAX = 64 };

struct tracker_entry {
    enum tracker_state state;
    int64_t since_unix_ms;                /* when it entered the state */
    struct ip_address edge;               /* the address dialed last; len 0: none yet */
    struct uuid connection;               /* of the last registration */
    char location[TRACKER_LOCATION_SIZE]; /* of the last registration; "" before */
};

/* `metrics` and `clock` are borrowed and outlive it. `count` connections (1 ..
 * TRACKER_CONNECTIONS_MAX), all idle. The caller owns the tracker. NULL: `err`. */
struct tracker *tracker_new(const struct uuid *connector, size_t count, const struct clock *clock,
                            struct metrics *metrics, struct error *err);
void tracker_free(struct tracker *tracker); /* NULL is allowed */

/* The connection enters `state`; SERVING comes by tracker_registered. Indexes that do not exist are
 * ignored. */
void tracker_enter(struct tracker *tracker, size_t index, enum tracker_state state);

/* The address that is dialed now. */
void tracker_dialing(struct tracker *tracker, size_t index, const struct ip_address *edge);

/* The edge took the registration: SERVING, at `location` (cut to TRACKER_LOCATION_SIZE - 1). */
void tracker_registered(struct tracker *tracker, size_t index, const struct uuid *connection,
                        struct span location);

/* A connection was lost and its index will dial again: IDLE, counted in culvert_reconnects_total
 * under `reason`, a constant word ("goaway", "timeout", "refused"). */
void tracker_lost(struct tracker *tracker, size_t index, const char *reason);

/* Graceful shutdown has begun: not ready any more, whatever is still registered. */
void tracker_drain(struct tracker *tracker);

/* How many connections are SERVING. */
size_t tracker_ready_count(const struct tracker *tracker);

/* What is known of one connection, borrowed; NULL: no such index. */
const struct tracker_entry *tracker_at(const struct tracker *tracker, size_t index);

/* "serving"; static text. */
const char *tracker_state_name(enum tracker_state state);

/* Appends the answer of /ready and gives its HTTP status: 200 when at least `min` connections (0
 * counts as 1) are registered and nothing drains, else 503. False: `out` is full. */
bool tracker_ready_json(const struct tracker *tracker, size_t min, struct buf *out,
                        int *status) MUST_CHECK;

#endif
