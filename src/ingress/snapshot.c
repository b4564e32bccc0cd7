/* A counted pair of rules and settings. */
#include "culvert/ingress/snapshot.h"

#include "culvert/base/refs.h"

struct snapshot {
    struct refs refs;
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
    refs_init(&snapshot->refs);
    snapshot->rules = rules;
    snapshot->warp = *warp;
    snapshot->version = version;
    return snapshot;
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    refs_take(&snapshot->refs);
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (!snapshot || !refs_drop(&snapshot->refs))
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
