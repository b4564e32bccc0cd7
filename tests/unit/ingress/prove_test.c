/* What is told of rules is so: every URL is put to the matcher here again. */
#include "culvert/ingress/prove.h"

#include "culvert/base/random.h"

#include "harness.h"
#include "support/rule_list.h"
#include "support/rules_text.h"

enum { LISTS = 40, RULES = 30, ASKED = 300, TEXT_MAX = 256 * 1024 };

#define GUARDED "    originRequest: {access: {required: true, teamName: t, audTag: [a]}}\n"

static struct rules *make(const char *text)
{
    struct error err = {0};
    struct rules *rules = rules_of_text(text, NULL, &err);
    CHECK_CASE(rules, "%s", err.text);
    return rules;
}

/* Does the URL go where the finding says, and not where it must not? */
static void check_witness(const struct rules *rules, const struct prove_finding *finding)
{
    size_t rule = SIZE_MAX;
    if (finding->kind == PROVE_UNDECIDED) {
        CHECK(finding->url[0] == '\0');
        return;
    }
    CHECK_CASE(prove_url_rule(rules, span_of(finding->url), &rule), "%s: refused", finding->url);
    size_t wanted = finding->kind == PROVE_WITHOUT_ACCESS ? finding->rule : finding->other;
    CHECK_CASE(rule == wanted, "%s: rule %zu, not %zu", finding->url, rule, wanted);
    CHECK_CASE(finding->other != finding->rule, "%s: its own rule", finding->url);
    CHECK(finding->why[0] != '\0');
}

static void check_report(const struct rules *rules, const struct prove_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        check_witness(rules, &report->all[i]);
}

static const struct prove_finding *find(const struct prove_report *report, enum prove_kind kind,
                                        size_t rule)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->all[i].kind == kind && report->all[i].rule == rule)
            return &report->all[i];
    return NULL;
}

TEST(rules_that_never_match_are_told)
{
    static const struct {
        const char *first, *second; /* the second one is asked about */
        bool never;
        const char *why;
    } cases[] = {
        {"hostname: a.example", "hostname: a.example", true, "the same name"},
        {"hostname: A.Example.", "hostname: a.example", true, "written differently"},
        {"hostname: b\xc3\xbc.example", "hostname: xn--b-eha.example", true, "its A-labels"},
        {"hostname: xn--b-eha.example", "hostname: b\xc3\xbc.example", false,
         "the name itself may come too"},
        {"hostname: '*.example'", "hostname: a.example", true, "a wildcard above"},
        {"hostname: '*.example'", "hostname: '*.b.example'", true, "a wildcard above a wildcard"},
        {"hostname: '*.b.example'", "hostname: '*.example'", false, "a wildcard below"},
        {"hostname: a.example", "hostname: '*.example'", false, "one name of many"},
        {"hostname: '*.example'", "hostname: example", false, "the name without the dot"},
        {"path: ^/", "hostname: a.example", true, "every path"},
        {"path: ''\n    hostname: a", "hostname: a\n    path: ^/x", true, "every path of a host"},
        {"path: /", "path: ^/x$", true, "a slash is in every path"},
        {"path: .*", "path: ^/x(a|b)", true, "anything"},
        {"path: ^/a", "path: ^/a/b", true, "a longer begin"},
        {"path: ^/a", "path: ^/a/(b|c)+[x-z]", true, "a longer begin, and more"},
        {"path: ^/a", "path: ^/ab*", true, "the begin, and perhaps more"},
        {"path: ^/ab", "path: ^/ab*", false, "the last letter may be absent"},
        {"path: ^/ab", "path: ^/ab{0,2}", false, "likewise"},
        {"path: ^/a/b", "path: ^/a", false, "a shorter begin"},
        {"path: ^/a", "path: /a", false, "anywhere"},
        {"path: ^/a", "path: ^/a|^/b", false, "a choice"},
        {"path: a", "path: ^/xay", true, "holds it"},
        {"path: a", "path: \\.a$", true, "holds it at the end"},
        {"path: a$", "path: ^/b-a$", true, "ends in it"},
        {"path: a$", "path: ^/b-a", false, "may go on"},
        {"path: ^/a$", "path: ^/a$", true, "the same text"},
        {"path: (x|y){2}z", "path: (x|y){2}z", true, "the same text, whatever it says"},
        {"path: \\.php$", "path: \\.php$", true, "the same end"},
        {"path: .php", "path: \\.php", false, "true, but nobody looks that far"},
        {"path: ^/z", "path: ^admin", true, "no path begins so"},
        {"path: ^/z", "path: ^$", true, "no path is empty"},
        {"path: ^/z", "path: ^\\*$", false, "what OPTIONS asks for"},
        {"path: ^/z", "hostname: '*b.example'", true, "no such host"},
        {"path: (?i)^/a", "path: ^/a", false, "true, but nobody looks that far"},
        {"path: ^/(?i)a", "path: ^/b", false, "a flag inside"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_LIMIT(4096);
        struct prove_report report = {0};
        struct error err = {0};
        CHECK(buf_printf(&text,
                         "ingress:\n  - service: http://h:1\n    %s\n"
                         "  - service: http://h:2\n    %s\n  - service: http_status:404\n",
                         cases[i].first, cases[i].second));
        struct rules *rules = make(buf_text(&text));
        REQUIRE(rules && prove_rules(rules, &report, &err));
        CHECK_CASE((find(&report, PROVE_NEVER_MATCHES, 1) != NULL) == cases[i].never,
                   "%s, then %s: %s", cases[i].first, cases[i].second, cases[i].why);
        CHECK(!find(&report, PROVE_NEVER_MATCHES, 0));
        check_report(rules, &report);
        prove_report_release(&report);
        rules_free(rules);
        buf_release(&text);
    }
}

TEST(what_cannot_be_decided_is_said_to_be_so)
{
    struct prove_report report = {0};
    struct rules *rules = make("ingress:\n"
                               "  - {path: .php, service: 'http://h:1'}\n"
                               "  - {path: '\\.php', service: 'http://h:2'}\n"
                               "  - {service: 'http_status:404'}\n");
    REQUIRE(rules && prove_rules(rules, &report, NULL));
    CHECK(find(&report, PROVE_UNDECIDED, 1));
    CHECK_SIZE(report.undecided, 1);
    CHECK_SIZE(report.count, 1);
    prove_report_release(&report);
    rules_free(rules);
}

TEST(rules_that_are_slipped_past_are_told_once_for_each_way)
{
    static const struct {
        const char *path, *service;
        const char *urls[8]; /* all that is told */
    } cases[] = {
        {"^/admin",
         "http_status:403",
         {"https://a.example/ADMIN", "https://a.example//admin", "https://a.example/%2F/admin"}},
        {"(?i)^/+admin", "http_status:403", {NULL}},
        {"^/admin$",
         "http://h:1",
         {"https://a.example/ADMIN", "https://a.example//admin", "https://a.example/admin/",
          "https://a.example/admin;x", "https://a.example/%2F/admin"}},
        {"(?i)^/+static(?:[/;]|$)", "http://h:1", {NULL}},
        {"admin", "http_status:403", {"https://a.example/ADMIN"}},
        {"^/x", "http://h:2", {NULL}}, /* the same service */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_LIMIT(4096);
        struct prove_report report = {0};
        CHECK(buf_printf(&text,
                         "ingress:\n  - {hostname: a.example, path: '%s', service: '%s'}\n"
                         "  - {hostname: a.example, service: 'http://h:2'}\n"
                         "  - {service: 'http_status:404'}\n",
                         cases[i].path, cases[i].service));
        struct rules *rules = make(buf_text(&text));
        REQUIRE(rules && prove_rules(rules, &report, NULL));
        size_t told = 0;
        for (size_t u = 0; u < ARRAY_LEN(cases[i].urls) && cases[i].urls[u]; u++) {
            bool found = false;
            for (size_t f = 0; f < report.count; f++)
                found = found || strcmp(report.all[f].url, cases[i].urls[u]) == 0;
            CHECK_CASE(found, "%s: %s", cases[i].path, cases[i].urls[u]);
            told += found;
        }
        for (size_t f = 0; told == 0 && f < report.count; f++)
            CHECK_CASE(false, "%s: %s", cases[i].path, report.all[f].url);
        check_report(rules, &report);
        prove_report_release(&report);
        rules_free(rules);
        buf_release(&text);
    }
}

TEST(to_slip_to_an_error_page_is_nothing)
{
    struct prove_report report = {0};
    struct rules *rules = make("ingress:\n"
                               "  - {hostname: a.example, path: ^/app/, service: 'http://h:1'}\n"
                               "  - {service: 'http_status:404'}\n");
    REQUIRE(rules && prove_rules(rules, &report, NULL));
    CHECK_SIZE(report.count, 0);
    rules_free(rules);
}

TEST(dots_and_letters_of_hosts_do_not_slip_past)
{
    /* They would, did the matcher not see to it: nothing of them is told. */
    struct prove_report report = {0};
    struct rules *rules = make("ingress:\n"
                               "  - {hostname: a.example, service: 'http://h:1'}\n"
                               "  - {path: (?i)admin, service: 'http_status:403'}\n"
                               "  - {service: 'http://h:2'}\n");
    REQUIRE(rules && prove_rules(rules, &report, NULL));
    CHECK_SIZE(report.count, 0);
    rules_free(rules);
}

TEST(ways_around_access_are_told)
{
    static const struct {
        const char *guarded, *open;
        bool told;
    } cases[] = {
        {"http://localhost:8080", "http://localhost:8080", true},
        {"http://localhost:8080", "http://127.0.0.1:8080", true},
        {"http://localhost", "ws://[::1]:80", true},
        {"https://H.example", "wss://h.example:443", true},
        {"http://localhost:8080", "http://localhost:8081", false},
        {"unix:/run/a.sock", "unix:/run/a.sock", true},
        {"unix:/run/a.sock", "unix:/run/A.sock", false},
        {"tcp://h:22", "ssh://h", true},
        {"http_status:403", "http_status:403", false},
        {"hello_world", "hello_world", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_LIMIT(4096);
        struct prove_report report = {0};
        CHECK(buf_printf(&text,
                         "ingress:\n  - hostname: a.example\n    service: %s\n" GUARDED
                         "  - hostname: b.example\n    path: ^/x/[0-9]+\n    service: %s\n"
                         "  - service: http_status:404\n",
                         cases[i].guarded, cases[i].open));
        struct rules *rules = make(buf_text(&text));
        REQUIRE(rules && prove_rules(rules, &report, NULL));
        CHECK_CASE((find(&report, PROVE_WITHOUT_ACCESS, 1) != NULL) == cases[i].told, "%s and %s",
                   cases[i].guarded, cases[i].open);
        check_report(rules, &report);
        prove_report_release(&report);
        rules_free(rules);
        buf_release(&text);
    }
}

TEST(addresses_are_origins_too)
{
    static const struct {
        const char *guarded, *open; /* addresses */
        bool told;
    } cases[] = {
        {"['10.0.0.1:80']", "['10.0.0.1']", true}, /* the port of the service */
        {"['10.0.0.1', '10.0.0.2']", "['10.0.0.3', '10.0.0.2']", true},
        {"[h2.example]", "[]", true}, /* which is the service of the open one */
        {"[H1.example]", "[h1.example]", true},
        {"['10.0.0.1:81']", "['10.0.0.1']", false},
        {"['10.0.0.1']", "['10.0.0.2']", false},
        {"[]", "[]", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_LIMIT(4096);
        struct prove_report report = {0};
        CHECK(buf_printf(&text,
                         "ingress:\n  - hostname: a.example\n    service: http://h1.test\n"
                         "    originRequest: {access: {required: true, teamName: t, audTag: [a]},"
                         " addresses: %s}\n"
                         "  - hostname: b.example\n    service: http://h2.example\n"
                         "    originRequest: {addresses: %s}\n"
                         "  - service: http_status:404\n",
                         cases[i].guarded, cases[i].open));
        struct rules *rules = make(buf_text(&text));
        REQUIRE(rules && prove_rules(rules, &report, NULL));
        CHECK_CASE((find(&report, PROVE_WITHOUT_ACCESS, 1) != NULL) == cases[i].told, "%s and %s",
                   cases[i].guarded, cases[i].open);
        check_report(rules, &report);
        prove_report_release(&report);
        rules_free(rules);
        buf_release(&text);
    }
}

TEST(a_finding_is_called_by_its_rules_and_not_by_their_numbers)
{
    struct prove_report report = {0};
    struct buf name = BUF_LIMIT(PROVE_NAME_MAX);
    struct rules *rules =
        make("ingress:\n  - {hostname: a.example, path: ^/x$, service: 'http://h:1'}\n"
             "  - {service: 'http://h:2'}\n");
    REQUIRE(rules && prove_rules(rules, &report, NULL));
    const struct prove_finding *finding = find(&report, PROVE_SLIPS_PAST, 0);
    REQUIRE(finding);
    CHECK(prove_finding_name(rules, finding, &name));
    CHECK_TEXT(buf_text(&name), "slips-past:a.example:^/x$ -> *");
    buf_release(&name);
    prove_report_release(&report);
    rules_free(rules);
}

TEST(access_on_both_rules_is_no_way_around_it)
{
    struct prove_report report = {0};
    struct rules *rules =
        make("originRequest: {access: {required: true, teamName: t, audTag: [a]}}\n"
             "ingress:\n"
             "  - {hostname: a.example, service: 'http://h:1'}\n"
             "  - {service: 'http://h:1'}\n");
    REQUIRE(rules && prove_rules(rules, &report, NULL));
    CHECK_SIZE(report.count, 0);
    rules_free(rules);
}

/* ---- of any list of rules ---- */

/* A rule that is said to get nothing gets nothing, whatever is asked. */
static void ask(const struct rules *rules, const struct prove_report *report, uint64_t *seed)
{
    char host[256];
    struct rules_verdict verdict;
    const char *target = rule_list_path(seed);
    rule_list_host(host, sizeof host, seed);
    bool matched = rules_match(rules, span_of(host), span_of(target), &verdict);
    CHECK_CASE(!matched || !find(report, PROVE_NEVER_MATCHES, verdict.index), "%s%s: rule %zu",
               host, target, verdict.index);
}

TEST(what_is_told_of_any_list_is_so)
{
    uint64_t seed;
    size_t found = 0;
    random_bytes(&seed, sizeof seed);
    for (size_t i = 0; i < LISTS; i++) {
        struct buf text = BUF_LIMIT(TEXT_MAX);
        struct prove_report report = {0};
        uint64_t hosts = seed + i + 1;
        REQUIRE(rule_list_write(&text, RULES, seed + i));
        struct rules *rules = make(buf_text(&text));
        REQUIRE(rules && prove_rules(rules, &report, NULL));
        check_report(rules, &report);
        for (size_t n = 0; n < ASKED; n++)
            ask(rules, &report, &hosts);
        found += report.count - report.undecided;
        prove_report_release(&report);
        rules_free(rules);
        buf_release(&text);
    }
    CHECK(found > LISTS);
}
