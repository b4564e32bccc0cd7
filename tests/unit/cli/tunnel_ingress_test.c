/* What a widely used connector answered to `tunnel ingress validate` and `rule`, replayed through
 * our commands (tests/vectors/ingress). Where we mean to differ, the case is named below. */
#include "culvert/cli/command.h"

#include "culvert/base/doc.h"
#include "culvert/base/file.h"

#include "harness.h"
#include "support/cli_run.h"

enum { FILE_MAX = 1024 * 1024 };

static const struct {
    const char *name;
    int status;
    const char *why;
} wanted[] = {
    {"set-loglevel-null", CLI_OK, "null in the file is not set"},
    {"cli-url-env-empty", CLI_OK, "an empty variable is not set"},
};

static const char *text_of(const struct doc *object, const char *key)
{
    struct span text;
    const struct doc *value = doc_get(object, key);
    return value && doc_as_text(value, &text) ? text.data : NULL; /* of JSON: ends in a NUL */
}

static void add_words(const struct doc *list, const char **words, size_t *count)
{
    for (size_t i = 0; list && i < doc_count(list); i++) {
        struct span text;
        if (doc_as_text(doc_at(list, i), &text))
            words[(*count)++] = text.data;
    }
}

/* The command of a case; words of it are borrowed. */
static void make_words(const struct doc *one, const char *words[CLI_WORDS_MAX])
{
    size_t count = 0;
    const char *url = text_of(one, "url");
    words[count++] = "culvert";
    words[count++] = "tunnel";
    if (text_of(one, "config") || text_of(one, "config_path"))
        words[count++] = "--config";
    if (text_of(one, "config"))
        words[count++] = "@/config.yml";
    else if (text_of(one, "config_path"))
        words[count++] = strcmp(text_of(one, "config_path"), "directory") == 0 ? "@" : "@/none.yml";
    add_words(doc_get(one, "args"), words, &count);
    words[count++] = "ingress";
    words[count++] = url ? "rule" : "validate";
    if (url && url[0])
        words[count++] = url;
    add_words(doc_get(one, "extra_args"), words, &count);
    words[count] = NULL;
}

static void make_variables(const struct doc *one, const char *variables[CLI_WORDS_MAX])
{
    const struct doc *env = doc_get(one, "env");
    size_t count = 0;
    for (size_t i = 0; env && i < doc_count(env); i++) {
        variables[count++] = NULL;
        const char *value = NULL;
        struct span text;
        const struct doc *member = doc_member(env, i, &variables[count - 1]);
        if (member && doc_as_text(member, &text))
            value = text.data;
        variables[count++] = value ? value : "";
    }
    variables[count] = NULL;
}

static int wanted_status(const struct doc *one)
{
    int64_t status = 0;
    CHECK(doc_read_int(one, "exit", &status, NULL));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (strcmp(text_of(one, "name"), wanted[i].name) == 0)
            return wanted[i].status;
    /* A wrong use, which the peer takes for a success. */
    return doc_get(one, "recommended_exit") ? CLI_USAGE : (int)status;
}

static void check_one(const struct doc *one)
{
    const char *words[CLI_WORDS_MAX + 1];
    const char *variables[CLI_WORDS_MAX + 1];
    const char *name = text_of(one, "name");
    struct test_place home = place_make();
    int64_t rule = -1;
    char match[32];
    make_words(one, words);
    make_variables(one, variables);
    if (text_of(one, "config"))
        CHECK(file_replace(place_path(&home, "config.yml"), span_of(text_of(one, "config")), 0600,
                           NULL));
    struct cli_outcome outcome = cli_outcome_of(&home, words, variables);
    CHECK_CASE(outcome.status == wanted_status(one), "%s: status %d: %s", name, outcome.status,
               outcome.err);
    CHECK(doc_read_int(one, "rule", &rule, NULL));
    (void)snprintf(match, sizeof match, "Matched rule #%lld\n", (long long)rule);
    CHECK_CASE(rule < 0 || strstr(outcome.out, match), "%s: %s", name, outcome.out);
    CHECK_CASE(outcome.status == CLI_OK || outcome.err[0], "%s: no words", name);
    cli_outcome_release(&outcome);
    place_remove(&home);
}

static void replay(const char *file)
{
    struct buf text = BUF_LIMIT(FILE_MAX);
    struct error err = {0};
    struct doc *cases = NULL;
    if (file_read(vector_path(file), &text, &err))
        cases = doc_parse(buf_span(&text), &err);
    buf_release(&text);
    CHECK_CASE(cases && doc_count(cases) > 10, "%s: %s", file, err.text);
    for (size_t i = 0; cases && i < doc_count(cases); i++)
        check_one(doc_at(cases, i));
    doc_free(cases);
}

TEST(settings_of_the_file_are_judged)
{
    replay("ingress/settings.json");
}

TEST(flags_variables_and_files_are_judged)
{
    replay("ingress/cli.json");
}

TEST(arguments_of_rule_are_judged)
{
    replay("ingress/rule-arguments.json");
}

TEST(a_refused_path_is_told_beside_its_rule)
{
    static const char *const words[] = {
        "culvert", "tunnel", "--config", "@/c.yml", "ingress", "rule", "https://h/x/../admin",
        NULL};
    struct test_place home = place_make();
    CHECK(file_replace(place_path(&home, "c.yml"),
                       SPAN("ingress:\n  - {path: ^/admin, service: http_status:403}\n"
                            "  - {service: http_status:404}\n"),
                       0600, NULL));
    struct cli_outcome outcome = cli_outcome_of(&home, words, NULL);
    CHECK(outcome.status == CLI_OK);
    CHECK_CASE(strstr(outcome.out, "Matched rule #1") && strstr(outcome.out, "refused with 400"),
               "%s", outcome.out);
    cli_outcome_release(&outcome);
    place_remove(&home);
}

TEST(unused_keys_and_oddities_are_listed_and_fine)
{
    static const char *const words[] = {"culvert", "tunnel",   "--config", "@/c.yml",
                                        "ingress", "validate", NULL};
    struct test_place home = place_make();
    CHECK(file_replace(place_path(&home, "c.yml"),
                       SPAN("ingress:\n  - hostname: '*a.example'\n    zork: 1\n"
                            "    service: http://h\n  - {service: http_status:404}\n"),
                       0600, NULL));
    struct cli_outcome outcome = cli_outcome_of(&home, words, NULL);
    CHECK(outcome.status == CLI_OK);
    CHECK_CASE(strstr(outcome.out, "line 3: nothing reads the key zork"), "%s", outcome.out);
    CHECK_CASE(strstr(outcome.out, "line 2: the hostname"), "%s", outcome.out);
    cli_outcome_release(&outcome);
    place_remove(&home);
}
