/* The kernel's sockets behind the seam. */
#include "culvert/net/sockets.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 1024 };

/* Closes and keeps the reason. */
static int give_up(int fd)
{
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return -1;
}

static int begin_connect(int fd, const struct sockaddr *to, socklen_t len)
{
    /* EAGAIN is no progress: a unix listener's queue is full, or there is no local port left. */
    if (connect(fd, to, len) == -1 && errno != EINPROGRESS)
        return give_up(fd);
    return fd;
}

static int system_connect(const struct sockets *sockets, const struct ip_address *to,
                          const struct ip_address *from)
{
    (void)sockets;
    int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    if (from && from->len > 0 && bind(fd, &from->any, from->len) == -1)
        return give_up(fd);
    return begin_connect(fd, &to->any, to->len);
}

static int system_connect_unix(const struct sockets *sockets, const char *path)
{
    (void)sockets;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof to.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(to.sun_path, path, len + 1);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    if (path[0] == '@') {
        to.sun_path[0] = '\0';
        size--; /* an abstract name has no NUL at its end */
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    const void *address = &to;
    return begin_connect(fd, address, size);
}

static int system_listen(const struct sockets *sockets, const struct ip_address *at)
{
    (void)sockets;
    int on = 1;
    int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
    if (bind(fd, &at->any, at->len) == -1 || listen(fd, LISTEN_BACKLOG) == -1)
        return give_up(fd);
    return fd;
}

static int system_accept(const struct sockets *sockets, int listener, struct ip_address *from)
{
    (void)sockets;
    from->len = sizeof from->v6;
    int fd = accept4(listener, &from->any, &from->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd != -1)
        ip_unmap(from);
    return fd;
}

static int system_pair(const struct sockets *sockets, int ends[2])
{
    (void)sockets;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends);
}

static ssize_t system_read(const struct sockets *sockets, int fd, void *to, size_t len)
{
    (void)sockets;
    return recv(fd, to, len, 0); /* a little less work than a read */
}

static ssize_t system_peek(const struct sockets *sockets, int fd, void *to, size_t len)
{
    (void)sockets;
    return recv(fd, to, len, MSG_PEEK);
}

static ssize_t system_write(const struct sockets *sockets, int fd, const struct iovec *from,
                            int count)
{
    (void)sockets;
    /* As writev, but a peer that left is an error, never a signal; a little less work for one. */
    if (count == 1)
        return send(fd, from->iov_base, from->iov_len, MSG_NOSIGNAL);
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)from,
                             .msg_iovlen = (size_t)count};
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

const struct sockets *sockets_system(void)
{
    static const struct sockets sockets = {
        .connect = system_connect,
        .connect_unix = system_connect_unix,
        .listen = system_listen,
        .accept = system_accept,
        .pair = system_pair,
        .read = system_read,
        .peek = system_peek,
        .write = system_write,
    };
    return &sockets;
}

/* Anything but the two families of the Internet counts as unknown. */
static void keep_if_ip(struct ip_address *address, int result)
{
    if (result == -1 || (address->any.sa_family != AF_INET && address->any.sa_family != AF_INET6))
        memset(address, 0, sizeof *address);
    ip_unmap(address);
}

void sockets_local_address(int fd, struct ip_address *address)
{
    memset(address, 0, sizeof *address);
    address->len = sizeof address->v6;
    keep_if_ip(address, getsockname(fd, &address->any, &address->len));
}

void sockets_peer_address(int fd, struct ip_address *address)
{
    memset(address, 0, sizeof *address);
    address->len = sizeof address->v6;
    keep_if_ip(address, getpeername(fd, &address->any, &address->len));
}

bool sockets_peer_left(int fd)
{
    struct pollfd look = {.fd = fd, .events = POLLRDHUP};
    return poll(&look, 1, 0) == 1;
}

bool sockets_is_reset(int fd)
{
    struct pollfd look = {.fd = fd};
    return poll(&look, 1, 0) == 1 && (look.revents & POLLERR) != 0;
}

size_t sockets_unsent(int fd)
{
    int bytes = 0;
    return ioctl(fd, TIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

void sockets_give_up_after(int fd, unsigned ms)
{
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

void sockets_reset_on_close(int fd)
{
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void sockets_tune(int fd, int keepalive_seconds)
{
    enum { INTERVAL = 15, PROBES = 9 };
    int on = 1;
    int idle = keepalive_seconds > 0 ? keepalive_seconds : INTERVAL;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (keepalive_seconds < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){INTERVAL}, sizeof(int));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){PROBES}, sizeof(int));
}
