/* Tunnel id -> list of registered connections. */
#include "culvert/edge/directory.h"

#include "culvert/base/clock.h"
#include "tunnel_table.h"

struct directory {
    struct tunnel_table tunnels;
    char location[32];
};

struct directory *directory_new(const char *location)
{
    struct directory *directory = calloc(1, sizeof *directory);
    if (!directory)
        return NULL;
    (void)snprintf(directory->location, sizeof directory->location, "%s", location);
    if (tunnel_table_init(&directory->tunnels, DIRECTORY_TUNNELS_MAX))
        return directory;
    free(directory);
    return NULL;
}

void directory_free(struct directory *directory)
{
    if (!directory)
        return;
    tunnel_table_release(&directory->tunnels);
    free(directory);
}

static struct list *connections_of(const struct directory *directory, const struct uuid *tunnel_id)
{
    return tunnel_table_find(&directory->tunnels, tunnel_id);
}

static struct listed *entry_of(struct link *link)
{
    return CONTAINER_OF(link, struct listed, link);
}

bool directory_add(struct directory *directory, struct listed *entry, struct error *err)
{
    const struct list *connections = connections_of(directory, &entry->tunnel_id);
    if (connections && connections->count >= DIRECTORY_TUNNEL_CONNECTIONS_MAX)
        return error_set(err, ERROR_LIMIT, 0, "the tunnel has more than %d connections",
                         DIRECTORY_TUNNEL_CONNECTIONS_MAX);
    return tunnel_table_add(&directory->tunnels, &entry->tunnel_id, &entry->link, err);
}

void directory_remove(struct directory *directory, struct listed *entry)
{
    tunnel_table_remove(&directory->tunnels, &entry->tunnel_id, &entry->link);
}

struct listed *directory_find(const struct directory *directory, const struct listed *like)
{
    struct list *connections = connections_of(directory, &like->tunnel_id);
    if (!connections)
        return NULL;
    LIST_EACH (it, connections) {
        struct listed *entry = entry_of(it);
        if (entry->index == like->index && uuid_equal(&entry->client_id, &like->client_id))
            return entry;
    }
    return NULL;
}

void directory_each(struct directory *directory, const struct uuid *tunnel_id,
                    const struct uuid *client_id, void (*each)(struct listed *entry))
{
    struct list *connections = connections_of(directory, tunnel_id);
    size_t left = connections ? connections->count : 0;
    while (left-- > 0) {
        /* The last one that goes takes the tunnel along: look again each time. */
        connections = connections_of(directory, tunnel_id);
        struct link *first = connections ? list_first(connections) : NULL;
        if (!first)
            return;
        struct listed *entry = entry_of(first);
        list_remove(connections, first);
        list_put_last(connections, first);
        if (!client_id || uuid_equal(&entry->client_id, client_id))
            each(entry);
    }
}

size_t directory_count(const struct directory *directory)
{
    return directory->tunnels.count;
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

static struct doc *connection_doc(const struct directory *directory, const struct listed *entry)
{
    char ip[IP_TEXT_SIZE] = "";
    struct doc *object = doc_object();
    if (entry->origin.len > 0)
        ip_format_bare(&entry->origin, ip);
    bool ok = object && doc_put_text(object, "colo_name", span_of(directory->location)) &&
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

static struct doc *features_doc(const struct listed *entry)
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
static struct doc *connector_doc(const struct directory *directory, const struct list *connections,
                                 const struct listed *first)
{
    struct doc *object = doc_object();
    struct doc *conns = doc_array();
    bool ok = object && conns && put_uuid(object, "id", &first->client_id) &&
              doc_put(object, "features", features_doc(first)) &&
              doc_put_text(object, "version", span_of(first->version)) &&
              doc_put_text(object, "arch", span_of(first->arch)) &&
              put_time(object, "run_at", first->opened_ms);
    LIST_EACH (it, connections) {
        const struct listed *entry = entry_of(it);
        if (ok && uuid_equal(&entry->client_id, &first->client_id))
            ok = doc_append(conns, connection_doc(directory, entry));
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
static bool is_first(const struct list *connections, const struct listed *entry)
{
    LIST_EACH (it, connections) {
        const struct listed *other = entry_of(it);
        if (uuid_equal(&other->client_id, &entry->client_id))
            return other == entry;
    }
    return true;
}

static struct doc *connectors_doc(const struct directory *directory, const struct list *connections)
{
    struct doc *array = doc_array();
    bool ok = array != NULL;
    LIST_EACH (it, connections) {
        const struct listed *entry = entry_of(it);
        if (ok && is_first(connections, entry))
            ok = doc_append(array, connector_doc(directory, connections, entry));
    }
    if (ok)
        return array;
    doc_free(array);
    return NULL;
}

struct listing {
    const struct directory *directory;
    struct doc *object;
    bool ok;
};

static bool list_tunnel(struct span key, void *value, void *arg)
{
    struct listing *listing = arg;
    char id[UUID_TEXT_SIZE];
    struct uuid tunnel_id;
    memcpy(tunnel_id.bytes, key.data, sizeof tunnel_id.bytes);
    uuid_format(&tunnel_id, id);
    listing->ok = doc_put(listing->object, id, connectors_doc(listing->directory, value));
    return listing->ok;
}

struct doc *directory_connectors(const struct directory *directory)
{
    struct listing listing = {directory, doc_object(), true};
    if (!listing.object)
        return NULL;
    map_walk(directory->tunnels.lists, list_tunnel, &listing);
    if (listing.ok)
        return listing.object;
    doc_free(listing.object);
    return NULL;
}
