/* Which Culvert this is. */
#include "commands.h"

static const struct setting options[] = {
    {.name = "short", .aliases = {"s"}, .kind = SETTING_BOOL, .help = "only the number"},
};

static int run(struct cli_call *call)
{
    bool is_short = call->sources && sources_bool(call->sources, "short");
    fprintf(call->world->out, is_short ? "%s\n" : "culvert version %s\n", CULVERT_VERSION);
    return CLI_OK;
}

const struct cli_command cli_version = {
    .path = "version",
    .summary = "print the version",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .operands_max = CLI_OPERANDS_ANY,
    .run = run,
};
