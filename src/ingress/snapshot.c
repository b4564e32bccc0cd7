/* A counted pair of rules and settings. */
#include "culvert/ingress/snapshot.h"

#include <assert.h>
#include <stdatomic.h>

struct snapshot {
    atomic_size_t references;
    struct rules *rules;
    struct warp_routing warp;
    int32_t version;
};

struct snapshot *snapshot_new(struct rules *rules, const struct warp_routing *warp, int32_t version,
                              struct error *err)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot) {
        error_memory(err);
        rules_free(rules);
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    snapshot->rules = rules;
    snapshot->warp = *warp;
    snapshot->version = version;
    return snapshot;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    /* Whoever takes a reference holds one already, so nothing has to be ordered. */
    size_t before = atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    assert(before > 0);
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    /* All that other threads read must be over before the memory goes. */
    size_t before = atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before > 1)
        return;
    rules_free(snapshot->rules);
    free(snapshot);
}

const struct rules *snapshot_rules(const struct snapshot *snapshot)
{
    return snapshot->rules;
}

const struct warp_routing *snapshot_warp(const struct snapshot *snapshot)
{
    return &snapshot->warp;
}

int32_t snapshot_version(const struct snapshot *snapshot)
{
    return snapshot->version;
}
