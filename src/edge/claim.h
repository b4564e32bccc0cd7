/* What the session of a connector and the head of the edge say to each other about one
 * registration. The claim is made by the session's worker; it lives until the head said `left`.
 *
 *   session: ask ------------> head: the secret, the directory, a probe of an older equal one
 *            <---------------- granted, or refused
 *            added ----------> (in the worker's registry) every worker is told
 *            <---------------- serving: the connector may be answered
 *            leave ----------> (refused, drained, lost) every worker is told
 *            <---------------- left: nobody sends requests here; the claim is freed
 *
 * In between the head may ask to probe (answered by alive, or by leave), drain or drop. */
#ifndef CULVERT_SRC_EDGE_CLAIM_H
#define CULVERT_SRC_EDGE_CLAIM_H

#include "culvert/edge/broadcast.h"
#include "culvert/edge/directory.h"
#include "culvert/rpc/registration.h"

struct secret_check;

enum { CLAIM_CAUSE_SIZE = 256 };

/* On the session's loop. None is called after claim_forget. */
struct claim_events {
    /* Put it into the registry and say so by claim_added. */
    void (*on_granted)(void *arg);
    void (*on_refused)(void *arg);
    void (*on_serving)(void *arg);
    void (*on_probe)(void *arg);
    void (*on_drain)(void *arg);
    void (*on_drop)(void *arg);
    /* The last one; the claim is gone. */
    void (*on_left)(void *arg);
};

enum claim_state {
    CLAIM_CHECKING, /* is it the right secret? */
    CLAIM_PROBING,  /* does an older equal connection live? */
    CLAIM_GRANTED,
    CLAIM_TELLING, /* all workers that it serves */
    CLAIM_SERVING,
    CLAIM_REFUSED,
    CLAIM_LEAVING, /* all workers are told that it serves no more */
};

struct claim {
    struct edge_worker *worker; /* the session's */

    /* The session's. */
    const struct claim_events *events;
    void *arg; /* NULL: forgotten */
    struct letter ask, added, alive, leave;

    /* The head's, from `ask` to `left`. Of what all may read, nothing changes while it is told. */
    struct link link; /* of all claims */
    enum claim_state state;
    struct listed listed;
    bool replaces;      /* an equal connection that is alive, too */
    struct buf account; /* until it is checked; then empty */
    struct buf secret;
    struct secret_check *check;
    struct claim *older; /* it waits for a sign of its life */
    struct claim *newer; /* waits for a sign of this one's */
    bool probing;        /* `probe` is under way, or its answer */
    bool told;           /* workers know, or may know, of it */
    bool leaves;         /* asked for while the workers were being told */
    bool dropped;        /* `drop` was sent */
    size_t held;         /* connections of the tunnel in `worker`: what all workers are told */
    char cause[CLAIM_CAUSE_SIZE]; /* of a refusal */
    bool should_retry;
    uint64_t retry_after_ms;
    struct letter granted, refused, serving, probe, drain, drop, left;
    struct broadcast broadcast;

    bool was_added; /* what `added` says */
};

/* The session's side. Copies what it needs and asks. NULL: memory. */
struct claim *claim_new(struct edge_worker *worker, const struct registration_params *params,
                        const struct ip_address *origin, const struct claim_events *events,
                        void *arg);
void claim_added(struct claim *claim, bool ok);
void claim_alive(struct claim *claim);
/* Once, and then no other; on_left follows. */
void claim_leave(struct claim *claim);
void claim_forget(struct claim *claim); /* NULL is allowed */

/* The head's side. */
void claim_grant(struct claim *claim);
void claim_refuse(struct claim *claim);
void claim_serve(struct claim *claim);
void claim_probe(struct claim *claim);
void claim_drain(struct claim *claim);
void claim_drop(struct claim *claim);
void claim_left(struct claim *claim); /* it is the worker's from now on */

#endif
