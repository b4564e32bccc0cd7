/* The tree, and running one of its commands. */
#include "culvert/cli/command.h"

#include "commands.h"
#include "culvert/cli/help.h"
#include "culvert/cli/option.h"

static int run_root(struct cli_call *call);

static const struct cli_command root = {
    .path = "",
    .summary = "both ends of a tunnel to a server without a public address",
    .run = run_root,
};

static const struct cli_command *const commands[] = {
    &root,
    &cli_tunnel,
    &cli_tunnel_run,
    &cli_tunnel_create,
    &cli_tunnel_list,
    &cli_tunnel_delete,
    &cli_tunnel_token,
    &cli_tunnel_route,
    &cli_tunnel_route_dns,
    &cli_tunnel_ingress,
    &cli_tunnel_ingress_validate,
    &cli_tunnel_ingress_rule,
    &cli_tunnel_ingress_prove,
    &cli_edge,
    &cli_edge_run,
    &cli_edge_cert,
    &cli_version,
};

const struct cli_command *cli_command_at(size_t index)
{
    return index < ARRAY_LEN(commands) ? commands[index] : NULL;
}

const char *cli_command_word(const struct cli_command *command)
{
    const char *blank = strrchr(command->path, ' ');
    return blank ? blank + 1 : command->path;
}

bool cli_command_is_below(const struct cli_command *command, const struct cli_command *parent)
{
    size_t len = strlen(parent->path);
    const char *word = cli_command_word(command);
    size_t above = (size_t)(word - command->path);
    if (command == parent || above != (len ? len + 1 : 0))
        return false;
    return strncmp(command->path, parent->path, len) == 0;
}

const struct cli_command *cli_command_child(const struct cli_command *parent, struct span word)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (cli_command_is_below(commands[i], parent) &&
            span_equal(word, span_of(cli_command_word(commands[i]))))
            return commands[i];
    return NULL;
}

/* Without any command. A file with "forwarders" would be another matter; none is supported. */
static int run_root(struct cli_call *call)
{
    help_print(call->world->out, &root);
    return CLI_USAGE;
}

/* One sentence on stderr, and where to read more. Returns the status. */
static int complain(const struct cli_world *world, const struct cli_command *command, int status,
                    const struct error *err)
{
    fprintf(world->err, "%s\n", err->text);
    if (status == CLI_USAGE)
        fprintf(world->err, "See 'culvert%s%s --help'.\n", command->path[0] ? " " : "",
                command->path);
    return status;
}

static bool check_operands(const struct cli_line *line, struct error *err)
{
    const struct cli_command *command = line->command;
    if (line->operand_count >= command->operands_min &&
        line->operand_count <= command->operands_max)
        return true;
    return error_set(err, ERROR_INVALID, 0, "\"culvert %s\" takes %s%s, not %zu operand%s",
                     command->path, command->operands ? "" : "no operands",
                     command->operands ? command->operands : "", line->operand_count,
                     line->operand_count == 1 ? "" : "s");
}

static bool fill_sources(const struct cli_world *world, const struct cli_line *line,
                         struct sources *sources, struct error *err)
{
    for (size_t i = 0; i < line->flag_count; i++)
        if (!sources_set_flag(sources, line->flags[i].setting, line->flags[i].value, err))
            return false;
    return sources_read_environment(sources, world->environment, err);
}

static int run_line(const struct cli_world *world, const struct cli_line *line)
{
    const struct cli_command *command = line->command;
    struct error err = {0};
    if (!check_operands(line, &err))
        return complain(world, command, CLI_USAGE, &err);
    struct sources *sources = sources_new(command->options, command->option_count, &err);
    if (!sources)
        return complain(world, command, CLI_FAILED, &err);
    int status = CLI_USAGE;
    if (fill_sources(world, line, sources, &err)) {
        struct cli_call call = {
            .world = world,
            .command = command,
            .sources = sources,
            .operands = line->operands,
            .operand_count = line->operand_count,
        };
        status = command->run(&call);
    } else {
        complain(world, command, CLI_USAGE, &err);
    }
    sources_free(sources);
    return status;
}

int cli_run(const struct cli_world *world, int argc, const char *const *argv)
{
    struct cli_line line;
    struct error err = {0};
    int status;
    if (!cli_line_parse(&line, argc, argv, &status, &err)) {
        complain(world, line.command, status, &err);
    } else if (line.wants_help || !line.command->run) {
        help_print(world->out, line.command);
        status = CLI_OK;
    } else if (line.wants_version) {
        struct cli_call call = {.world = world, .command = &cli_version};
        status = cli_version.run(&call);
    } else {
        status = run_line(world, &line);
    }
    cli_line_release(&line);
    return fflush(world->out) == 0 ? status : CLI_FAILED;
}
