/* Help texts, made of the tables that the commands are made of. */
#ifndef CULVERT_CLI_HELP_H
#define CULVERT_CLI_HELP_H

#include "culvert/cli/command.h"

/* Prints the help of a command: what it does, its flags with their variables and defaults, and the
 * commands below it. */
void help_print(FILE *out, const struct cli_command *command);

/* Writes "; did you mean --x?" for a name that is nearly one of the command's or of the common
 * flags, else "". */
void help_hint_flag(const struct cli_command *command, struct span name, char *out, size_t size);

/* The same for a word that is nearly a command below `command`. */
void help_hint_command(const struct cli_command *command, struct span word, char *out, size_t size);

#endif
