/* See the header. A listener's descriptor is one end of a pair; each connection made to it is sent
 * through that pair, so that closing the listener is noticed and drops what it did not accept. */
#include "support/memory_sockets.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { CLIENT_PORT = 50000 };

static struct memory_sockets *owner(const struct sockets *sockets)
{
    return (struct memory_sockets *)(uintptr_t)sockets; /* the first member */
}

void memory_pair(int ends[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == -1)
        abort();
}

static int failed(int error)
{
    errno = error;
    return -1;
}

/* Is it this call's turn to fail? */
static bool strikes(struct memory_fault *fault, int fd)
{
    if (fault->error == 0 || (fault->fd != 0 && fault->fd != fd))
        return false;
    if (fault->after > 0) {
        fault->after--;
        return false;
    }
    errno = fault->error;
    fault->error = 0;
    return true;
}

/* ---- places ---- */

static struct memory_place *find(struct memory_sockets *memory, const char *name)
{
    for (size_t i = 0; i < MEMORY_PLACES_MAX; i++)
        if (strcmp(memory->places[i].name, name) == 0)
            return &memory->places[i];
    return NULL;
}

static void shut(struct memory_place *place)
{
    if (place->door != -1)
        (void)close(place->door);
    place->door = -1;
    place->accept = NULL;
    place->error = 0;
    place->silent = 0;
}

/* The place of that name, nobody serves it now. */
static struct memory_place *claim(struct memory_sockets *memory, const char *name)
{
    struct memory_place *place = find(memory, name);
    if (!place)
        place = find(memory, "");
    if (!place || strlen(name) >= sizeof place->name)
        abort();
    memcpy(place->name, name, strlen(name) + 1);
    shut(place);
    return place;
}

void memory_sockets_serve(struct memory_sockets *memory, const char *name, memory_accept_fn *accept,
                          void *arg)
{
    struct memory_place *place = claim(memory, name);
    place->accept = accept;
    place->arg = arg;
}

void memory_sockets_fail(struct memory_sockets *memory, const char *name, int error)
{
    claim(memory, name)->error = error;
}

void memory_sockets_silence(struct memory_sockets *memory, const char *name)
{
    claim(memory, name)->silent = 1;
}

void memory_sockets_refuse(struct memory_sockets *memory, const char *name)
{
    (void)claim(memory, name);
}

size_t memory_sockets_connects(const struct memory_sockets *memory, const char *name)
{
    for (size_t i = 0; i < MEMORY_PLACES_MAX; i++)
        if (strcmp(memory->places[i].name, name) == 0)
            return memory->places[i].connects;
    return 0;
}

/* ---- the calls ---- */

/* Sends the far end through the door of a listener. */
static int knock(struct memory_place *place, int fd)
{
    char byte = 0;
    struct iovec vector = {&byte, 1};
    _Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof fd)] = {0};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *control = CMSG_FIRSTHDR(&message);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(control), &fd, sizeof fd);
    ssize_t n = sendmsg(place->door, &message, MSG_NOSIGNAL);
    (void)close(fd);
    return n == 1 ? 0 : -1;
}

/* A descriptor that never gets writable. */
static int stuck(struct memory_sockets *memory, int ends[2])
{
    char bytes[4096] = {0};
    while (write(ends[0], bytes, sizeof bytes) > 0)
        continue;
    while (write(ends[0], bytes, 1) > 0)
        continue;
    if (memory->held_count == MEMORY_HELD_MAX)
        abort();
    memory->held[memory->held_count++] = ends[1];
    return ends[0];
}

static int dial(struct memory_sockets *memory, const char *name, int refusal)
{
    struct memory_place *place = find(memory, name);
    if (!place)
        return failed(refusal);
    place->connects++;
    if (place->error)
        return failed(place->error);
    if (!place->accept && place->door == -1 && !place->silent)
        return failed(refusal);
    int ends[2];
    memory_pair(ends);
    if (place->silent)
        return stuck(memory, ends);
    if (place->accept) {
        place->accept(place->arg, ends[1]);
        return ends[0];
    }
    if (knock(place, ends[1]) == 0)
        return ends[0];
    (void)close(ends[0]);
    shut(place);
    return failed(refusal);
}

int memory_sockets_dial(struct memory_sockets *memory, const char *name)
{
    return dial(memory, name, ECONNREFUSED);
}

static int memory_connect(const struct sockets *sockets, const struct ip_address *to,
                          const struct ip_address *from)
{
    struct memory_sockets *memory = owner(sockets);
    char name[IP_TEXT_SIZE];
    (void)from;
    memory->connects++;
    if (strikes(&memory->on_connect, 0))
        return -1;
    ip_format(to, name);
    return dial(memory, name, ECONNREFUSED);
}

static int memory_connect_unix(const struct sockets *sockets, const char *path)
{
    struct memory_sockets *memory = owner(sockets);
    char name[MEMORY_NAME_MAX] = "unix:";
    memory->connects++;
    if (strikes(&memory->on_connect, 0))
        return -1;
    if (strlen(name) + strlen(path) >= sizeof name)
        return failed(ENAMETOOLONG);
    memcpy(name + strlen(name), path, strlen(path) + 1);
    return dial(memory, name, ENOENT);
}

static int memory_listen(const struct sockets *sockets, const struct ip_address *at)
{
    struct memory_sockets *memory = owner(sockets);
    char name[IP_TEXT_SIZE];
    if (strikes(&memory->on_listen, 0))
        return -1;
    ip_format(at, name);
    struct memory_place *place = find(memory, name);
    struct pollfd door = {.fd = place ? place->door : -1, .events = POLLIN};
    bool is_open = door.fd != -1 && poll(&door, 1, 0) == 0;
    if (place && (place->accept || is_open))
        return failed(EADDRINUSE);
    int ends[2];
    memory_pair(ends);
    claim(memory, name)->door = ends[1];
    return ends[0];
}

static int memory_accept(const struct sockets *sockets, int listener, struct ip_address *from)
{
    struct memory_sockets *memory = owner(sockets);
    char byte;
    int fd = -1;
    struct iovec vector = {&byte, 1};
    _Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof fd)];
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    memory->accepts++;
    if (strikes(&memory->on_accept, listener))
        return -1;
    if (recvmsg(listener, &message, MSG_CMSG_CLOEXEC) != 1)
        return failed(EAGAIN);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    uint16_t port = (uint16_t)(CLIENT_PORT + memory->accepts % 10000);
    if (!ip_parse(SPAN("127.0.0.1"), port, from))
        abort();
    return fd;
}

static int memory_pair_made(const struct sockets *sockets, int ends[2])
{
    if (strikes(&owner(sockets)->on_pair, 0))
        return -1;
    memory_pair(ends);
    memcpy(owner(sockets)->last_pair, ends, 2 * sizeof *ends);
    return 0;
}

static ssize_t memory_read(const struct sockets *sockets, int fd, void *to, size_t len)
{
    struct memory_sockets *memory = owner(sockets);
    memory->reads++;
    if (strikes(&memory->on_read, fd))
        return -1;
    if (memory->read_most > 0 && len > memory->read_most)
        len = memory->read_most;
    ssize_t n = read(fd, to, len);
    if (n > 0)
        memory->bytes_read += (size_t)n;
    return n;
}

static ssize_t memory_peek(const struct sockets *sockets, int fd, void *to, size_t len)
{
    struct memory_sockets *memory = owner(sockets);
    memory->peeks++;
    if (strikes(&memory->on_peek, fd))
        return -1;
    return recv(fd, to, len, MSG_PEEK);
}

static ssize_t memory_write(const struct sockets *sockets, int fd, const struct iovec *from,
                            int count)
{
    struct memory_sockets *memory = owner(sockets);
    struct iovec first = from[0];
    memory->writes++;
    if (strikes(&memory->on_write, fd))
        return -1;
    if (memory->write_most > 0) {
        count = 1;
        from = &first;
        if (first.iov_len > memory->write_most)
            first.iov_len = memory->write_most;
    }
    struct iovec vectors[16];
    if ((size_t)count > ARRAY_LEN(vectors))
        count = ARRAY_LEN(vectors);
    memcpy(vectors, from, (size_t)count * sizeof *from);
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = (size_t)count};
    ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
    if (n > 0)
        memory->bytes_written += (size_t)n;
    return n;
}

void memory_sockets_init(struct memory_sockets *memory)
{
    *memory = (struct memory_sockets){
        .sockets = {memory_connect, memory_connect_unix, memory_listen, memory_accept,
                    memory_pair_made, memory_read, memory_peek, memory_write},
    };
    for (size_t i = 0; i < MEMORY_PLACES_MAX; i++)
        memory->places[i].door = -1;
}

void memory_sockets_release(struct memory_sockets *memory)
{
    for (size_t i = 0; i < MEMORY_PLACES_MAX; i++)
        shut(&memory->places[i]);
    while (memory->held_count > 0)
        (void)close(memory->held[--memory->held_count]);
}
