/* The connector: puts its parts together, runs until it is told to stop, takes them apart in
 * reverse. */
#ifndef CULVERT_CONNECTOR_CONNECTOR_H
#define CULVERT_CONNECTOR_CONNECTOR_H

#include "culvert/access/key_fetcher.h"
#include "culvert/base/ip.h"
#include "culvert/base/log.h"
#include "culvert/connector/edge_addresses.h"
#include "culvert/connector/rule_changes.h"
#include "culvert/net/resolver.h"
#include "culvert/net/tls.h"
#include "culvert/origin/blueprint.h"
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
    size_t workers;                     /* --workers, 1 ... WORKERS_MAX; 0 counts as 1 */
    struct edge_addresses static_edge;  /* count 0: found by DNS */
    const char *region;                 /* for the DNS; "" */
    const char *ca_file;                /* --cacert: the only roots then; NULL */
    struct span ca_pem;                 /* of the credentials: roots beside the system's; empty */
    int edge_family;                    /* --edge-ip-version: AF_INET, AF_INET6; 0: both */
    const struct ip_address *edge_from; /* --edge-bind-address; NULL */
    size_t connections;                 /* --ha-connections, 1 ... EDGE_INDEXES_MAX */
    uint64_t grace_ms;                  /* --grace-period */
    uint64_t rpc_timeout_ms;            /* --rpc-timeout */
    const uint64_t *retries;            /* --retries, as in supervisor.h; NULL */
    bool post_quantum;
    const char *version;                          /* reported to the edge, in the form 2026.8.2 */
    const char *features[CONNECTOR_FEATURES_MAX]; /* more of them; ends with NULL */
    const struct rewrite_tag *tags;               /* --tag */
    size_t tag_count;
    const struct outgoing_proxies *proxies; /* of the environment, for origins; NULL: none */
    const uint64_t *max_active_flows; /* --max-active-flows, 0: any number; NULL: the rules' own */
    const struct ip_address *dns;     /* --dns-resolver-addrs; count 0: the system's servers */
    size_t dns_count;
    uint64_t write_stream_timeout_ms; /* --write-stream-timeout; 0: none */
    struct span local_configuration;  /* JSON for an edge that does not manage it */
    struct ip_address metrics; /* where to listen; len 0: the first free of the known ports */
    const char *pid_file;      /* NULL: none */
    const char *notify_socket; /* the value of NOTIFY_SOCKET; NULL: nobody asked */
    read_rules_fn *read_rules; /* for SIGHUP; NULL: there is no file, the signal changes nothing */
    void *read_rules_arg;
    bool stdin_control;              /* --stdin-control */
    const char *watched;             /* --watch: the file of the rules; NULL: it is not watched */
    const char *management_hostname; /* no rule of a user sees a request for it; NULL or "": none */
    const struct log *log;
};

/* What the connector lives in: a process's own, or a test's. All borrowed. */
struct connector_world {
    struct loop *loop; /* of the head and the first worker */
    const struct clock *clock;
    struct resolver *resolver; /* of that loop */
    struct jobs *jobs; /* of that loop; NULL: what blocks is done on the loop, as only tests do */
    struct tls_context *tls;         /* for the edge; NULL: in clear, which only tests do */
    struct key_fetcher *key_fetcher; /* for issuers of Access tokens; NULL: one of its own */
    bool one_thread; /* all workers on that loop, for tests; else the others have threads */
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

/* Reads the rules of the file again and uses them, unless they are wrong or the edge manages the
 * rules; the log tells. `only_if_changed`: nothing, silently, if the file is as before. */
void connector_read_rules(struct connector *connector, bool only_if_changed);

/* As supervisor_reconnect. */
void connector_reconnect(struct connector *connector, uint64_t delay_ms);

/* New requests are served by `blueprint`, which gets references; those that run go on as they
 * began. False: `err`, and nothing changed. */
bool connector_reload(struct connector *connector, struct blueprint *blueprint,
                      struct error *err) MUST_CHECK;

/* Ends at once what still runs; the ends of answers may still leave within `linger_ms`. Call it
 * from outside of its callbacks: it turns the loop until the workers are done; then turn it once
 * more. NULL is allowed. */
void connector_free(struct connector *connector, uint64_t linger_ms);

/* A process's life: runs until SIGTERM or SIGINT (true), or until the edge has refused every
 * connection for good or nothing could be started (false, `err`). A second signal ends the process
 * at once, as its default action does. SIGHUP reads the rules again. */
bool connector_run(const struct connector_options *options, struct error *err) MUST_CHECK;

#endif
