/* A list, the newest first: it is the one that the origin closes last. Under load the others reach
 * their time and go. */
#include "culvert/origin/pool.h"

#include <stdlib.h>

struct origin_pool {
    struct loop *loop;
    size_t limit;
    uint64_t idle_ms;
    struct list idle; /* of struct rest */
};

/* One connection that rests. */
struct rest {
    struct link link;
    struct origin_pool *pool;
    struct h1_client *client;
    char *server_name;
    struct timer limit;
};

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
    return pool;
}

/* Ends the rest, the connection goes on. */
static struct h1_client *wake(struct rest *rest)
{
    struct h1_client *client = rest->client;
    list_remove(&rest->pool->idle, &rest->link);
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
    if (pool->idle.count == pool->limit)
        let_go(CONTAINER_OF(list_last(&pool->idle), struct rest, link));
    list_put_first(&pool->idle, &rest->link);
    h1_client_set_idle(client, let_go, rest);
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
    free(pool);
}
