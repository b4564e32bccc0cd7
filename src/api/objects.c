/* The objects of the API from JSON. */
#include "culvert/api/objects.h"

enum { CONNECTIONS_MAX = 10000 }; /* of one tunnel; a replica has four */

static bool refuse(struct error *err, const char *key, const char *kind)
{
    return error_set(err, ERROR_PROTOCOL, 0, "\"%s\" must be %s", key, kind);
}

static bool read_uuid(const struct doc *object, const char *key, struct uuid *uuid,
                      struct error *err)
{
    struct span text = SPAN_NONE;
    const struct doc *value = doc_get(object, key);
    return (value && doc_as_text(value, &text) && uuid_parse(text, uuid)) ||
           refuse(err, key, "a UUID");
}

static bool read_time(const struct doc *object, const char *key, struct api_time *time,
                      struct error *err)
{
    struct span text = SPAN_NONE;
    const struct doc *value = doc_get(object, key);
    *time = API_TIME_NEVER;
    if (!value || doc_kind(value) == DOC_NULL)
        return true;
    return (doc_as_text(value, &text) && api_time_parse(text, time)) ||
           refuse(err, key, "a time like 2026-11-01T10:00:00Z");
}

static bool read_address(const struct doc *object, const char *key, char out[IP_TEXT_SIZE],
                         struct error *err)
{
    struct span text = SPAN_NONE;
    struct ip_address address = {.len = 0};
    if (!doc_read_text(object, key, &text, err))
        return false;
    if (text.len > 0 && !ip_parse(text, 0, &address))
        return refuse(err, key, "an address");
    ip_format_bare(&address, out);
    return true;
}

static bool read_connection(const struct doc *value, struct api_connection *one, struct error *err)
{
    if (doc_kind(value) != DOC_OBJECT)
        return error_set(err, ERROR_PROTOCOL, 0, "a connection must be an object");
    return doc_read_text(value, "colo_name", &one->colo_name, err) &&
           read_uuid(value, "id", &one->id, err) &&
           doc_read_bool(value, "is_pending_reconnect", &one->is_pending_reconnect, err) &&
           read_address(value, "origin_ip", one->origin_ip, err) &&
           read_time(value, "opened_at", &one->opened_at, err);
}

static bool read_connections(const struct doc *object, const char *key,
                             struct api_connections *connections, struct error *err)
{
    const struct doc *list = doc_get(object, key);
    connections->is_null = !list || doc_kind(list) == DOC_NULL;
    if (connections->is_null)
        return true;
    if (doc_kind(list) != DOC_ARRAY || doc_count(list) > CONNECTIONS_MAX)
        return refuse(err, key, "a list of connections");
    connections->items = calloc(doc_count(list) + 1, sizeof *connections->items);
    if (!connections->items)
        return error_memory(err);
    for (size_t i = 0; i < doc_count(list); i++)
        if (!read_connection(doc_at(list, i), &connections->items[connections->count++], err))
            return error_wrap(err, "\"%s\"[%zu]", key, i);
    return true;
}

static bool read_tunnel(const struct doc *value, struct api_tunnel *tunnel, struct error *err)
{
    return read_uuid(value, "id", &tunnel->id, err) &&
           doc_read_text(value, "name", &tunnel->name, err) &&
           doc_read_text(value, "token", &tunnel->token, err) &&
           read_time(value, "created_at", &tunnel->created_at, err) &&
           read_time(value, "deleted_at", &tunnel->deleted_at, err) &&
           read_connections(value, "connections", &tunnel->connections, err);
}

bool api_tunnel_read(const struct doc *value, struct api_tunnel *tunnel, struct error *err)
{
    *tunnel = (struct api_tunnel){0};
    if (!value || doc_kind(value) != DOC_OBJECT)
        return error_set(err, ERROR_PROTOCOL, 0, "a tunnel must be an object");
    if (read_tunnel(value, tunnel, err))
        return true;
    if (err)
        err->kind = ERROR_PROTOCOL;
    api_tunnel_release(tunnel);
    return false;
}

void api_tunnel_release(struct api_tunnel *tunnel)
{
    free(tunnel->connections.items);
    *tunnel = (struct api_tunnel){0};
}

static bool read_features(const struct doc *value, struct api_connector *connector,
                          struct error *err)
{
    const struct doc *features = doc_get(value, "features");
    struct span text;
    if (!features || doc_kind(features) == DOC_NULL)
        return true;
    for (size_t i = 0; i < doc_count(features); i++)
        if (!doc_as_text(doc_at(features, i), &text))
            return refuse(err, "features", "a list of texts");
    connector->features = features;
    return doc_kind(features) == DOC_ARRAY || refuse(err, "features", "a list of texts");
}

static bool read_connector(const struct doc *value, struct api_connector *connector,
                           struct error *err)
{
    return read_uuid(value, "id", &connector->id, err) && read_features(value, connector, err) &&
           doc_read_text(value, "version", &connector->version, err) &&
           doc_read_text(value, "arch", &connector->arch, err) &&
           read_time(value, "run_at", &connector->run_at, err) &&
           read_connections(value, "conns", &connector->connections, err);
}

bool api_connector_read(const struct doc *value, struct api_connector *connector, struct error *err)
{
    *connector = (struct api_connector){0};
    if (!value || doc_kind(value) != DOC_OBJECT)
        return error_set(err, ERROR_PROTOCOL, 0, "a connector must be an object");
    if (read_connector(value, connector, err))
        return true;
    if (err)
        err->kind = ERROR_PROTOCOL;
    api_connector_release(connector);
    return false;
}

void api_connector_release(struct api_connector *connector)
{
    free(connector->connections.items);
    *connector = (struct api_connector){0};
}
