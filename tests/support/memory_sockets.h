/* Sockets in memory: whoever dials an address gets one end of a socket pair, whoever serves it the
 * other. Nobody serves an address unless a test says so: dialing it is refused. */
#ifndef CULVERT_TESTS_SUPPORT_MEMORY_SOCKETS_H
#define CULVERT_TESTS_SUPPORT_MEMORY_SOCKETS_H

#include "culvert/net/sockets.h"

enum { MEMORY_PLACES_MAX = 32, MEMORY_NAME_MAX = 108, MEMORY_HELD_MAX = 1024 };

/* Gets the far end (non-blocking, owned from now on) of each connection that is made. */
typedef void memory_accept_fn(void *arg, int fd);

struct memory_place {
    char name[MEMORY_NAME_MAX]; /* "127.0.0.1:80", "[::1]:80" or "unix:/run/x.sock"; "": free */
    memory_accept_fn *accept;   /* serves it; NULL: see below */
    void *arg;
    int door;   /* a listener of the loop's listens: our end of its pair; -1: none */
    int error;  /* dialing fails with this errno */
    int silent; /* dialing never ends */
    size_t connects;
};

/* Lets `after` calls pass and fails the next one with `error`; then it is over (error 0). */
struct memory_fault {
    int error;
    size_t after;
    int fd; /* only calls on this descriptor count; 0: all */
};

struct memory_sockets {
    struct sockets sockets; /* give &memory.sockets to the loop */
    struct memory_place places[MEMORY_PLACES_MAX];
    int held[MEMORY_HELD_MAX]; /* far ends of silent places */
    size_t held_count;
    size_t connects, accepts, reads, peeks, writes; /* calls so far, failed ones too */
    size_t bytes_read, bytes_written;
    size_t read_most, write_most; /* one call moves at most so many bytes; 0: no cut */
    int last_pair[2];             /* of the seam's pair; borrowed */
    struct memory_fault on_connect, on_listen, on_accept, on_pair, on_read, on_peek, on_write;
};

void memory_sockets_init(struct memory_sockets *memory);

/* Closes what it still holds; descriptors that were given away are their owners'. */
void memory_sockets_release(struct memory_sockets *memory);

/* What happens to who dials `name`. The last word counts. A listener of a loop that uses these
 * sockets serves its address by itself, until it is closed. */
void memory_sockets_serve(struct memory_sockets *memory, const char *name, memory_accept_fn *accept,
                          void *arg);
void memory_sockets_fail(struct memory_sockets *memory, const char *name, int error);
void memory_sockets_silence(struct memory_sockets *memory, const char *name);
void memory_sockets_refuse(struct memory_sockets *memory, const char *name); /* as at first */

/* How often `name` was dialed while it had a place. */
size_t memory_sockets_connects(const struct memory_sockets *memory, const char *name);

/* Dials `name` from the side of the test, as a visitor would. -1 and errno as connect. */
int memory_sockets_dial(struct memory_sockets *memory, const char *name);

/* A connected pair, both ends non-blocking. Aborts when there is none. */
void memory_pair(int ends[2]);

#endif
