/* One word from the head of the edge to every worker, and the answer when all have done it. */
#ifndef CULVERT_EDGE_BROADCAST_H
#define CULVERT_EDGE_BROADCAST_H

#include "culvert/edge/edge_worker.h"

struct broadcast;

/* One worker's part; until it answers the part is the worker's. */
struct broadcast_part {
    struct letter letter;
    struct broadcast *all;
    size_t number;
    bool ok;
};

/* Embedded in what is said. It belongs to the head; while it is under way all that a worker may
 * need of it stands still. May be sent again when it is done. */
struct broadcast {
    struct edge_team *team;
    void *arg;                    /* the owner's */
    struct broadcast_part *parts; /* one a worker */
    size_t waiting;               /* answers; 0: not under way */
    bool ok;                      /* so far */
    /* On each worker's loop; it answers, now or later, once. */
    void (*heard)(struct broadcast_part *part, struct edge_worker *worker);
    /* On the head's loop; the memory is the owner's again. `ok`: every worker said so. */
    void (*done)(struct broadcast *broadcast, bool ok);
};

/* From any thread. False: memory. */
bool broadcast_init(struct broadcast *broadcast, struct edge_team *team) MUST_CHECK;
void broadcast_release(struct broadcast *broadcast); /* all zero is allowed */

/* By the head: what one broadcast told every worker before the next was sent comes first. */
void broadcast_send(struct broadcast *broadcast,
                    void (*heard)(struct broadcast_part *part, struct edge_worker *worker),
                    void (*done)(struct broadcast *broadcast, bool ok));

/* By the worker; the part is gone. */
void broadcast_answer(struct broadcast_part *part, struct edge_worker *worker, bool ok);

#endif
