/* How many hold something that does not change: it may be taken and dropped on any thread. */
#ifndef CULVERT_BASE_REFS_H
#define CULVERT_BASE_REFS_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* Embedded in what is held. */
struct refs {
    atomic_size_t count;
};

/* One holder: who made it. */
static inline void refs_init(struct refs *refs)
{
    atomic_init(&refs->count, 1);
}

/* One holder more. Who takes a reference holds one already, so nothing has to be ordered. */
static inline void refs_take(struct refs *refs)
{
    size_t before = atomic_fetch_add_explicit(&refs->count, 1, memory_order_relaxed);
    assert(before > 0);
    (void)before;
}

/* One holder less. True: it was the last one, and frees what was held; all that other threads read
 * of it is over. */
static inline bool refs_drop(struct refs *refs)
{
    size_t before = atomic_fetch_sub_explicit(&refs->count, 1, memory_order_acq_rel);
    assert(before > 0);
    return before == 1;
}

#endif
