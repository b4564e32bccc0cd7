/* A loop over sockets in memory whose clock is turned by hand. */
#ifndef CULVERT_TESTS_SUPPORT_TURNED_LOOP_H
#define CULVERT_TESTS_SUPPORT_TURNED_LOOP_H

#include "culvert/base/buf.h"
#include "culvert/net/loop.h"
#include "support/memory_sockets.h"
#include "support/turned_clock.h"

struct turned_loop {
    struct turned_clock clock;
    struct memory_sockets memory;
    struct loop *loop;
};

/* Aborts when there is no loop. `turned` must not move: the loop borrows from it. */
void turned_loop_init(struct turned_loop *turned);
void turned_loop_release(struct turned_loop *turned);

/* Turns until nothing is left to do at this time of the clock. Aborts when there is no end. */
void turned_loop_settle(struct turned_loop *turned);

/* Settles, lets `ms` pass from one timer to the next, and settles after each. */
void turned_loop_pass(struct turned_loop *turned, uint64_t ms);

/* The end of a pair that a test plays by hand. */
struct raw_peer {
    int fd;         /* -1: closed */
    struct buf got; /* all that was read; a test may clear it */
    bool ended;     /* the other side ended */
    int error;      /* errno that reading met; 0: none */
};

/* Makes a pair, keeps one end and returns the other. */
int raw_peer_open(struct raw_peer *peer);
/* The same over the kernel's TCP, which knows what a reset is. */
int raw_peer_open_tcp(struct raw_peer *peer);
/* Waits for the other side's end or reset, and reads up to it. */
void raw_peer_await_end(struct raw_peer *peer);
/* Writes as much as the kernel takes; returns how many bytes. */
size_t raw_peer_put(struct raw_peer *peer, struct span bytes);
/* Writes a text and settles the loop. */
void raw_peer_say(struct raw_peer *peer, struct turned_loop *turned, const char *text);
/* Reads all there is. */
void raw_peer_pull(struct raw_peer *peer);
/* Settles and reads until nothing moves; what was read so far, borrowed. */
struct span raw_peer_hear(struct raw_peer *peer, struct turned_loop *turned);
/* Ends its side of the conversation. */
void raw_peer_end(struct raw_peer *peer);
/* Closes; twice is fine. Releases what was read. */
void raw_peer_close(struct raw_peer *peer);

#endif
