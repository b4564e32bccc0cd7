/* Tunnels that have live connections in this worker; picks one for a request. Runtime state of one
 * loop: the directory of the head knows those of all workers. */
#ifndef CULVERT_EDGE_REGISTRY_H
#define CULVERT_EDGE_REGISTRY_H

#include "culvert/base/list.h"
#include "culvert/base/uuid.h"
#include "culvert/http/h2_session.h"

struct registry;

enum { REGISTRY_TUNNELS_MAX = 10000 };

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
 * turns; never the one whose connection_id is `not_this` (NULL: any). NULL: there is none. */
struct registered *registry_pick(struct registry *registry, const struct uuid *tunnel_id,
                                 const struct uuid *not_this);

/* All connections that live here. */
size_t registry_count(const struct registry *registry);

#endif
