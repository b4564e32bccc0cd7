/* The hops of one worker of the edge: to each other worker, on demand and kept, a socket pair that
 * speaks HTTP/2 in clear. A request whose tunnel has no connection in its own worker crosses one,
 * and so does a request to the edge itself that did not arrive at the edge's head.
 *
 * Whoever is asked over a hop answers by itself or refuses: nothing crosses twice. Everything is
 * called on the worker's loop; hops of two workers meet by worker_call only. */
#ifndef CULVERT_EDGE_HOP_H
#define CULVERT_EDGE_HOP_H

#include "culvert/edge/visitor_request.h"
#include "culvert/observe/metrics.h"

struct hops;

enum {
    /* Of one hop, and so of all visitors of a worker toward another one: what is above it would be
     * offered a page though the tunnel is well. It is a bound of memory, not of use. */
    HOP_STREAMS_MAX = 16 * 1024,
    /* Bytes of a head: what a connector may answer, or a visitor ask and the edge adds to it. */
    HOP_HEAD_MAX = HEADERS_BYTES_MAX,
    HOP_STALL_MS = 60 * 1000, /* in each, the other worker takes CONN_DRAIN_MIN, or is stuck */
    HOP_ARRIVALS_MAX = 256,   /* hops that others opened to one worker, those that end left in */
    HOP_NONE = -1,
};

struct hops_options {
    struct edge_worker *worker; /* borrowed */
    /* A request to the edge itself that a visitor made at another worker; takes `in` over. NULL:
     * none is served here. */
    void (*on_own)(void *arg, struct inbound *in, const struct visitor *visitor);
    void *arg;
    struct metric *sessions, *streams; /* hops that are open, requests sent over them; or NULL */
};

/* The caller owns it. They may be entered into their worker when all of the team are there, since
 * from then on others send what the worker has to look for. NULL: memory. */
struct hops *hops_new(const struct hops_options *options);
struct edge_worker *hops_worker(const struct hops *hops);

/* A worker to send a request of the tunnel to: it holds connections, is not this one and none
 * whose bit is set in `not_these`. HOP_NONE: there is none, or `hops` is NULL. */
int hops_find(const struct hops *hops, const struct uuid *tunnel_id, uint64_t not_these);

/* The session to the worker with that number, opened if there is none; borrowed for this call of
 * the loop. NULL: `err`, kind LIMIT: the other worker heard nothing of it. */
struct h2_session *hops_session(struct hops *hops, size_t number, struct error *err);

/* Notes that a request went over a hop. */
void hops_count_stream(struct hops *hops);

/* Requests of other workers that are in hand here, those to the edge itself left out. */
size_t hops_serving(const struct hops *hops);

/* Ends all sessions of both directions; what still crosses fails in a later turn. Nothing is posted
 * to others after it, and what others post is closed. A worker and its member of the team must
 * stay until all workers have closed theirs and the calls posted until then have run. Twice is
 * fine, NULL is allowed. */
void hops_close(struct hops *hops);

/* Closed, two turns of the loop ago at least; the worker names them no more. NULL is allowed. */
void hops_free(struct hops *hops);

#endif
