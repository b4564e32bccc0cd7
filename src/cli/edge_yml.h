/* What reading edge.yml needs everywhere: refusals that name the place. */
#ifndef CULVERT_CLI_EDGE_YML_H
#define CULVERT_CLI_EDGE_YML_H

#include "culvert/config/yaml.h"
#include "culvert/edge/edge.h"

/* Is the node of this kind? Else false: `err`. */
bool edge_yml_want(const struct yml_node *node, enum yml_kind kind, struct error *err);

/* Nobody reads this key. False. */
bool edge_yml_refuse_key(const struct yml_node *key, struct error *err);

/* Puts the node's place in front of what `err` says. False. */
bool edge_yml_fail(const struct yml_node *node, struct error *err);

/* The map under "limits". False: `err`. */
bool edge_yml_read_limits(struct edge_visitor_limits *limits, const struct yml_node *map,
                          struct error *err) MUST_CHECK;

#endif
