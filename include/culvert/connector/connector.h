/* The connector: puts its parts together, runs until it is told to stop, takes them apart in
 * reverse. */
#ifndef CULVERT_CONNECTOR_CONNECTOR_H
#define CULVERT_CONNECTOR_CONNECTOR_H

#include "culvert/base/ip.h"
#include "culvert/base/log.h"
#include "culvert/connector/edge_addresses.h"
#include "culvert/ingress/snapshot.h"
#include "culvert/net/resolver.h"
#include "culvert/net/tls.h"
#include "culvert/origin/rewrite.h"
#include "culvert/tunnel/credentials.h"

enum {
    CONNECTOR_FEATURES_MAX = 32,
    CONNECTOR_BUDGET = 64 * 1024 * 1024, /* undrained bytes of all streams */
};

/* All borrowed until connector_run returns. */
struct connector_options {
    const struct credentials *credentials;
    struct snapshot *snapshot;          /* a reference of the caller's */
    struct edge_addresses static_edge;  /* count 0: found by DNS */
    const char *region;                 /* for the DNS; "" */
    const char *ca_file;                /* --cacert: the only roots then; NULL */
    struct span ca_pem;                 /* of the credentials: roots beside the system's; empty */
    int edge_family;                    /* --edge-ip-version: AF_INET, AF_INET6; 0: both */
    const struct ip_address *edge_from; /* --edge-bind-address; NULL */
    size_t connections;                 /* --ha-connections, 1 ... EDGE_INDEXES_MAX */
    uint64_t grace_ms;                  /* --grace-period */
    uint64_t rpc_timeout_ms;            /* --rpc-timeout */
    bool post_quantum;
    const char *version;                          /* reported to the edge, in the form 2026.8.2 */
    const char *features[CONNECTOR_FEATURES_MAX]; /* more of them; ends with NULL */
    const struct rewrite_tag *tags;               /* --tag */
    size_t tag_count;
    struct span local_configuration; /* JSON for an edge that does not manage it */
    struct ip_address metrics;       /* where to listen; len 0: the first free of the known ports */
    const char *pid_file;            /* NULL: none */
    const char *notify_socket;       /* the value of NOTIFY_SOCKET; NULL: nobody asked */
    const struct log *log;
};

/* What the connector lives in: a process's own, or a test's. All borrowed. */
struct connector_world {
    struct loop *loop;
    const struct clock *clock;
    struct resolver *resolver;
    struct tls_context *tls; /* for the edge; NULL: in clear, which only tests do */
};

struct connector;

/* Starts it. `over` is called once, in a later turn: after connector_stop when all is drained
 * (`why` NULL), or when the edge refused every connection for good. NULL: `err`, nothing was
 * started. */
struct connector *connector_new(const struct connector_world *world,
                                const struct connector_options *options,
                                void (*over)(void *arg, const struct error *why), void *arg,
                                struct error *err);

/* Graceful: unregisters, finishes what is in flight within the grace period. */
void connector_stop(struct connector *connector);

/* Where its metrics are served. */
void connector_metrics_address(const struct connector *connector, struct ip_address *at);

/* Ends at once what still runs; call it from outside of its callbacks, then turn the loop once
 * more. NULL is allowed. */
void connector_free(struct connector *connector);

/* A process's life: runs until SIGTERM or SIGINT (true), or until the edge has refused every
 * connection for good or nothing could be started (false, `err`). A second signal ends the process
 * at once, as its default action does. */
bool connector_run(const struct connector_options *options, struct error *err) MUST_CHECK;

#endif
