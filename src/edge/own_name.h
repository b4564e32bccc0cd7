/* The names of the edge itself, under which its API answers. */
#ifndef CULVERT_SRC_EDGE_OWN_NAME_H
#define CULVERT_SRC_EDGE_OWN_NAME_H

#include "culvert/edge/edge.h"

/* `name`: lower case, no port. */
bool own_name_is(const struct edge_options *options, struct span name);

#endif
