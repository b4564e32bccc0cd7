/* Anything that turns a request head into an outbound: each kind of origin, and at the edge a
 * tunnel. */
#ifndef CULVERT_PROXY_OPENER_H
#define CULVERT_PROXY_OPENER_H

#include "culvert/http/outbound.h"

struct opener;

struct opener_ops {
    struct outbound *(*open)(struct opener *opener, const struct request_head *head,
                             struct body *body, const struct outbound_events *events, void *arg,
                             struct error *err);
};

/* Embedded by the implementations. */
struct opener {
    const struct opener_ops *ops;
};

/* Starts the request. `head` is borrowed for the call, `body` until outbound_close. NULL: `err`
 * says why, no callback follows. */
static inline struct outbound *opener_open(struct opener *opener, const struct request_head *head,
                                           struct body *body, const struct outbound_events *events,
                                           void *arg, struct error *err)
{
    return opener->ops->open(opener, head, body, events, arg, err);
}

#endif
