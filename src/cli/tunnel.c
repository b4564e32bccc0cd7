/* `tunnel` and the words that only group commands. */
#include "commands.h"

/* Everything that holds for `tunnel run` may stand here, too. */
static int run_tunnel(struct cli_call *call)
{
    const struct sources *sources = call->sources;
    FILE *err = call->world->err;
    bool has_origin = sources_text(sources, "url")[0] || sources_bool(sources, "hello-world");
    if (sources_text(sources, "name")[0] || sources_text(sources, "hostname")[0])
        fputs("--name and --hostname at this place are not supported by this version: use "
              "\"culvert tunnel create\", \"culvert tunnel route dns\" and \"culvert tunnel "
              "run\".\n",
              err);
    else if (has_origin)
        fputs("A tunnel without an account is not supported by this version: make one with "
              "\"culvert tunnel create NAME\" and run it with \"culvert tunnel run --url URL "
              "NAME\".\n",
              err);
    else
        fputs("\"culvert tunnel\" needs a command, such as \"culvert tunnel run\"; \"culvert "
              "tunnel --help\" lists them.\n",
              err);
    return CLI_FAILED;
}

const struct cli_command cli_tunnel = {
    .path = "tunnel",
    .summary = "make, route and run tunnels",
    .run = run_tunnel,
};

const struct cli_command cli_tunnel_route = {
    .path = "tunnel route",
    .summary = "send visitors of a public name to a tunnel",
};

const struct cli_command cli_tunnel_ingress = {
    .path = "tunnel ingress",
    .summary = "look at the ingress rules of a configuration",
};
