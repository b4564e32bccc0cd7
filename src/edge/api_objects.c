/* Copies what the loop knows of connections, member by member: what is not in these tables does not
 * go out. */
#include "api_objects.h"

#include "culvert/base/clock.h"

static const char *const connection_members[] = {
    "id",
    "uuid",
    "client_id",
    "client_version",
    "colo_name",
    "origin_ip",
    "is_pending_reconnect",
    "opened_at",
};

static const char *const connector_members[] = {"id", "version", "arch", "run_at",
                                                "config_version"};

const struct doc *api_connectors_of(const struct doc *connections, const struct uuid *tunnel_id)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(tunnel_id, id);
    return connections ? doc_get(connections, id) : NULL;
}

size_t api_connection_count(const struct doc *connectors)
{
    size_t count = 0;
    for (size_t i = 0; connectors && i < doc_count(connectors); i++)
        count += doc_count(doc_get(doc_at(connectors, i), "conns"));
    return count;
}

/* A text, number or truth anew; null for any other kind. NULL: memory. */
static struct doc *copy_scalar(const struct doc *value)
{
    struct span text;
    int64_t number;
    bool truth;
    if (doc_as_text(value, &text))
        return doc_text(text);
    if (doc_as_int(value, &number))
        return doc_int(number);
    if (doc_as_bool(value, &truth))
        return doc_bool(truth);
    return doc_null();
}

static bool copy_members(struct doc *to, const struct doc *from, const char *const *names,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct doc *value = doc_get(from, names[i]);
        if (value && !doc_put(to, names[i], copy_scalar(value)))
            return false;
    }
    return true;
}

static struct doc *copy_object(const struct doc *from, const char *const *names, size_t count)
{
    struct doc *object = doc_object();
    if (object && copy_members(object, from, names, count))
        return object;
    doc_free(object);
    return NULL;
}

static bool append_connections(struct doc *array, const struct doc *connector)
{
    const struct doc *conns = doc_get(connector, "conns");
    for (size_t i = 0; conns && i < doc_count(conns); i++) {
        struct doc *copy =
            copy_object(doc_at(conns, i), connection_members, ARRAY_LEN(connection_members));
        if (!doc_append(array, copy))
            return false;
    }
    return true;
}

static struct doc *flat_connections(const struct doc *connectors)
{
    struct doc *array = doc_array();
    bool ok = array != NULL;
    for (size_t i = 0; ok && connectors && i < doc_count(connectors); i++)
        ok = append_connections(array, doc_at(connectors, i));
    if (ok)
        return array;
    doc_free(array);
    return NULL;
}

/* Since when there is a connection; data NULL: there is none. All times have one form, so that
 * their texts compare like the times. */
static struct span first_opened(const struct doc *connections)
{
    struct span first = SPAN_NONE;
    for (size_t i = 0; i < doc_count(connections); i++) {
        struct span opened;
        const struct doc *value = doc_get(doc_at(connections, i), "opened_at");
        if (value && doc_as_text(value, &opened) &&
            (!first.data || span_compare(opened, first) < 0))
            first = opened;
    }
    return first;
}

static struct doc *moment(int64_t unix_ms)
{
    char text[CLOCK_TEXT_SIZE];
    if (unix_ms == 0)
        return doc_null();
    clock_format(unix_ms, 1, text);
    return doc_text(span_of(text));
}

static struct doc *text_or_null(struct span text)
{
    return text.data ? doc_text(text) : doc_null();
}

static bool fill_tunnel(struct doc *object, const struct store_tunnel *tunnel,
                        const struct doc *connectors)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(&tunnel->id, id);
    struct doc *connections = flat_connections(connectors);
    if (!connections)
        return false;
    struct span active_since = first_opened(connections);
    const char *status = tunnel->deleted_ms  ? "deleted"
                         : active_since.data ? "healthy"
                                             : "inactive";
    /* What is borrowed from `connections` stays alive in `object`. */
    return doc_put(object, "connections", connections) && doc_put_text(object, "id", span_of(id)) &&
           doc_put_text(object, "account_tag", span_of(tunnel->account_id)) &&
           doc_put_text(object, "name", span_of(tunnel->name)) &&
           doc_put(object, "created_at", moment(tunnel->created_ms)) &&
           doc_put(object, "deleted_at", moment(tunnel->deleted_ms)) &&
           doc_put(object, "conns_active_at", text_or_null(active_since)) &&
           doc_put(object, "conns_inactive_at", doc_null()) &&
           doc_put_text(object, "tun_type", SPAN("cfd_tunnel")) &&
           doc_put_text(object, "status", span_of(status)) &&
           doc_put_bool(object, "remote_config", false) &&
           doc_put(object, "metadata", doc_object());
}

struct doc *api_tunnel_object(const struct store_tunnel *tunnel, const struct doc *connections)
{
    struct doc *object = doc_object();
    if (object && fill_tunnel(object, tunnel, api_connectors_of(connections, &tunnel->id)))
        return object;
    doc_free(object);
    return NULL;
}

static struct doc *copy_texts(const struct doc *from)
{
    struct doc *array = doc_array();
    bool ok = array != NULL;
    for (size_t i = 0; ok && from && i < doc_count(from); i++)
        ok = doc_append(array, copy_scalar(doc_at(from, i)));
    if (ok)
        return array;
    doc_free(array);
    return NULL;
}

static bool fill_connector(struct doc *object, const struct doc *connector)
{
    struct doc *conns = doc_array();
    if (!conns || !append_connections(conns, connector)) {
        doc_free(conns);
        return false;
    }
    return doc_put(object, "conns", conns) &&
           copy_members(object, connector, connector_members, ARRAY_LEN(connector_members)) &&
           doc_put(object, "features", copy_texts(doc_get(connector, "features")));
}

struct doc *api_connectors_array(const struct doc *connectors)
{
    struct doc *array = doc_array();
    bool ok = array != NULL;
    for (size_t i = 0; ok && connectors && i < doc_count(connectors); i++) {
        struct doc *object = doc_object();
        ok = object && fill_connector(object, doc_at(connectors, i));
        if (ok)
            ok = doc_append(array, object);
        else
            doc_free(object);
    }
    if (ok)
        return array;
    doc_free(array);
    return NULL;
}
