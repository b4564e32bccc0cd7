/* Every command's descriptor; the tree in command.c lists them. */
#ifndef CULVERT_CLI_COMMANDS_H
#define CULVERT_CLI_COMMANDS_H

#include "culvert/cli/command.h"

extern const struct cli_command cli_version;
extern const struct cli_command cli_tunnel;
extern const struct cli_command cli_tunnel_create;
extern const struct cli_command cli_tunnel_list;
extern const struct cli_command cli_tunnel_delete;
extern const struct cli_command cli_tunnel_token;
extern const struct cli_command cli_tunnel_route;
extern const struct cli_command cli_tunnel_route_dns;
extern const struct cli_command cli_tunnel_ingress;
extern const struct cli_command cli_tunnel_ingress_validate;
extern const struct cli_command cli_tunnel_ingress_rule;
extern const struct cli_command cli_tunnel_ingress_prove;
extern const struct cli_command cli_tunnel_run;
extern const struct cli_command cli_edge;
extern const struct cli_command cli_edge_run;
extern const struct cli_command cli_edge_cert;

#endif
