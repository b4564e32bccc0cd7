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
    {"set-loglevel-null", CLI_OK, "number 29 of the peer's known faults: null is not set"},
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
    if (text_of(one, "json")) {
        words[count++] = "--json";
        words[count++] = text_of(one, "json");
    }
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
    if (text_of(one, "service")) {
        char shown[512];
        (void)snprintf(shown, sizeof shown, "\tservice: %s\n", text_of(one, "service"));
        CHECK_CASE(strstr(outcome.out, shown), "%s: %s", name, outcome.out);
    }
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

TEST(odd_spellings_are_judged_alike)
{
    replay("ingress/neighbours.json");
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

/* What `tunnel ingress validate` says of a file. */
static struct cli_outcome validate(struct test_place *home, const char *text)
{
    static const char *const words[] = {"culvert", "tunnel",   "--config", "@/c.yml",
                                        "ingress", "validate", NULL};
    CHECK(file_replace(place_path(home, "c.yml"), span_of(text), 0600, NULL));
    return cli_outcome_of(home, words, NULL);
}

TEST(unused_keys_are_listed_with_the_one_that_was_meant)
{
    static const struct {
        const char *text, *line;
        bool is_ok; /* and "OK" besides */
    } cases[] = {
        {"ingress:\n  - zork: 1\n    service: http://h\n", "line 2: nothing reads the key zork\n",
         false},
        {"ingress:\n  - service: http://h\n    Hostname: a\n",
         "line 3: nothing reads the key Hostname; did you mean hostname?\n", false},
        {"ingress:\n  - service: http://h\n    noTLSVerify: true\n",
         "line 3: nothing reads the key noTLSVerify; it belongs below originRequest\n", false},
        {"ingress:\n  - service: http://h\n    noTlsVerfy: true\n",
         "nothing reads the key noTlsVerfy; noTLSVerify belongs below originRequest\n", false},
        {"ingress:\n  - service: http://h\n    originRequest: {http2origin: true}\n",
         "nothing reads the key http2origin; did you mean http2Origin?\n", false},
        {"ingress:\n  - service: http://h\n    originRequest: {required: true}\n",
         "nothing reads the key required; it belongs below access\n", false},
        {"ingress:\n  - service: http://h\n    originRequest:\n      access: {team: t}\n",
         "line 4: nothing reads the key team\n", false},
        {"ingress:\n  - service: http://h\nwarp-routing: {enabled: true}\n",
         "line 3: nothing reads the key enabled\n", false},
        {"ingress:\n  - service: http://h\nlogLevel: debug\n",
         "line 3: nothing reads the key logLevel; did you mean loglevel?\n", true},
        {"ingress:\n  - service: http://h\ncred-file: x\n",
         "line 3: nothing reads the key cred-file; in a file it is called credentials-file\n",
         true},
        {"ingress:\n  - service: http://h\noutput: json\n",
         "line 3: nothing reads the key output; --output is no key of a file\n", true},
        {"ingress:\n  - service: http://h\nconnectTimeout: 3s\n",
         "line 3: nothing reads the key connectTimeout; it belongs below originRequest\n", true},
        {"ingress:\n  - service: http://h\nsomething: else\n",
         "line 3: nothing reads the key something\n", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct test_place home = place_make();
        struct cli_outcome outcome = validate(&home, cases[i].text);
        CHECK_CASE(outcome.status == CLI_OK, "%s: %s", cases[i].line, outcome.err);
        CHECK_CASE(strstr(outcome.out, cases[i].line), "%s: %s", cases[i].line, outcome.out);
        CHECK_CASE((strstr(outcome.out, "OK\n") != NULL) == cases[i].is_ok, "%s", outcome.out);
        cli_outcome_release(&outcome);
        place_remove(&home);
    }
}

TEST(a_key_of_another_command_is_not_judged)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"token: 5\ningress: [{service: 'http://h'}]\n", CLI_OK},
        {"features: x\ningress: [{service: 'http://h'}]\n", CLI_OK},
        {"region: 5\ningress: [{service: 'http://h'}]\n", CLI_FAILED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct test_place home = place_make();
        struct cli_outcome outcome = validate(&home, cases[i].text);
        CHECK_CASE(outcome.status == cases[i].status, "%s: %s", cases[i].text, outcome.err);
        cli_outcome_release(&outcome);
        place_remove(&home);
    }
}

TEST(a_file_that_is_refused_is_told_with_the_key_that_was_meant)
{
    static const struct {
        const char *text, *error, *warning;
    } cases[] = {
        {"ingress:\n  - Service: http://h\n", "c.yml:2:5: rule #0: service \"\": ",
         "line 2: nothing reads the key Service; did you mean service?\n"},
        {"Ingress:\n  - service: http://h\n", "there are no ingress rules",
         "line 1: nothing reads the key Ingress; did you mean ingress?\n"},
        {"ingress: 5\ntunel: x\n", "c.yml:1:10: ingress must be a list",
         "line 2: nothing reads the key tunel; did you mean tunnel?\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct test_place home = place_make();
        struct cli_outcome outcome = validate(&home, cases[i].text);
        CHECK(outcome.status == CLI_FAILED);
        CHECK_CASE(strstr(outcome.err, cases[i].error), "%s: %s", cases[i].error, outcome.err);
        CHECK_CASE(strstr(outcome.err, cases[i].warning), "%s: %s", cases[i].warning, outcome.err);
        cli_outcome_release(&outcome);
        place_remove(&home);
    }
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
