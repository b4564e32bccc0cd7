/* The newest host names at the head, and how every worker gets them. */
#ifndef CULVERT_SRC_EDGE_ROUTING_H
#define CULVERT_SRC_EDGE_ROUTING_H

#include "culvert/edge/edge_worker.h"

/* Embedded. */
struct routing {
    struct edge_team *team;
    struct hostnames *hostnames;
    size_t changes; /* under way */
};

/* All workers get `fresh` (taken over; NULL: nothing new). `done` is called once, in a later turn,
 * when they have, and have done what they were told before. False: memory; nobody heard of it. */
bool routing_change(struct routing *routing, struct hostnames *fresh, void (*done)(void *arg),
                    void *arg) MUST_CHECK;

#endif
