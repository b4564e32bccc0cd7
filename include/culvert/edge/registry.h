/* Tunnels that have live connections, their connectors and HA connections; picks one for a request.
 * Runtime state of one loop: nothing of it is stored. */
#ifndef CULVERT_EDGE_REGISTRY_H
#define CULVERT_EDGE_REGISTRY_H

#include "culvert/base/doc.h"
#include "culvert/base/ip.h"
#include "culvert/base/list.h"
#include "culvert/base/uuid.h"
#include "culvert/http/h2_session.h"

struct registry;

enum {
    REGISTRY_TUNNELS_MAX = 10000,
    REGISTRY_VERSION_SIZE = 64,
    REGISTRY_FEATURES_SIZE = 512,
    REGISTRY_TUNNEL_CONNECTIONS_MAX = 400, /* 100 connectors with four connections */
};

/* One registered HA connection, embedded in its session, which adds and removes it. */
struct registered {
    struct link link; /* the registry's */
    struct uuid tunnel_id;
    struct uuid client_id;
    struct uuid connection_id;
    uint8_t index;
    uint8_t attempts;
    char version[REGISTRY_VERSION_SIZE];
    char arch[REGISTRY_VERSION_SIZE];
    char features[REGISTRY_FEATURES_SIZE]; /* joined by commas */
    struct ip_address origin;
    int64_t opened_ms; /* unix */
    struct h2_session *session;
    bool draining;   /* no new requests */
    uint64_t picked; /* the registry's: when it was last picked, counted in picks */
    /* The owner is asked to end the connection. */
    void (*drop)(void *arg);
    void *arg;
};

/* The caller owns it. `location` is what the API calls the place of this edge. NULL: memory. */
struct registry *registry_new(const char *location);
void registry_free(struct registry *registry); /* NULL is allowed; all must be removed before */

/* From now on it may be picked. False: a limit or memory. */
bool registry_add(struct registry *registry, struct registered *entry,
                  struct error *err) MUST_CHECK;
void registry_remove(struct registry *registry, struct registered *entry);

/* The connection of the tunnel with the fewest open streams that takes new ones, equal ones in
 * turns; never the one whose connection_id is `not_this` (NULL: any). NULL: there is none. */
struct registered *registry_pick(struct registry *registry, const struct uuid *tunnel_id,
                                 const struct uuid *not_this);

/* The live connection with the tunnel, connector and index of `like`; NULL: there is none. */
struct registered *registry_find(const struct registry *registry, const struct registered *like);

/* Asks the owners to end the tunnel's connections, of one connector or (NULL) of all. */
void registry_drop(struct registry *registry, const struct uuid *tunnel_id,
                   const struct uuid *client_id);

/* All connections that are registered now. */
size_t registry_count(const struct registry *registry);

/* What the REST interface says: an object, tunnel id -> array of connectors, each with its
 * connections under "conns". The caller owns it; NULL: memory. */
struct doc *registry_connectors(const struct registry *registry);

#endif
