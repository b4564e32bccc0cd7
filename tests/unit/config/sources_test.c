#include "culvert/config/sources.h"

#include "culvert/base/duration.h"

#include "harness.h"

static const char *const no_variables[] = {NULL};

/* Pairs of name and value. */
static const char *find_in_list(const char *name, void *arg)
{
    const char *const *list = arg;
    for (; list[0]; list += 2)
        if (strcmp(list[0], name) == 0)
            return list[1];
    return NULL;
}

static bool read_all(struct sources *sources, const char *const *variables, const char *text,
                     struct error *err)
{
    struct environment environment = {find_in_list, (void *)(uintptr_t)variables};
    struct yml *file = yml_parse(span_of(text), "f", err);
    bool ok = file && sources_read_environment(sources, &environment, err) &&
              (!yml_root(file) || sources_read_file(sources, yml_root(file), NULL, err));
    yml_free(file);
    return ok;
}

static bool set_flag(struct sources *sources, const char *name, const char *value,
                     struct error *err)
{
    return sources_set_flag(sources, settings_find(span_of(name)), span_of(value), err);
}

TEST(a_flag_beats_a_variable_beats_the_file_beats_the_default)
{
    static const char *const variables[] = {"TUNNEL_URL", "http://v", NULL};
    static const char file[] = "url: http://f\nloglevel: debug\n";
    char where[64];
    struct sources *sources = sources_new(NULL, 0, NULL);
    REQUIRE(sources);
    CHECK(read_all(sources, no_variables, "", NULL));
    CHECK_TEXT(sources_text(sources, "loglevel"), "info");
    CHECK(!sources_is_set(sources, "loglevel"));
    CHECK(read_all(sources, no_variables, file, NULL));
    CHECK_TEXT(sources_text(sources, "loglevel"), "debug");
    CHECK_TEXT(sources_text(sources, "url"), "http://f");
    sources_describe(sources, "loglevel", where, sizeof where);
    CHECK_TEXT(where, "f:2:11");
    sources_free(sources);

    sources = sources_new(NULL, 0, NULL);
    REQUIRE(sources);
    CHECK(read_all(sources, variables, file, NULL));
    CHECK_TEXT(sources_text(sources, "url"), "http://v");
    sources_describe(sources, "url", where, sizeof where);
    CHECK_TEXT(where, "TUNNEL_URL");
    sources_free(sources);

    sources = sources_new(NULL, 0, NULL);
    REQUIRE(sources);
    CHECK(set_flag(sources, "url", "http://g", NULL));
    CHECK(read_all(sources, variables, file, NULL));
    CHECK_TEXT(sources_text(sources, "url"), "http://g");
    CHECK(sources_where(sources, "url") == SOURCE_FLAG);
    sources_free(sources);
}

TEST(an_empty_variable_is_a_text_or_keeps_the_files_value_away_and_the_first_of_several_counts)
{
    static const char *const variables[] = {"TUNNEL_URL",
                                            "",
                                            "TUNNEL_RETRIES",
                                            "",
                                            "TUNNEL_TAG",
                                            "",
                                            "TUNNEL_TRANSPORT_LOGLEVEL",
                                            "warn",
                                            "TUNNEL_PROTO_LOGLEVEL",
                                            "debug",
                                            NULL};
    struct sources *sources = sources_new(NULL, 0, NULL);
    REQUIRE(sources);
    CHECK(read_all(sources, variables, "retries: 7\nurl: http://f\ntag: 5", NULL));
    CHECK(sources_where(sources, "url") == SOURCE_VARIABLE);
    CHECK_TEXT(sources_text(sources, "url"), "");
    CHECK(sources_int(sources, "retries") == 5 && !sources_is_set(sources, "retries"));
    CHECK_SIZE(sources_list_count(sources, "tag"), 0);
    CHECK_TEXT(sources_text(sources, "transport-loglevel"), "debug");
    sources_free(sources);
}

TEST(lists_grow_by_flags_and_are_split_in_variables_only)
{
    static const char *const variables[] = {"TUNNEL_TAG", "a=1, b=2", NULL};
    struct sources *sources = sources_new(NULL, 0, NULL);
    struct buf out = BUF_LIMIT(64);
    REQUIRE(sources);
    CHECK(set_flag(sources, "edge", "h:1,x", NULL));
    CHECK(set_flag(sources, "edge", "h:2", NULL));
    CHECK(read_all(sources, variables, "features: [x, y]\nedge: [f]\n", NULL));
    CHECK_SIZE(sources_list_count(sources, "edge"), 2);
    CHECK_TEXT(sources_list_at(sources, "edge", 0), "h:1,x");
    CHECK_SIZE(sources_list_count(sources, "tag"), 2);
    CHECK_TEXT(sources_list_at(sources, "tag", 1), "b=2");
    CHECK_SIZE(sources_list_count(sources, "features"), 2);
    for (size_t i = 0; i < settings_count(); i++)
        if (strcmp(settings_at(i)->name, "tag") == 0)
            CHECK(sources_spell(sources, i, &out));
    CHECK_TEXT(buf_text(&out), "a=1,b=2");
    buf_release(&out);
    sources_free(sources);
}

TEST(kinds_have_their_spellings)
{
    static const struct {
        const char *flag, *value;
        bool ok;
        int64_t number;
    } cases[] = {
        {"no-tls-verify", "t", true, 1},
        {"no-tls-verify", "FALSE", true, 0},
        {"no-tls-verify", "yes", false, 0},
        {"no-tls-verify", "tRUE", false, 0},
        {"retries", "0x10", true, 16},
        {"retries", "010", true, 8},
        {"retries", "0b11", true, 3},
        {"retries", "1_000", true, 1000},
        {"retries", "0x_1f", true, 31},
        {"retries", "_1", false, 0},
        {"retries", "1__0", false, 0},
        {"retries", "1_", false, 0},
        {"retries", "-5", true, -5},
        {"retries", "1.5", false, 0},
        {"retries", "", false, 0},
        {"retries", "9223372036854775808", false, 0},
        {"grace-period", "1m", true, 60000000000},
        {"grace-period", "30", false, 0},
        {"grace-period", "0", true, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sources *sources = sources_new(NULL, 0, NULL);
        struct error err = {0};
        REQUIRE(sources);
        bool ok = set_flag(sources, cases[i].flag, cases[i].value, &err);
        CHECK_CASE(ok == cases[i].ok, "--%s %s: %s", cases[i].flag, cases[i].value, err.text);
        CHECK_CASE(ok || strstr(err.text, cases[i].flag), "the flag is not named: %s", err.text);
        int64_t number = strcmp(cases[i].flag, "retries") == 0 ? sources_int(sources, "retries")
                         : strcmp(cases[i].flag, "grace-period") == 0
                             ? sources_duration(sources, "grace-period")
                             : sources_bool(sources, "no-tls-verify");
        CHECK_CASE(!ok || number == cases[i].number, "--%s %s", cases[i].flag, cases[i].value);
        sources_free(sources);
    }
}

TEST(the_file_is_strict_about_types)
{
    static const struct {
        const char *text, *begins; /* NULL: accepted */
    } cases[] = {
        {"loglevel: 5", "f:1:11: loglevel must be a text, not a whole number"},
        {"loglevel: [a]", "f:1:11: loglevel must be a text, not a list"},
        {"loglevel: 2020-01-01", "f:1:11: loglevel must be a text, not a date"},
        {"loglevel:", NULL},
        {"loglevel: loud", NULL},
        {"no-tls-verify: yes", "f:1:16: no-tls-verify must be true or false, not a text"},
        {"no-tls-verify: \"true\"", "f:1:16: no-tls-verify must be true or false"},
        {"no-tls-verify: True", NULL},
        {"retries: \"5\"", "f:1:10: retries must be a whole number"},
        {"retries: 5.5", "f:1:10: retries must be a whole number"},
        {"retries: 0x5", NULL},
        {"grace-period: 30", "f:1:15: grace-period must be a duration"},
        {"grace-period: 30x", "f:1:15: grace-period: \"30x\" is not a duration"},
        {"tag: a=b", "f:1:6: tag must be a list of texts"},
        {"tag: [1]", "f:1:7: tag must be a list of texts"},
        {"cred-file: 5", NULL}, /* an alias is no key */
        {"output: 5", NULL},    /* no setting of the file */
        {"zork: 5", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sources *sources = sources_new(NULL, 0, NULL);
        struct error err = {0};
        REQUIRE(sources);
        bool ok = read_all(sources, no_variables, cases[i].text, &err);
        CHECK_CASE(ok == (cases[i].begins == NULL), "%s: %s", cases[i].text, err.text);
        CHECK_CASE(ok || span_starts(span_of(err.text), span_of(cases[i].begins)), "%s", err.text);
        sources_free(sources);
    }
}

TEST(a_wrong_type_in_the_file_does_not_matter_under_a_flag)
{
    struct sources *sources = sources_new(NULL, 0, NULL);
    REQUIRE(sources);
    CHECK(set_flag(sources, "loglevel", "info", NULL));
    CHECK(read_all(sources, no_variables, "loglevel: 5", NULL));
    sources_free(sources);
}

TEST(a_bad_variable_is_named)
{
    static const char *const variables[] = {"NO_AUTOUPDATE", "maybe", NULL};
    struct sources *sources = sources_new(NULL, 0, NULL);
    struct error err = {0};
    REQUIRE(sources);
    CHECK(!read_all(sources, variables, "", &err));
    CHECK(strstr(err.text, "NO_AUTOUPDATE") != NULL);
    sources_free(sources);
}

TEST(an_own_option_hides_the_common_one_unless_that_is_a_flag)
{
    static const struct setting own[] = {
        {.name = "output", .aliases = {"o"}, .kind = SETTING_TEXT, .argument = "FORMAT"}};
    static const char *const variables[] = {"TUNNEL_LOG_OUTPUT", "json", NULL};
    struct sources *sources = sources_new(own, ARRAY_LEN(own), NULL);
    REQUIRE(sources);
    CHECK(sources_find_own(sources, SPAN("o")) == &own[0]);
    CHECK(read_all(sources, variables, "", NULL));
    CHECK_TEXT(sources_text(sources, "output"), "");
    CHECK_TEXT(sources_common_text(sources, "output"), "json");
    CHECK(set_flag(sources, "output", "yaml", NULL));
    CHECK_TEXT(sources_text(sources, "output"), "yaml");
    CHECK(sources_set_flag(sources, &own[0], SPAN("json"), NULL));
    CHECK_TEXT(sources_text(sources, "output"), "json");
    sources_free(sources);
}

TEST(every_name_and_variable_is_unique)
{
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *one = settings_at(i);
        CHECK_CASE(settings_find(span_of(one->name)) == one, "%s", one->name);
        for (size_t a = 0; a < SETTING_NAMES_MAX && one->aliases[a]; a++)
            CHECK_CASE(settings_find(span_of(one->aliases[a])) == one, "%s", one->aliases[a]);
        CHECK_CASE((one->kind == SETTING_BOOL) == (one->argument == NULL), "%s", one->name);
    }
}
