/* A request we send: one answer or one failure comes back. The interface of HTTP/1.1 clients,
 * HTTP/2 streams, fixed answers, and of whole tunnels.
 *
 * Life: an opener returns an outbound; then any number of on_inform, at most one on_answer, and
 * exactly one of on_done and on_failed, none before the opener returned. outbound_close may come at
 * any time and is always due in the end.
 *
 * An answer of status 101 accepts an upgrade, whoever made it: from then on the bytes of the
 * request's body and of the answer's are two directions, and each ends by itself, by the end of its
 * channel. Nothing of the request's body is sent before that answer. */
#ifndef CULVERT_HTTP_OUTBOUND_H
#define CULVERT_HTTP_OUTBOUND_H

#include "culvert/http/body.h"
#include "culvert/http/message.h"

struct outbound;

struct outbound_events {
    void (*on_inform)(void *arg, const struct response_head *head);
    /* `head` is borrowed for the call and may be changed; `body` until outbound_close (NULL: none).
     */
    void (*on_answer)(void *arg, struct response_head *head, struct body *body);
    /* The answer's end was received (its bytes may still lie in the body). Of an upgrade: that, and
     * the request's body was sent to its end. */
    void (*on_done)(void *arg);
    /* Before on_answer: no answer will come. After it: the body was cut short. Of an upgrade: one
     * direction or the other was. */
    void (*on_failed)(void *arg, const struct error *why);
    /* Of an upgrade: one direction came to its end, the other goes on. May be NULL. */
    void (*on_half_closed)(void *arg);
};

struct outbound_ops {
    void (*close)(struct outbound *out);
    void (*upgraded)(struct outbound *out); /* NULL: nothing changes by it */
};

/* Embedded by the implementations. */
struct outbound {
    const struct outbound_ops *ops;
    const struct outbound_events *events;
    void *arg;
    bool is_unsent; /* set before on_failed: nothing of the request left, so it may go elsewhere */
    /* Set by who opened it: better failed (NETWORK) than left to a connection that is in doubt. */
    bool moves_on;
    /* Set before on_done, kept until outbound_close: what the origin failed in, though the stream
     * ends well, since its client was told in its own language (a close code, a reply of SOCKS).
     * NULL: nothing. */
    const struct error *fault;
};

/* From within on_answer: that answer accepts an upgrade, though a status of its own may not say so
 * (in a tunnel it is 200). */
static inline void outbound_upgraded(struct outbound *out)
{
    if (out->ops->upgraded)
        out->ops->upgraded(out);
}

/* Lets go; an unfinished one is cancelled, an upgrade so that the other side does not take what it
 * has for all. No callback follows. NULL is allowed. */
static inline void outbound_close(struct outbound *out)
{
    if (out)
        out->ops->close(out);
}

#endif
