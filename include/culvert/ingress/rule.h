/* One line of the routing list: which requests, which service, and how to speak to it. */
#ifndef CULVERT_INGRESS_RULE_H
#define CULVERT_INGRESS_RULE_H

#include "culvert/ingress/pattern.h"
#include "culvert/ingress/service.h"
#include "culvert/ingress/spec.h"

/* Immutable once made. Texts are owned and never NULL. */
struct rule {
    char *hostname, *path; /* as written; "" when absent */
    struct host_pattern *host_pattern;
    struct path_pattern *path_pattern; /* NULL: every path */
    struct service service;
    struct origin_request origin; /* own keys, then the file's, then the defaults */
};

/* Judges one rule in the order service, access, hostname, path; `is_last` says whether it has to
 * take what no other rule takes. What is odd but allowed becomes a note. False: `err` says what is
 * wrong, with the place; *rule is released. */
bool rule_init(struct rule *rule, const struct ingress_spec *spec, size_t index,
               struct notes *notes, struct error *err) MUST_CHECK;

/* A rule for every request; takes `service` and `origin` over, also when it fails. False: memory,
 * or an `access` whose keys would come by an unsafe way. */
bool rule_init_single(struct rule *rule, struct service *service, struct origin_request *origin,
                      struct error *err) MUST_CHECK;

void rule_release(struct rule *rule);

/* Same service and same Access requirement? */
bool rule_serves_alike(const struct rule *a, const struct rule *b);

#endif
