/* See the header. */
#include "support/turned_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    HEARD_MAX = 256 * 1024 * 1024, /* a bound on what a test may let its peer read */
    PIECE = 64 * 1024,
    AWAIT_MS = 10 * 1000, /* real time, which only a broken test needs */
};

void turned_loop_init(struct turned_loop *turned)
{
    turned->clock = turned_clock_make(0);
    memory_sockets_init(&turned->memory);
    const struct loop_options options = {.clock = &turned->clock.clock,
                                         .sockets = &turned->memory.sockets};
    turned->loop = loop_new(&options, NULL);
    if (!turned->loop)
        abort();
}

void turned_loop_release(struct turned_loop *turned)
{
    loop_free(turned->loop);
    memory_sockets_release(&turned->memory);
}

void turned_loop_settle(struct turned_loop *turned)
{
    if (!settle(turned->loop))
        abort();
}

void turned_loop_pass(struct turned_loop *turned, uint64_t ms)
{
    if (!turned_clock_run(&turned->clock, turned->loop, ms))
        abort();
}

int raw_peer_open(struct raw_peer *peer)
{
    int ends[2];
    memory_pair(ends);
    *peer = (struct raw_peer){.fd = ends[0], .got = BUF_LIMIT(HEARD_MAX)};
    return ends[1];
}

static void must(bool ok)
{
    if (!ok)
        abort();
}

int raw_peer_open_tcp(struct raw_peer *peer)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    struct sockaddr *any = (struct sockaddr *)(void *)&at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(listener != -1 && fd != -1 && bind(listener, any, sizeof at) == 0 &&
         listen(listener, 1) == 0 && getsockname(listener, any, &size) == 0 &&
         connect(fd, any, sizeof at) == 0);
    int other = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    must(other != -1 && close(listener) == 0);
    must(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    *peer = (struct raw_peer){.fd = fd, .got = BUF_LIMIT(HEARD_MAX)};
    return other;
}

void raw_peer_await_end(struct raw_peer *peer)
{
    while (!peer->ended && peer->error == 0) {
        struct pollfd look = {.fd = peer->fd, .events = POLLIN};
        must(poll(&look, 1, AWAIT_MS) == 1);
        raw_peer_pull(peer);
    }
}

size_t raw_peer_put(struct raw_peer *peer, struct span bytes)
{
    size_t put = 0;
    while (put < bytes.len) {
        ssize_t n = send(peer->fd, bytes.data + put, bytes.len - put, MSG_NOSIGNAL);
        if (n == -1)
            break;
        put += (size_t)n;
    }
    return put;
}

void raw_peer_say(struct raw_peer *peer, struct turned_loop *turned, const char *text)
{
    (void)raw_peer_put(peer, span_of(text)); /* the other side may be gone */
    turned_loop_settle(turned);
}

void raw_peer_pull(struct raw_peer *peer)
{
    for (;;) {
        char *to = buf_room(&peer->got, PIECE);
        if (!to)
            abort();
        ssize_t n = read(peer->fd, to, PIECE);
        if (n > 0) {
            buf_added(&peer->got, (size_t)n);
            continue;
        }
        if (n == 0)
            peer->ended = true;
        else if (errno != EAGAIN)
            peer->error = errno;
        return;
    }
}

struct span raw_peer_hear(struct raw_peer *peer, struct turned_loop *turned)
{
    size_t before;
    do {
        before = peer->got.len;
        turned_loop_settle(turned);
        raw_peer_pull(peer);
    } while (peer->got.len > before);
    return buf_span(&peer->got);
}

void raw_peer_end(struct raw_peer *peer)
{
    (void)shutdown(peer->fd, SHUT_WR);
}

void raw_peer_close(struct raw_peer *peer)
{
    if (peer->fd != -1)
        (void)close(peer->fd);
    peer->fd = -1;
    buf_release(&peer->got);
}
