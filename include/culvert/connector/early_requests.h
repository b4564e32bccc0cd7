/* Requests that come before the rules do: an edge that manages a tunnel sends visitors as soon as a
 * connection is registered, and the rules a moment later. Their bodies wait in their channels. */
#ifndef CULVERT_CONNECTOR_EARLY_REQUESTS_H
#define CULVERT_CONNECTOR_EARLY_REQUESTS_H

#include "culvert/base/list.h"
#include "culvert/http/inbound.h"
#include "culvert/net/loop.h"

enum {
    EARLY_WAIT_MS = 5 * 1000, /* for the rules, from the first request that waits */
    EARLY_REQUESTS_MAX = 512, /* that wait in a worker; the next ones are served by what there is */
};

/* Embedded. */
struct early_requests {
    struct loop *loop;
    struct list waiting;
    struct timer patience;
    bool is_over; /* nobody waits any more */
    /* Takes the inbound over. */
    void (*serve)(void *arg, struct inbound *in, size_t index);
    void *arg;
};

void early_requests_init(struct early_requests *early, struct loop *loop,
                         void (*serve)(void *arg, struct inbound *in, size_t index), void *arg);

/* Lets the request wait until the end, at most EARLY_WAIT_MS. False: it cannot, and stays the
 * caller's: the wait is over, too many wait, or there is no memory. */
bool early_requests_hold(struct early_requests *early, struct inbound *in, size_t index) MUST_CHECK;

/* The end: all are served, in their order, and none will wait again. */
void early_requests_end(struct early_requests *early);

/* One that waits, which is the caller's then; NULL: none. */
struct inbound *early_requests_take(struct early_requests *early);

/* None may wait. */
void early_requests_release(struct early_requests *early);

#endif
