#include "culvert/config/origin_request.h"

#include "harness.h"

/* Reads the block under "o" of a YAML text. */
static bool read_yaml(const char *text, struct origin_request *request, struct notes *notes,
                      struct error *err)
{
    struct yml *file = yml_parse(span_of(text), "f", err);
    origin_request_init(request);
    bool ok = file && origin_request_read(value_member(value_of_yml(yml_root(file)), "o"), request,
                                          notes, err);
    yml_free(file);
    return ok;
}

static bool read_json(const char *text, struct origin_request *request, struct error *err)
{
    struct doc *root = doc_parse(span_of(text), err);
    origin_request_init(request);
    bool ok = root && origin_request_read(value_of_doc(root), request, NULL, err);
    doc_free(root);
    return ok;
}

/* The compact JSON of what differs from the defaults, after the defaults were inherited. */
static void check_report(struct origin_request *request, const char *want)
{
    struct origin_request whole;
    struct buf out = BUF_LIMIT(4096);
    origin_request_init(&whole);
    REQUIRE(origin_request_set_defaults(&whole, NULL));
    REQUIRE(origin_request_inherit(&whole, request, NULL));
    struct doc *doc = origin_request_to_doc(&whole);
    REQUIRE(doc && doc_format(doc, DOC_COMPACT, &out));
    CHECK_TEXT(buf_text(&out), want);
    doc_free(doc);
    buf_release(&out);
    origin_request_release(&whole);
    origin_request_release(request);
}

TEST(yaml_and_json_say_the_same_in_their_own_units)
{
    static const char want[] =
        "{\"connectTimeout\":1,\"tlsTimeout\":2,\"noHappyEyeballs\":true,"
        "\"keepAliveConnections\":0,\"httpHostHeader\":\"h\",\"noTLSVerify\":true,"
        "\"proxyPort\":99,\"ipRules\":[{\"prefix\":\"10.0.0.0/8\",\"ports\":[80,443],"
        "\"allow\":true}],\"access\":{\"required\":true,\"teamName\":\"t\",\"audTag\":[\"a\"]}}";
    struct origin_request request;
    struct error err = {0};
    CHECK_CASE(read_yaml("o: {connectTimeout: 1s, tlsTimeout: 2000ms, noHappyEyeballs: yes, "
                         "keepAliveConnections: 0, httpHostHeader: h, noTLSVerify: true, "
                         "proxyPort: 0x63, ipRules: [null, {prefix: 10.0.0.0/8, ports: [80, 443], "
                         "allow: on}], access: {required: true, teamName: t, audTag: [a]}}",
                         &request, NULL, &err),
               "%s", err.text);
    check_report(&request, want);
    CHECK_CASE(read_json("{\"connectTimeout\":1,\"TLSTIMEOUT\":2,\"noHappyEyeballs\":true,"
                         "\"keepAliveConnections\":0,\"httpHostHeader\":\"h\",\"noTLSVerify\":true,"
                         "\"proxyPort\":99,\"ipRules\":[{\"prefix\":\"10.0.0.0/8\","
                         "\"ports\":[80,443],\"allow\":true}],\"newer\":1,"
                         "\"access\":{\"required\":true,\"teamName\":\"t\",\"audTag\":[\"a\"]}}",
                         &request, &err),
               "%s", err.text);
    check_report(&request, want);
}

TEST(a_present_empty_value_overrides_and_null_does_not)
{
    struct origin_request rule, file;
    REQUIRE(read_yaml("o: {connectTimeout: 500ms, noTLSVerify: false, httpHostHeader: \"\", "
                      "originServerName: null, ipRules: []}",
                      &rule, NULL, NULL));
    REQUIRE(read_yaml("o: {connectTimeout: 3s, noTLSVerify: true, httpHostHeader: g, "
                      "originServerName: s, ipRules: [{prefix: x}]}",
                      &file, NULL, NULL));
    REQUIRE(origin_request_inherit(&rule, &file, NULL));
    CHECK(rule.connect_timeout_ns == 500000000);
    CHECK(!rule.no_tls_verify);
    CHECK_TEXT(rule.http_host_header, "");
    CHECK_TEXT(rule.origin_server_name, "s");
    CHECK_SIZE(rule.ip_rule_count, 1);
    origin_request_release(&file);
    check_report(&rule, "{\"connectTimeout\":0.5,\"originServerName\":\"s\","
                        "\"ipRules\":[{\"prefix\":\"x\",\"ports\":[],\"allow\":false}]}");
}

TEST(access_is_inherited_as_a_whole)
{
    struct origin_request rule, file, none;
    REQUIRE(
        read_yaml("o: {access: {required: true, teamName: t, audTag: [a, b]}}", &file, NULL, NULL));
    REQUIRE(read_yaml("o: {access: {required: false}}", &rule, NULL, NULL));
    REQUIRE(read_yaml("o: {}", &none, NULL, NULL));
    REQUIRE(origin_request_inherit(&rule, &file, NULL));
    REQUIRE(origin_request_inherit(&none, &file, NULL));
    CHECK(!rule.access.required);
    CHECK_SIZE(rule.access.audience_count, 0);
    CHECK(access_requirement_equal(&none.access, &file.access));
    CHECK(!access_requirement_equal(&rule.access, &file.access));
    origin_request_release(&rule);
    origin_request_release(&file);
    origin_request_release(&none);
}

TEST(access_may_name_an_issuer_of_its_own)
{
    struct origin_request file, other;
    struct origin_request rule = {0};
    REQUIRE(read_yaml("o: {access: {required: true, audTag: [a], issuer: 'https://i', certsUrl: "
                      "'https://k'}}",
                      &file, NULL, NULL));
    REQUIRE(read_json("{\"access\":{\"required\":true,\"audTag\":[\"a\"],\"issuer\":\"https://i\","
                      "\"certsUrl\":\"https://other\"}}",
                      &other, NULL));
    REQUIRE(origin_request_inherit(&rule, &file, NULL));
    CHECK_TEXT(rule.access.issuer, "https://i");
    CHECK_TEXT(rule.access.certs_url, "https://k");
    CHECK(!access_requirement_equal(&rule.access, &other.access));
    origin_request_release(&rule);
    origin_request_release(&other);
    check_report(&file, "{\"access\":{\"required\":true,\"teamName\":\"\",\"audTag\":[\"a\"],"
                        "\"issuer\":\"https://i\",\"certsUrl\":\"https://k\"}}");
}

TEST(values_of_another_type_are_refused_with_their_place)
{
    static const struct {
        const char *text, *begins;
    } cases[] = {
        {"o: {connectTimeout: 30}", "f:1:21: connectTimeout must be a duration"},
        {"o: {connectTimeout: \"30\"}", "f:1:21: connectTimeout: \"30\" is no duration"},
        {"o: {noTLSVerify: \"true\"}", "f:1:18: noTLSVerify must be true or false"},
        {"o: {noTLSVerify: 1}", "f:1:18: noTLSVerify must be true or false"},
        {"o: {proxyPort: -1}", "f:1:16: proxyPort must be a whole number"},
        {"o: {keepAliveConnections: abc}", "f:1:27: keepAliveConnections must be a whole number"},
        {"o: {httpHostHeader: [a]}", "f:1:21: httpHostHeader must be a text, not a list"},
        {"o: [a]", "f:1:4: o must be a map, not a list"},
        {"o: {access: {audTag: abc}}", "f:1:22: audTag must be a list, not a text"},
        {"o: {ipRules: [{ports: 80}]}", "f:1:23: ports must be a list"},
        {"o: {ipRules: [5]}", "f:1:15: ipRules must be a map"},
        {"o: {caPool: \"a\\0b\"}", "f:1:13: caPool has a NUL"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_request request;
        struct error err = {0};
        CHECK_CASE(!read_yaml(cases[i].text, &request, NULL, &err), "%s", cases[i].text);
        CHECK_CASE(span_starts(span_of(err.text), span_of(cases[i].begins)), "%s", err.text);
        origin_request_release(&request);
    }
}

TEST(json_takes_whole_seconds_only)
{
    static const char *const refused[] = {
        "{\"connectTimeout\":\"5s\"}",
        "{\"connectTimeout\":5.5}",
        "{\"connectTimeout\":true}",
        "{\"connectTimeout\":9223372037}",
        "{\"keepAliveConnections\":\"5\"}",
        "{\"keepAliveConnections\":80.0}",
        "{\"noTLSVerify\":\"true\"}",
        "{\"httpHostHeader\":5}",
        "{\"proxyPort\":-1}",
        "[]",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct origin_request request;
        struct error err = {0};
        CHECK_CASE(!read_json(refused[i], &request, &err), "%s", refused[i]);
        CHECK(err.text[0] != '\0');
        origin_request_release(&request);
    }
}

TEST(keys_that_nobody_reads_are_noted)
{
    struct origin_request request;
    struct notes notes = {0};
    REQUIRE(
        read_yaml("o:\n  noTlsVerify: true\n  access:\n    team: x\n  ipRules:\n    - port: 1\n",
                  &request, &notes, NULL));
    static const struct {
        int line;
        const char *key;
    } want[] = {{2, "noTlsVerify"}, {4, "team"}, {6, "port"}};
    notes_sort(&notes);
    CHECK_SIZE(notes.count, ARRAY_LEN(want));
    for (size_t i = 0; i < notes.count && i < ARRAY_LEN(want); i++) {
        CHECK(notes.all[i].place.line == want[i].line);
        CHECK_TEXT(notes.all[i].text, want[i].key);
    }
    notes_release(&notes);
    origin_request_release(&request);
}

TEST(addresses_checks_and_the_proxy_protocol_are_read_inherited_and_reported)
{
    static const char want[] =
        "{\"addresses\":[\"10.0.0.2:8080\",\"app2.internal\",\"[::1]:81\"],"
        "\"healthCheck\":{\"path\":\"/live?x\",\"interval\":5,\"timeout\":5,\"healthyAfter\":2,"
        "\"unhealthyAfter\":1,\"status\":204},\"proxyProtocol\":\"v2\"}";
    struct origin_request rule, file;
    struct error err = {0};
    CHECK_CASE(read_yaml("o: {addresses: [\"10.0.0.2:8080\", null, app2.internal, \"[::1]:81\"], "
                         "proxyProtocol: v2}",
                         &rule, NULL, &err),
               "%s", err.text);
    CHECK_CASE(read_yaml("o: {proxyProtocol: v1, healthCheck: {path: /live?x, interval: 5s, "
                         "unhealthyAfter: 1, status: 204}}",
                         &file, NULL, &err),
               "%s", err.text);
    REQUIRE(origin_request_inherit(&rule, &file, NULL));
    origin_request_release(&file);
    CHECK_SIZE(rule.addresses.count, 3);
    CHECK_TEXT(rule.addresses.all[2].host, "::1");
    CHECK_SIZE(rule.addresses.all[2].port, 81);
    CHECK_SIZE(rule.addresses.all[1].port, 0);
    check_report(&rule, want);
}

TEST(addresses_and_checks_that_make_no_sense_are_refused_with_their_place)
{
    static const struct {
        const char *text, *begins;
    } cases[] = {
        {"o: {addresses: a}", "f:1:16: addresses must be a list"},
        {"o: {addresses: [a, 'http://b']}", "f:1:20: \"http://b\" is no address"},
        {"o: {addresses: ['a:b']}", "f:1:17: \"a:b\" is no address"},
        {"o: {addresses: [':80']}", "f:1:17: \":80\" is no address"},
        {"o: {addresses: ['a:0']}", "f:1:17: \"a:0\" is no address"},
        {"o: {addresses: ['a b']}", "f:1:17: \"a b\" is no address"},
        {"o: {proxyProtocol: v3}", "f:1:20: proxyProtocol is v1 or v2, not \"v3\""},
        {"o: {healthCheck: {path: live}}", "f:1:25: the path of a check begins with a slash"},
        {"o: {healthCheck: {path: '/a b'}}", "f:1:25: the path of a check begins with a slash"},
        {"o: {healthCheck: {interval: 500ms}}", "f:1:29: a check has to wait at least 1 s"},
        {"o: {healthCheck: {timeout: 0s}}", "f:1:28: a check needs time"},
        {"o: {healthCheck: {healthyAfter: 0}}", "f:1:33: it takes a number from 1 to 100"},
        {"o: {healthCheck: {unhealthyAfter: 101}}", "f:1:35: it takes a number from 1 to 100"},
        {"o: {healthCheck: {path: /, status: 99}}", "f:1:36: it takes a number from 200"},
        {"o: {healthCheck: {status: 200}}", "f:1:27: it takes a number from 200 to 999, and a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_request request;
        struct error err = {0};
        CHECK_CASE(!read_yaml(cases[i].text, &request, NULL, &err), "%s", cases[i].text);
        CHECK_CASE(span_starts(span_of(err.text), span_of(cases[i].begins)), "%s: %s",
                   cases[i].text, err.text);
        origin_request_release(&request);
    }
}
