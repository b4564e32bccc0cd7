/* Paragraphs: usage, details, commands, options, settings. Lines are filled to 80 columns. */
#include "culvert/cli/help.h"

enum {
    LEFT = 2,         /* columns before a name */
    TEXT_COLUMN = 32, /* where explanations begin; longer names get a line of their own */
    LAST_COLUMN = 80,
    DISTANCE_MAX = 2, /* letters that may differ in a word that was meant */
    WORD_MAX = 40,    /* longer ones were not meant to be a flag or a command */
};

static void put_blanks(FILE *out, size_t count)
{
    fprintf(out, "%*s", (int)count, "");
}

/* A name on the left, an explanation on the right, filled. */
static void put_entry(FILE *out, const char *name, const char *text)
{
    struct span rest = span_of(text);
    struct span word;
    size_t column = LEFT + strlen(name);
    put_blanks(out, LEFT);
    fputs(name, out);
    if (column + 2 > TEXT_COLUMN) {
        fputc('\n', out);
        column = 0;
    }
    put_blanks(out, TEXT_COLUMN - column);
    column = TEXT_COLUMN;
    while (span_cut(&rest, ' ', &word)) {
        if (column > TEXT_COLUMN && column + 1 + word.len > LAST_COLUMN) {
            fputc('\n', out);
            put_blanks(out, TEXT_COLUMN);
            column = TEXT_COLUMN;
        }
        if (column > TEXT_COLUMN) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", SPAN_ARG(word));
        column += word.len;
    }
    fputc('\n', out);
}

static void put_setting(FILE *out, const struct setting *setting)
{
    char name[128];
    char text[512];
    size_t len = (size_t)snprintf(name, sizeof name, "--%s", setting->name);
    for (size_t i = 0; i < SETTING_NAMES_MAX && setting->aliases[i]; i++)
        len += (size_t)snprintf(name + len, sizeof name - len, ", %s%s",
                                setting->aliases[i][1] ? "--" : "-", setting->aliases[i]);
    if (setting->argument)
        (void)snprintf(name + len, sizeof name - len, " %s", setting->argument);
    len = (size_t)snprintf(text, sizeof text, "%s", setting->help);
    for (size_t i = 0; i < SETTING_NAMES_MAX && setting->variables[i]; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " [$%s]", setting->variables[i]);
    if (setting->fallback)
        len += (size_t)snprintf(text + len, sizeof text - len, " (default: %s)", setting->fallback);
    if (setting->traits & SETTING_LATER)
        (void)snprintf(text + len, sizeof text - len, " (no effect in this version)");
    put_entry(out, name, text);
}

static void put_commands(FILE *out, const struct cli_command *parent)
{
    const char *title = "\nCommands:\n";
    const struct cli_command *command;
    for (size_t i = 0; (command = cli_command_at(i)); i++) {
        if (command->is_hidden || !cli_command_is_below(command, parent))
            continue;
        fputs(title, out);
        title = "";
        put_entry(out, cli_command_word(command), command->summary);
    }
}

static void put_options(FILE *out, const struct cli_command *command)
{
    const char *title = "\nOptions:\n";
    for (size_t i = 0; i < command->option_count; i++) {
        if (command->options[i].traits & SETTING_HIDDEN)
            continue;
        fputs(title, out);
        title = "";
        put_setting(out, &command->options[i]);
    }
}

static void put_settings(FILE *out, const struct cli_command *command)
{
    if (!command->settings)
        return;
    fputs("\nSettings (flag over variable over configuration file):\n", out);
    for (size_t i = 0; command->settings[i]; i++)
        put_setting(out, settings_find(span_of(command->settings[i])));
}

void help_print(FILE *out, const struct cli_command *command)
{
    const char *blank = command->path[0] ? " " : "";
    fprintf(out, "culvert%s%s - %s\n\nUsage: culvert%s%s", blank, command->path, command->summary,
            blank, command->path);
    if (command->option_count > 0 || command->settings)
        fputs(" [options]", out);
    if (!command->run || command->path[0] == '\0')
        fputs(" COMMAND", out);
    if (command->operands)
        fprintf(out, " %s", command->operands);
    fputc('\n', out);
    if (command->details)
        fprintf(out, "\n%s", command->details);
    put_commands(out, command);
    put_options(out, command);
    put_settings(out, command);
}

/* ---- hints ---- */

/* Letters to change, add or take away (Levenshtein); more than DISTANCE_MAX for long words. */
static size_t distance(struct span a, struct span b)
{
    size_t row[WORD_MAX + 1];
    if (a.len > WORD_MAX || b.len > WORD_MAX)
        return DISTANCE_MAX + 1;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = diagonal + (a.data[i - 1] != b.data[j - 1]);
            size_t grow = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < grow ? change : grow;
        }
    }
    return row[b.len];
}

/* Keeps the nearest word. */
static void look_at(struct span meant, const char *word, const char **best, size_t *least)
{
    size_t d = distance(meant, span_of(word));
    if (d < *least && d < strlen(word)) {
        *least = d;
        *best = word;
    }
}

void help_hint_flag(const struct cli_command *command, struct span name, char *out, size_t size)
{
    const char *best = NULL;
    size_t least = DISTANCE_MAX + 1;
    for (size_t i = 0; i < command->option_count; i++)
        look_at(name, command->options[i].name, &best, &least);
    for (size_t i = 0; i < settings_count(); i++)
        look_at(name, settings_at(i)->name, &best, &least);
    out[0] = '\0';
    if (best)
        (void)snprintf(out, size, "; did you mean --%s?", best);
}

void help_hint_command(const struct cli_command *command, struct span word, char *out, size_t size)
{
    const char *best = NULL;
    size_t least = DISTANCE_MAX + 1;
    const struct cli_command *child;
    for (size_t i = 0; (child = cli_command_at(i)); i++)
        if (cli_command_is_below(child, command) && !child->is_hidden)
            look_at(word, cli_command_word(child), &best, &least);
    out[0] = '\0';
    if (best)
        (void)snprintf(out, size, "; did you mean \"%s\"?", best);
}
