/* Short answers of our own: a status, a few fields, a text that fits in memory. */
#ifndef CULVERT_HTTP_REPLY_H
#define CULVERT_HTTP_REPLY_H

#include "culvert/http/inbound.h"
#include "culvert/net/loop.h"

enum { REPLY_FIELDS_MAX = 8 };

struct reply {
    int status;
    const char *content_type;               /* NULL: no body, `text` is ignored */
    struct span text;                       /* copied */
    struct header fields[REPLY_FIELDS_MAX]; /* more fields, up to one without a name */
};

/* Answers `in`, reads nothing of its body, and lets go of it when the answer left. Takes `in` over
 * in every case; what cannot be answered is reset. */
void reply_send(struct loop *loop, struct inbound *in, const struct reply *reply);

/* Gathers the request's body, then calls `done` once: with all of it, or with NULL when it was
 * longer than `limit` (why->kind LIMIT) or the peer left (NETWORK: `in` was closed already). `in`
 * is the callee's again. */
void request_gather(struct loop *loop, struct inbound *in, size_t limit,
                    void (*done)(void *arg, struct inbound *in, const struct buf *body,
                                 const struct error *why),
                    void *arg);

#endif
