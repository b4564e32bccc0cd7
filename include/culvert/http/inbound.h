/* A request that reached us, and how to answer it: the interface that HTTP/1.1 and HTTP/2 fill.
 *
 * Life: a server hands out an inbound with its head; the owner answers it (after any number of
 * informs) or resets it, and lets go with inbound_close, before which exactly one of on_answered
 * and on_aborted is called. Behind an answer that is_upgrade the request's body goes on until its
 * channel ends, and until then on_aborted may follow on_answered. */
#ifndef CULVERT_HTTP_INBOUND_H
#define CULVERT_HTTP_INBOUND_H

#include "culvert/http/body.h"
#include "culvert/http/message.h"

struct inbound;

struct inbound_events {
    /* The whole answer was handed to the connection; of an upgrade: all that goes to the peer. */
    void (*on_answered)(void *arg);
    /* The peer went away, reset the request or broke its framing: nothing can be answered. */
    void (*on_aborted)(void *arg, const struct error *why);
};

struct inbound_ops {
    bool (*answer)(struct inbound *in, const struct response_head *head, struct body *body,
                   struct error *err);
    void (*inform)(struct inbound *in, const struct response_head *head);
    void (*reset)(struct inbound *in, const struct error *why);
    void (*close)(struct inbound *in);
};

/* Embedded by the implementations. */
struct inbound {
    const struct inbound_ops *ops;
    struct request_head head; /* may be changed by the owner */
    struct body *body;        /* the request's; never NULL, ended when there is none */
    bool peer_is_ours;        /* it said so: it reads what only our own programs say */
    const struct inbound_events *events;
    void *arg;
};

/* Who listens from now on; borrowed. */
static inline void inbound_set_events(struct inbound *in, const struct inbound_events *events,
                                      void *arg)
{
    in->events = events;
    in->arg = arg;
}

/* Sends the final head, then what `body` (borrowed until close; NULL: no body) brings until its
 * end. Once only. False: the head cannot be written (limit, bad bytes); nothing was sent, another
 * answer may be tried. */
static inline bool MUST_CHECK inbound_answer(struct inbound *in, const struct response_head *head,
                                             struct body *body, struct error *err)
{
    return in->ops->answer(in, head, body, err);
}

/* Sends an interim answer (1xx but 101) if the peer can take it; else nothing. */
static inline void inbound_inform(struct inbound *in, const struct response_head *head)
{
    in->ops->inform(in, head);
}

/* The answer cannot be finished: HTTP/2 resets the stream, HTTP/1.1 cuts the connection, so that
 * the peer cannot take a short body for a whole one. No callback follows. */
static inline void inbound_reset(struct inbound *in, const struct error *why)
{
    in->ops->reset(in, why);
}

/* Lets go of the request; an unfinished one is reset. No callback follows. */
static inline void inbound_close(struct inbound *in)
{
    in->ops->close(in);
}

#endif
