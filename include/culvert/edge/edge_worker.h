/* What the parts of one worker of the edge share, and how workers name each other. */
#ifndef CULVERT_EDGE_EDGE_WORKER_H
#define CULVERT_EDGE_EDGE_WORKER_H

#include "culvert/edge/hostnames.h"
#include "culvert/edge/outbox.h"
#include "culvert/edge/presence.h"
#include "culvert/edge/registry.h"

struct edge_worker;
struct hops;

/* All workers of an edge: the same as long as any of them runs. */
struct edge_team {
    size_t count;
    /* The process's own loop: it accepts, knows every connection, has the store and the API. */
    struct worker *head;
    struct worker *workers[WORKERS_MAX];
    /* To be named in a call; only on its own loop may anybody look inside. */
    struct edge_worker *members[WORKERS_MAX];
};

/* One worker; what it points to is the worker's own, on its loop. */
struct edge_worker {
    const struct edge_team *team;
    size_t number; /* its place in the team; 0 shares the head's loop */
    struct loop *loop;
    struct outbox outbox;
    struct budget budget;        /* its share of EDGE_BUDGET */
    struct registry *registry;   /* connections that live here */
    struct hostnames *hostnames; /* the newest table; replaced as a whole */
    struct presence *presence;   /* where other connections live */
    struct hops *hops;           /* ways there; NULL: there are none (any more) */
};

#endif
