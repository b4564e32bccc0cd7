/* Which workers hold how many serving connections of each tunnel: one loop's replica of what the
 * head of the edge says. */
#ifndef CULVERT_EDGE_PRESENCE_H
#define CULVERT_EDGE_PRESENCE_H

#include "culvert/base/uuid.h"

struct presence;

enum { PRESENCE_NONE = -1 };

/* For `workers` workers, numbered from 0. The caller owns it. NULL: memory. */
struct presence *presence_new(size_t workers);
void presence_free(struct presence *presence); /* NULL is allowed */

/* From now on the worker holds that many connections of the tunnel. False: a tunnel more than
 * DIRECTORY_TUNNELS_MAX, or memory; never when `connections` is 0. */
bool presence_set(struct presence *presence, const struct uuid *tunnel_id, size_t worker,
                  size_t connections) MUST_CHECK;

/* How many the worker holds. */
size_t presence_count(const struct presence *presence, const struct uuid *tunnel_id, size_t worker);

/* A worker that holds a connection of the tunnel, none whose bit is set in `not_these` (0: any); in
 * turns, as often as it holds connections. PRESENCE_NONE: there is none. */
int presence_pick(struct presence *presence, const struct uuid *tunnel_id, uint64_t not_these);
static inline uint64_t presence_bit(size_t worker)
{
    return UINT64_C(1) << worker; /* there are WORKERS_MAX at most */
}

/* How many tunnels are connected. */
size_t presence_tunnels(const struct presence *presence);

#endif
