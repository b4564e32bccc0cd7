/* Paragraphs: usage, details, commands, options, settings. Lines are filled to 80 columns. */
#include "culvert/cli/help.h"

#include "culvert/base/nearest.h"

enum {
    LEFT = 2,         /* columns before a name */
    TEXT_COLUMN = 32, /* where explanations begin; longer names get a line of their own */
    LAST_COLUMN = 80,
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
    if (setting_why_idle(setting))
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

void help_hint_flag(const struct cli_command *command, struct span name, char *out, size_t size)
{
    struct nearest nearest = {.meant = name};
    for (size_t i = 0; i < command->option_count; i++)
        nearest_look(&nearest, command->options[i].name);
    for (size_t i = 0; i < settings_count(); i++)
        nearest_look(&nearest, settings_at(i)->name);
    out[0] = '\0';
    if (nearest.word)
        (void)snprintf(out, size, "; did you mean --%s?", nearest.word);
}

void help_hint_command(const struct cli_command *command, struct span word, char *out, size_t size)
{
    struct nearest nearest = {.meant = word};
    const struct cli_command *child;
    for (size_t i = 0; (child = cli_command_at(i)); i++)
        if (cli_command_is_below(child, command) && !child->is_hidden)
            nearest_look(&nearest, cli_command_word(child));
    out[0] = '\0';
    if (nearest.word)
        (void)snprintf(out, size, "; did you mean \"%s\"?", nearest.word);
}
