/* Tunnel id -> list of live connections. */
#include "culvert/edge/registry.h"

#include "tunnel_table.h"

struct registry {
    struct tunnel_table tunnels;
    uint64_t picks;
};

struct registry *registry_new(void)
{
    struct registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        return NULL;
    if (tunnel_table_init(&registry->tunnels, REGISTRY_TUNNELS_MAX))
        return registry;
    free(registry);
    return NULL;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    tunnel_table_release(&registry->tunnels);
    free(registry);
}

bool registry_add(struct registry *registry, struct registered *entry, struct error *err)
{
    return tunnel_table_add(&registry->tunnels, &entry->tunnel_id, &entry->link, err);
}

void registry_remove(struct registry *registry, struct registered *entry)
{
    tunnel_table_remove(&registry->tunnels, &entry->tunnel_id, &entry->link);
}

/* Fewer streams first. Among equals whoever waited longest: a visitor who asks one thing after the
 * other would otherwise use the first connection only, and with it one core of the connector. */
static bool goes_before(const struct registered *entry, const struct registered *best)
{
    size_t streams = h2_session_streams(entry->session);
    size_t fewest = h2_session_streams(best->session);
    return streams < fewest || (streams == fewest && entry->picked < best->picked);
}

static bool takes_requests(const struct registered *entry, const struct uuid *not_this)
{
    return h2_session_can_open(entry->session) &&
           !(not_this && uuid_equal(&entry->connection_id, not_this));
}

struct registered *registry_pick(struct registry *registry, const struct uuid *tunnel_id,
                                 const struct uuid *not_this)
{
    struct list *connections = tunnel_table_find(&registry->tunnels, tunnel_id);
    struct registered *best = NULL;
    if (!connections)
        return NULL;
    LIST_EACH (it, connections) {
        struct registered *entry = CONTAINER_OF(it, struct registered, link);
        if (takes_requests(entry, not_this) && (!best || goes_before(entry, best)))
            best = entry;
    }
    if (best)
        best->picked = ++registry->picks;
    return best;
}

size_t registry_count(const struct registry *registry)
{
    return registry->tunnels.count;
}
