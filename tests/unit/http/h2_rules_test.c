/* What is malformed in an edge's request, what is answered 400, and what passes. What "the field's
 * program" does was seen of it. */
#include "culvert/http/h2_rules.h"
#include "harness.h"

enum { FIELDS_MAX = 14 };

#define USUAL(method, path)                                                                        \
    {":method", method}, {":scheme", "https"}, {":authority", "a"},                                \
    {                                                                                              \
        ":path", path                                                                              \
    }

struct field {
    const char *name, *value;
};

/* What who reads on makes of a field that is for him. */
static void take(struct request_head *head, struct span name, struct span value)
{
    const struct {
        struct span name;
        struct buf *to;
    } places[] = {
        {SPAN(":method"), &head->method},
        {SPAN(":scheme"), &head->scheme},
        {SPAN(":authority"), &head->authority},
        {SPAN(":path"), &head->target},
    };
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        if (span_equal(name, places[i].name))
            CHECK(buf_put_span(places[i].to, value));
}

/* False: malformed. */
static bool judge(struct h2_rules *rules, const struct field *fields)
{
    struct request_head head;
    request_head_init(&head);
    *rules = (struct h2_rules){0};
    for (size_t i = 0; i < FIELDS_MAX && fields[i].name; i++) {
        struct span value = span_of(fields[i].value);
        if (h2_rules_field(rules, span_of(fields[i].name), &value))
            take(&head, span_of(fields[i].name), value);
    }
    bool ok = h2_rules_head_done(rules, &head);
    CHECK(ok == (rules->fault == NULL));
    request_head_release(&head);
    return ok;
}

TEST(a_request_is_malformed_by_rfc_9113_section_8)
{
    static const struct {
        struct field fields[FIELDS_MAX];
        bool ok;
        const char *reason;
    } cases[] = {
        {{USUAL("GET", "/")}, true, "the usual"},
        {{{":path", "/"}, {":authority", "a"}, {":scheme", "http"}, {":method", "x"}},
         true,
         "another order, clear, a method of any kind"},
        {{USUAL("GET", "/"), {"x-a_b.c", "1"}}, true, "a token"},
        {{USUAL("GET", "/"), {"X-A", "1"}}, false, "capitals (8.2)"},
        {{USUAL("GET", "/"), {"x a", "1"}}, false, "a blank in a name"},
        {{USUAL("GET", "/"), {"x:a", "1"}}, false, "a colon in a name"},
        {{USUAL("GET", "/"), {"x\xe9", "1"}}, false, "no ASCII"},
        {{USUAL("GET", "/"), {"", "1"}}, false, "no name"},
        {{USUAL("GET", "/"), {"x", "a\r"}}, false, "CR (8.2.1)"},
        {{USUAL("GET", "/"), {"x", "\n"}}, false, "LF"},
        {{USUAL("GET", "/"), {"x", "a\x01z"}}, false, "a control byte"},
        {{USUAL("GET", "/"), {"x", "a\x7f"}}, false, "DEL"},
        {{USUAL("GET", "/"), {"x", "a\tb \xff"}}, true, "a tab, and no ASCII"},
        {{USUAL("GET", "/"), {"x", ""}}, true, "nothing"},
        {{USUAL("G\x01", "/")}, false, "a control byte in a pseudo field"},
        {{{"x", "1"}, USUAL("GET", "/")}, false, "behind another field (8.3)"},
        {{USUAL("GET", "/"), {":path", "/"}}, false, "twice"},
        {{USUAL("GET", "/"), {":status", "200"}}, false, "of answers"},
        {{USUAL("GET", "/"), {":protocol", "websocket"}}, false, "never announced (RFC 8441 3)"},
        {{USUAL("GET", "/"), {":x", "1"}}, false, "unknown"},
        {{USUAL("GET", "/"), {":", "1"}}, false, "nothing behind the colon"},
        {{{":Method", "GET"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}},
         false,
         "a pseudo field with capitals"},
        {{{":scheme", "https"}, {":authority", "a"}, {":path", "/"}}, false, "no method (8.3.1)"},
        {{{":method", "GET"}, {":authority", "a"}, {":path", "/"}}, false, "no scheme"},
        {{{":method", "GET"}, {":scheme", "https"}, {":authority", "a"}}, false, "no path"},
        {{USUAL("", "/")}, false, "an empty method"},
        {{{":method", "GET"}, {":scheme", "wss"}, {":authority", "a"}, {":path", "/"}},
         false,
         "another scheme"},
        {{{":method", "GET"}, {":scheme", "HTTPS"}, {":authority", "a"}, {":path", "/"}},
         false,
         "a scheme in capitals"},
        {{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "a"}},
         true,
         "Host in place of :authority"},
        {{{":method", "GET"}, {":scheme", "https"}, {":path", "/"}},
         true,
         "neither: the catch-all's"},
        {{USUAL("GET", "/"), {"host", "b"}}, true, ":authority counts"},
        {{USUAL("GET", "/"), {"host", "a"}, {"host", "a"}}, false, "two hosts (RFC 9110 7.2)"},
        {{{":method", "GET"}, {":scheme", "https"}, {":authority", "u@a"}, {":path", "/"}},
         false,
         "a user"},
        {{USUAL("GET", "")}, false, "an empty path"},
        {{USUAL("GET", "a")}, false, "no slash"},
        {{USUAL("GET", "?a")}, false, "a query alone"},
        {{USUAL("GET", "http://a/")}, false, "a whole address"},
        {{USUAL("GET", "*")}, true, "the asterisk, as the field's program takes it"},
        {{USUAL("GET", "*a")}, false, "more than an asterisk"},
        {{USUAL("GET", "/a b?c d")}, true, "blanks: they are escaped later"},
        {{USUAL("GET", "/a\tb")}, false, "a tab in the path"},
        {{USUAL("GET", "/?a\tb")}, false, "a tab in the query"},
        {{USUAL("GET", "/%zz")}, false, "a broken escape"},
        {{USUAL("GET", "/a%2")}, false, "half an escape"},
        {{USUAL("GET", "/?%zz")}, true, "a query may hold anything"},
        {{{":method", "CONNECT"}, {":authority", "a:1"}}, true, "CONNECT (8.5)"},
        {{{":method", "CONNECT"}}, false, "CONNECT to nowhere"},
        {{{":method", "CONNECT"}, {":authority", ""}}, false, "CONNECT to nothing"},
        {{{":method", "CONNECT"}, {"host", "a"}}, false, "Host does not do for CONNECT"},
        {{{":method", "CONNECT"}, {":authority", "a"}, {":scheme", "http"}},
         false,
         "CONNECT with a scheme"},
        {{USUAL("CONNECT", "/")}, false, "CONNECT with a path"},
        {{USUAL("POST", "/"), {"content-length", "05"}}, true, "a length"},
        {{USUAL("POST", "/"), {"content-length", "9223372036854775807"}}, true, "the longest"},
        {{USUAL("POST", "/"), {"content-length", "9223372036854775808"}}, false, "beyond"},
        {{USUAL("POST", "/"), {"content-length", ""}}, false, "an empty length (8.1.1)"},
        {{USUAL("POST", "/"), {"content-length", "+5"}}, false, "a sign"},
        {{USUAL("POST", "/"), {"content-length", "5 "}}, false, "a blank behind a length"},
        {{USUAL("POST", "/"), {"content-length", "5, 5"}}, false, "a list of lengths"},
        {{USUAL("POST", "/"), {"content-length", "0x5"}}, false, "not decimal"},
        {{USUAL("POST", "/"), {"content-length", "5"}, {"content-length", "5"}},
         true,
         "twice the same (RFC 9110 8.6)"},
        {{USUAL("POST", "/"), {"content-length", "5"}, {"content-length", "6"}},
         false,
         "two lengths"},
        {{{NULL, NULL}}, false, "no field at all"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h2_rules rules;
        CHECK_CASE(judge(&rules, cases[i].fields) == cases[i].ok, "%s: %s", cases[i].reason,
                   rules.fault ? rules.fault : "taken");
    }
}

TEST(nul_is_no_byte_of_a_name_or_a_value)
{
    struct h2_rules rules = {0};
    struct span value = SPAN("a\0b");
    CHECK(!h2_rules_field(&rules, SPAN("x"), &value));
    CHECK(rules.fault != NULL);
    rules = (struct h2_rules){0};
    value = SPAN("a");
    CHECK(!h2_rules_field(&rules, SPAN("x\0"), &value));
    CHECK(rules.fault != NULL);
}

TEST(blanks_around_a_value_do_not_belong_to_it)
{
    struct h2_rules rules = {0};
    struct span value = SPAN(" \ta b\t ");
    CHECK(h2_rules_field(&rules, SPAN("x"), &value));
    CHECK_SPAN(value, SPAN("a b"));
    value = SPAN("  ");
    CHECK(h2_rules_field(&rules, SPAN("x"), &value));
    CHECK_SPAN(value, SPAN(""));
    value = SPAN(" 1 ");
    CHECK(h2_rules_trailer(&rules, SPAN("x"), &value));
    CHECK_SPAN(value, SPAN("1"));
}

TEST(fields_of_one_hop_are_complained_of_in_their_order)
{
    static const struct {
        struct field fields[FIELDS_MAX];
        const char *text; /* NULL: none */
    } cases[] = {
        {{USUAL("GET", "/"), {"x", "1"}}, NULL},
        {{USUAL("GET", "/"), {"connection", ""}},
         "request header \"Connection\" is not valid in HTTP/2\n"},
        {{USUAL("GET", "/"), {"keep-alive", "timeout=5"}},
         "request header \"Keep-Alive\" is not valid in HTTP/2\n"},
        {{USUAL("GET", "/"), {"proxy-connection", "close"}},
         "request header \"Proxy-Connection\" is not valid in HTTP/2\n"},
        {{USUAL("GET", "/"), {"transfer-encoding", "chunked"}},
         "request header \"Transfer-Encoding\" is not valid in HTTP/2\n"},
        {{USUAL("GET", "/"), {"upgrade", "h2c"}},
         "request header \"Upgrade\" is not valid in HTTP/2\n"},
        {{USUAL("GET", "/"), {"te", "gzip"}},
         "request header \"TE\" may only be \"trailers\" in HTTP/2\n"},
        {{USUAL("GET", "/"), {"te", "Trailers"}},
         "request header \"TE\" may only be \"trailers\" in HTTP/2\n"},
        {{USUAL("GET", "/"), {"te", "trailers "}},
         "request header \"TE\" may only be \"trailers\" in HTTP/2\n"},
        {{USUAL("GET", "/"), {"te", "trailers"}, {"te", "trailers"}},
         "request header \"TE\" may only be \"trailers\" in HTTP/2\n"},
        {{USUAL("GET", "/"), {"te", "trailers"}}, NULL},
        {{USUAL("GET", "/"), {"te", ""}}, NULL},
        {{USUAL("GET", "/"), {"te", "gzip"}, {"upgrade", "x"}, {"keep-alive", "x"}},
         "request header \"Keep-Alive\" is not valid in HTTP/2\n"},
        {{{":method", "CONNECT"}, {":authority", "a"}, {"connection", "x"}},
         "request header \"Connection\" is not valid in HTTP/2\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h2_rules rules;
        CHECK_CASE(judge(&rules, cases[i].fields), "case %zu: %s", i, rules.fault);
        const char *text = h2_rules_refusal(&rules);
        CHECK_CASE(!text == !cases[i].text, "case %zu", i);
        if (text && cases[i].text)
            CHECK_TEXT(text, cases[i].text);
    }
}

TEST(trailers_have_the_bytes_of_fields_and_none_of_the_places_of_heads)
{
    static const struct {
        const char *name, *value;
        bool ok;
    } cases[] = {
        {"x-sum", "1", true},
        {"te", "trailers", true},
        {":path", "/", false},
        {":status", "200", false},
        {"X-Sum", "1", false},
        {"x sum", "1", false},
        {"x-sum", "1\n", false},
        {"connection", "x", false},
        {"keep-alive", "x", false},
        {"upgrade", "h2c", false},
        {"te", "gzip", false},
        {"transfer-encoding", "x", false},
        {"content-length", "x", true /* left out by who knows trailers */},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct h2_rules rules = {0};
        struct span value = span_of(cases[i].value);
        bool ok = h2_rules_trailer(&rules, span_of(cases[i].name), &value);
        CHECK_CASE(ok == cases[i].ok && ok == (rules.fault == NULL), "%s: %s", cases[i].name,
                   cases[i].value);
    }
}
