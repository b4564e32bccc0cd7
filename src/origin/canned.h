/* An answer that is known from the start: an outbound that gives it in a later turn. */
#ifndef CULVERT_ORIGIN_CANNED_H
#define CULVERT_ORIGIN_CANNED_H

#include "culvert/http/outbound.h"
#include "culvert/net/loop.h"

enum { CANNED_TEXT_MAX = 256 * 1024 };

struct canned_answer {
    int interim;              /* a status that goes before it, as one of a tunnel; 0: none */
    int status;               /* 200 ... 999; 101 is_unasked and breaks off behind its head */
    const char *content_type; /* NULL: the answer has no body and no fields */
    struct span text;         /* at most CANNED_TEXT_MAX */
};

/* Copies `answer`. The request's body is left alone. `to_head`: the request was HEAD. NULL: memory.
 */
struct outbound *canned_open(struct loop *loop, const struct canned_answer *answer, bool to_head,
                             const struct outbound_events *events, void *arg, struct error *err);

#endif
