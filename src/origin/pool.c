/* A list, the newest first: it is the one that the origin closes last. Under load the others reach
 * their time and go. */
#include "culvert/origin/pool.h"

#include <stdlib.h>

struct origin_pool {
    struct loop *loop;
    size_t limit;
    uint64_t idle_ms;
    struct list idle;  /* of struct rest */
    size_t least;      /* how many rested at any time since the last look */
    struct timer look; /* armed while more rest than the limit */
};

/* One connection that rests. */
struct rest {
    struct link link;
    struct origin_pool *pool;
    struct h1_client *client;
    char *server_name;
    struct timer limit;
};

static void trim(void *arg);

struct origin_pool *origin_pool_new(struct loop *loop, size_t limit, uint64_t idle_ms,
                                    struct error *err)
{
    struct origin_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        error_memory(err);
        return NULL;
    }
    pool->loop = loop;
    pool->limit = limit;
    pool->idle_ms = idle_ms;
    list_init(&pool->idle);
    timer_init(&pool->look, loop, trim, pool);
    return pool;
}

/* Ends the rest, the connection goes on. */
static struct h1_client *wake(struct rest *rest)
{
    struct h1_client *client = rest->client;
    struct origin_pool *pool = rest->pool;
    list_remove(&pool->idle, &rest->link);
    if (pool->idle.count < pool->least)
        pool->least = pool->idle.count;
    timer_stop(&rest->limit);
    h1_client_set_idle(client, NULL, NULL);
    free(rest->server_name);
    free(rest);
    return client;
}

static void let_go(void *arg)
{
    struct rest *rest = arg;
    h1_client_close(wake(rest));
}

/* Closes all but the `count` that were given last. */
static void keep_newest(struct origin_pool *pool, size_t count)
{
    size_t place = 0;
    LIST_EACH_SAFE (it, after, &pool->idle)
        if (place++ >= count)
            let_go(CONTAINER_OF(it, struct rest, link));
}

/* Looks again later; without memory for it the limit is kept at once. */
static void look_later(struct origin_pool *pool)
{
    pool->least = pool->idle.count;
    if (pool->idle.count <= pool->limit || timer_start(&pool->look, ORIGIN_POOL_TRIM_MS))
        return;
    keep_newest(pool, pool->limit);
}

static void trim(void *arg)
{
    struct origin_pool *pool = arg;
    size_t unused = pool->least > pool->limit ? pool->least - pool->limit : 0;
    keep_newest(pool, pool->idle.count - unused);
    look_later(pool);
}

struct h1_client *origin_pool_take(struct origin_pool *pool, const char *server_name)
{
    LIST_EACH (it, &pool->idle) {
        struct rest *rest = CONTAINER_OF(it, struct rest, link);
        if (strcmp(rest->server_name, server_name) == 0)
            return wake(rest);
    }
    return NULL;
}

void origin_pool_give(struct origin_pool *pool, struct h1_client *client, const char *server_name)
{
    struct rest *rest = pool->limit > 0 ? calloc(1, sizeof *rest) : NULL;
    if (!rest) {
        h1_client_close(client);
        return;
    }
    rest->pool = pool;
    rest->client = client;
    rest->server_name = span_dup(span_of(server_name));
    timer_init(&rest->limit, pool->loop, let_go, rest);
    if (!rest->server_name || (pool->idle_ms > 0 && !timer_start(&rest->limit, pool->idle_ms))) {
        free(rest->server_name);
        free(rest);
        h1_client_close(client);
        return;
    }
    if (pool->idle.count / (1 + ORIGIN_POOL_SPARE) >= pool->limit)
        let_go(CONTAINER_OF(list_last(&pool->idle), struct rest, link));
    list_put_first(&pool->idle, &rest->link);
    h1_client_set_idle(client, let_go, rest);
    if (pool->idle.count > pool->limit && !timer_is_armed(&pool->look))
        look_later(pool);
}

size_t origin_pool_count(const struct origin_pool *pool)
{
    return pool->idle.count;
}

void origin_pool_free(struct origin_pool *pool)
{
    if (!pool)
        return;
    LIST_EACH_SAFE (it, after, &pool->idle)
        let_go(CONTAINER_OF(it, struct rest, link));
    timer_stop(&pool->look);
    free(pool);
}
