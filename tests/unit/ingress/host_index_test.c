/* The table of hosts chooses what a walk over all rules would have chosen. */
#include "culvert/base/random.h"
#include "harness.h"
#include "support/rule_list.h"
#include "support/rules_text.h"

enum { LISTS = 60, RULES = 40, ASKED = 200, TEXT_MAX = 256 * 1024 };

/* The first rule that matches, looked at one after the other. */
static size_t walk(const struct rules *rules, struct span authority, struct span path)
{
    char text[HOST_MAX];
    struct span host = span_make(text, host_normalise(authority, text));
    for (size_t i = 0; i + 1 < rules_count(rules); i++) {
        const struct rule *rule = rules_at(rules, i);
        if (host_pattern_matches(rule->host_pattern, host) &&
            (!rule->path_pattern || path_pattern_match(rule->path_pattern, path) == PATH_MATCHES))
            return i;
    }
    return rules_count(rules) - 1;
}

static void ask(const struct rules *rules, uint64_t *seed, size_t *chosen)
{
    char host[256];
    struct buf path = BUF_LIMIT(4096);
    struct rules_verdict verdict;
    const char *target = rule_list_path(seed);
    rule_list_host(host, sizeof host, seed);
    REQUIRE(path_decode(span_first(span_of(target), span_find(span_of(target), '?')), &path, NULL));
    size_t wanted = walk(rules, span_of(host), buf_span(&path));
    /* A refusal for the sake of dots names the rule of the path as it came, too. */
    bool matched = rules_match(rules, span_of(host), span_of(target), &verdict);
    CHECK(matched || strstr(target, "/."));
    CHECK_CASE(verdict.index == wanted, "%s%s: rule %zu, not %zu", host, target, verdict.index,
               wanted);
    *chosen += wanted + 1 < rules_count(rules);
    buf_release(&path);
}

TEST(the_table_chooses_what_a_walk_over_all_rules_chooses)
{
    uint64_t seed;
    size_t chosen = 0;
    random_bytes(&seed, sizeof seed);
    for (size_t i = 0; i < LISTS; i++) {
        struct buf text = BUF_LIMIT(TEXT_MAX);
        struct error err = {0};
        uint64_t hosts = seed + i + 1;
        REQUIRE(rule_list_write(&text, RULES, seed + i));
        struct rules *rules = rules_of_text(buf_text(&text), NULL, &err);
        CHECK_CASE(rules, "seed %llu: %s", (unsigned long long)(seed + i), err.text);
        for (size_t n = 0; rules && n < ASKED; n++)
            ask(rules, &hosts, &chosen);
        rules_free(rules);
        buf_release(&text);
    }
    /* Else only the last rule was ever looked for. */
    CHECK(chosen > (size_t)LISTS * ASKED / 10);
}

TEST(an_earlier_wildcard_goes_before_a_later_exact_name_and_the_other_way_round)
{
    static const struct {
        const char *host;
        size_t rule;
    } cases[] = {
        {"a.one.example", 0}, {"b.one.example", 1},       {"c.a.one.example", 1},
        {"one.example", 4},   {"a.two.example", 2},       {"b.two.example", 2},
        {".two.example", 2},  {"two.example", 4},         {"x.y.z.two.example", 2},
        {"any.example", 4},   {"a.b\xc3\xbc.example", 4},
    };
    struct error err = {0};
    struct rules *rules = rules_of_text("ingress:\n"
                                        "  - {hostname: a.one.example, service: 'http://h:1'}\n"
                                        "  - {hostname: '*.one.example', service: 'http://h:2'}\n"
                                        "  - {hostname: '*.two.example', service: 'http://h:3'}\n"
                                        "  - {hostname: a.two.example, service: 'http://h:4'}\n"
                                        "  - {service: 'http_status:404'}\n",
                                        NULL, &err);
    REQUIRE(rules);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rules_verdict verdict;
        CHECK(rules_match(rules, span_of(cases[i].host), SPAN("/"), &verdict));
        CHECK_CASE(verdict.index == cases[i].rule, "%s: rule %zu", cases[i].host, verdict.index);
    }
    rules_free(rules);
}

TEST(a_rule_for_every_host_keeps_its_place_between_those_with_a_name)
{
    struct rules *rules = rules_of_text("ingress:\n"
                                        "  - {hostname: a, path: ^/x, service: 'http://h:1'}\n"
                                        "  - {path: ^/y, service: 'http://h:2'}\n"
                                        "  - {hostname: a, service: 'http://h:3'}\n"
                                        "  - {hostname: '*', path: ^/z, service: 'http://h:4'}\n"
                                        "  - {service: 'http_status:404'}\n",
                                        NULL, NULL);
    static const struct {
        const char *host, *path;
        size_t rule;
    } cases[] = {{"a", "/x", 0}, {"a", "/y", 1}, {"b", "/y", 1},
                 {"a", "/z", 2}, {"b", "/z", 3}, {"b", "/x", 4}};
    REQUIRE(rules);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rules_verdict verdict;
        CHECK(rules_match(rules, span_of(cases[i].host), span_of(cases[i].path), &verdict));
        CHECK_CASE(verdict.index == cases[i].rule, "%s%s: rule %zu", cases[i].host, cases[i].path,
                   verdict.index);
    }
    rules_free(rules);
}

TEST(a_name_of_which_nothing_is_left_takes_no_request_without_a_host)
{
    struct rules *rules = rules_of_text("ingress:\n"
                                        "  - {hostname: '.', service: 'http://h:1'}\n"
                                        "  - {service: 'http_status:404'}\n",
                                        NULL, NULL);
    static const char *const hosts[] = {"", ".", ":80", "a"};
    REQUIRE(rules);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        struct rules_verdict verdict;
        CHECK(rules_match(rules, span_of(hosts[i]), SPAN("/"), &verdict));
        CHECK_CASE(verdict.index == 1, "\"%s\": rule %zu", hosts[i], verdict.index);
    }
    rules_free(rules);
}
