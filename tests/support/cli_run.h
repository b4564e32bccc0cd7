/* A command run in a home of its own, and what it said. */
#ifndef CULVERT_TESTS_SUPPORT_CLI_RUN_H
#define CULVERT_TESTS_SUPPORT_CLI_RUN_H

#include "culvert/cli/command.h"

#include "place.h"

enum { CLI_WORDS_MAX = 16 };

struct cli_outcome {
    int status;
    char *out, *err;
};

/* Runs the words, up to the first NULL; `variables` are pairs of name and value with a NULL at the
 * end (NULL: none). HOME is the place; "@" at the beginning of a word or value stands for it. */
struct cli_outcome cli_outcome_of(struct test_place *home, const char *const *words,
                                  const char *const *variables);
void cli_outcome_release(struct cli_outcome *outcome);

#endif
