/* What the API speaks of: tunnels, their connectors and connections. Texts are borrowed from the
 * document they were read from. */
#ifndef CULVERT_API_OBJECTS_H
#define CULVERT_API_OBJECTS_H

#include "culvert/api/time.h"
#include "culvert/base/doc.h"
#include "culvert/base/ip.h"
#include "culvert/base/uuid.h"

/* One connection of a connector to the edge. */
struct api_connection {
    struct span colo_name; /* where it ends */
    struct uuid id;        /* the connector's in lists of tunnels, its own in lists of connectors */
    bool is_pending_reconnect;
    char origin_ip[IP_TEXT_SIZE]; /* "" when not known */
    struct api_time opened_at;
};

struct api_connections {
    struct api_connection *items; /* owned */
    size_t count;
    bool is_null; /* the API said null or nothing, which JSON output repeats */
};

struct api_tunnel {
    struct uuid id;
    struct span name;
    struct span token; /* only from create; empty when not given */
    struct api_time created_at;
    struct api_time deleted_at; /* never: it lives */
    struct api_connections connections;
};

struct api_connector {
    struct uuid id;
    const struct doc *features; /* a list of texts; NULL: not given */
    struct span version;
    struct span arch; /* "linux_amd64" */
    struct api_time run_at;
    struct api_connections connections;
};

/* Each fills an empty struct from a value of JSON, and releases it. False: `err` (PROTOCOL) names
 * the member, the struct is empty. */
bool api_tunnel_read(const struct doc *value, struct api_tunnel *tunnel,
                     struct error *err) MUST_CHECK;
void api_tunnel_release(struct api_tunnel *tunnel);
bool api_connector_read(const struct doc *value, struct api_connector *connector,
                        struct error *err) MUST_CHECK;
void api_connector_release(struct api_connector *connector);

#endif
