/* One immutable version of rules and settings. Every exchange holds the version it began with; the
 * last one to let go frees it, in whichever thread that is. */
#ifndef CULVERT_INGRESS_SNAPSHOT_H
#define CULVERT_INGRESS_SNAPSHOT_H

#include "culvert/ingress/rules.h"

struct snapshot;

/* Versions before the first one that an edge pushes. */
enum { SNAPSHOT_LOCAL = -1 };

/* Takes `rules` over, also when it fails. The caller holds one reference. NULL: out of memory. */
struct snapshot *snapshot_new(struct rules *rules, const struct warp_routing *warp, int32_t version,
                              struct error *err);

/* One more reference, and one less; NULL is allowed for the latter. Both are safe in any thread. */
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);

/* What it holds; lives as long as a reference is held. */
const struct rules *snapshot_rules(const struct snapshot *snapshot);
const struct warp_routing *snapshot_warp(const struct snapshot *snapshot);
int32_t snapshot_version(const struct snapshot *snapshot);

#endif
