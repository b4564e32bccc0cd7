/* A way over a hop as an opener: what another worker does with a request, as if it were done here.
 * on_failed has the kinds of h2_session_open's outbound: LIMIT when no connector and nobody of the
 * edge looked at the request, NETWORK when it was lost. */
#ifndef CULVERT_EDGE_HOP_OPENER_H
#define CULVERT_EDGE_HOP_OPENER_H

#include "culvert/edge/hop.h"
#include "culvert/edge/hop_word.h"
#include "culvert/proxy/opener.h"

/* One request's: embedded by who sends it and alive until the outbound is closed. */
struct hop_opener {
    struct opener opener;
    struct hops *hops;
    size_t worker; /* its number */
    struct hop_word word;
    struct uuid
        failed_on; /* in on_failed: the connection that was tried; nil: none, or not known */
};

void hop_opener_init(struct hop_opener *opener, struct hops *hops, size_t worker,
                     const struct hop_word *word);

/* Sends a visitor's request to the edge itself over the hop to the worker that serves such; takes
 * `in` over and answers in place of a worker that cannot. `visitor` is borrowed for the call. */
void hop_serve_own(struct hops *hops, size_t worker, struct inbound *in,
                   const struct visitor *visitor);

#endif
