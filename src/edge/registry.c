/* Tunnel id -> list of live connections. */
#include "culvert/edge/registry.h"

#include "culvert/base/map.h"

struct registry_tunnel {
    struct list connections;
};

struct registry {
    struct map *tunnels; /* by the text of the id */
    size_t count;
    uint64_t picks;
};

struct registry *registry_new(void)
{
    struct registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        return NULL;
    registry->tunnels = map_new(REGISTRY_TUNNELS_MAX);
    if (registry->tunnels)
        return registry;
    free(registry);
    return NULL;
}

void registry_free(struct registry *registry)
{
    if (!registry)
        return;
    map_free(registry->tunnels, free);
    free(registry);
}

static struct registry_tunnel *find_tunnel(const struct registry *registry, const struct uuid *id)
{
    char key[UUID_TEXT_SIZE];
    uuid_format(id, key);
    return map_find(registry->tunnels, span_of(key));
}

static struct registered *entry_of(struct link *link)
{
    return CONTAINER_OF(link, struct registered, link);
}

static struct registry_tunnel *make_tunnel(struct registry *registry, const struct uuid *id,
                                           struct error *err)
{
    char key[UUID_TEXT_SIZE];
    struct registry_tunnel *tunnel = calloc(1, sizeof *tunnel);
    if (!tunnel) {
        error_memory(err);
        return NULL;
    }
    list_init(&tunnel->connections);
    uuid_format(id, key);
    if (map_put(registry->tunnels, span_of(key), tunnel, NULL))
        return tunnel;
    free(tunnel);
    error_set(err, ERROR_LIMIT, 0, "more than %d tunnels are connected", REGISTRY_TUNNELS_MAX);
    return NULL;
}

bool registry_add(struct registry *registry, struct registered *entry, struct error *err)
{
    struct registry_tunnel *tunnel = find_tunnel(registry, &entry->tunnel_id);
    if (!tunnel)
        tunnel = make_tunnel(registry, &entry->tunnel_id, err);
    if (!tunnel)
        return false;
    list_put_last(&tunnel->connections, &entry->link);
    registry->count++;
    return true;
}

void registry_remove(struct registry *registry, struct registered *entry)
{
    char key[UUID_TEXT_SIZE];
    if (!link_is_in_list(&entry->link))
        return;
    struct registry_tunnel *tunnel = find_tunnel(registry, &entry->tunnel_id);
    list_remove(&tunnel->connections, &entry->link);
    registry->count--;
    if (tunnel->connections.count > 0)
        return;
    uuid_format(&entry->tunnel_id, key);
    free(map_take(registry->tunnels, span_of(key)));
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
    struct registry_tunnel *tunnel = find_tunnel(registry, tunnel_id);
    struct registered *best = NULL;
    if (!tunnel)
        return NULL;
    LIST_EACH (it, &tunnel->connections) {
        struct registered *entry = entry_of(it);
        if (takes_requests(entry, not_this) && (!best || goes_before(entry, best)))
            best = entry;
    }
    if (best)
        best->picked = ++registry->picks;
    return best;
}

size_t registry_count(const struct registry *registry)
{
    return registry->count;
}
