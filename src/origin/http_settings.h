/* What a rule says about speaking HTTP to its origin, in the units of the lower floors. */
#ifndef CULVERT_ORIGIN_HTTP_SETTINGS_H
#define CULVERT_ORIGIN_HTTP_SETTINGS_H

#include "culvert/origin/blueprint.h"
#include "culvert/origin/http_origin.h"

/* Of a rule whose service is HTTP to a host or a socket, at the service's own address. Borrows from
 * the blueprint. Still to be set: resolver, budget, idle_limit, who we are and the tags. */
struct http_origin_options http_settings(const struct blueprint *blueprint, size_t rule);

#endif
