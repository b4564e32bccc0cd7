/* The words of a command line, told apart: which command, which flags, which operands. */
#ifndef CULVERT_CLI_OPTION_H
#define CULVERT_CLI_OPTION_H

#include "culvert/cli/command.h"

struct cli_flag {
    const struct setting *setting;
    struct span name; /* as spelled, without dashes */
    struct span value;
};

/* Texts are borrowed from argv. */
struct cli_line {
    const struct cli_command *command; /* the deepest one that was named */
    struct cli_flag *flags;
    size_t flag_count;
    const char **operands;
    size_t operand_count;
    bool wants_help;
    bool wants_version;
};

/* Grammar: -x v, -x=v, --x v and --x=v are the same; a boolean takes its value only with "=". A
 * flag is one of the command named last so far or a common setting, and may stand anywhere; "--"
 * ends the flags. Start with {0}; the caller releases the line in every case. False: *status is the
 * exit status, `err` one sentence. */
bool cli_line_parse(struct cli_line *line, int argc, const char *const *argv, int *status,
                    struct error *err) MUST_CHECK;
void cli_line_release(struct cli_line *line);

#endif
