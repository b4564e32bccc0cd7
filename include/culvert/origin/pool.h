/* Idle keep-alive connections to one origin. All of it lives in one loop. */
#ifndef CULVERT_ORIGIN_POOL_H
#define CULVERT_ORIGIN_POOL_H

#include "culvert/http/h1_client.h"

struct origin_pool;

enum {
    ORIGIN_POOL_SPARE = 7,      /* times the limit: what a burst may leave idle on top of it, */
    ORIGIN_POOL_TRIM_MS = 1000, /* as long as the next one of the same size needs it again */
};

/* Keeps `limit` idle connections (0: none), each for `idle_ms` (0: until the origin closes it).
 * More of them stay while bursts use them: those above the limit that nobody took for
 * ORIGIN_POOL_TRIM_MS are closed. `loop` is borrowed and outlives the pool. The caller owns it.
 * NULL: `err` says why. */
struct origin_pool *origin_pool_new(struct loop *loop, size_t limit, uint64_t idle_ms,
                                    struct error *err);

/* Moves the connection that was given last under that TLS name to the caller; NULL: none. "": the
 * connections need no name. */
struct h1_client *origin_pool_take(struct origin_pool *pool, const char *server_name);

/* Takes `client` over in every case: kept until it is taken, its time is over or its connection is
 * of no use any more; or closed. When the pool with its spare room is full the one that rested
 * longest makes way. */
void origin_pool_give(struct origin_pool *pool, struct h1_client *client, const char *server_name);

size_t origin_pool_count(const struct origin_pool *pool);

/* Closes every idle connection. NULL is allowed. */
void origin_pool_free(struct origin_pool *pool);

#endif
