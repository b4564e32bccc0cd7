/* The version of the configuration that new requests use; running ones keep theirs. */
#ifndef CULVERT_CONNECTOR_LIVE_CONFIG_H
#define CULVERT_CONNECTOR_LIVE_CONFIG_H

#include "culvert/ingress/snapshot.h"
#include "culvert/origin/openers.h"

struct live_config;

/* One version with its openers; belongs to the loop. */
struct config_version {
    struct snapshot *snapshot;
    struct openers *openers;
    size_t users; /* the live configuration, and each request */
};

/* Loop, resolver and what the options hold are borrowed; `snapshot` gets a reference of its own.
 * NULL: `err` (an origin cannot be set up). */
struct live_config *live_config_new(struct loop *loop, struct resolver *resolver,
                                    const struct openers_options *options,
                                    struct snapshot *snapshot, struct error *err);
/* Requests may still hold versions. NULL is allowed. */
void live_config_free(struct live_config *config);

/* The version for a new request; given back by config_version_drop. */
struct config_version *live_config_take(struct live_config *config);
void config_version_drop(struct config_version *version);

#endif
