/* Armed timers, the next one due first: a binary heap of borrowed pointers. */
#ifndef CULVERT_NET_TIMER_HEAP_H
#define CULVERT_NET_TIMER_HEAP_H

#include "culvert/net/loop.h"

struct timer_heap {
    struct timer **at;
    size_t count, cap;
};

/* Sets timer->place. False: memory. */
bool timer_heap_put(struct timer_heap *heap, struct timer *timer) MUST_CHECK;
void timer_heap_remove(struct timer_heap *heap, struct timer *timer);

/* The timer that is due first; NULL: none is armed. */
struct timer *timer_heap_first(const struct timer_heap *heap);
void timer_heap_release(struct timer_heap *heap);

#endif
