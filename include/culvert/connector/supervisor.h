/* How many HA connections there are, when each starts, waits, is replaced and drained. */
#ifndef CULVERT_CONNECTOR_SUPERVISOR_H
#define CULVERT_CONNECTOR_SUPERVISOR_H

#include "culvert/connector/ha_handle.h"

struct supervisor;

enum {
    SUPERVISOR_SPACING_MS = 100,     /* between the starts of two indexes */
    SUPERVISOR_FIRST_WAIT_MS = 1000, /* the first wait is below this */
    SUPERVISOR_CAP_MS = 30 * 1000,   /* and no wait is longer, unless --retries says otherwise: */
    SUPERVISOR_RETRIES = 5,          /* so often it doubles then, */
    SUPERVISOR_CAP_MAX_MS = 3600 * 1000, /* and never to more than this */
    SUPERVISOR_PROVEN_MS = 60 * 1000,    /* a connection up for this long resets the waits */
    SUPERVISOR_RETURNS_MAX = 50,         /* of an index that was registered and lost: no growing */
    SUPERVISOR_RETURNS_MS = 60 * 1000,   /* waits, so often within this time */
    SUPERVISOR_HOPE_MS = 5 * 60 * 1000,  /* an unknown tunnel may still become known */
    SUPERVISOR_LOOKUP_MS = 3600 * 1000,  /* the edge is looked up again at the latest */
};

struct supervisor_options {
    struct crew *crew;                 /* borrowed; where connections live */
    struct loop *loop;                 /* the head's */
    struct resolver *resolver;         /* of that loop, borrowed; for the discovery */
    struct tracker *tracker;           /* borrowed */
    size_t connections;                /* 1 ... EDGE_INDEXES_MAX */
    struct edge_addresses static_edge; /* count 0: discovered by DNS */
    const char *region;                /* for the discovery; "" */
    uint64_t grace_ms;
    const uint64_t *retries; /* after how many waits they grow no more; NULL: SUPERVISOR_RETRIES */
};

struct supervisor_events {
    /* The first registration since the start. */
    void (*on_first)(void *arg);
    /* Every index was refused for good: `why` is the last refusal. */
    void (*on_rejected)(void *arg, const struct error *why);
    /* The grace period of a stop is over while requests still run: cut them. */
    void (*on_grace_over)(void *arg);
    /* After supervisor_stop: all connections are closed. */
    void (*on_stopped)(void *arg);
};

/* Starts in a later turn. NULL: `err`. */
struct supervisor *supervisor_new(const struct supervisor_options *options,
                                  const struct supervisor_events *events, void *arg,
                                  struct error *err);

/* Graceful: unregisters everywhere, waits for open requests, at most the grace period. */
void supervisor_stop(struct supervisor *supervisor);

/* Breaks one connection, whichever, and dials it again when `delay_ms` and the usual wait are over.
 */
void supervisor_reconnect(struct supervisor *supervisor, uint64_t delay_ms);

/* Closes everything at once. NULL is allowed. */
void supervisor_free(struct supervisor *supervisor);

#endif
