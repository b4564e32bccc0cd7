/* For whom a request is, as the edge says it in Cf-Connecting-Ip. */
#ifndef CULVERT_ORIGIN_VISITOR_H
#define CULVERT_ORIGIN_VISITOR_H

#include "culvert/base/ip.h"
#include "culvert/http/headers.h"

/* The address, with port 0; len 0: none is named, or not exactly one. */
void visitor_find(const struct headers *fields, struct ip_address *address);

/* Under which connections of this visitor are kept, for TLS with that name. The caller frees it.
 * NULL: memory. */
char *visitor_key(const struct headers *fields, const char *server_name);

#endif
