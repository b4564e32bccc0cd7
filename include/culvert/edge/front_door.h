/* Where connections come in: the listeners of visitors and connectors, on the head's loop. Each
 * connection is counted here and handed over to a worker. */
#ifndef CULVERT_EDGE_FRONT_DOOR_H
#define CULVERT_EDGE_FRONT_DOOR_H

#include "culvert/edge/handover.h"
#include "culvert/edge/limits.h"
#include "culvert/net/listener.h"

struct front_door;

enum {
    FRONT_DOOR_ACCEPTED_MAX = 1000 * 1000, /* visitors of one listener: the admission is asked */
    FRONT_DOOR_CONNECTORS_MAX = 10 * 1000, /* open connections of connectors, or fewer as the
                                              options of the edge say; more wait in the kernel */
};

struct front_door_options {
    struct loop *loop; /* the head's; all borrowed */
    struct edge_team *team;
    struct limits *limits;        /* for connectors */
    struct admission *connectors; /* the same */
    struct admission *admission;  /* for visitors */
    struct presence *presence;
    struct hostnames *const *hostnames; /* the newest */
    struct edge_metrics *figures;
    const struct ip_address *at[DOORS];
};

/* Listens at once. The caller owns it. NULL: `err` names the listener. */
struct front_door *front_door_new(const struct front_door_options *options, struct error *err);
void front_door_address(const struct front_door *front, enum door door, struct ip_address *at);

/* No new connections. */
void front_door_shut(struct front_door *front);

/* Connections that workers have not given back. */
size_t front_door_open(const struct front_door *front);

/* It is shut and nothing is open. NULL is allowed. */
void front_door_free(struct front_door *front);

#endif
