/* The seam between us and the kernel's sockets. Programs use sockets_system; tests put pairs in
 * memory in its place, cut writes short and let descriptors run out. All calls behave like their
 * namesakes: -1 and errno. Descriptors are non-blocking and close on exec. */
#ifndef CULVERT_NET_SOCKETS_H
#define CULVERT_NET_SOCKETS_H

#include "culvert/base/ip.h"

#include <sys/types.h>
#include <sys/uio.h>

struct sockets {
    /* A new socket that is connected or connecting (errno EINPROGRESS is not an error here).
     * `from`: local address to bind, NULL for any. */
    int (*connect)(const struct sockets *sockets, const struct ip_address *to,
                   const struct ip_address *from);
    /* The same to a path; a leading "@" names Linux's abstract space. */
    int (*connect_unix)(const struct sockets *sockets, const char *path);
    int (*listen)(const struct sockets *sockets, const struct ip_address *at);
    int (*accept)(const struct sockets *sockets, int listener, struct ip_address *from);
    /* A connected pair within this process. */
    int (*pair)(const struct sockets *sockets, int ends[2]);
    ssize_t (*read)(const struct sockets *sockets, int fd, void *to, size_t len);
    /* As read, but what is read stays to be read. */
    ssize_t (*peek)(const struct sockets *sockets, int fd, void *to, size_t len);
    ssize_t (*write)(const struct sockets *sockets, int fd, const struct iovec *from, int count);
};

/* The kernel's own. Static. */
const struct sockets *sockets_system(void);

/* The two ends of a connected socket; len 0 when unknown (memory pairs). */
void sockets_local_address(int fd, struct ip_address *address);
void sockets_peer_address(int fd, struct ip_address *address);

/* Has the peer ended its side, or is it gone, though bytes of it may still be unread? */
bool sockets_peer_left(int fd);
/* Is the connection broken? */
bool sockets_is_reset(int fd);

/* Bytes that the kernel took and the peer has not acknowledged; 0 when unknown. */
size_t sockets_unsent(int fd);

/* From now on the kernel drops the connection when its bytes stay unacknowledged for `ms`. */
void sockets_give_up_after(int fd, unsigned ms);

/* What the kernel still has goes when the descriptor does, and the peer hears a reset. */
void sockets_reset_on_close(int fd);

/* TCP_NODELAY; keep-alive with the given idle seconds (interval 15 s, 9 probes), off when < 0.
 * Failures are ignored: a pair in memory has neither. */
void sockets_tune(int fd, int keepalive_seconds);

#endif
