/* What loop.c and watch.c share; nobody else includes it. */
#ifndef CULVERT_NET_LOOP_INTERNAL_H
#define CULVERT_NET_LOOP_INTERNAL_H

#include "culvert/net/loop.h"

#include "timer_heap.h"

#include <event2/event.h>

struct signal_slot {
    struct loop *loop;
    struct event *event;
    void (*caught)(void *arg, int signal_number);
    void *arg;
};

struct spare_block {
    struct spare_block *next;
};

struct loop {
    struct event_base *base;
    struct event *alarm; /* bounds the wait of a turn */
    const struct clock *clock;
    const struct sockets *sockets;
    const struct log *log;
    uint64_t now_ms;
    bool stopped;
    bool busy; /* something was called in this turn */
    struct timer_heap timers;
    struct list tasks[2]; /* by phase */
    struct reap *dying;
    struct list orphans;
    struct signal_slot signals[LOOP_SIGNALS_MAX];
    size_t signal_count;
    unsigned char *scratch;
    struct spare_block *blocks;
    size_t block_count;
};

#endif
