/* JSON and YAML have names of their own for the same members. */
#include "tunnel_doc.h"

struct names {
    const char *created_at, *deleted_at, *colo_name, *pending, *origin_ip, *opened_at;
};

static const struct names names[] = {
    [OUTPUT_JSON] = {"created_at", "deleted_at", "colo_name", "is_pending_reconnect", "origin_ip",
                     "opened_at"},
    [OUTPUT_YAML] = {"createdat", "deletedat", "coloname", "ispendingreconnect", "originip",
                     "openedat"},
};

static bool put_uuid(struct doc *object, const char *key, const struct uuid *id)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    return doc_put_text(object, key, span_of(text));
}

static bool put_time(struct doc *object, const char *key, const struct api_time *time)
{
    char text[API_TIME_SIZE];
    api_time_format(time, API_TIME_EXACT, text);
    return doc_put_text(object, key, span_of(text));
}

static struct doc *connection_to_doc(const struct api_connection *connection, const struct names *n)
{
    struct doc *object = doc_object();
    bool ok = object && doc_put_text(object, n->colo_name, connection->colo_name) &&
              put_uuid(object, "id", &connection->id) &&
              doc_put_bool(object, n->pending, connection->is_pending_reconnect) &&
              doc_put_text(object, n->origin_ip, span_of(connection->origin_ip)) &&
              put_time(object, n->opened_at, &connection->opened_at);
    if (ok)
        return object;
    doc_free(object);
    return NULL;
}

static struct doc *connections_to_doc(const struct api_connections *connections,
                                      enum output_format format)
{
    if (connections->is_null && format == OUTPUT_JSON)
        return doc_null();
    struct doc *list = doc_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < connections->count; i++)
        ok = doc_append(list, connection_to_doc(&connections->items[i], &names[format]));
    if (ok)
        return list;
    doc_free(list);
    return NULL;
}

struct doc *tunnel_to_doc(const struct api_tunnel *tunnel, enum output_format format)
{
    const struct names *n = &names[format];
    struct doc *object = doc_object();
    bool ok = object && put_uuid(object, "id", &tunnel->id) &&
              doc_put_text(object, "name", tunnel->name) &&
              put_time(object, n->created_at, &tunnel->created_at) &&
              put_time(object, n->deleted_at, &tunnel->deleted_at) &&
              doc_put(object, "connections", connections_to_doc(&tunnel->connections, format));
    if (ok)
        return object;
    doc_free(object);
    return NULL;
}

struct doc *tunnel_to_doc_with_token(const struct api_tunnel *tunnel, enum output_format format)
{
    struct doc *object = tunnel_to_doc(tunnel, format);
    if (object && format == OUTPUT_YAML) {
        struct doc *outer = doc_object();
        bool ok = doc_put(outer, "tunnel", object);
        object = outer;
        if (!ok) {
            doc_free(outer);
            return NULL;
        }
    }
    if (object && doc_put_text(object, "token", tunnel->token))
        return object;
    doc_free(object);
    return NULL;
}
