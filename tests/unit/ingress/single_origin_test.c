/* What a widely used connector made of flags, variables and files that name one origin
 * (tests/vectors/ingress/single-origin.json), replayed. */
#include "culvert/ingress/single_origin.h"

#include "culvert/base/file.h"

#include "harness.h"

enum { FILE_MAX = 1024 * 1024 };

/* Cases with another outcome: numbers 28 and 31 of the peer's known faults, and the odd forms of
 * --url. Service NULL: it is refused; report NULL: the one of the case. */
static const struct {
    const char *name, *service, *report, *why;
} wanted[] = {
    {"cli-url:unix:/x", NULL, NULL, "no host named unix is meant"},
    {"cli-hello-world-false", "http_status:503", NULL, "false is false"},
    {"cli-originrequest-without-ingress-ignored", "http://h:1", "{\"noTLSVerify\":true}",
     "the file's originRequest holds"},
    {"cli-unix-socket", "unix:/run/x.sock", "{}", "a named tunnel may have a unix socket"},
};

/* Cases about tokens and unknown flags. */
static const char *const others[] = {"cli-token", "cli-token-bad",
                                     "cli-match-sni-flag-does-not-exist"};

static struct span text_of(const struct doc *object, const char *key)
{
    struct span text = SPAN_NONE;
    const struct doc *value = doc_get(object, key);
    return value && doc_as_text(value, &text) ? text : SPAN_NONE;
}

static const char *find_variable(const char *name, void *arg)
{
    const struct doc *variables = arg;
    return variables ? text_of(variables, name).data : NULL; /* a text of ours ends in a NUL */
}

static bool set_flags(struct sources *sources, const struct doc *args, struct error *err)
{
    for (size_t i = 0; args && i < doc_count(args); i++) {
        struct span word = SPAN_NONE;
        struct span value = SPAN("true");
        CHECK(doc_as_text(doc_at(args, i), &word) && span_starts(word, SPAN("--")));
        struct span name = span_skip(span_first(word, span_find(word, '=')), 2);
        const struct setting *setting = settings_find(name);
        CHECK_CASE(setting, "%.*s", SPAN_ARG(word));
        if (!setting)
            return false;
        if (span_find(word, '=') < word.len)
            value = span_skip(word, span_find(word, '=') + 1);
        else if (setting->kind != SETTING_BOOL)
            CHECK(doc_as_text(doc_at(args, ++i), &value));
        if (!sources_set_flag(sources, setting, value, err))
            return false;
    }
    return true;
}

/* The file's text; the place for credentials holds a path instead. */
static bool read_config(struct span text, struct buf *out)
{
    static const char hole[] = "{creds.json}";
    const char *at = text.len ? memmem(text.data, text.len, hole, sizeof hole - 1) : NULL;
    if (!at)
        return buf_put_span(out, text);
    struct span before = span_first(text, (size_t)(at - text.data));
    return buf_put_span(out, before) && buf_put_span(out, SPAN("/c.json")) &&
           buf_put_span(out, span_skip(text, before.len + sizeof hole - 1));
}

static struct rules *make_rules(const struct doc *one, struct error *err)
{
    struct buf text = BUF_LIMIT(FILE_MAX);
    struct environment environment = {find_variable, (void *)(uintptr_t)doc_get(one, "env")};
    struct sources *sources = sources_new(NULL, 0, err);
    struct yml *file = NULL;
    struct ingress_spec *spec = NULL;
    struct rules *rules = NULL;
    bool configured;
    if (sources && read_config(text_of(one, "config"), &text))
        file = yml_parse(buf_span(&text), "config.yml", err);
    const struct yml_node *root = file ? yml_root(file) : NULL;
    if (file)
        spec = ingress_spec_read(value_of_yml(root), NULL, err);
    if (spec && set_flags(sources, doc_get(one, "args"), err) &&
        set_flags(sources, doc_get(one, "run_args"), err) &&
        sources_read_environment(sources, &environment, err) &&
        (!root || sources_read_file(sources, root, NULL, err)))
        rules = spec->count > 0 ? rules_new(spec, NULL, err)
                                : single_origin_rules(sources, spec, &configured, err);
    ingress_spec_free(spec);
    yml_free(file);
    sources_free(sources);
    buf_release(&text);
    return rules;
}

/* Equal members, in any order. */
static bool is_equal_object(const struct doc *a, const struct doc *b)
{
    bool equal = doc_count(a) == doc_count(b);
    for (size_t i = 0; equal && i < doc_count(a); i++) {
        const char *key;
        struct buf left = BUF_LIMIT(4096);
        struct buf right = BUF_LIMIT(4096);
        const struct doc *value = doc_member(a, i, &key);
        const struct doc *other = doc_get(b, key);
        equal = other && doc_format(value, DOC_COMPACT, &left) &&
                doc_format(other, DOC_COMPACT, &right) &&
                span_equal(buf_span(&left), buf_span(&right));
        buf_release(&left);
        buf_release(&right);
    }
    return equal;
}

static void check_rule(struct span name, const struct rule *rule, struct span service,
                       const struct doc *report)
{
    CHECK_CASE(span_equal(span_of(rule->service.text), service), "%.*s: %s", SPAN_ARG(name),
               rule->service.text);
    /* Of the rule for nothing only the status matters. */
    if (span_equal(service, SPAN("http_status:503")))
        return;
    struct doc *ours = origin_request_to_doc(&rule->origin);
    REQUIRE(ours);
    CHECK_CASE(is_equal_object(ours, report), "%.*s: originRequest differs", SPAN_ARG(name));
    doc_free(ours);
}

static void check_rules(const struct doc *one, const struct rules *rules)
{
    struct span name = text_of(one, "name");
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (!span_equal(name, span_of(wanted[i].name)))
            continue;
        struct doc *report = doc_parse(span_of(wanted[i].report ? wanted[i].report : "{}"), NULL);
        CHECK_CASE((rules != NULL) == (wanted[i].service != NULL), "%.*s", SPAN_ARG(name));
        if (rules)
            check_rule(name, rules_at(rules, 0), span_of(wanted[i].service), report);
        doc_free(report);
        return;
    }
    const struct doc *list = doc_get(doc_get(one, "effective"), "ingress");
    REQUIRE(rules);
    CHECK_SIZE(rules_count(rules), doc_count(list));
    for (size_t i = 0; i < rules_count(rules) && i < doc_count(list); i++)
        check_rule(name, rules_at(rules, i), text_of(doc_at(list, i), "service"),
                   doc_get(doc_at(list, i), "originRequest"));
    struct doc *top = origin_request_to_doc(rules_defaults(rules));
    CHECK_CASE(top && is_equal_object(top, doc_get(doc_get(one, "effective"), "originRequest")),
               "%.*s: what holds for all differs", SPAN_ARG(name));
    doc_free(top);
}

static bool is_other(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (span_equal(name, span_of(others[i])))
            return true;
    return false;
}

TEST(flags_variables_and_files_name_one_origin)
{
    struct buf text = BUF_LIMIT(FILE_MAX);
    REQUIRE(file_read(vector_path("ingress/single-origin.json"), &text, NULL));
    struct doc *cases = doc_parse(buf_span(&text), NULL);
    buf_release(&text);
    REQUIRE(cases && doc_count(cases) > 40);
    for (size_t i = 0; i < doc_count(cases); i++) {
        const struct doc *one = doc_at(cases, i);
        struct span name = text_of(one, "name");
        struct error err = {0};
        if (is_other(name))
            continue;
        struct rules *rules = make_rules(one, &err);
        if (doc_get(one, "effective") || span_equal(name, SPAN("cli-unix-socket")))
            check_rules(one, rules);
        else
            CHECK_CASE(!rules && err.text[0] != '\0', "%.*s: accepted", SPAN_ARG(name));
        rules_free(rules);
    }
    doc_free(cases);
}

TEST(a_refused_url_names_where_it_comes_from)
{
    struct sources *sources = sources_new(NULL, 0, NULL);
    struct error err = {0};
    bool configured;
    REQUIRE(sources);
    CHECK(sources_set_flag(sources, settings_find(SPAN("url")), SPAN("ftp://h"), NULL));
    CHECK(!single_origin_rules(sources, NULL, &configured, &err));
    CHECK_CASE(span_starts(span_of(err.text), SPAN("--url: the URL \"ftp://h\"")), "%s", err.text);
    sources_free(sources);
}
