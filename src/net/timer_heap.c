/* A binary heap of timers; each knows its place, so removal needs no search. */
#include "timer_heap.h"

static void place(struct timer_heap *heap, size_t i, struct timer *timer)
{
    heap->at[i] = timer;
    timer->place = i + 1;
}

static void rise(struct timer_heap *heap, size_t i, struct timer *timer)
{
    while (i > 0 && heap->at[(i - 1) / 2]->due_ms > timer->due_ms) {
        place(heap, i, heap->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    place(heap, i, timer);
}

static void sink(struct timer_heap *heap, size_t i, struct timer *timer)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && heap->at[child + 1]->due_ms < heap->at[child]->due_ms)
            child++;
        if (heap->at[child]->due_ms >= timer->due_ms)
            break;
        place(heap, i, heap->at[child]);
        i = child;
    }
    place(heap, i, timer);
}

bool timer_heap_put(struct timer_heap *heap, struct timer *timer)
{
    if (heap->count == heap->cap) {
        size_t cap = heap->cap ? heap->cap * 2 : 32;
        struct timer **at = realloc(heap->at, cap * sizeof(struct timer *));
        if (!at)
            return false;
        heap->at = at;
        heap->cap = cap;
    }
    heap->count++;
    rise(heap, heap->count - 1, timer);
    return true;
}

void timer_heap_remove(struct timer_heap *heap, struct timer *timer)
{
    size_t i = timer->place - 1;
    struct timer *last = heap->at[--heap->count];
    timer->place = 0;
    if (last == timer)
        return;
    if (i > 0 && heap->at[(i - 1) / 2]->due_ms > last->due_ms)
        rise(heap, i, last);
    else
        sink(heap, i, last);
}

struct timer *timer_heap_first(const struct timer_heap *heap)
{
    return heap->count ? heap->at[0] : NULL;
}

void timer_heap_release(struct timer_heap *heap)
{
    free(heap->at);
    *heap = (struct timer_heap){0};
}
