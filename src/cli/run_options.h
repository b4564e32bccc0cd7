/* From settings to what a connector wants to know. */
#ifndef CULVERT_CLI_RUN_OPTIONS_H
#define CULVERT_CLI_RUN_OPTIONS_H

#include "culvert/connector/connector.h"
#include "culvert/origin/tcp_origin.h"
#include "session.h"

enum { RUN_TAGS_MAX = 64 };

/* Embedded; start with {0} and release it in every case. Borrows from the call's sources and from
 * the credentials. */
struct run_options {
    struct connector_options connector;
    struct rewrite_tag tags[RUN_TAGS_MAX];
    struct ip_address edge_from;
    uint64_t max_active_flows, retries;
    struct ip_address dns[TCP_ORIGIN_DNS_MAX];
    struct outgoing_proxies *proxies;
    struct buf local_configuration;
};

/* Fills all but snapshot and log. False: a setting is out of its range, `err` names it. */
bool run_options_fill(struct cli_call *call, const struct credentials *creds,
                      struct run_options *options, struct error *err) MUST_CHECK;

/* Makes the report for an edge that does not manage the configuration. */
bool run_options_report(struct cli_call *call, const struct snapshot *snapshot,
                        struct run_options *options, struct error *err) MUST_CHECK;
void run_options_release(struct run_options *options);

#endif
