/* One pass over the words. Commands are named before their operands; flags stand anywhere. */
#include "culvert/cli/option.h"

#include "culvert/cli/help.h"

struct reader {
    struct cli_line *line;
    const char *const *words;
    size_t count;
    size_t at;
    bool only_operands; /* "--" was seen */
    int status;
    struct error *err;
};

static bool refuse(struct reader *r, int status)
{
    r->status = status;
    return false;
}

static bool is_group(const struct cli_command *command)
{
    for (size_t i = 0; cli_command_at(i); i++)
        if (cli_command_is_below(cli_command_at(i), command))
            return true;
    return false;
}

static const struct setting *find_setting(const struct cli_command *command, struct span name)
{
    for (size_t i = 0; i < command->option_count; i++)
        if (setting_is_called(&command->options[i], name))
            return &command->options[i];
    return settings_find(name);
}

/* One flag in two spellings would be two values without an order. */
static bool check_spelling(struct reader *r, const struct setting *setting, struct span name)
{
    for (size_t i = 0; i < r->line->flag_count; i++) {
        const struct cli_flag *other = &r->line->flags[i];
        if (other->setting == setting && !span_equal(other->name, name)) {
            error_set(r->err, ERROR_INVALID, 0, "--%.*s and --%.*s are the same flag: give one",
                      SPAN_ARG(other->name), SPAN_ARG(name));
            return refuse(r, CLI_USAGE);
        }
    }
    return true;
}

static bool take_help(struct reader *r, struct span name)
{
    static const char *const versions[] = {"version", "v", "V"};
    if (span_equal(name, SPAN("help")) || span_equal(name, SPAN("h"))) {
        r->line->wants_help = true;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        if (r->line->command->path[0] == '\0' && span_equal(name, span_of(versions[i]))) {
            r->line->wants_version = true;
            return true;
        }
    }
    return false;
}

static bool refuse_unknown(struct reader *r, struct span name)
{
    char hint[96];
    help_hint_flag(r->line->command, name, hint, sizeof hint);
    error_set(r->err, ERROR_INVALID, 0, "unknown flag --%.*s%s", SPAN_ARG(span_first(name, 60)),
              hint);
    return refuse(r, CLI_USAGE);
}

static bool take_flag(struct reader *r, struct span word)
{
    struct span name = span_skip(word, span_starts(word, SPAN("--")) ? 2 : 1);
    size_t equals = span_find(name, '=');
    struct span value = span_skip(name, equals + 1);
    bool has_value = equals < name.len;
    name = span_first(name, equals);
    const struct setting *setting = find_setting(r->line->command, name);
    if (!setting)
        return (!has_value && take_help(r, name)) || refuse_unknown(r, name);
    if (!check_spelling(r, setting, name))
        return false;
    if (!has_value && setting->kind == SETTING_BOOL) {
        value = SPAN("true");
    } else if (!has_value) {
        if (r->at == r->count) {
            error_set(r->err, ERROR_INVALID, 0, "the flag --%.*s needs a value", SPAN_ARG(name));
            return refuse(r, CLI_USAGE);
        }
        value = span_of(r->words[r->at++]);
    }
    r->line->flags[r->line->flag_count++] = (struct cli_flag){setting, name, value};
    return true;
}

/* A word that names no command below the current one. */
static bool refuse_word(struct reader *r, struct span word)
{
    const struct cli_command *command = r->line->command;
    char hint[96];
    help_hint_command(command, word, hint, sizeof hint);
    error_set(r->err, ERROR_INVALID, 0, "unknown command \"%.*s\"%s",
              SPAN_ARG(span_first(word, 60)), hint);
    return refuse(r, CLI_UNKNOWN_COMMAND);
}

static bool take_word(struct reader *r, const char *text)
{
    struct span word = span_of(text);
    struct cli_line *line = r->line;
    bool names_command = !r->only_operands && line->operand_count == 0 && is_group(line->command);
    if (names_command) {
        const struct cli_command *child = cli_command_child(line->command, word);
        if (child) {
            line->command = child;
            return true;
        }
        if (span_equal(word, SPAN("help")) || span_equal(word, SPAN("h"))) {
            line->wants_help = true;
            return true;
        }
        if (line->command->operands_max == 0)
            return refuse_word(r, word);
    }
    line->operands[line->operand_count++] = text;
    return true;
}

static bool read_words(struct reader *r)
{
    while (r->at < r->count) {
        const char *text = r->words[r->at++];
        bool ok = true;
        if (!r->only_operands && strcmp(text, "--") == 0)
            r->only_operands = true;
        else if (!r->only_operands && text[0] == '-' && text[1] != '\0')
            ok = take_flag(r, span_of(text));
        else
            ok = take_word(r, text);
        if (!ok)
            return false;
    }
    return true;
}

bool cli_line_parse(struct cli_line *line, int argc, const char *const *argv, int *status,
                    struct error *err)
{
    size_t count = argc > 0 ? (size_t)argc - 1 : 0;
    struct reader r = {.line = line, .words = argv + 1, .count = count, .err = err};
    *line = (struct cli_line){.command = cli_command_at(0)};
    *status = CLI_FAILED;
    line->flags = calloc(count + 1, sizeof *line->flags);
    line->operands = calloc(count + 1, sizeof *line->operands);
    if (!line->flags || !line->operands)
        return error_memory(err);
    if (read_words(&r))
        return true;
    *status = r.status;
    return false;
}

void cli_line_release(struct cli_line *line)
{
    free(line->flags);
    free(line->operands);
    *line = (struct cli_line){0};
}
