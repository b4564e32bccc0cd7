#include "culvert/ingress/report.h"
#include "culvert/ingress/rules.h"

#include "culvert/base/file.h"
#include "culvert/config/sources.h"
#include "culvert/ingress/snapshot.h"

#include "harness.h"
#include "support/rules_text.h"

static const char guarded[] = "ingress:\n"
                              "  - {path: ^/admin, service: 'http://localhost:1'}\n"
                              "  - {path: ^/same, service: 'http://localhost:2'}\n"
                              "  - {service: 'http://localhost:2'}\n";

TEST(a_path_that_is_another_rules_once_its_dots_are_resolved_is_refused)
{
    static const struct {
        const char *target;
        bool matched;
        size_t index;
        const char *why;
    } cases[] = {
        {"/admin/x", true, 0, "plain"},
        {"/other?/../admin", true, 2, "dots in the query are no segments"},
        {"/x/../admin", false, 2, "written out"},
        {"/x/%2e%2E/admin", false, 2, "encoded dots"},
        {"/x%2F..%2fadmin", false, 2, "encoded slashes"},
        {"/admin/../x", false, 0, "out of the guarded part"},
        {"/x/./y", true, 2, "the same rule"},
        {"/x/../same", true, 2, "another rule with the same service"},
        {"/./admin", false, 2, "a single dot"},
        {"/..;/admin", true, 2, "no dot segment"},
        {"/x//../admin", false, 2, "only once slashes are merged"},
        {"/x/...", true, 2, "three dots are a name"},
        {"/%252e%252e/admin", true, 2, "origins decode once"},
        {"*", true, 2, "no path at all"},
        {"/a%zz", false, 2, "a broken escape"},
    };
    struct error err = {0};
    struct rules *rules = rules_of_text(guarded, NULL, &err);
    REQUIRE(rules);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rules_verdict verdict;
        bool matched = rules_match(rules, SPAN("h"), span_of(cases[i].target), &verdict);
        CHECK_CASE(matched == cases[i].matched, "%s: %s", cases[i].why, verdict.why);
        CHECK_CASE(verdict.index == cases[i].index, "%s: rule %zu", cases[i].why, verdict.index);
        CHECK_CASE(matched == (verdict.why[0] == '\0'), "%s: words", cases[i].why);
    }
    rules_free(rules);
}

TEST(another_access_requirement_is_another_rule_although_the_service_is_the_same)
{
    struct error err = {0};
    struct rules *rules = rules_of_text("ingress:\n"
                                        "  - path: ^/admin\n    service: http://h:1\n"
                                        "    originRequest: {access: {required: true, teamName: t, "
                                        "audTag: [a]}}\n"
                                        "  - {service: 'http://h:1'}\n",
                                        NULL, &err);
    struct rules_verdict verdict;
    REQUIRE(rules);
    CHECK(!rules_match(rules, SPAN("h"), SPAN("/x/../admin"), &verdict));
    CHECK_SIZE(verdict.status, 400);
    rules_free(rules);
}

TEST(the_access_of_the_file_holds_for_every_rule)
{
    struct rules *rules = rules_of_text("originRequest: {access: {required: true, teamName: t}}\n"
                                        "ingress:\n  - service: http://h:1\n",
                                        NULL, NULL);
    REQUIRE(rules);
    CHECK(rules_at(rules, 0)->origin.access.required);
    rules_free(rules);
}

TEST(keys_for_access_come_by_a_safe_way)
{
    static const struct {
        const char *access, *why; /* "": fine */
    } cases[] = {
        {"issuer: 'https://i.test', audTag: [a]", ""},
        {"issuer: 'http://127.0.0.1:8/', audTag: [a]", ""},
        {"issuer: 'http://[::1]:8/', audTag: [a]", ""},
        {"issuer: 'http://localhost', audTag: [a]", ""},
        {"issuer: anything, certsUrl: 'https://k.test', audTag: [a]", ""},
        {"teamName: t, certsUrl: 'https://k.test', audTag: [a]", ""},
        {"issuer: 'http://i.test', audTag: [a]", "not from \"http://i.test\""},
        {"issuer: 'i.test', audTag: [a]", "not from \"i.test\""},
        {"issuer: 'https://', audTag: [a]", "not from"},
        {"issuer: 'https://u@i.test', audTag: [a]", "not from"},
        {"issuer: 'file:///etc/passwd', audTag: [a]", "not from"},
        {"teamName: t, certsUrl: 'http://k.test', audTag: [a]", "not from"},
        {"certsUrl: 'https://k.test', audTag: [a]", "needs a teamName"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char yaml[256];
        struct error err = {0};
        (void)snprintf(yaml, sizeof yaml,
                       "ingress:\n  - service: http://h:1\n    originRequest:\n"
                       "      access: {required: true, %s}\n",
                       cases[i].access);
        struct rules *rules = rules_of_text(yaml, NULL, &err);
        bool is_fine = *cases[i].why == '\0';
        CHECK_CASE((rules != NULL) == is_fine && (is_fine || strstr(err.text, cases[i].why)),
                   "%s: %s", cases[i].access, err.text);
        rules_free(rules);
    }
}

TEST(keys_for_access_of_a_single_origin_come_by_a_safe_way_too)
{
    static const char *const urls[] = {"https://k.test", "http://k.test"};
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct error err = {0};
        struct service service = {0};
        struct origin_request origin;
        origin_request_init(&origin);
        REQUIRE(origin_request_set_defaults(&origin, NULL) &&
                service_parse(SPAN("http://h:1"), 0, &service, NULL));
        free(origin.access.certs_url);
        origin.access.certs_url = span_dup(span_of(urls[i]));
        struct rules *rules = rules_new_single(&service, &origin, &err);
        CHECK_CASE((rules != NULL) == (i == 0), "%s: %s", urls[i], err.text);
        rules_free(rules);
    }
}

TEST(a_path_that_cannot_be_decided_is_refused)
{
    char target[9002];
    struct rules_verdict verdict;
    struct rules *rules = rules_of_text("ingress:\n  - {path: '(a+)+b$', service: 'http://h:1'}\n"
                                        "  - {service: 'http://h:2'}\n",
                                        NULL, NULL);
    REQUIRE(rules);
    memset(target, 'a', sizeof target);
    target[0] = '/';
    target[4500] = 'b'; /* the matcher does not see at once that no b is left */
    target[4501] = '/';
    CHECK(!rules_match(rules, SPAN("h"), span_make(target, sizeof target), &verdict));
    CHECK(strstr(verdict.why, "rule #0") != NULL);
    rules_free(rules);
}

TEST(a_refusal_names_file_line_column_and_rule)
{
    static const struct {
        const char *text, *begins;
    } cases[] = {
        {"ingress:\n  - hostname: a:80\n    service: http://h:1\n  - service: http_status:404\n",
         "config.yml:2:15: rule #0: hostname \"a:80\": a hostname must not have a port"},
        {"ingress:\n  - hostname: a\n    service: h:1\n  - service: http_status:404\n",
         "config.yml:3:14: rule #0: service \"h:1\": neither a URL"},
        {"ingress:\n  - path: '('\n    service: http://h:1\n  - service: http_status:404\n",
         "config.yml:2:11: rule #0: path \"(\": a ( without its )"},
        {"ingress:\n  - service: http_status:404\n    hostname: a\n",
         "config.yml:3:15: rule #0: the last rule must match"},
        {"ingress:\n  - service: http://h:1\n  - service: http_status:404\n",
         "config.yml:2:5: rule #0: it matches every request"},
        {"tunnel: x\n", "config.yml: there are no ingress rules"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        CHECK(!rules_of_text(cases[i].text, NULL, &err));
        CHECK_CASE(span_starts(span_of(err.text), span_of(cases[i].begins)), "%s", err.text);
    }
}

TEST(addresses_and_checks_are_of_services_with_a_host)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"originRequest: {addresses: [a]}\ningress:\n  - service: http://h:1\n",
         "config.yml:1:28: addresses belong to the originRequest of a rule"},
        {"ingress:\n  - service: hello_world\n    originRequest: {addresses: [a]}\n",
         "config.yml:2:14: rule #0: addresses are further places"},
        {"ingress:\n  - service: unix:/x\n    originRequest: {healthCheck: {}}\n",
         "config.yml:2:14: rule #0: a healthCheck looks after a service"},
        {"ingress:\n  - service: tcp://h:1\n    originRequest: {healthCheck: {path: /}}\n",
         "config.yml:2:14: rule #0: a healthCheck of a service of bytes"},
        {"originRequest: {proxyProtocol: v1}\ningress:\n  - service: h2c://h:1\n",
         "config.yml:3:14: rule #0: proxyProtocol names one visitor"},
        {"ingress:\n  - service: wss://h\n    originRequest: {proxyProtocol: v1, http2Origin: "
         "true}\n",
         "config.yml:2:14: rule #0: proxyProtocol names one visitor"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error err = {0};
        struct rules *rules = rules_of_text(cases[i].text, NULL, &err);
        CHECK_CASE(!rules, "%s", cases[i].text);
        CHECK_CASE(span_starts(span_of(err.text), span_of(cases[i].want)), "%s", err.text);
        rules_free(rules);
    }
}

TEST(oddities_become_advice)
{
    struct notes notes = {0};
    struct rules *rules = rules_of_text("ingress:\n"
                                        "  - {hostname: '*foo.example', service: 'http://h:1'}\n"
                                        "  - {hostname: a, service: 'foo://h'}\n"
                                        "  - {hostname: b, service: 'http://h:65536'}\n"
                                        "  - {hostname: c, service: 'http_status:100'}\n"
                                        "  - {hostname: d, service: 'http://h:1'}\n"
                                        "  - {service: 'http_status:404'}\n",
                                        &notes, NULL);
    REQUIRE(rules);
    CHECK_SIZE(notes.count, 4);
    for (size_t i = 0; i < notes.count; i++) {
        CHECK(notes.all[i].kind == NOTE_ADVICE);
        CHECK(notes.all[i].place.line == (int)i + 2);
    }
    notes_release(&notes);
    rules_free(rules);
}

TEST(the_report_has_what_differs_from_the_defaults)
{
    struct rules *rules = rules_of_text(
        "originRequest: {connectTimeout: 3s, httpHostHeader: g}\n"
        "ingress:\n"
        "  - {hostname: a.example.com, path: ^/x, service: 'https://h:1', originRequest: "
        "{connectTimeout: 500ms, noTLSVerify: true}}\n"
        "  - {service: 'http_status:404'}\n",
        NULL, NULL);
    struct warp_routing warp = warp_routing_default();
    struct buf out = BUF_LIMIT(4096);
    REQUIRE(rules);
    warp.tcp_keep_alive_ns = 60000000000;
    warp.max_active_flows = 7;
    struct doc *flags = doc_object();
    REQUIRE(doc_put_text(flags, "loglevel", SPAN("debug")));
    struct doc *report = report_for_edge(rules, &warp, flags);
    REQUIRE(report && doc_format(report, DOC_COMPACT, &out));
    CHECK_TEXT(buf_text(&out),
               "{\"__configuration_flags\":{\"loglevel\":\"debug\"},\"ingress\":[{\"hostname\":"
               "\"a.example.com\",\"path\":\"^/x\",\"service\":\"https://h:1\",\"originRequest\":{"
               "\"connectTimeout\":0.5,\"httpHostHeader\":\"g\",\"noTLSVerify\":true}},{"
               "\"service\":\"http_status:404\",\"originRequest\":{\"connectTimeout\":3,"
               "\"httpHostHeader\":\"g\"}}],\"warp-routing\":{\"tcpKeepAlive\":60,"
               "\"maxActiveFlows\":7}}");
    doc_free(report);
    buf_release(&out);
    rules_free(rules);
}

TEST(without_any_rules_everything_is_unavailable)
{
    struct rules *rules = rules_new_unavailable(NULL, NULL);
    struct rules_verdict verdict;
    REQUIRE(rules);
    CHECK(rules_match(rules, SPAN("h"), SPAN("/x/../%zz"), &verdict));
    CHECK_TEXT(rules_at(rules, verdict.index)->service.text, "http_status:503");
    rules_free(rules);
}

TEST(a_snapshot_lives_until_the_last_reference_goes)
{
    struct warp_routing warp = warp_routing_default();
    struct snapshot *one =
        snapshot_new(rules_new_unavailable(NULL, NULL), &warp, SNAPSHOT_LOCAL, NULL);
    REQUIRE(one);
    struct snapshot *other = snapshot_ref(one);
    snapshot_unref(one);
    CHECK(snapshot_version(other) == SNAPSHOT_LOCAL);
    CHECK_SIZE(rules_count(snapshot_rules(other)), 1);
    CHECK(snapshot_warp(other)->connect_timeout_ns == 5000000000);
    snapshot_unref(other);
    snapshot_unref(NULL);
}

TEST(the_example_configuration_is_fine)
{
    struct buf text = BUF_LIMIT(64 * 1024);
    struct notes notes = {0};
    struct error err = {0};
    REQUIRE(file_read(TEST_SOURCE "/config.example.yml", &text, &err));
    struct rules *rules = rules_of_text(buf_text(&text), &notes, &err);
    CHECK_CASE(rules, "%s", err.text);
    CHECK_SIZE(notes.count, 0);
    rules_free(rules);
    struct sources *sources = sources_new(NULL, 0, NULL);
    struct yml *file = yml_parse(buf_span(&text), "config.example.yml", &err);
    REQUIRE(sources && file);
    CHECK_CASE(sources_read_file(sources, yml_root(file), NULL, &err), "%s", err.text);
    CHECK(sources_is_set(sources, "credentials-file"));
    yml_free(file);
    sources_free(sources);
    notes_release(&notes);
    buf_release(&text);
}
