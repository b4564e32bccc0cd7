/* A version of the rules that the edge pushes: heard by a worker, judged by the head, answered by
 * the worker. It crosses as a call and comes back as one, whatever happens. */
#ifndef CULVERT_CONNECTOR_CONFIG_PUSH_H
#define CULVERT_CONNECTOR_CONFIG_PUSH_H

#include "culvert/http/inbound.h"
#include "culvert/net/loop.h"
#include "culvert/net/worker.h"

enum {
    CONFIG_PUSH_MAX = 4 * 1024 * 1024, /* bytes: some ten thousand rules */
    CONFIG_PUSHES_MAX = 8,             /* of one worker at a time; an edge sends one */
};

struct config_push;

/* A worker's side: where pushes are heard. Embedded; all zero but for what is said here. */
struct config_ear {
    struct worker *here, *head; /* borrowed */
    /* On the head's loop: the push is the callee's until it calls config_push_return. */
    void (*judge)(void *arg, struct config_push *push);
    void *arg;
    size_t under_way;
};

/* On the worker's loop; takes `in` over: gathers its body, has it judged, answers. The ear must
 * live until everything came back, which it does in the turns after the head returned it. */
void config_ear_hear(struct config_ear *ear, struct inbound *in);

/* ---- the head's side ---- */

struct config_push {
    struct worker_call call;
    struct config_ear *ear;
    struct inbound *in; /* the worker's; NULL: gone */
    struct link link;   /* the head's, while it waits */
    struct buf body;
    /* The outcome. */
    bool is_garbled;  /* no push at all */
    int32_t version;  /* in force */
    struct error why; /* what is wrong with it; kind NONE: nothing */
};

/* Gives it back to its worker, with the outcome filled in. */
void config_push_return(struct config_push *push);

#endif
