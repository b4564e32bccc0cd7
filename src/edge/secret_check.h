/* Is this the secret of that tunnel? Asked on the store's thread, answered on the loop. */
#ifndef CULVERT_EDGE_SECRET_CHECK_H
#define CULVERT_EDGE_SECRET_CHECK_H

#include "culvert/net/jobs.h"
#include "culvert/rpc/registration.h"
#include "culvert/store/database.h"

struct secret_check;

enum secret_verdict {
    SECRET_FITS,
    SECRET_WRONG,   /* or no such tunnel: which of both is nobody's business */
    SECRET_UNKNOWN, /* the store does not answer: `why` */
};

/* Copies what it needs of `params`. One call of `told` follows in a later turn, unless the check is
 * forgotten. NULL: too many wait, or memory. */
struct secret_check *secret_check_start(
    struct jobs *store_jobs, struct database *db, const struct registration_params *params,
    void (*told)(void *arg, enum secret_verdict verdict, const struct error *why), void *arg);

/* No call follows. NULL is allowed. */
void secret_check_forget(struct secret_check *check);

#endif
