/* What another worker asks of this one, served by the connections that are here. */
#ifndef CULVERT_EDGE_HOP_REQUEST_H
#define CULVERT_EDGE_HOP_REQUEST_H

#include "culvert/edge/hop.h"

/* Embedded in the hops. */
struct hop_requests {
    struct loop *loop;
    struct registry *registry;
    void (*on_own)(void *arg, struct inbound *in, const struct visitor *visitor);
    void *arg;
    struct list open;
};

/* Takes `in` over. */
void hop_request_serve(struct hop_requests *all, struct inbound *in);

#endif
