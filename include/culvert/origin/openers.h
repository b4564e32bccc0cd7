/* From an ingress snapshot to openers, one for each rule: rules with the same service share
 * nothing. */
#ifndef CULVERT_ORIGIN_OPENERS_H
#define CULVERT_ORIGIN_OPENERS_H

#include "culvert/origin/blueprint.h"
#include "culvert/origin/rewrite.h"
#include "culvert/proxy/opener.h"

#include <stddef.h>

struct budget;
struct flows;
struct ip_address;
struct loop;
struct openers;
struct outgoing_proxies;
struct resolver;
struct tunnel_metrics;

/* All is borrowed and outlives the openers. */
struct openers_options {
    struct budget *budget; /* may be NULL */
    struct span connector_id;
    const struct rewrite_tag *tags;
    size_t tag_count;
    size_t workers;            /* that share the idle connections a rule may keep; 0 counts as 1 */
    struct flows *flows;       /* into the private network, of all workers; may be NULL */
    const uint64_t *flows_max; /* in place of the version's maxActiveFlows; NULL: that one holds */
    const struct ip_address *dns; /* for the private network, see tcp_origin.h */
    size_t dns_count;
    uint64_t write_timeout_ms; /* for the private network, as conn_set_stall_limit; 0: none */
    const struct outgoing_proxies *proxies; /* of the environment; NULL: none */
    struct tunnel_metrics *metrics;         /* of the worker; NULL: nobody counts */
};

/* Keeps a reference to `blueprint`. The caller owns the openers. NULL: `err` names the rule. */
struct openers *openers_new(struct loop *loop, struct resolver *resolver,
                            struct blueprint *blueprint, const struct openers_options *options,
                            struct error *err);

/* The opener of the `rule`th rule; rule < rules_count. Lives as long as the openers. */
struct opener *openers_at(struct openers *openers, size_t rule);

/* The opener of flows into the private network, by the version's warp-routing. Lives as long. */
struct opener *openers_private(struct openers *openers);

/* Closes all idle connections to origins. Every outbound of every opener must be closed by then:
 * whoever counts the exchanges calls this after the last one. NULL is allowed. */
void openers_free(struct openers *openers);

#endif
