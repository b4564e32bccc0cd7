/* A visitor's request at the edge: whose is it, what the origin is told about the visitor, and what
 * the visitor gets when nothing can be had. */
#ifndef CULVERT_EDGE_VISITOR_REQUEST_H
#define CULVERT_EDGE_VISITOR_REQUEST_H

#include "culvert/base/ip.h"
#include "culvert/edge/edge_worker.h"
#include "culvert/http/inbound.h"
#include "culvert/net/conn.h"

struct visitor_requests;

enum { EDGE_HOPS_MAX = 8 /* times that a request may pass this edge: a loop has more */ };

struct visitor {
    struct ip_address address;
    bool over_tls;
    bool over_h2;
    const struct conn *conn; /* whose certificate has to be for the name; NULL: any is */
};

struct visitor_requests_options {
    struct edge_worker *worker; /* borrowed */
    /* Is this one of the edge's own names (lower case, no port)? */
    bool (*is_own)(void *arg, struct span name);
    /* A request to the edge itself; takes `in` over, `visitor` is borrowed. */
    void (*on_own)(void *arg, struct inbound *in, const struct visitor *visitor);
    /* A request ended: for counting. `status` 0: nothing was answered. */
    void (*on_ended)(void *arg, int status, uint64_t bytes_in, uint64_t bytes_out);
    /* A name was asked for on a connection with a certificate for others; for counting. */
    void (*on_misdirected)(void *arg);
    void *arg;
};

/* The caller owns it. NULL: memory. */
struct visitor_requests *visitor_requests_new(const struct visitor_requests_options *options);
/* From now on visitors in clear are sent to https at `port`; 0: they are served. */
void visitor_requests_redirect(struct visitor_requests *requests, uint16_t port);

/* No request may run any more. NULL is allowed. */
void visitor_requests_free(struct visitor_requests *requests);

/* Takes `in` over and serves it. `visitor` is borrowed for the call. */
void visitor_requests_serve(struct visitor_requests *all, struct inbound *in,
                            const struct visitor *visitor);

/* How many run now; and the end of all of them. */
size_t visitor_requests_open(const struct visitor_requests *requests);
void visitor_requests_cut(struct visitor_requests *requests, const struct error *why);

#endif
