#include "culvert/cli/command.h"

#include "culvert/cli/help.h"

#include "harness.h"

#include <unistd.h>

enum { WORDS_MAX = 12 };

static const char *find_in_list(const char *name, void *arg)
{
    const char *const *list = arg;
    for (; list[0]; list += 2)
        if (strcmp(list[0], name) == 0)
            return list[1];
    return NULL;
}

struct outcome {
    int status;
    char *out, *err;
};

/* Runs words in an empty home; variables are pairs of name and value. */
static struct outcome run(const char *const *words, const char *const *variables)
{
    static const char *const nothing[] = {"HOME", "/nonexistent", NULL};
    struct outcome outcome = {0};
    size_t out_len, err_len;
    struct environment environment = {find_in_list,
                                      (void *)(uintptr_t)(variables ? variables : nothing)};
    FILE *out = open_memstream(&outcome.out, &out_len);
    FILE *err = open_memstream(&outcome.err, &err_len);
    const struct cli_world world = {&environment, out, err};
    int count = 0;
    while (words[count])
        count++;
    outcome.status = cli_run(&world, count, words);
    (void)fclose(out);
    (void)fclose(err);
    return outcome;
}

static void release(struct outcome *outcome)
{
    free(outcome->out);
    free(outcome->err);
}

TEST(every_command_has_a_parent_a_summary_and_a_help)
{
    const struct cli_command *command;
    for (size_t i = 1; (command = cli_command_at(i)); i++) {
        bool found = false;
        for (size_t p = 0; p < i; p++)
            found = found || cli_command_is_below(command, cli_command_at(p));
        CHECK_CASE(found, "%s has no parent before it", command->path);
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);
        help_print(out, command);
        (void)fclose(out);
        CHECK_CASE(strstr(text, command->path) && strstr(text, command->summary), "%s",
                   command->path);
        for (size_t s = 0; command->settings && command->settings[s]; s++)
            CHECK_CASE(settings_find(span_of(command->settings[s])), "%s: no setting %s",
                       command->path, command->settings[s]);
        for (char *line = text; line && *line; line = strchr(line, '\n') + 1)
            CHECK_CASE(strcspn(line, "\n") <= 80, "%s: %.90s", command->path, line);
        free(text);
    }
}

TEST(a_wrong_use_ends_with_255_one_reason_and_the_way_to_the_help)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *reason;
    } cases[] = {
        {{"culvert", "tunnel", "create"}, "\"culvert tunnel create\" takes NAME, not 0 operands"},
        {{"culvert", "tunnel", "create", "a", "b"}, "takes NAME, not 2 operands"},
        {{"culvert", "tunnel", "route", "dns", "a"}, "takes TUNNEL HOSTNAME, not 1 operand"},
        {{"culvert", "tunnel", "list", "--retries", "x"}, "--retries: \"x\" is not a whole number"},
        {{"culvert", "tunnel", "list", "--zork"}, "unknown flag --zork"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome outcome = run(cases[i].words, NULL);
        CHECK(outcome.status == CLI_USAGE);
        CHECK_TEXT(outcome.out, "");
        CHECK_CASE(strstr(outcome.err, cases[i].reason), "%s", outcome.err);
        CHECK_CASE(strstr(outcome.err, "--help'"), "%s", outcome.err);
        release(&outcome);
    }
}

TEST(a_bad_variable_ends_with_255_and_its_name)
{
    static const char *const words[] = {"culvert", "tunnel", "list", NULL};
    static const char *const variables[] = {"TUNNEL_RETRIES", "abc", NULL};
    struct outcome outcome = run(words, variables);
    CHECK(outcome.status == CLI_USAGE);
    CHECK(strstr(outcome.err, "TUNNEL_RETRIES") != NULL);
    release(&outcome);
}

TEST(without_a_certificate_the_account_commands_fail_with_advice)
{
    static const char *const words[] = {"culvert", "tunnel", "list", NULL};
    struct outcome outcome = run(words, NULL);
    CHECK(outcome.status == CLI_FAILED);
    CHECK_CASE(strstr(outcome.err, "cert.pem"), "%s", outcome.err);
    release(&outcome);
}

TEST(the_version_is_printed_in_three_ways)
{
    static const char *const cases[][WORDS_MAX] = {
        {"culvert", "--version"}, {"culvert", "version"}, {"culvert", "-V"}};
    static const char *const words[] = {"culvert", "version", "--short", NULL};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outcome outcome = run(cases[i], NULL);
        CHECK(outcome.status == CLI_OK);
        CHECK(span_starts(span_of(outcome.out), SPAN("culvert version ")));
        release(&outcome);
    }
    struct outcome outcome = run(words, NULL);
    CHECK_TEXT(outcome.out, CULVERT_VERSION "\n");
    release(&outcome);
}

TEST(a_group_without_a_word_prints_its_help)
{
    static const char *const words[] = {"culvert", "tunnel", "route", NULL};
    struct outcome outcome = run(words, NULL);
    CHECK(outcome.status == CLI_OK);
    CHECK(strstr(outcome.out, "dns") != NULL);
    release(&outcome);
}

TEST(validate_names_the_place_of_a_mistake)
{
    char path[] = "/tmp/culvert-config-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "ingress:\n  - service: http_status:1000\n";
    REQUIRE(fd != -1 && write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
    const char *const words[] = {"culvert", "tunnel",   "--config", path,
                                 "ingress", "validate", NULL};
    char place[128];
    (void)snprintf(place, sizeof place, "Validation failed: %s:2:14: rule #0: ", path);
    struct outcome outcome = run(words, NULL);
    CHECK(outcome.status == CLI_FAILED);
    CHECK_CASE(span_starts(span_of(outcome.err), span_of(place)), "%s", outcome.err);
    release(&outcome);
    CHECK(close(fd) == 0 && unlink(path) == 0);
}
