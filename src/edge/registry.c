/* Tunnel id -> list of live connections. */
#include "culvert/edge/registry.h"

#include "culvert/base/clock.h"
#include "culvert/base/map.h"

struct registry_tunnel {
    struct list connections;
};

struct registry {
    struct map *tunnels; /* by the text of the id */
    size_t count;
    uint64_t picks;
    char location[32];
};

struct registry *registry_new(const char *location)
{
    struct registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        return NULL;
    (void)snprintf(registry->location, sizeof registry->location, "%s", location);
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
    if (tunnel->connections.count >= REGISTRY_TUNNEL_CONNECTIONS_MAX)
        return error_set(err, ERROR_LIMIT, 0, "the tunnel has more than %d connections",
                         REGISTRY_TUNNEL_CONNECTIONS_MAX);
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
    return !entry->draining && h2_session_can_open(entry->session) &&
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

struct registered *registry_find(const struct registry *registry, const struct registered *like)
{
    struct registry_tunnel *tunnel = find_tunnel(registry, &like->tunnel_id);
    if (!tunnel)
        return NULL;
    LIST_EACH (it, &tunnel->connections) {
        struct registered *entry = entry_of(it);
        if (entry->index == like->index && uuid_equal(&entry->client_id, &like->client_id))
            return entry;
    }
    return NULL;
}

void registry_drop(struct registry *registry, const struct uuid *tunnel_id,
                   const struct uuid *client_id)
{
    struct registry_tunnel *tunnel = find_tunnel(registry, tunnel_id);
    size_t left = tunnel ? tunnel->connections.count : 0;
    while (left-- > 0) {
        /* A drop may remove its entry and, with the last one, the tunnel: look again each time. */
        tunnel = find_tunnel(registry, tunnel_id);
        struct link *first = tunnel ? list_first(&tunnel->connections) : NULL;
        if (!first)
            return;
        struct registered *entry = entry_of(first);
        list_remove(&tunnel->connections, first);
        list_put_last(&tunnel->connections, first);
        if (!client_id || uuid_equal(&entry->client_id, client_id))
            entry->drop(entry->arg);
    }
}

size_t registry_count(const struct registry *registry)
{
    return registry->count;
}

/* ---- as documents ---- */

static bool put_uuid(struct doc *object, const char *key, const struct uuid *uuid)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(uuid, text);
    return doc_put_text(object, key, span_of(text));
}

static bool put_time(struct doc *object, const char *key, int64_t unix_ms)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(unix_ms, 1, text);
    return doc_put_text(object, key, span_of(text));
}

static struct doc *connection_doc(const struct registry *registry, const struct registered *entry)
{
    char ip[IP_TEXT_SIZE] = "";
    struct doc *object = doc_object();
    if (entry->origin.len > 0)
        ip_format_bare(&entry->origin, ip);
    bool ok = object && doc_put_text(object, "colo_name", span_of(registry->location)) &&
              put_uuid(object, "id", &entry->connection_id) &&
              put_uuid(object, "uuid", &entry->connection_id) &&
              doc_put_bool(object, "is_pending_reconnect", false) &&
              doc_put_text(object, "origin_ip", span_of(ip)) &&
              put_time(object, "opened_at", entry->opened_ms) &&
              put_uuid(object, "client_id", &entry->client_id) &&
              doc_put_text(object, "client_version", span_of(entry->version));
    if (ok)
        return object;
    doc_free(object);
    return NULL;
}

static struct doc *features_doc(const struct registered *entry)
{
    struct doc *array = doc_array();
    struct span rest = entry->features[0] ? span_of(entry->features) : SPAN_NONE;
    struct span part;
    bool ok = array != NULL;
    while (ok && span_cut(&rest, ',', &part))
        ok = doc_append(array, doc_text(part));
    if (ok)
        return array;
    doc_free(array);
    return NULL;
}

/* All connections of one connector. */
static struct doc *connector_doc(const struct registry *registry,
                                 const struct registry_tunnel *tunnel,
                                 const struct registered *first)
{
    struct doc *object = doc_object();
    struct doc *conns = doc_array();
    bool ok = object && conns && put_uuid(object, "id", &first->client_id) &&
              doc_put(object, "features", features_doc(first)) &&
              doc_put_text(object, "version", span_of(first->version)) &&
              doc_put_text(object, "arch", span_of(first->arch)) &&
              put_time(object, "run_at", first->opened_ms);
    LIST_EACH (it, &tunnel->connections) {
        const struct registered *entry = entry_of(it);
        if (ok && uuid_equal(&entry->client_id, &first->client_id))
            ok = doc_append(conns, connection_doc(registry, entry));
    }
    if (!ok) {
        doc_free(conns);
        doc_free(object);
        return NULL;
    }
    if (doc_put(object, "conns", conns))
        return object;
    doc_free(object);
    return NULL;
}

/* Is it the first of its connector in the list? */
static bool is_first(const struct registry_tunnel *tunnel, const struct registered *entry)
{
    LIST_EACH (it, &tunnel->connections) {
        const struct registered *other = entry_of(it);
        if (uuid_equal(&other->client_id, &entry->client_id))
            return other == entry;
    }
    return true;
}

static struct doc *connectors_doc(const struct registry *registry,
                                  const struct registry_tunnel *tunnel)
{
    struct doc *array = doc_array();
    bool ok = array != NULL;
    LIST_EACH (it, &tunnel->connections) {
        const struct registered *entry = entry_of(it);
        if (ok && is_first(tunnel, entry))
            ok = doc_append(array, connector_doc(registry, tunnel, entry));
    }
    if (ok)
        return array;
    doc_free(array);
    return NULL;
}

struct listing {
    const struct registry *registry;
    struct doc *object;
    bool ok;
};

static bool list_tunnel(struct span key, void *value, void *arg)
{
    struct listing *listing = arg;
    char id[UUID_TEXT_SIZE];
    (void)snprintf(id, sizeof id, "%.*s", SPAN_ARG(key));
    listing->ok = doc_put(listing->object, id, connectors_doc(listing->registry, value));
    return listing->ok;
}

struct doc *registry_connectors(const struct registry *registry)
{
    struct listing listing = {registry, doc_object(), true};
    if (!listing.object)
        return NULL;
    map_walk(registry->tunnels, list_tunnel, &listing);
    if (listing.ok)
        return listing.object;
    doc_free(listing.object);
    return NULL;
}
