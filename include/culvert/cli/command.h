/* Commands: what one is, the tree of all of them, and the way from the words of the command line to
 * the exit status. */
#ifndef CULVERT_CLI_COMMAND_H
#define CULVERT_CLI_COMMAND_H

#include "culvert/config/sources.h"

enum cli_status {
    CLI_OK = 0,
    CLI_FAILED = 1,          /* the action failed */
    CLI_UNKNOWN_COMMAND = 3, /* a word that names no command */
    CLI_USAGE = 255,         /* flags, variables, number of operands, an unusable token */
};

/* Where a command finds and leaves things; a process's own, or a test's. */
struct cli_world {
    const struct environment *environment;
    FILE *out; /* results */
    FILE *err; /* everything else */
};

/* One command that is to be run. All borrowed. */
struct cli_call {
    const struct cli_world *world;
    const struct cli_command *command;
    struct sources *sources; /* flags and variables; the file is read by the command */
    const char *const *operands;
    size_t operand_count;
};

enum { CLI_OPERANDS_ANY = 1000 };

struct cli_command {
    const char *path;              /* "tunnel create"; "" is the program itself */
    const char *summary;           /* one line, no full stop */
    const char *operands;          /* for the help: "NAME"; NULL: none */
    const char *details;           /* more lines of the help; NULL */
    const struct setting *options; /* own ones */
    size_t option_count;
    const char *const *settings; /* names of the common ones that it heeds, for the help; ends with
                                  * NULL; NULL: none */
    size_t operands_min, operands_max;
    bool is_hidden;
    /* Returns the exit status. NULL: it only groups others. */
    int (*run)(struct cli_call *call);
};

/* The tree is one array, parents before children: the `index`th command; NULL behind the last. */
const struct cli_command *cli_command_at(size_t index);

/* The command below `parent` called `word`; NULL: there is none. */
const struct cli_command *cli_command_child(const struct cli_command *parent, struct span word);

/* Is `command` directly below `parent`? */
bool cli_command_is_below(const struct cli_command *command, const struct cli_command *parent);

/* The last word of the path. */
const char *cli_command_word(const struct cli_command *command);

/* Runs what the words ask for; argv[0] is the program. Returns the exit status. */
int cli_run(const struct cli_world *world, int argc, const char *const *argv);

#endif
