/* See the header. What the others do behind a call, such as accepting, is no memory of ours. */
#include "support/faulty_sockets.h"

#include "support/scarce_memory.h"

#include <errno.h>
#include <sys/socket.h>

enum { VECTORS_MAX = 16 };

static struct faulty_sockets *owner(const struct sockets *sockets)
{
    return (struct faulty_sockets *)(uintptr_t)sockets; /* the first member */
}

/* Is it this call's turn to fail? */
static bool strikes(struct faulty_sockets *faulty, enum socket_call call)
{
    const struct socket_plan *plan = &faulty->plan;
    size_t number = faulty->calls[call]++;
    if (plan->error == 0 || plan->call != call || number < plan->n)
        return false;
    size_t since = number - plan->n;
    if (plan->every > 0)
        since %= plan->every;
    if (since >= plan->count)
        return false;
    faulty->struck++;
    errno = plan->error;
    return true;
}

/* How much of `len` bytes this call moves. */
static size_t cut(struct faulty_sockets *faulty, size_t len)
{
    const struct socket_plan *plan = &faulty->plan;
    if (plan->seed != 0 && len > 1) {
        faulty->chance = faulty->chance * 1103515245u + 12345u;
        len = 1 + (faulty->chance >> 16) % len;
    }
    return plan->most > 0 && len > plan->most ? plan->most : len;
}

static int faulty_connect(const struct sockets *sockets, const struct ip_address *to,
                          const struct ip_address *from)
{
    struct faulty_sockets *faulty = owner(sockets);
    if (strikes(faulty, CALL_CONNECT))
        return -1;
    scarce_memory_pause();
    int fd = faulty->real->connect(faulty->real, to, from);
    scarce_memory_go_on();
    return fd;
}

static int faulty_connect_unix(const struct sockets *sockets, const char *path)
{
    struct faulty_sockets *faulty = owner(sockets);
    if (strikes(faulty, CALL_CONNECT))
        return -1;
    scarce_memory_pause();
    int fd = faulty->real->connect_unix(faulty->real, path);
    scarce_memory_go_on();
    return fd;
}

static int faulty_listen(const struct sockets *sockets, const struct ip_address *at)
{
    struct faulty_sockets *faulty = owner(sockets);
    return strikes(faulty, CALL_LISTEN) ? -1 : faulty->real->listen(faulty->real, at);
}

static int faulty_accept(const struct sockets *sockets, int listener, struct ip_address *from)
{
    struct faulty_sockets *faulty = owner(sockets);
    return strikes(faulty, CALL_ACCEPT) ? -1 : faulty->real->accept(faulty->real, listener, from);
}

static int faulty_pair(const struct sockets *sockets, int ends[2])
{
    struct faulty_sockets *faulty = owner(sockets);
    return strikes(faulty, CALL_PAIR) ? -1 : faulty->real->pair(faulty->real, ends);
}

/* As the kernel has it: a connection that broke is broken both ways, for good. */
static ssize_t broken(int fd)
{
    int error = errno;
    if (error == ECONNRESET || error == EPIPE || error == ETIMEDOUT)
        (void)shutdown(fd, SHUT_RDWR);
    errno = error;
    return -1;
}

static ssize_t faulty_read(const struct sockets *sockets, int fd, void *to, size_t len)
{
    struct faulty_sockets *faulty = owner(sockets);
    if (strikes(faulty, CALL_READ))
        return broken(fd);
    return faulty->real->read(faulty->real, fd, to, cut(faulty, len));
}

static ssize_t faulty_peek(const struct sockets *sockets, int fd, void *to, size_t len)
{
    struct faulty_sockets *faulty = owner(sockets);
    if (strikes(faulty, CALL_READ))
        return -1;
    return faulty->real->peek(faulty->real, fd, to, cut(faulty, len));
}

static ssize_t faulty_write(const struct sockets *sockets, int fd, const struct iovec *from,
                            int count)
{
    struct faulty_sockets *faulty = owner(sockets);
    struct iovec vectors[VECTORS_MAX];
    size_t len = 0;
    int used = 0;
    if (strikes(faulty, CALL_WRITE))
        return broken(fd);
    for (int i = 0; i < count && i < VECTORS_MAX; i++)
        len += from[i].iov_len;
    len = cut(faulty, len);
    for (; len > 0; used++) {
        vectors[used] = from[used];
        if (vectors[used].iov_len > len)
            vectors[used].iov_len = len;
        len -= vectors[used].iov_len;
    }
    return faulty->real->write(faulty->real, fd, vectors, used);
}

void faulty_sockets_init(struct faulty_sockets *faulty, const struct sockets *real)
{
    *faulty = (struct faulty_sockets){
        .sockets = {faulty_connect, faulty_connect_unix, faulty_listen, faulty_accept, faulty_pair,
                    faulty_read, faulty_peek, faulty_write},
        .real = real,
    };
}

void faulty_sockets_follow(struct faulty_sockets *faulty, const struct socket_plan *plan)
{
    faulty->plan = *plan;
    faulty->chance = plan->seed;
    faulty->struck = 0;
    memset(faulty->calls, 0, sizeof faulty->calls);
}
