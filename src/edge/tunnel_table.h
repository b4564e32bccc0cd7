/* Tunnel id -> the links of its connections. A tunnel without any has no entry. */
#ifndef CULVERT_EDGE_TUNNEL_TABLE_H
#define CULVERT_EDGE_TUNNEL_TABLE_H

#include "culvert/base/error.h"
#include "culvert/base/list.h"
#include "culvert/base/map.h"
#include "culvert/base/uuid.h"

/* Embedded; all zero before the init. */
struct tunnel_table {
    struct map *lists; /* by the bytes of the id */
    size_t limit;      /* of tunnels */
    size_t count;      /* of links */
};

/* False: memory. */
bool tunnel_table_init(struct tunnel_table *table, size_t limit) MUST_CHECK;
/* The links are left as they are: nobody may look at them any more. */
void tunnel_table_release(struct tunnel_table *table);

/* The tunnel's connections, in the order in which they came; NULL: none. */
struct list *tunnel_table_find(const struct tunnel_table *table, const struct uuid *tunnel_id);

/* Puts the link last. False: `err`, memory or one tunnel too many. */
bool tunnel_table_add(struct tunnel_table *table, const struct uuid *tunnel_id, struct link *link,
                      struct error *err) MUST_CHECK;
/* Does nothing with a link that is in no list. */
void tunnel_table_remove(struct tunnel_table *table, const struct uuid *tunnel_id,
                         struct link *link);

#endif
