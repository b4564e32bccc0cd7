/* What the parts of one worker of the edge share, how workers name each other, and a worker's life:
 * it serves the connections that the head hands over to it. */
#ifndef CULVERT_EDGE_EDGE_WORKER_H
#define CULVERT_EDGE_EDGE_WORKER_H

#include "culvert/edge/edge_metrics.h"
#include "culvert/edge/hostnames.h"
#include "culvert/edge/outbox.h"
#include "culvert/edge/presence.h"
#include "culvert/edge/registry.h"

struct broadcast;
struct broadcast_part;
struct edge_options;
struct edge_tls;
struct edge_worker;
struct handover;
struct hops;
struct inbound;
struct public_server;
struct registrar;
struct visitor_requests;

enum { EDGE_WORKERS_MAX = WORKERS_MAX };

/* All workers of an edge, and its head: the process's own loop, which accepts, knows every
 * connection, has the store and the API. But for the outbox it stands still while workers run. */
struct edge_team {
    const struct edge_options *options;
    bool tls; /* else in clear, which only tests do */
    size_t count;
    struct worker *head;
    struct registrar *registrar; /* the head's */
    struct worker *workers[EDGE_WORKERS_MAX];
    /* To be named in a call; only on its own loop may anybody look inside. */
    struct edge_worker *members[EDGE_WORKERS_MAX];
    struct outbox outbox; /* the head's, and only for it */
    struct broadcast *order;
    bool started;
};

/* One worker; what it points to is the worker's own, on its loop. */
struct edge_worker {
    struct edge_team *team;
    size_t number; /* its place in the team; 0 shares the head's loop */
    struct loop *loop;
    struct outbox outbox;
    struct budget budget;        /* its share of EDGE_BUDGET */
    struct registry *registry;   /* connections that live here */
    struct hostnames *hostnames; /* the newest table; replaced as a whole */
    struct presence *presence;   /* where connections live */
    struct hops *hops;           /* ways there; NULL: there are none (any more) */
    struct metrics *metrics;
    struct edge_metrics figures;
    struct edge_tls *tls; /* NULL: in clear */
    struct visitor_requests *requests;
    struct public_server *http, *https;
    struct list sessions; /* of connectors */
    /* A request to the edge itself, in the worker that answers it; takes `in` over. Else NULL. */
    void (*on_own)(void *arg, struct inbound *in);
    void *own_arg;
    struct broadcast_part *drain; /* to be answered when nothing is in hand */
    struct broadcast_part *close; /* to be answered when all is closed */
    struct task step;             /* of draining or closing */
    struct letter turn;           /* to itself: the next step of closing */
    int closing_turns;
    bool closed;          /* nothing is taken any more */
    struct error failure; /* why it did not start */
};

/* Makes its parts. Called on its loop, as all that follows. False: `err`, and release it. */
bool edge_worker_start(struct edge_worker *worker, struct error *err) MUST_CHECK;

/* Takes the connection over. */
void edge_worker_take(struct edge_worker *worker, struct handover *handover);

/* For the scraper; `arg` is the worker. */
const struct metrics *edge_worker_figures(void *arg);

/* Visitors in clear are sent to https at `port`. */
void edge_worker_redirect(struct edge_worker *worker, uint16_t port);

/* Takes a reference over. */
void edge_worker_set_hostnames(struct edge_worker *worker, struct hostnames *hostnames);

/* Finishes what is in hand, then answers. */
void edge_worker_drain(struct edge_worker *worker, struct broadcast_part *part);
/* Ends the requests that still run; their connections say what can be said. */
void edge_worker_cut(struct edge_worker *worker);
/* Closes everything, then answers. */
void edge_worker_close(struct edge_worker *worker, struct broadcast_part *part);
/* The rest goes; nothing of it may be in use. */
void edge_worker_release(struct edge_worker *worker);

#endif
