/* The edge: puts its parts together, runs until it is told to stop, takes them apart in reverse. */
#ifndef CULVERT_EDGE_EDGE_H
#define CULVERT_EDGE_EDGE_H

#include "culvert/base/ip.h"
#include "culvert/base/log.h"
#include "culvert/edge/admission.h"
#include "culvert/edge/certificates.h"
#include "culvert/http/h1_server.h"
#include "culvert/net/jobs.h"
#include "culvert/store/database.h"
#include "culvert/tunnel/edge_contact.h"

enum {
    EDGE_ZONES_MAX = 64,
    EDGE_ADVERTISE_MAX = 16,
    EDGE_BUDGET = 256 * 1024 * 1024, /* undrained bytes of all streams; each worker has its part */
    EDGE_BUDGET_SHARE_MIN = 32 * 1024 * 1024, /* but so much: one may serve all visitors' tunnel */
    EDGE_GRACE_MS = 30 * 1000,                /* for open requests when it stops */
    EDGE_LAST_BYTES_MS = 1000,                /* for what was said last when the grace is over */
};

/* What a visitor may take; what is 0 is as the constants say. */
struct edge_visitor_limits {
    struct h1_patience patience;
    struct admission_options admission;
    struct admission_options connectors; /* who are no visitors, but come from somewhere, too */
};

/* All borrowed until edge_run returns. */
struct edge_options {
    const char *state_dir;
    bool dev;                          /* on loopback, which who fills this has checked */
    const char *hostname;              /* the edge's own name: API, later dashboard and login */
    const char *zones[EDGE_ZONES_MAX]; /* ends with NULL; at least one */
    struct ip_address tunnel, http, https, metrics; /* port 0: the system chooses */
    const char *advertise[EDGE_ADVERTISE_MAX]; /* what connectors dial; none: the tunnel listener */
    const struct certificate_files *certificates;
    size_t certificate_count;
    struct edge_visitor_limits limits;
    size_t workers;            /* threads that serve connections; 0: one */
    const char *notify_socket; /* the value of NOTIFY_SOCKET; NULL: nobody asked */
    const struct log *log;
};

/* What the edge lives in: a process's own, or a test's. All borrowed. */
struct edge_world {
    struct loop *loop;
    struct jobs *store_jobs; /* one thread, the only user of `db` */
    struct database *db;
    bool tls; /* with certificates of state_dir and options; else in clear,
                                         * which only tests do */
    const struct edge_contact *contact; /* what tokens carry */
    const struct loop_options *threads; /* for the loops of workers but the first; NULL: all workers
                                         * share `loop`, as in tests */
};

struct edge;

/* Listens and serves. `over` is called once after edge_stop, in a later turn. NULL: `err` names the
 * listener, nothing was started. */
struct edge *edge_new(const struct edge_world *world, const struct edge_options *options,
                      void (*over)(void *arg), void *arg, struct error *err);

/* Where it listens, with the ports that the system chose. */
struct edge_listening {
    struct ip_address tunnel, http, https, metrics;
};
void edge_listens(const struct edge *edge, struct edge_listening *at);

/* Connections of connectors that are registered now. */
size_t edge_connections(const struct edge *edge);

/* Graceful: no new connections; requests in hand are finished, at most EDGE_GRACE_MS. */
void edge_stop(struct edge *edge);

/* Ends at once what still runs; call it from outside of its callbacks. It turns the loop until the
 * workers are gone. NULL is allowed. */
void edge_free(struct edge *edge);

/* A process's life: runs until SIGTERM or SIGINT (true), or says what could not be started (false,
 * `err`). Its effective addresses stand in <state_dir>/run.json as long as it runs. */
bool edge_run(const struct edge_options *options, struct error *err) MUST_CHECK;

#endif
