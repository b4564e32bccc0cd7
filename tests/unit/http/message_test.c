#include "culvert/http/message.h"

#include "harness.h"

TEST(a_copied_head_has_all_of_the_first_and_shares_nothing)
{
    struct request_head a;
    struct request_head b;
    request_head_init(&a);
    request_head_init(&b);
    CHECK_TEXT(buf_text(&a.method), "");
    CHECK(buf_put_span(&a.method, SPAN("PUT")) && buf_put_span(&a.scheme, SPAN("https")) &&
          buf_put_span(&a.authority, SPAN("h:1")) && buf_put_span(&a.target, SPAN("/p?q")) &&
          headers_add(&a.fields, SPAN("n"), SPAN("v"), NULL));
    a.length = 7;
    a.is_http10 = a.wants_continue = a.is_websocket = true;
    CHECK(buf_put_span(&b.method, SPAN("OLD")) &&
          headers_add(&b.fields, SPAN("old"), SPAN(""), NULL));
    CHECK(request_head_copy(&b, &a, NULL));
    request_head_release(&a);
    CHECK(request_is(&b, SPAN("PUT")) && !request_is(&b, SPAN("put")));
    CHECK_TEXT(buf_text(&b.scheme), "https");
    CHECK_TEXT(buf_text(&b.authority), "h:1");
    CHECK_TEXT(buf_text(&b.target), "/p?q");
    CHECK_SPAN(request_path(&b), SPAN("/p"));
    CHECK(b.fields.count == 1 && headers_has(&b.fields, SPAN("n")));
    CHECK(b.length == 7 && b.is_http10 && b.wants_continue && b.is_websocket && !b.ends_here);
    request_head_release(&b);
}

TEST(methods_that_change_nothing_are_safe_and_those_that_change_it_once_idempotent)
{
    static const struct {
        const char *method;
        bool is_safe, is_idempotent;
    } cases[] = {
        {"GET", true, true},   {"HEAD", true, true},   {"OPTIONS", true, true},
        {"TRACE", true, true}, {"PUT", false, true},   {"DELETE", false, true},
        {"get", false, false}, {"POST", false, false}, {"PATCH", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct request_head head;
        request_head_init(&head);
        CHECK(buf_put_span(&head.method, span_of(cases[i].method)));
        CHECK_CASE(request_is_safe(&head) == cases[i].is_safe, "%s", cases[i].method);
        CHECK_CASE(request_is_idempotent(&head) == cases[i].is_idempotent, "%s", cases[i].method);
        request_head_release(&head);
    }
}

TEST(an_authority_is_a_plain_name_or_an_address_with_an_honest_port)
{
    static const struct {
        struct span text;
        bool ok;
        const char *why;
    } cases[] = {
        {SPAN_INIT("a.example"), true, "a name"},
        {SPAN_INIT("APP.example."), true, "case and last dot are the router's business"},
        {SPAN_INIT("a_b.example:8443"), true, "underscore, port"},
        {SPAN_INIT("127.0.0.1:65535"), true, "highest port"},
        {SPAN_INIT("[::1]:80"), true, "IPv6"},
        {SPAN_INIT("[2001:db8::1]"), true, "IPv6 without port"},
        {SPAN_INIT(""), false, "empty"},
        {SPAN_INIT(":80"), false, "no name"},
        {SPAN_INIT("a:"), false, "colon without port"},
        {SPAN_INIT("a:0"), false, "port 0"},
        {SPAN_INIT("a:080"), false, "leading zero"},
        {SPAN_INIT("a:65536"), false, "port too large"},
        {SPAN_INIT("a:80:80"), false, "two ports"},
        {SPAN_INIT("a:+80"), false, "sign"},
        {SPAN_INIT("u@a"), false, "user"},
        {SPAN_INIT("a,b"), false, "list"},
        {SPAN_INIT("a b"), false, "space"},
        {SPAN_INIT("a/b"), false, "path"},
        {SPAN_INIT("a%2eb"), false, "escape"},
        {SPAN_INIT("a\0b"), false, "NUL"},
        {SPAN_INIT("\xc3\xa4.example"), false, "not ASCII"},
        {SPAN_INIT("[::1"), false, "open bracket"},
        {SPAN_INIT("[]"), false, "empty brackets"},
        {SPAN_INIT("[::1%25eth0]"), false, "zone"},
        {SPAN_INIT("[::1]x"), false, "text behind the bracket"},
        {SPAN_INIT("[1.2.3.4]"), false, "IPv4 in brackets"},
        {SPAN_INIT("::1"), false, "IPv6 without brackets"},
        {SPAN_INIT("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"), false,
         "more than an address can have"},
        {SPAN_INIT("[::1\0]"), false, "NUL in brackets"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_CASE(authority_is_valid(cases[i].text) == cases[i].ok, "%s", cases[i].why);
    char long_name[300];
    memset(long_name, 'a', sizeof long_name);
    CHECK(authority_is_valid(span_make(long_name, 255)));
    CHECK(!authority_is_valid(span_make(long_name, 256)));
}

TEST(hop_by_hop_fields_go_with_what_connection_names)
{
    struct headers h;
    headers_init(&h);
    static const char *const names[][2] = {
        {"X-Secret", "1"},   {"Connection", "close, x-secret"},
        {"Keep-Alive", "5"}, {"Proxy-Connection", "x"},
        {"TE", "trailers"},  {"Transfer-Encoding", "chunked"},
        {"Trailer", "x"},    {"Upgrade", "h2c"},
        {"Cookie", "a=1"},   {"connection", "TE, X-Other"},
        {"x-other", "2"},    {"te", "deflate, trailers"},
        {"X-Third", "3"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        CHECK(headers_add(&h, span_of(names[i][0]), span_of(names[i][1]), NULL));
    headers_remove_hop_by_hop(&h, true);
    REQUIRE(h.count == 3);
    CHECK_SPAN(headers_at(&h, 0).name, SPAN("TE"));
    CHECK_SPAN(headers_at(&h, 1).name, SPAN("Cookie"));
    CHECK_SPAN(headers_at(&h, 2).name, SPAN("X-Third"));
    headers_remove_hop_by_hop(&h, false);
    CHECK_SIZE(h.count, 2);
    headers_release(&h);
}

TEST(a_length_is_digits_that_agree_wherever_they_stand)
{
    static const struct {
        const char *first, *second;
        bool ok;
        int64_t length;
    } cases[] = {
        {"5", NULL, true, 5},
        {"0", NULL, true, 0},
        {"9223372036854775807", NULL, true, INT64_MAX},
        {"9223372036854775808", NULL, false, 0},
        {"5", "5", true, 5},
        {"5, 5", NULL, true, 5},
        {"5", "6", false, 0},
        {"5,6", NULL, false, 0},
        {"5,", NULL, false, 0},
        {"", NULL, false, 0},
        {"+5", NULL, false, 0},
        {"-5", NULL, false, 0},
        {"0x5", NULL, false, 0},
        {"5 5", NULL, false, 0},
        {NULL, NULL, true, LENGTH_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct headers h;
        int64_t length = 1;
        headers_init(&h);
        if (cases[i].first)
            CHECK(headers_add(&h, SPAN("content-length"), span_of(cases[i].first), NULL));
        if (cases[i].second)
            CHECK(headers_add(&h, SPAN("Content-Length"), span_of(cases[i].second), NULL));
        bool ok = headers_content_length(&h, &length, NULL);
        CHECK_CASE(ok == cases[i].ok && (!ok || length == cases[i].length), "case %zu", i);
        headers_release(&h);
    }
}

TEST(a_target_is_escaped_where_it_may_not_stand_as_it_is)
{
    static const struct {
        const char *target, *escaped;
    } cases[] = {
        {"/a/b;c=%2f?d=e", "/a/b;c=%2f?d=e"},
        {"/a b?c d", "/a%20b?c%20d"},
        {"/\xe4?\xe4", "/%E4?\xe4"},
        {"/\"<>\\^`{|}?\"<>", "/%22%3C%3E%5C%5E%60%7B%7C%7D?\"<>"},
        {"/#?#", "/%23?#"},
        {"*", "*"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(256);
        CHECK(target_escape(span_of(cases[i].target), &out));
        CHECK_TEXT(buf_text(&out), cases[i].escaped);
        buf_release(&out);
    }
    struct buf out = BUF_LIMIT(4);
    CHECK(!target_escape(SPAN("/a b"), &out));
    buf_release(&out);
}

TEST(a_status_has_its_reason_and_an_unknown_one_has_none)
{
    CHECK_TEXT(status_reason(200), "OK");
    CHECK_TEXT(status_reason(502), "Bad Gateway");
    CHECK_TEXT(status_reason(999), "");
}
