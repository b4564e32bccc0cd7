/* One party's sockets over those of everybody: its calls fail, move little or have to be repeated
 * as a plan says. */
#ifndef CULVERT_TESTS_SUPPORT_FAULTY_SOCKETS_H
#define CULVERT_TESTS_SUPPORT_FAULTY_SOCKETS_H

#include "culvert/net/sockets.h"

enum socket_call {
    CALL_CONNECT,
    CALL_LISTEN,
    CALL_ACCEPT,
    CALL_PAIR,
    CALL_READ,
    CALL_WRITE,
    SOCKET_CALLS
};

struct socket_plan {
    enum socket_call call;
    int error;     /* errno; 0: no call fails */
    size_t n;      /* the first call that fails, from 0 */
    size_t count;  /* so many fail, one after the other */
    size_t every;  /* and again after so many calls; 0: no more */
    size_t most;   /* each read and write moves at most so many bytes; 0: no cut */
    unsigned seed; /* each read and write moves any number of bytes; 0: no chance */
};

struct faulty_sockets {
    struct sockets sockets; /* give &faulty.sockets to the loop */
    const struct sockets *real;
    struct socket_plan plan; /* all zero: no fault */
    size_t calls[SOCKET_CALLS];
    size_t struck; /* how many calls failed by the plan */
    unsigned chance;
};

/* `real` is borrowed. */
void faulty_sockets_init(struct faulty_sockets *faulty, const struct sockets *real);

/* Counts calls from now on. */
void faulty_sockets_follow(struct faulty_sockets *faulty, const struct socket_plan *plan);

#endif
