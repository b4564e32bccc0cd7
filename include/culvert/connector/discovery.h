/* Finds the edge by DNS: SRV targets become the list of addresses. */
#ifndef CULVERT_CONNECTOR_DISCOVERY_H
#define CULVERT_CONNECTOR_DISCOVERY_H

#include "culvert/connector/edge_addresses.h"
#include "culvert/net/resolver.h"

struct discovery;

enum { DISCOVERY_LIMIT_MS = 15 * 1000, DISCOVERY_TARGETS = 2 /* one a region */ };

/* Asks for the edge of `region` ("": everywhere). One call of `done` follows in a later turn;
 * `list` is borrowed for the call and NULL with `why`. The discovery is gone then. NULL: `err`. */
struct discovery *discovery_start(struct loop *loop, struct resolver *resolver, const char *region,
                                  void (*done)(void *arg, const struct edge_addresses *list,
                                               const struct error *why),
                                  void *arg, struct error *err);

/* No call follows. NULL is allowed. */
void discovery_cancel(struct discovery *discovery);

#endif
