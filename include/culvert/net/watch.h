/* A descriptor of one loop and what it waits for. */
#ifndef CULVERT_NET_WATCH_H
#define CULVERT_NET_WATCH_H

#include "culvert/base/error.h"

struct loop;
struct event; /* libevent's */

enum watch_events {
    WATCH_NONE = 0,
    WATCH_READ = 1,
    WATCH_WRITE = 2,
    WATCH_NEWS = 4, /* with the others: told only when something came since it was told last */
};

struct watch {
    struct loop *loop;
    struct event *event;
    int fd;
    unsigned wants;
    void (*ready)(void *arg, unsigned events);
    void *arg;
};

/* Prepares a watch on `fd` (borrowed) that waits for nothing yet. False: memory. */
bool watch_init(struct watch *watch, struct loop *loop, int fd,
                void (*ready)(void *arg, unsigned events), void *arg) MUST_CHECK;
/* Level triggered, but for WATCH_NEWS. False: the kernel refused (descriptors, memory). */
bool watch_set(struct watch *watch, unsigned wants) MUST_CHECK;
void watch_release(struct watch *watch); /* twice is fine, all zero too */

#endif
