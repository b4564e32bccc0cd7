/* Tunnels, connections and connectors as JSON. */
#ifndef CULVERT_SRC_EDGE_API_OBJECTS_H
#define CULVERT_SRC_EDGE_API_OBJECTS_H

#include "culvert/base/doc.h"
#include "culvert/store/tunnels.h"

/* The connectors of a tunnel in `connections` (see api_call), borrowed; NULL: none. */
const struct doc *api_connectors_of(const struct doc *connections, const struct uuid *tunnel_id);

/* How many connections these connectors have. */
size_t api_connection_count(const struct doc *connectors);

/* A tunnel with its connections. NULL: memory. */
struct doc *api_tunnel_object(const struct store_tunnel *tunnel, const struct doc *connections);

/* The connectors of a tunnel with their connections, [] when there are none. NULL: memory. */
struct doc *api_connectors_array(const struct doc *connectors);

#endif
