/* A visitor that speaks HTTP/2 in clear with prior knowledge: a raw client session whose requests
 * are asks. */
#ifndef CULVERT_TESTS_SUPPORT_H2_VISITOR_H
#define CULVERT_TESTS_SUPPORT_H2_VISITOR_H

#include "culvert/http/h2_session.h"
#include "support/ask.h"
#include "support/both_ends.h"

struct h2_visitor {
    struct both_ends *ends;
    struct h2_session *session; /* NULL: over */
    struct opener opener;       /* opens streams on it */
    bool heard_goaway;
    bool over;
};

void h2_visitor_open(struct h2_visitor *visitor, struct both_ends *ends);

/* Turns until the request has its end or its failure. False: neither came. */
bool h2_visitor_hears(struct h2_visitor *visitor, struct ask *ask);

/* Sends RST_STREAM for the `number`th request (from 0) with this code, as no session of ours would.
 */
void h2_visitor_reset(struct h2_visitor *visitor, unsigned number, unsigned char code);

/* Release its asks first. */
void h2_visitor_close(struct h2_visitor *visitor);

#endif
