/* What a widely used connector did with configurations and URLs (tests/vectors/ingress), replayed.
 * Where we mean to differ, the case is named below with the reason. */
#include "culvert/ingress/rules.h"

#include "culvert/base/file.h"
#include "culvert/base/url.h"

#include "harness.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

/* Cases in which another rule is wanted: number 22 of the peer's known faults, host names that
 * compare by letter case and trailing dot, and wildcards without A-labels. */
static const struct {
    const char *name, *why;
    int rule;
} wanted[] = {
    {"hm-plain#5", "letter case of the request", 0},
    {"hm-plain#6", "trailing dot of the request", 0},
    {"hm-wild#7", "letter case of the request", 0},
    {"hm-wild#10", "trailing dot of the request", 0},
    {"hm-upper-rule#3", "letter case", 0},
    {"hm-upper-wild-rule#1", "letter case of a wildcard", 0},
    {"hm-trailing-dot-rule#1", "trailing dot of the rule", 0},
    {"hm-wild-idn#1", "A-labels behind the star", 0},
    {"hm-dot-star#1", "no trailing dot is left to match", 1},
    {"hm-dot-star#2", "no trailing dot is left to match", 1},
    {"multi#17", "letter case of the request", 2},
    {"gen-s-006-0", "letter case of the request", 3},
    {"gen-s-018-1", "letter case of the request", 0},
    {"gen-s-025-0", "letter case of the request", 0},
    {"gen-s-028-2", "letter case of the request", 1},
    {"gen-s-029-2", "letter case of the request", 0},
};

/* Configurations that the other one refuses and that are wanted. */
static const struct {
    const char *name, *why;
} accepted[] = {
    {"svc-http:~~localhost:8080~", "a service may have a path, and / alone changes nothing"},
    {"svc-http:~~localhost:8080~path", "a service may have a path: it goes before each request's"},
};

/* The words by which a class of errors is known. */
static const struct {
    const char *class, *words;
} classes[] = {
    {"no_ingress", "no ingress rules"},
    {"status_not_a_number", "takes a number"},
    {"status_out_of_range", "100 to 999"},
    {"iprule_bad", "ipRules #"},
    {"service_bad_url", "not a URL"},
    {"service_no_scheme_or_host", "neither a URL"},
    {"service_has_path", "has no path"},
    {"access_no_team", "needs a teamName"},
    {"hostname_has_port", "must not have a port"},
    {"hostname_bad_wildcard", "a star may only stand in front"},
    {"last_rule_not_catch_all", "the last rule must match"},
    {"catch_all_not_last", "it matches every request"},
    {"path_bad_regex", ": path \""},
    {"yaml_type", "must be"},
    {"yaml_duplicate_key", "stands twice"},
    {"yaml_syntax", "config.yml:"},
    {"json_type", "must be"},
    {"json_duration", "must be a duration in whole seconds"},
    {"json_syntax", "JSON: "},
    {"config_missing", "empty"},
};

static struct doc *load(const char *name)
{
    char path[64];
    struct buf text = BUF_LIMIT(FILE_MAX);
    struct error err = {0};
    struct doc *cases = NULL;
    (void)snprintf(path, sizeof path, "ingress/%s.json", name);
    if (file_read(vector_path(path), &text, &err))
        cases = doc_parse(buf_span(&text), &err);
    CHECK_CASE(cases, "%s: %s", name, err.text);
    buf_release(&text);
    return cases;
}

static struct span text_of(const struct doc *object, const char *key)
{
    struct span text = SPAN_NONE;
    CHECK(doc_read_text(object, key, &text, NULL));
    return text;
}

static int64_t number_of(const struct doc *object, const char *key, int64_t otherwise)
{
    int64_t number = otherwise;
    CHECK(doc_read_int(object, key, &number, NULL));
    return number;
}

/* What we make of the configuration of a case; NULL: `err` says why. */
static struct rules *make_rules(const struct doc *one, struct notes *notes, struct error *err)
{
    struct yml *file = NULL;
    struct doc *json = NULL;
    struct ingress_spec *spec = NULL;
    struct rules *rules = NULL;
    struct span text = text_of(one, "json");
    if (text.data) {
        json = doc_parse_last(text, err);
        if (json)
            spec = ingress_spec_read(value_of_doc(json), notes, err);
    } else {
        file = yml_parse(text_of(one, "config"), "config.yml", err);
        if (file && !yml_root(file))
            error_set(err, ERROR_INVALID, 0, "empty");
        else if (file)
            spec = ingress_spec_read(value_of_yml(yml_root(file)), notes, err);
    }
    if (spec)
        rules = rules_new(spec, notes, err);
    ingress_spec_free(spec);
    yml_free(file);
    doc_free(json);
    return rules;
}

static void check_error(const struct doc *one, const struct error *err)
{
    struct span name = text_of(one, "name");
    struct span class = text_of(one, "error_class");
    const char *words = "a class that the test does not know";
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (span_equal(class, span_of(classes[i].class)))
            words = classes[i].words;
    /* A text where a duration is wanted has its own words. */
    bool fits = strstr(err->text, words) ||
                (span_equal(class, SPAN("yaml_type")) && strstr(err->text, "is no duration"));
    CHECK_CASE(fits, "%.*s: %s", SPAN_ARG(name), err->text);
    int64_t line = number_of(one, "line", 0);
    char begin[32];
    (void)snprintf(begin, sizeof begin, "config.yml:%lld:", (long long)line);
    /* libyaml says where a construct breaks, the other one where it began. */
    bool is_syntax = span_equal(class, SPAN("yaml_syntax"));
    CHECK_CASE(line == 0 || is_syntax || span_starts(span_of(err->text), span_of(begin)),
               "%.*s: line %lld: %s", SPAN_ARG(name), (long long)line, err->text);
}

static void check_unused(const struct doc *one, struct notes *notes)
{
    const struct doc *unused = doc_get(one, "unused");
    size_t found = 0;
    notes_sort(notes);
    for (size_t i = 0; i < notes->count; i++) {
        int64_t line = 0;
        struct span key;
        if (notes->all[i].kind != NOTE_UNUSED_KEY)
            continue;
        const struct doc *pair = unused ? doc_at(unused, found++) : NULL;
        bool fits = pair && doc_as_int(doc_at(pair, 0), &line) &&
                    doc_as_text(doc_at(pair, 1), &key) && line == notes->all[i].place.line &&
                    span_equal(key, span_of(notes->all[i].text));
        CHECK_CASE(fits, "%.*s: line %d, key %s", SPAN_ARG(text_of(one, "name")),
                   notes->all[i].place.line, notes->all[i].text);
    }
    CHECK_SIZE(found, unused ? doc_count(unused) : 0);
}

static bool is_refused(const struct doc *one)
{
    for (size_t i = 0; i < ARRAY_LEN(accepted); i++)
        if (span_equal(text_of(one, "name"), span_of(accepted[i].name)))
            return false;
    return number_of(one, "exit", 0) != 0;
}

static int64_t wanted_rule(const struct doc *one)
{
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (span_equal(text_of(one, "name"), span_of(wanted[i].name)))
            return wanted[i].rule;
    return number_of(one, "rule", -1);
}

static void check_url(const struct doc *one, const struct rules *rules)
{
    struct span name = text_of(one, "name");
    struct url url;
    struct buf host = BUF_LIMIT(4096);
    struct rules_verdict verdict;
    struct error err = {0};
    if (!url_parse(text_of(one, "url"), &url, &err) || !url_decode_host(&url, &host)) {
        CHECK_CASE(false, "%.*s: %s", SPAN_ARG(name), err.text);
        return;
    }
    struct span path = url.has_authority ? url.path : SPAN("");
    /* The peer goes by the path as it came; we say which rule that is, and refuse. */
    bool matched = rules_match(rules, buf_span(&host), path, &verdict);
    CHECK_CASE(matched || span_starts(name, SPAN("pm-dot-segments")), "%.*s: %s", SPAN_ARG(name),
               verdict.why);
    CHECK_CASE((int64_t)verdict.index == wanted_rule(one), "%.*s: rule %zu", SPAN_ARG(name),
               verdict.index);
    struct span service = text_of(one, "service");
    if (service.data && wanted_rule(one) == number_of(one, "rule", -1))
        CHECK_SPAN(span_of(rules_at(rules, verdict.index)->service.text), service);
    buf_release(&host);
}

static void replay(const char *name)
{
    struct doc *cases = load(name);
    CHECK(doc_count(cases) > 0);
    for (size_t i = 0; cases && i < doc_count(cases); i++) {
        const struct doc *one = doc_at(cases, i);
        struct notes notes = {0};
        struct error err = {0};
        struct rules *rules = make_rules(one, &notes, &err);
        if (is_refused(one))
            CHECK_CASE(!rules, "%.*s: accepted", SPAN_ARG(text_of(one, "name")));
        else
            CHECK_CASE(rules, "%.*s: %s", SPAN_ARG(text_of(one, "name")), err.text);
        if (!rules && is_refused(one))
            check_error(one, &err);
        if (rules && doc_get(one, "url"))
            check_url(one, rules);
        else if (rules)
            check_unused(one, &notes);
        rules_free(rules);
        notes_release(&notes);
    }
    doc_free(cases);
}

TEST(files_are_judged_by_their_structure)
{
    replay("structure");
}

TEST(host_names_are_judged)
{
    replay("hostname");
}

TEST(services_are_judged)
{
    replay("service");
}

TEST(services_are_shown_with_their_ports)
{
    replay("service-printed");
}

TEST(path_expressions_are_judged)
{
    replay("path-regex");
}

TEST(origin_requests_are_judged)
{
    replay("origin-request");
}

TEST(ip_rules_are_judged)
{
    replay("ip-rules");
}

TEST(access_requirements_are_judged)
{
    replay("access");
}

TEST(json_is_judged_by_its_own_rules)
{
    replay("json-flag");
}

TEST(hosts_choose_rules)
{
    replay("match-host");
}

TEST(paths_choose_rules)
{
    replay("match-path");
}

TEST(whole_configurations_choose_rules)
{
    replay("match-mixed");
}

TEST(generated_configurations_choose_rules)
{
    replay("generated");
}

/* An origin's CA is looked at when the origin is set up, not when the rules are judged. */
static bool is_about_origins(const struct doc *one)
{
    return span_equal(text_of(one, "error_class"), SPAN("ca_pool_unreadable"));
}

/* The rules of a pushed configuration; without any it is one that answers 503. */
static struct rules *make_pushed(const struct doc *one, struct error *err)
{
    struct doc *json = doc_parse_last(text_of(one, "config_json"), err);
    struct ingress_spec *spec = json ? ingress_spec_read(value_of_doc(json), NULL, err) : NULL;
    struct rules *rules = NULL;
    if (spec)
        rules = spec->count > 0 ? rules_new(spec, NULL, err) : rules_new_unavailable(NULL, err);
    ingress_spec_free(spec);
    doc_free(json);
    return rules;
}

TEST(pushed_configurations_are_judged)
{
    struct doc *cases = load("remote");
    CHECK(doc_count(cases) > 20);
    for (size_t i = 0; i < doc_count(cases); i++) {
        const struct doc *one = doc_at(cases, i);
        const struct doc *list = doc_get(doc_get(one, "effective"), "ingress");
        struct error err = {0};
        if (is_about_origins(one))
            continue;
        struct rules *rules = make_pushed(one, &err);
        CHECK_CASE((rules != NULL) == (list != NULL), "%.*s: %s", SPAN_ARG(text_of(one, "name")),
                   err.text);
        if (!rules)
            check_error(one, &err);
        for (size_t r = 0; rules && r < doc_count(list) && r < rules_count(rules); r++)
            CHECK_SPAN(span_of(rules_at(rules, r)->service.text),
                       text_of(doc_at(list, r), "service"));
        rules_free(rules);
    }
    doc_free(cases);
}
