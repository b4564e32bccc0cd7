/* A list of rules as JSON: what an edge is told that does not manage it, and what the operator is
 * shown. Durations are numbers of seconds. */
#ifndef CULVERT_INGRESS_REPORT_H
#define CULVERT_INGRESS_REPORT_H

#include "culvert/ingress/snapshot.h"

/* Only what differs from the defaults: {"__configuration_flags": `flags`, "ingress": [...],
 * "warp-routing": {...}}. Takes `flags` over, also when it fails (NULL: an empty object). The
 * caller frees the result. NULL: out of memory. */
struct doc *report_for_edge(const struct rules *rules, const struct warp_routing *warp,
                            struct doc *flags);

/* Every key of every rule: {"version": N, "config": {"ingress": [...], "warp-routing": {...},
 * "originRequest": {...}}}. The caller frees it. NULL: out of memory. */
struct doc *report_for_operator(const struct snapshot *snapshot);

#endif
