/* The series of a connector: requests, answers, RPC calls and registrations, under the names that
 * dashboards know from cloudflared, and under culvert_ what those do not tell. */
#ifndef CULVERT_OBSERVE_TUNNEL_METRICS_H
#define CULVERT_OBSERVE_TUNNEL_METRICS_H

#include "culvert/observe/metrics.h"
#include "culvert/tunnel/stream_kind.h"

struct tunnel_metrics;

/* `metrics` is borrowed and outlives it. The caller owns the result. NULL: out of memory. */
struct tunnel_metrics *tunnel_metrics_new(struct metrics *metrics, struct error *err);
void tunnel_metrics_free(struct tunnel_metrics *tm); /* NULL is allowed */

/* A request has reached us. Every one of them ends by tunnel_metrics_ended. */
void tunnel_metrics_began(struct tunnel_metrics *tm, enum stream_kind kind);

/* No rule was asked; its label is "none". */
#define TUNNEL_METRICS_NO_RULE SIZE_MAX

struct request_outcome {
    enum stream_kind kind;
    size_t rule;            /* its number in the ingress list, or TUNNEL_METRICS_NO_RULE */
    int status;             /* what the visitor was answered; 0: nothing */
    bool from_origin;       /* the origin's answer, not one of our own */
    bool complete;          /* sent to its end */
    uint64_t toward_origin; /* bytes of the bodies */
    uint64_t toward_edge;
    uint64_t duration_ms; /* from the head to the end */
    /* Why the origin could not answer, or broke a stream off, an error's name; NULL: it did well.
     */
    const char *cause;
};

/* The request is over, well or badly. */
void tunnel_metrics_ended(struct tunnel_metrics *tm, const struct request_outcome *outcome);

/* A request was not let in: by a rule that requires Access, for a `cause` in one word. */
void tunnel_metrics_access_refused(struct tunnel_metrics *tm, size_t rule, const char *cause);

/* A registration was taken; or refused, by `duplicate` for EDUPCONN. */
void tunnel_metrics_registered(struct tunnel_metrics *tm);
void tunnel_metrics_refused(struct tunnel_metrics *tm, bool duplicate);

/* The calls of the registration interface. */
enum tunnel_call {
    TUNNEL_CALL_REGISTER,
    TUNNEL_CALL_UNREGISTER,
    TUNNEL_CALL_UPDATE_LOCAL_CONFIGURATION,
    TUNNEL_CALLS
};

/* A call was answered, or failed. The local configuration is counted as a push too. */
void tunnel_metrics_rpc(struct tunnel_metrics *tm, enum tunnel_call call, bool ok,
                        uint64_t elapsed_ms);

/* A worker put an address of a rule's service aside, as a further one or again; brought some back.
 */
void tunnel_metrics_put_aside(struct tunnel_metrics *tm, size_t rule, bool is_further);
void tunnel_metrics_brought_back(struct tunnel_metrics *tm, size_t rule, size_t addresses);

/* Log lines dropped so far, over all sinks. */
void tunnel_metrics_log_dropped(struct tunnel_metrics *tm, uint64_t dropped);

#endif
