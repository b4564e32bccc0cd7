/* What a scene with an edge and a connector is made of, however they run: a store with a tunnel,
 * options, rules. All of it aborts when it cannot. */
#ifndef CULVERT_TESTS_SUPPORT_ENDS_H
#define CULVERT_TESTS_SUPPORT_ENDS_H

#include "culvert/connector/connector.h"
#include "culvert/edge/edge.h"
#include "support/stored.h"

struct ip_address ends_at(const char *text);

/* ---- the store ---- */

/* A store with the tunnel 1, "web", that answers for app.example.com, and its credentials. */
struct ends_store {
    struct stored stored;
    struct credentials *credentials;
};

void ends_store_open(struct ends_store *store);
/* One name more for the tunnel. */
void ends_store_route(struct ends_store *store, const char *hostname);
void ends_store_close(struct ends_store *store);

/* ---- options ---- */

/* For development: 127.0.0.1:7844, http 8080, https 8443, metrics 2001. */
struct edge_options ends_edge_options(const struct ends_store *store, const struct log *log);

/* Four HA connections to 127.0.0.1:7844, metrics at 20241. The rest is borrowed. */
struct connector_options ends_connector_options(const struct credentials *credentials,
                                                struct snapshot *snapshot, const struct log *log);

/* ---- rules; the caller holds the reference ---- */

/* Those of a configuration file's text. */
struct snapshot *ends_rules(const char *yaml);

/* One for every request: its service, which is asked for `host` ("": for what the visitor says). */
struct snapshot *ends_rules_single(const char *service, const char *host);

/* ---- waiting for the store ---- */

/* One thread serves it, in order: what was asked before this is answered when it is done. */
struct ends_errand {
    struct job job;
    bool done;
};

void ends_errand_post(struct ends_errand *errand, struct jobs *store_jobs);

#endif
