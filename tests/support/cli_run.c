/* The world of a command: variables from a list, streams in memory. */
#include "cli_run.h"

struct variables {
    const char *const *list;
    const char *home;
    char value[1024]; /* of the last one that was asked for */
};

/* "@/x" becomes "HOME/x". */
static const char *expand(const char *home, const char *text, char *out, size_t size)
{
    if (text[0] != '@')
        return text;
    (void)snprintf(out, size, "%s%s", home, text + 1);
    return out;
}

static const char *find(const char *name, void *arg)
{
    struct variables *variables = arg;
    if (strcmp(name, "HOME") == 0)
        return variables->home;
    for (const char *const *at = variables->list; at && at[0]; at += 2)
        if (strcmp(name, at[0]) == 0)
            return expand(variables->home, at[1], variables->value, sizeof variables->value);
    return NULL;
}

struct cli_outcome cli_outcome_of(struct test_place *home, const char *const *words,
                                  const char *const *variables)
{
    struct cli_outcome outcome = {0};
    size_t out_len, err_len;
    char expanded[CLI_WORDS_MAX][512];
    const char *all[CLI_WORDS_MAX + 1] = {0};
    struct variables found = {.list = variables, .home = home->directory};
    const struct environment environment = {find, &found};
    int count = 0;
    for (; count < CLI_WORDS_MAX && words[count]; count++)
        all[count] = expand(home->directory, words[count], expanded[count], sizeof expanded[0]);
    FILE *out = open_memstream(&outcome.out, &out_len);
    FILE *err = open_memstream(&outcome.err, &err_len);
    if (!out || !err)
        abort();
    const struct cli_world world = {&environment, out, err};
    outcome.status = cli_run(&world, count, all);
    (void)fclose(out);
    (void)fclose(err);
    return outcome;
}

void cli_outcome_release(struct cli_outcome *outcome)
{
    free(outcome->out);
    free(outcome->err);
    *outcome = (struct cli_outcome){0};
}
