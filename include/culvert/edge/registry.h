/* Tunnels that have live connections in this worker; picks one for a request. Runtime state of one
 * loop: the directory of the head knows those of all workers. */
#ifndef CULVERT_EDGE_REGISTRY_H
#define CULVERT_EDGE_REGISTRY_H

#include "culvert/base/list.h"
#include "culvert/base/uuid.h"
#include "culvert/http/h2_session.h"

struct registry;

enum {
    REGISTRY_TUNNELS_MAX = 10000,
    REGISTRY_PROBES_MAX = 8, /* silent connections that one pick asks for a sign of life */
};

/* One registered HA connection, embedded in its session, which adds and removes it. */
struct registered {
    struct link link; /* the registry's */
    struct uuid tunnel_id;
    struct uuid connection_id;
    struct h2_session *session;
    uint64_t picked; /* the registry's: when it was last picked, counted in picks */
};

/* The caller owns it. NULL: memory. */
struct registry *registry_new(void);
void registry_free(struct registry *registry); /* NULL is allowed; all must be removed before */

/* From now on it may be picked. False: a limit or memory. */
bool registry_add(struct registry *registry, struct registered *entry,
                  struct error *err) MUST_CHECK;
void registry_remove(struct registry *registry, struct registered *entry);

/* The connection of the tunnel with the fewest open streams that takes new ones, equal ones in
 * turns; never the one whose connection_id is `not_this` (NULL: any). Silent ones are asked for a
 * sign of life, and only picked when all are silent. NULL: there is none. */
struct registered *registry_pick(struct registry *registry, const struct uuid *tunnel_id,
                                 const struct uuid *not_this);

/* Asks silent connections of the tunnel for a sign of life. */
void registry_probe(const struct registry *registry, const struct uuid *tunnel_id);

/* Does another connection of that tunnel than `entry` take requests, and is not silent? */
bool registry_has_other(const struct registry *registry, const struct registered *entry);

/* All connections that live here. */
size_t registry_count(const struct registry *registry);

#endif
