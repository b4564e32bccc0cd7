/* A request at a rule that requires Access: nothing of it is served before its token was judged.
 * While it waits for an issuer's keys its body waits too, in its channel. */
#ifndef CULVERT_SRC_CONNECTOR_ACCESS_PASS_H
#define CULVERT_SRC_CONNECTOR_ACCESS_PASS_H

#include "culvert/access/verifier.h"
#include "culvert/http/inbound.h"

struct access_pass;

struct access_pass_events {
    /* The inbound is the callee's again. */
    void (*decided)(struct access_pass *pass, struct inbound *in, enum access_finding finding,
                    const struct error *why);
    /* The visitor went away meanwhile; the inbound was closed. */
    void (*left)(struct access_pass *pass);
};

/* Embedded in who asks; all zero does not wait. */
struct access_pass {
    struct access_check check;
    struct inbound *in; /* NULL: it does not wait */
    const struct access_pass_events *events;
};

/* Of several tokens the first is judged, and only that one stays in the head. `requirement` is kept
 * until the end, `events` for ever. WAITS: takes `in` over, one of the events
 * follows. Anything else is the decision, and `in` stays the caller's. */
enum access_finding access_pass_ask(struct access_pass *pass, struct verifier *verifier,
                                    const struct access_requirement *requirement,
                                    struct inbound *in, struct error *why);

/* Waits no more: the inbound is the caller's again, no event follows. NULL: it did not wait. */
struct inbound *access_pass_take_back(struct access_pass *pass);

#endif
