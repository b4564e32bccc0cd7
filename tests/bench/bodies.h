/* Bodies that mean nothing: one that is made up as fast as it is taken, one that is thrown away as
 * fast as it comes. */
#ifndef BENCH_BODIES_H
#define BENCH_BODIES_H

#include "culvert/http/body.h"
#include "culvert/net/loop.h"

/* Embedded by who sends. All zero may be stopped. */
struct made_body {
    struct body body; /* to be given to inbound_answer, h1_client_send, h2_session_open */
    uint64_t left;    /* bytes that were not put yet */
    uint64_t *taken;  /* counts those that were taken; NULL: nothing does */
    struct task more;
};

/* A body of `bytes` zeros; `taken` (borrowed, may be NULL) counts what left. False: memory. */
bool made_body_start(struct made_body *made, struct loop *loop, uint64_t bytes,
                     uint64_t *taken) MUST_CHECK;
/* Nobody takes any more: after inbound_close or outbound_close. */
void made_body_stop(struct made_body *made);

/* Embedded by who receives. */
struct thrown_body {
    struct channel *bytes;
    uint64_t count;         /* bytes that came */
    uint64_t *also;         /* counts them too; NULL: nothing does */
    void (*end)(void *arg); /* all came; from within the channel: must only note it. NULL: none */
    void *arg;
};

void thrown_body_start(struct thrown_body *thrown, struct channel *bytes);

#endif
