/* One connection of the load generator and the requests that are in flight on it, each followed by
 * the next: a closed loop. */
#ifndef BENCH_LANE_H
#define BENCH_LANE_H

#include "latency.h"
#include "plan.h"

#include "culvert/http/message.h"
#include "culvert/net/loop.h"

/* What all lanes count together. */
struct load {
    struct loop *loop;
    const struct plan *plan;
    struct tls_context *tls; /* NULL: in clear */
    struct request_head head;
    struct latency latency;
    uint64_t begun;                    /* requests that were sent in the window */
    uint64_t done, errors;             /* those that ended in it */
    uint64_t bytes_down, bytes_up;     /* bodies */
    struct error first_error;          /* kind NONE: there was none */
    bool over;                         /* nothing is begun any more */
    void (*enough)(struct load *load); /* all requests of the plan are done */
};

struct lane;

/* Dials; the requests follow. NULL: memory. */
struct lane *lane_new(struct load *load);
/* Gives up what is in flight. NULL is allowed. */
void lane_free(struct lane *lane);

#endif
