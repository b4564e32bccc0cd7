/* The words with a proxy before it lets bytes through: CONNECT, and its answer (RFC 9110 9.3.6). */
#ifndef CULVERT_NET_CONNECT_ANSWER_H
#define CULVERT_NET_CONNECT_ANSWER_H

#include "culvert/base/buf.h"

enum {
    CONNECT_ANSWER_MAX = 16 * 1024, /* bytes of a head */
    CONNECT_START_SIZE = 12,        /* "HTTP/1.1 200" */
};

/* Appends the request for a host (a name, or an address without brackets) and a port.
 * `authorization`: the value of Proxy-Authorization; NULL: none. False: memory. */
bool connect_request_write(struct buf *out, const char *host, uint16_t port,
                           const char *authorization) MUST_CHECK;

enum connect_step {
    CONNECT_MORE,    /* the head is not whole yet */
    CONNECT_OPEN,    /* 2xx: what follows is the other end's */
    CONNECT_REFUSED, /* another status */
    CONNECT_BAD,     /* no HTTP/1.x, or too long */
};

/* All zero is the beginning. */
struct connect_answer {
    size_t len;       /* so far */
    unsigned matched; /* of the empty line that ends the head */
    int status;       /* once there is a step but CONNECT_MORE; 0: none */
    char start[CONNECT_START_SIZE];
};

/* Takes bytes up to the end of the head; *taken says how many. */
enum connect_step connect_answer_feed(struct connect_answer *answer, struct span bytes,
                                      size_t *taken);

#endif
