/* An origin of kernel sockets in the test's own loop, for real processes to reach:
 *   /hello        "hello"
 *   /echo         the request's body, up to 64 KiB
 *   /bytes/N      N bytes of the pattern
 *   anything else no answer, for as long as the visitor waits */
#ifndef CULVERT_TESTS_SUPPORT_SIEGE_ORIGIN_H
#define CULVERT_TESTS_SUPPORT_SIEGE_ORIGIN_H

#include "culvert/net/listener.h"

struct siege_origin {
    struct loop *loop;
    struct listener *listener;
    struct ip_address at;
    struct list conns;
    struct list calls;           /* that are not answered at once */
    uint64_t requests, accepted; /* connections */
};

/* Listens on 127.0.0.1 at a port of the system's choice. Aborts when it cannot. */
void siege_origin_open(struct siege_origin *origin, struct loop *loop);

/* The loop must turn once more before it is freed. */
void siege_origin_close(struct siege_origin *origin);

#endif
