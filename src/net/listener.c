/* A listening socket: a few accepts a turn, a rest when nothing can be taken. */
#include "culvert/net/listener.h"
#include "culvert/net/sockets.h"

#include <errno.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 64,
    REST_MS = 100, /* out of descriptors or memory: somebody must close something first */
};

struct listener {
    struct loop *loop;
    int fd;
    size_t open, limit;
    bool resting;
    struct watch watch;
    struct timer rest;
    struct task again;
    struct ip_address at;
    void (*on_accept)(void *arg, int fd, const struct ip_address *from);
    void *arg;
    struct reap reap;
};

/* A watch that cannot be set is set later; without memory for a timer, as soon as can be: a
 * listener that nobody wakes would be deaf for good. */
static void rewatch(void *arg)
{
    struct listener *listener = arg;
    bool wants = !listener->resting && listener->open < listener->limit;
    if (watch_set(&listener->watch, wants ? WATCH_READ : WATCH_NONE) || listener->resting)
        return;
    listener->resting = timer_start(&listener->rest, REST_MS);
    if (!listener->resting)
        task_post(&listener->again);
}

static void rested(void *arg)
{
    struct listener *listener = arg;
    listener->resting = false;
    rewatch(listener);
}

/* The peer gave up between its connect and our accept; Linux tells by accept what happened to its
 * connection meanwhile. */
static bool is_of_the_peer(int cause)
{
    static const int causes[] = {EAGAIN,      EINTR,        ECONNABORTED, EPROTO,
                                 ENOPROTOOPT, ENETDOWN,     ENETUNREACH,  EHOSTDOWN,
                                 ENONET,      EHOSTUNREACH, EOPNOTSUPP};
    for (size_t i = 0; i < ARRAY_LEN(causes); i++)
        if (cause == causes[i])
            return true;
    return false;
}

static void refused(struct listener *listener)
{
    int cause = errno;
    if (is_of_the_peer(cause))
        return;
    char at[IP_TEXT_SIZE];
    struct error why;
    ip_format(&listener->at, at);
    errno = cause;
    error_errno(&why, "accept");
    log_warn(loop_log(listener->loop), "Cannot accept connections for a moment", LOG_ERROR(&why),
             LOG_TEXT("listener", at));
    listener->resting = true;
    if (!timer_start(&listener->rest, REST_MS))
        listener->resting = false;
}

static void ready(void *arg, unsigned events)
{
    (void)events;
    struct listener *listener = arg;
    const struct sockets *sockets = loop_sockets(listener->loop);
    for (int i = 0; i < ACCEPTS_PER_TURN && listener->open < listener->limit; i++) {
        struct ip_address from;
        int fd = sockets->accept(sockets, listener->fd, &from);
        if (fd == -1) {
            refused(listener);
            break;
        }
        listener->open++;
        listener->on_accept(listener->arg, fd, &from);
        if (listener->fd == -1)
            return;
    }
    rewatch(listener);
}

static void destroy(void *object)
{
    free(object);
}

void listener_close(struct listener *listener)
{
    if (!listener || listener->fd == -1)
        return;
    watch_release(&listener->watch);
    timer_stop(&listener->rest);
    task_cancel(&listener->again);
    (void)close(listener->fd);
    listener->fd = -1;
    loop_reap(listener->loop, &listener->reap, destroy, listener);
}

static bool begin(struct listener *listener, struct error *err)
{
    char at[IP_TEXT_SIZE];
    ip_format(&listener->at, at);
    const struct sockets *sockets = loop_sockets(listener->loop);
    listener->fd = sockets->listen(sockets, &listener->at);
    if (listener->fd == -1)
        return error_errno(err, "listen on %s", at);
    struct ip_address chosen;
    sockets_local_address(listener->fd, &chosen);
    if (chosen.len > 0)
        listener->at = chosen;
    if (!watch_init(&listener->watch, listener->loop, listener->fd, ready, listener) ||
        !watch_set(&listener->watch, WATCH_READ))
        return error_set(err, ERROR_SYSTEM, 0, "listen on %s: cannot be watched", at);
    return true;
}

struct listener *listener_new(struct loop *loop, const struct listener_options *options,
                              struct error *err)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener) {
        error_memory(err);
        return NULL;
    }
    listener->loop = loop;
    listener->at = *options->at;
    listener->limit = options->limit;
    listener->on_accept = options->on_accept;
    listener->arg = options->arg;
    timer_init(&listener->rest, loop, rested, listener);
    task_init(&listener->again, loop, TASK_SOON, rewatch, listener);
    if (begin(listener, err))
        return listener;
    if (listener->fd == -1)
        free(listener);
    else
        listener_close(listener);
    return NULL;
}

void listener_released(struct listener *listener)
{
    listener->open--;
    rewatch(listener);
}

void listener_address(const struct listener *listener, struct ip_address *at)
{
    *at = listener->at;
}
