/* Descriptors over libevent's events. */
#include "culvert/net/watch.h"

#include "loop_internal.h"

static void watch_fired(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct watch *watch = arg;
    unsigned events = ((what & EV_READ) ? (unsigned)WATCH_READ : 0u) |
                      ((what & EV_WRITE) ? (unsigned)WATCH_WRITE : 0u);
    watch->loop->busy = true;
    watch->loop->now_ms = watch->loop->clock->monotonic_ms(watch->loop->clock);
    watch->ready(watch->arg, events);
}

bool watch_init(struct watch *watch, struct loop *loop, int fd,
                void (*ready)(void *arg, unsigned events), void *arg)
{
    *watch = (struct watch){.loop = loop, .fd = fd, .ready = ready, .arg = arg};
    watch->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, watch_fired, watch);
    return watch->event != NULL;
}

bool watch_set(struct watch *watch, unsigned wants)
{
    if (wants == watch->wants)
        return true;
    short what = EV_PERSIST;
    if (wants & WATCH_READ)
        what |= EV_READ;
    if (wants & WATCH_WRITE)
        what |= EV_WRITE;
    if (wants & WATCH_NEWS)
        what |= EV_ET;
    if (watch->wants != WATCH_NONE)
        (void)event_del(watch->event);
    watch->wants = WATCH_NONE;
    if (wants == WATCH_NONE)
        return true;
    if (event_assign(watch->event, watch->loop->base, watch->fd, what, watch_fired, watch) != 0 ||
        event_add(watch->event, NULL) != 0)
        return false;
    watch->wants = wants;
    return true;
}

void watch_release(struct watch *watch)
{
    if (!watch->event)
        return;
    event_free(watch->event);
    watch->event = NULL;
    watch->wants = WATCH_NONE;
}
