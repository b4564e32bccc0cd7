#include "culvert/cli/option.h"

#include "harness.h"

enum { WORDS_MAX = 12 };

static size_t count_words(const char *const *words)
{
    size_t n = 0;
    while (n < WORDS_MAX && words[n])
        n++;
    return n;
}

static const struct {
    const char *words[WORDS_MAX];
    const char *command, *flag, *value, *operand; /* NULL: none */
    const char *why;
} lines[] = {
    {{"culvert", "tunnel", "list"}, "tunnel list", NULL, NULL, NULL, "a command"},
    {{"culvert", "tunnel", "--url", "x", "list"},
     "tunnel list",
     "url",
     "x",
     NULL,
     "a flag before the command"},
    {{"culvert", "tunnel", "create", "--loglevel=debug", "n"},
     "tunnel create",
     "loglevel",
     "debug",
     "n",
     "a common flag behind it"},
    {{"culvert", "tunnel", "create", "n", "-o", "json"},
     "tunnel create",
     "output",
     "json",
     "n",
     "a flag behind the operand"},
    {{"culvert", "tunnel", "create", "-output=json", "n"},
     "tunnel create",
     "output",
     "json",
     "n",
     "one dash before a long name"},
    {{"culvert", "tunnel", "create", "--o", "json", "n"},
     "tunnel create",
     "output",
     "json",
     "n",
     "two dashes before a short one"},
    {{"culvert", "tunnel", "list", "-rd"},
     "tunnel list",
     "show-recently-disconnected",
     "true",
     NULL,
     "short names are not bundled"},
    {{"culvert", "tunnel", "list", "--show-deleted=false"},
     "tunnel list",
     "show-deleted",
     "false",
     NULL,
     "a truth with its value"},
    {{"culvert", "tunnel", "--retries", "-5", "list"},
     "tunnel list",
     "retries",
     "-5",
     NULL,
     "a value that begins with a dash"},
    {{"culvert", "tunnel", "--api-url", "", "list"},
     "tunnel list",
     "api-url",
     "",
     NULL,
     "an empty value"},
    {{"culvert", "tunnel", "create", "--", "-n"},
     "tunnel create",
     NULL,
     NULL,
     "-n",
     "operands behind two dashes"},
    {{"culvert", "tunnel", "create", "-"}, "tunnel create", NULL, NULL, "-", "a dash alone"},
    {{"culvert", "tunnel", "-f", "delete", "x"},
     "tunnel delete",
     "overwrite-dns",
     "true",
     "x",
     "the short name of the outer level"},
    {{"culvert", "tunnel", "delete", "-f", "x"},
     "tunnel delete",
     "force",
     "true",
     "x",
     "the short name of the command"},
};

TEST(words_become_command_flags_and_operands)
{
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct cli_line line;
        struct error err = {0};
        int status = 0;
        bool ok =
            cli_line_parse(&line, (int)count_words(lines[i].words), lines[i].words, &status, &err);
        CHECK_CASE(ok, "%s: %s", lines[i].why, err.text);
        CHECK_TEXT(line.command->path, lines[i].command);
        CHECK_CASE(line.flag_count == (lines[i].flag ? 1 : 0), "%s: %zu flags", lines[i].why,
                   line.flag_count);
        if (line.flag_count == 1 && lines[i].flag) {
            CHECK_TEXT(line.flags[0].setting->name, lines[i].flag);
            CHECK_SPAN(line.flags[0].value, span_of(lines[i].value));
        }
        CHECK_CASE(line.operand_count == (lines[i].operand ? 1 : 0), "%s: %zu operands",
                   lines[i].why, line.operand_count);
        if (line.operand_count == 1 && lines[i].operand)
            CHECK_TEXT(line.operands[0], lines[i].operand);
        cli_line_release(&line);
    }
}

TEST(what_is_no_command_line_has_its_status_and_its_sentence)
{
    static const struct {
        const char *words[WORDS_MAX];
        int status;
        const char *words_of_error;
    } cases[] = {
        {{"culvert", "tunnel", "list", "--zork"}, CLI_USAGE, "unknown flag --zork"},
        {{"culvert", "tunnel", "list", "--loglevl", "x"}, CLI_USAGE, "did you mean --loglevel?"},
        {{"culvert", "tunnel", "list", "--url"}, CLI_USAGE, "--url needs a value"},
        {{"culvert", "tunnel", "create", "-o", "json", "--output", "json", "x"},
         CLI_USAGE,
         "the same flag"},
        {{"culvert", "tunnel", "list", "--help=x"}, CLI_USAGE, "unknown flag --help"},
        {{"culvert", "tunnel", "list", "-v"}, CLI_USAGE, "unknown flag --v"},
        {{"culvert", "tunne"}, CLI_UNKNOWN_COMMAND, "did you mean \"tunnel\"?"},
        {{"culvert", "tunnel", "lst"}, CLI_UNKNOWN_COMMAND, "did you mean \"list\"?"},
        {{"culvert", "tunnel", "route", "x"}, CLI_UNKNOWN_COMMAND, "unknown command \"x\""},
        {{"culvert", "help", "x"}, CLI_UNKNOWN_COMMAND, "unknown command \"x\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cli_line line;
        struct error err = {0};
        int status = 0;
        CHECK(!cli_line_parse(&line, (int)count_words(cases[i].words), cases[i].words, &status,
                              &err));
        CHECK_CASE(status == cases[i].status, "%s: status %d", cases[i].words_of_error, status);
        CHECK_CASE(strstr(err.text, cases[i].words_of_error), "%s", err.text);
        cli_line_release(&line);
    }
}

TEST(help_is_asked_for_in_four_ways)
{
    static const char *const cases[][WORDS_MAX] = {
        {"culvert", "tunnel", "list", "--help"},
        {"culvert", "tunnel", "list", "-h"},
        {"culvert", "help", "tunnel", "list"},
        {"culvert", "tunnel", "h", "list"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cli_line line;
        int status = 0;
        CHECK(cli_line_parse(&line, (int)count_words(cases[i]), cases[i], &status, NULL));
        CHECK(line.wants_help);
        CHECK_TEXT(line.command->path, "tunnel list");
        cli_line_release(&line);
    }
}
