/* A request's body that has to be whole before it is sent, since its length must be known then. */
#ifndef CULVERT_SRC_ORIGIN_GATHER_H
#define CULVERT_SRC_ORIGIN_GATHER_H

#include "culvert/http/body.h"
#include "culvert/net/loop.h"

enum { GATHER_MAX = 1024 * 1024 }; /* of one body; what is longer is refused */

/* Embedded; all zero is idle. */
struct gather {
    struct body *from;    /* NULL: nothing is gathered */
    struct channel *seen; /* its bytes: the body may let go of them first */
    struct body whole;    /* give &gather.whole to who sends it */
    struct budget *budget;
    struct task take;
    void (*done)(void *arg, const struct error *why);
    void *arg;
};

/* Gathers `from` (borrowed), counted by `budget` (may be NULL). `done` is called once, in a task:
 * with NULL when the body is whole, with kind LIMIT when it is over GATHER_MAX or the budget is
 * used up. False: memory. */
bool gather_start(struct gather *gather, struct loop *loop, struct body *from,
                  struct budget *budget) MUST_CHECK;

/* Lets go of `from`, which need not be there any more if its maker closed it; `done` is not called
 * any more. What was gathered stays. NULL is allowed. */
void gather_stop(struct gather *gather);

/* The same, and frees what was gathered. NULL is allowed. */
void gather_release(struct gather *gather);

#endif
