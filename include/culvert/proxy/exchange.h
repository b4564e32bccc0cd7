/* Joins one inbound and one outbound: the one corridor, the same at both ends. */
#ifndef CULVERT_PROXY_EXCHANGE_H
#define CULVERT_PROXY_EXCHANGE_H

#include "culvert/http/inbound.h"
#include "culvert/net/loop.h"
#include "culvert/proxy/opener.h"

struct exchange;

/* An upgrade of which one direction ended is cut when for so long nothing moves in the other one: a
 * peer that answers what it was sent takes its time, one that never noticed the end would stay. */
enum {
    EXCHANGE_HALF_CLOSED_MS = 5 * 60 * 1000,
    EXCHANGE_LAST_WORDS_MS = 2000, /* in each, some of what a failed outbound had brought leaves */
};

/* What happened, for the log line and the metrics; filled as it goes. */
struct exchange_report {
    uint64_t started_ms, headed_ms; /* monotonic; headed: 0 before an answer's head */
    uint64_t ended_ms;
    int status;         /* as the outbound or hooks->fail gave it; 0: reset before any head */
    bool by_origin;     /* the head came from the outbound */
    bool upgraded;      /* it accepted an upgrade */
    bool cut;           /* the answer was begun and could not be finished */
    bool peer_left;     /* the inbound was aborted */
    uint64_t bytes_in;  /* of the request's body */
    uint64_t bytes_out; /* of the answer's body */
    /* Kind NONE when nothing failed. With by_origin and without cut the stream ended well, and its
     * client was told in its own language what failed. */
    struct error failure;
};

/* The ends differ in how heads look outside; `arg` is the owner's. */
struct exchange_hooks {
    /* Rewrites the answer's head for the inbound. False: it cannot be given on, the failure answer
     * takes its place. It may give 101 another status, and set is_upgrade for what stands for 101.
     * NULL: as it is. */
    bool (*adapt)(void *arg, struct response_head *head, struct error *err);
    /* Answers in place of the origin: nothing was sent yet. Must answer `in` and return the status,
     * or reset it and return 0. */
    int (*fail)(void *arg, struct inbound *in, const struct error *why);
    /* The last call: both sides are closed after it. The hooks' owner may free itself here. */
    void (*ended)(void *arg, const struct exchange_report *report);
};

/* Takes `in` over in every case and opens `opener` (borrowed until `ended`) with `head` (borrowed
 * for the call; NULL: in->head). Returns the exchange, which frees itself after `ended`; NULL:
 * memory, then `in` was reset and `ended` was called. */
struct exchange *exchange_start(struct loop *loop, struct inbound *in, struct opener *opener,
                                const struct request_head *head, const struct exchange_hooks *hooks,
                                void *arg);

/* Cuts it, as if the outbound had failed with `why`: for the end of a grace period. `ended`
 * follows. */
void exchange_cut(struct exchange *exchange, const struct error *why);

#endif
