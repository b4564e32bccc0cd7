/* Words are looked at one by one, not parsed: what looks like the value of a secret flag is hidden,
 * wherever it stands. */
#include "culvert/cli/words.h"

#include "culvert/cli/command.h"

#include <stdlib.h>
#include <string.h>

static bool is_secret(const struct setting *setting, struct span name)
{
    return (setting->traits & SETTING_SECRET) && setting_is_called(setting, name);
}

static bool names_secret(struct span name)
{
    for (size_t i = 0; i < settings_count(); i++)
        if (is_secret(settings_at(i), name))
            return true;
    for (size_t i = 0; cli_command_at(i); i++)
        for (size_t j = 0; j < cli_command_at(i)->option_count; j++)
            if (is_secret(&cli_command_at(i)->options[j], name))
                return true;
    return false;
}

/* The environment may follow the last word in memory: its length stays. */
static void hide(char *text)
{
    memset(text, 'x', strlen(text));
}

static void hide_secrets(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        struct span word = span_of(argv[i]);
        if (!span_starts(word, SPAN("-")))
            continue;
        struct span name = span_skip(word, span_starts(word, SPAN("--")) ? 2 : 1);
        size_t equals = span_find(name, '=');
        if (!names_secret(span_first(name, equals)))
            continue;
        if (equals < name.len)
            hide(strchr(argv[i], '=') + 1);
        else if (i + 1 < argc)
            hide(argv[++i]);
    }
}

bool cli_words_take(struct cli_words *words, int argc, char **argv)
{
    *words = (struct cli_words){.at = calloc((size_t)argc + 1, sizeof *words->at)};
    if (!words->at)
        return false;
    for (int i = 0; i < argc; i++) {
        words->at[i] = strdup(argv[i]);
        if (!words->at[i])
            return false;
        words->count++;
    }
    hide_secrets(argc, argv);
    return true;
}

void cli_words_release(struct cli_words *words)
{
    for (int i = 0; i < words->count; i++) {
        explicit_bzero(words->at[i], strlen(words->at[i]));
        free(words->at[i]);
    }
    free(words->at);
    *words = (struct cli_words){0};
}
