/* Tunnel id -> list of live connections. */
#include "culvert/edge/registry.h"

#include "culvert/http/h2_life.h"

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

/* One that is silent may be gone. Fewer streams first. Among equals whoever waited longest: a
 * visitor who asks one thing after the other would otherwise use the first connection only, and
 * with it one core of the connector. */
static bool goes_before(const struct registered *entry, const struct registered *best)
{
    size_t streams = h2_session_streams(entry->session);
    size_t fewest = h2_session_streams(best->session);
    bool is_silent = h2_session_is_silent(entry->session);
    if (is_silent != h2_session_is_silent(best->session))
        return !is_silent;
    return streams < fewest || (streams == fewest && entry->picked < best->picked);
}

static bool takes_requests(const struct registered *entry, const struct uuid *not_this)
{
    return h2_session_can_open(entry->session) &&
           !(not_this && uuid_equal(&entry->connection_id, not_this));
}

/* Those that live are heard before the next request comes. */
static void probe(const struct list *connections)
{
    size_t probes = 0;
    LIST_EACH (it, connections) {
        struct registered *entry = CONTAINER_OF(it, struct registered, link);
        if (!h2_session_is_silent(entry->session))
            continue;
        h2_session_probe(entry->session);
        if (++probes == REGISTRY_PROBES_MAX)
            return;
    }
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
    probe(connections);
    return best;
}

void registry_probe(const struct registry *registry, const struct uuid *tunnel_id)
{
    const struct list *connections = tunnel_table_find(&registry->tunnels, tunnel_id);
    if (connections)
        probe(connections);
}

bool registry_has_other(const struct registry *registry, const struct registered *entry)
{
    const struct list *connections = tunnel_table_find(&registry->tunnels, &entry->tunnel_id);
    if (!connections)
        return false;
    LIST_EACH (it, connections) {
        const struct registered *other = CONTAINER_OF(it, struct registered, link);
        if (other != entry && takes_requests(other, NULL) && !h2_session_is_silent(other->session))
            return true;
    }
    return false;
}

size_t registry_count(const struct registry *registry)
{
    return registry->tunnels.count;
}
