/* Accepts connections; rests when descriptors run out. */
#ifndef CULVERT_NET_LISTENER_H
#define CULVERT_NET_LISTENER_H

#include "culvert/net/conn.h"

struct listener;

struct listener_options {
    const struct ip_address *at; /* port 0: the system chooses */
    size_t limit;                /* most connections at a time; the owner says when one is gone */
    /* A new descriptor, taken over by the callee. */
    void (*on_accept)(void *arg, int fd, const struct ip_address *from);
    void *arg;
};

/* Listens and accepts from the next turn on. The caller owns it. NULL: `err` names the address. */
struct listener *listener_new(struct loop *loop, const struct listener_options *options,
                              struct error *err);

/* One accepted connection is gone. */
void listener_released(struct listener *listener);

/* Where it listens, with the port that the system chose. */
void listener_address(const struct listener *listener, struct ip_address *at);

/* Stops accepting and frees it at the end of the turn. NULL is allowed. */
void listener_close(struct listener *listener);

#endif
