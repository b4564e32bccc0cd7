/* Calls to workers that are never lost: what a full worker does not take waits here, in its order.
 * One outbox belongs to one loop; what waits is bounded by who embeds the letters. */
#ifndef CULVERT_EDGE_OUTBOX_H
#define CULVERT_EDGE_OUTBOX_H

#include "culvert/net/worker.h"

/* A call with its address, embedded in what is told; not sent again before it has run. */
struct letter {
    struct worker_call call;
    struct worker *to;
};

struct outbox {
    struct list waiting; /* letters */
    struct task again;   /* once a turn while any waits */
};

void outbox_init(struct outbox *outbox, struct loop *loop);

/* From now until `run` the letter belongs to `to`. Letters of one outbox arrive in their order. */
void outbox_send(struct outbox *outbox, struct letter *letter, struct worker *to,
                 void (*run)(struct worker_call *call));

bool outbox_is_empty(const struct outbox *outbox);

/* It must be empty. */
void outbox_release(struct outbox *outbox);

#endif
