/* The version of the configuration that new requests use; running ones keep theirs. */
#ifndef CULVERT_CONNECTOR_LIVE_CONFIG_H
#define CULVERT_CONNECTOR_LIVE_CONFIG_H

#include "culvert/net/loop.h"
#include "culvert/origin/openers.h"

struct live_config;

/* One version with its openers; belongs to the loop. */
struct config_version {
    struct loop *loop;
    struct blueprint *blueprint;
    const struct rules *rules; /* of it */
    struct openers *openers;
    size_t users; /* the live configuration, and each request */
    struct reap reap;
};

/* Loop, resolver and what `options` points to are borrowed; `blueprint` gets a reference.
 * NULL: `err` (an origin cannot be set up). */
struct live_config *live_config_new(struct loop *loop, struct resolver *resolver,
                                    const struct openers_options *options,
                                    struct blueprint *blueprint, struct error *err);
/* The next requests use `blueprint`, which gets a reference; those that run keep theirs. False:
 * `err`, and nothing changed. */
bool live_config_change(struct live_config *config, struct blueprint *blueprint,
                        struct error *err) MUST_CHECK;

/* Requests may still hold versions; what is not held goes at the end of the turn. NULL is allowed.
 */
void live_config_free(struct live_config *config);

/* Neither the machine nor an edge has brought any rules yet. */
bool live_config_is_empty(const struct live_config *config);

/* The version for a new request; given back by config_version_drop. */
struct config_version *live_config_take(struct live_config *config);
void config_version_drop(struct config_version *version);

#endif
