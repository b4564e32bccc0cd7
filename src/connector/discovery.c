/* _v2-origintunneld._tcp.argotunnel.com: one target a region; a name of a region in front of it
 * asks for that region alone. */
#include "culvert/connector/discovery.h"

struct discovery {
    struct loop *loop;
    struct lookup *lookup;
    struct timer limit;
    char name[EDGE_NAME_MAX];
    bool over;
    void (*done)(void *arg, const struct edge_addresses *list, const struct error *why);
    void *arg;
    struct reap reap;
};

static void destroy(void *object)
{
    free(object);
}

void discovery_cancel(struct discovery *discovery)
{
    if (!discovery || discovery->over)
        return;
    discovery->over = true;
    lookup_cancel(discovery->lookup);
    timer_stop(&discovery->limit);
    loop_reap(discovery->loop, &discovery->reap, destroy, discovery);
}

static void finish(struct discovery *discovery, const struct edge_addresses *list,
                   const struct error *why)
{
    discovery_cancel(discovery);
    discovery->done(discovery->arg, list, why);
}

static void resolved(void *arg, const struct srv_target *targets, size_t count,
                     const struct error *why)
{
    struct discovery *discovery = arg;
    struct edge_addresses list = {0};
    struct error err;
    discovery->lookup = NULL;
    for (size_t i = 0; !why && i < count && i < DISCOVERY_TARGETS; i++) {
        size_t len = strlen(targets[i].name);
        if (len == 0 || len >= EDGE_NAME_MAX)
            continue;
        memcpy(list.at[list.count].host, targets[i].name, len + 1);
        list.at[list.count++].port = targets[i].port;
    }
    if (!why && list.count == 0) {
        error_set(&err, ERROR_NETWORK, 0, "the SRV record names no target");
        why = &err;
    }
    if (why) {
        struct error told = *why;
        error_wrap(&told, "look up the edge (SRV %s)", discovery->name);
        finish(discovery, NULL, &told);
        return;
    }
    finish(discovery, &list, NULL);
}

static void late(void *arg)
{
    struct discovery *discovery = arg;
    struct error why;
    error_set(&why, ERROR_TIMEOUT, 0, "look up the edge (SRV %s): no answer within %d ms",
              discovery->name, DISCOVERY_LIMIT_MS);
    finish(discovery, NULL, &why);
}

struct discovery *discovery_start(struct loop *loop, struct resolver *resolver, const char *region,
                                  void (*done)(void *arg, const struct edge_addresses *list,
                                               const struct error *why),
                                  void *arg, struct error *err)
{
    struct discovery *discovery = calloc(1, sizeof *discovery);
    if (!discovery) {
        error_memory(err);
        return NULL;
    }
    discovery->loop = loop;
    discovery->done = done;
    discovery->arg = arg;
    timer_init(&discovery->limit, loop, late, discovery);
    (void)snprintf(discovery->name, sizeof discovery->name,
                   "_%.64s%sv2-origintunneld._tcp.argotunnel.com", region, *region ? "-" : "");
    discovery->lookup = resolver_srv(resolver, discovery->name, resolved, discovery, err);
    if (!discovery->lookup || !timer_start(&discovery->limit, DISCOVERY_LIMIT_MS)) {
        if (discovery->lookup)
            error_memory(err);
        discovery_cancel(discovery);
        return NULL;
    }
    return discovery;
}
