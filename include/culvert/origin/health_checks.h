/* The active checks that rules ask for by healthCheck, made in one place for all workers: the
 * findings are put on the boards of a blueprint. */
#ifndef CULVERT_ORIGIN_HEALTH_CHECKS_H
#define CULVERT_ORIGIN_HEALTH_CHECKS_H

#include "culvert/net/loop.h"
#include "culvert/origin/blueprint.h"

struct health_checks;
struct outgoing_proxies;
struct resolver;

enum {
    HEALTH_RUNNING_MAX = 64,  /* checks under way at once, of all rules; further ones wait */
    HEALTH_CROWDED_MS = 100,  /* for about so long */
    HEALTH_JITTER_PARTS = 10, /* an interval is longer or shorter by up to one of so many parts */
};

/* All is borrowed and outlives the checks. */
struct health_checks_options {
    struct loop *loop;
    struct resolver *resolver;              /* of that loop */
    struct span connector_id;               /* as origins see it */
    const struct outgoing_proxies *proxies; /* of the environment; NULL: none */
};

/* Begins the checks of `blueprint`, which gets a reference; each address for the first time within
 * an interval. What `before` (NULL: none) found of an address that is still checked for the same
 * service is taken over, all others begin well. The caller owns it. NULL: `err`, memory. */
struct health_checks *health_checks_new(const struct health_checks_options *options,
                                        struct blueprint *blueprint,
                                        const struct health_checks *before, struct error *err);

/* How many addresses are checked. */
size_t health_checks_count(const struct health_checks *checks);

/* Ends them all; the boards stay as they are. NULL is allowed. */
void health_checks_free(struct health_checks *checks);

#endif
