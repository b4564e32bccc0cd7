/* What a rule says about speaking HTTP to its origin, in the units of the lower floors. */
#ifndef CULVERT_ORIGIN_HTTP_SETTINGS_H
#define CULVERT_ORIGIN_HTTP_SETTINGS_H

#include "culvert/origin/blueprint.h"
#include "culvert/origin/http2_origin.h"

/* Of a rule whose service is HTTP to a host or a socket, at the service's own address. Borrows from
 * the blueprint. Still to be set: resolver, budget, idle_limit, who we are and the tags. */
struct http2_origin_options http_settings(const struct blueprint *blueprint, size_t index);

/* By which proxy that goes, if by any, once host and port are set. False: kind INVALID, by one that
 * nobody here speaks to. */
bool http_settings_go_by(struct http2_origin_options *options, const struct rule *rule,
                         const struct outgoing_proxies *proxies, struct error *err) MUST_CHECK;

/* An opener, and what it is of. */
struct http_part {
    struct opener *opener;
    void *object; /* NULL: none */
    void (*release)(void *object);
};

/* The origin of such a rule: it speaks HTTP/2 if the rule says so. The caller releases it. False:
 * `err`. */
bool http_part_make(struct http_part *part, const struct rule *rule, struct loop *loop,
                    const struct http2_origin_options *options, struct error *err) MUST_CHECK;

#endif
