#include "culvert/base/url.h"

#include "harness.h"

TEST(a_url_falls_into_its_parts)
{
    struct url url;
    struct error err = {0};
    REQUIRE(url_parse(SPAN("HTTP://u:p@example.com:8080/a%20b/c?x=1?&y#z"), &url, &err));
    CHECK(url_has_scheme(&url, SPAN("http")));
    CHECK_SPAN(url.userinfo, SPAN("u:p"));
    CHECK_SPAN(url.host, SPAN("example.com"));
    CHECK_SPAN(url.port, SPAN("8080"));
    CHECK_SPAN(url.path, SPAN("/a%20b/c"));
    CHECK_SPAN(url.query, SPAN("x=1?&y"));
    CHECK_SPAN(url.fragment, SPAN("z"));
}

TEST(each_part_may_be_missing)
{
    static const struct {
        struct span text;
        const char *scheme, *host, *port, *path;
    } cases[] = {
        {SPAN_INIT("http://a"), "http", "a", "", ""},
        {SPAN_INIT("http://a?x"), "http", "a", "", ""},
        {SPAN_INIT("http://a#x"), "http", "a", "", ""},
        {SPAN_INIT("http://a:/"), "http", "a", "", "/"},
        {SPAN_INIT("//a/b"), "", "a", "", "/b"},
        {SPAN_INIT("http://"), "http", "", "", ""},
        {SPAN_INIT("http://:80"), "http", "", "80", ""},
        {SPAN_INIT("localhost:8080"), "localhost", "", "", "8080"},
        {SPAN_INIT("a/b:c"), "", "", "", "a/b:c"},
        {SPAN_INIT("/x"), "", "", "", "/x"},
        {SPAN_INIT(""), "", "", "", ""},
        {SPAN_INIT("http://[::1]:80/"), "http", "::1", "80", "/"},
        {SPAN_INIT("http://[fe80::1%25eth0]"), "http", "fe80::1%25eth0", "", ""},
        {SPAN_INIT("http://a_b*.c"), "http", "a_b*.c", "", ""},
        {SPAN_INIT("tcp://a:b:5/x"), "tcp", "a:b", "5", "/x"},
        {SPAN_INIT("//::1:80"), "", "::1", "80", ""},
        {SPAN_INIT("mailto:%zz"), "mailto", "", "", "%zz"},
        {SPAN_INIT("http://a@b@c"), "http", "c", "", ""},
        {SPAN_INIT("http://[::1%25a%20b]"), "http", "::1%25a%20b", "", ""},
        {SPAN_INIT("http://h/a b{}|"), "http", "h", "", "/a b{}|"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url url;
        struct error err = {0};
        bool ok = url_parse(cases[i].text, &url, &err);
        CHECK_CASE(ok, "%.*s: %s", SPAN_ARG(cases[i].text), err.text);
        CHECK_SPAN(url.scheme, span_of(cases[i].scheme));
        CHECK_SPAN(url.host, span_of(cases[i].host));
        CHECK_SPAN(url.port, span_of(cases[i].port));
        CHECK_SPAN(url.path, span_of(cases[i].path));
    }
}

TEST(what_is_no_url_is_refused)
{
    static const struct {
        struct span text;
        const char *why;
    } cases[] = {
        {SPAN_INIT(":x"), "no scheme before the colon"},
        {SPAN_INIT("127.0.0.1:80"), "a colon in the first segment"},
        {SPAN_INIT(" http://a"), "a blank makes it no scheme"},
        {SPAN_INIT("http://a b"), "a blank in the host"},
        {SPAN_INIT("http://a:b"), "a port of letters"},
        {SPAN_INIT("http://a:-1"), "a port with a sign"},
        {SPAN_INIT("http://a:80:80"), "two ports"},
        {SPAN_INIT("http://[::1"), "an open bracket"},
        {SPAN_INIT("http://[::1]80"), "no colon behind the bracket"},
        {SPAN_INIT("http://[a.b]"), "a name in brackets"},
        {SPAN_INIT("http://[::1%25]"), "an empty zone"},
        {SPAN_INIT("http://a["), "a stray bracket"},
        {SPAN_INIT("http://[:1]"), "half an address in brackets"},
        {SPAN_INIT("http://[12345::]"), "too long a group in brackets"},
        {SPAN_INIT("http://[::1%25%2f]"), "a slash in a zone"},
        {SPAN_INIT("tcp://a:b:c"), "a port of letters behind the last colon"},
        {SPAN_INIT("HTTPS://a:b:80"), "a colon in the host"},
        {SPAN_INIT("http://\xC3\xA9@a/"), "letters beyond ASCII in the user information"},
        {SPAN_INIT("http://a\\b"), "a backslash in the host"},
        {SPAN_INIT("http://ex%41mple"), "an escape for what needs none"},
        {SPAN_INIT("http://a%zz/"), "a bad escape in the host"},
        {SPAN_INIT("http://a/%zz"), "a bad escape in the path"},
        {SPAN_INIT("http://a/%2"), "a short escape"},
        {SPAN_INIT("http://a/#%2"), "a bad escape in the fragment"},
        {SPAN_INIT("http://u<@a/"), "a bad character in the user information"},
        {SPAN_INIT("http://a/\x01"), "a control byte"},
        {SPAN_INIT("http://a/\x7F"), "another control byte"},
        {SPAN_INIT("http://a\0b/"), "a NUL"},
        {SPAN_INIT("http://a/\r\nX: y"), "a line end"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct url url;
        struct error err = {0};
        CHECK_CASE(!url_parse(cases[i].text, &url, &err), "%s", cases[i].why);
        CHECK_CASE(err.text[0] != '\0', "%s: no words", cases[i].why);
    }
}

TEST(the_port_has_a_fallback_and_a_bound)
{
    struct url url;
    uint16_t port = 0;
    REQUIRE(url_parse(SPAN("http://a"), &url, NULL));
    CHECK(url_port(&url, 80, &port) && port == 80);
    REQUIRE(url_parse(SPAN("http://a:65535"), &url, NULL));
    CHECK(url_port(&url, 80, &port) && port == 65535);
    REQUIRE(url_parse(SPAN("http://a:65536"), &url, NULL));
    CHECK(!url_port(&url, 80, &port));
}

TEST(escapes_of_a_host_spell_letters_beyond_ascii)
{
    struct url url;
    struct buf out = BUF_LIMIT(64);
    REQUIRE(url_parse(SPAN("https://b%C3%BC.example/"), &url, NULL));
    CHECK(url_decode_host(&url, &out));
    CHECK_TEXT(buf_text(&out), "b\xC3\xBC.example");
    buf_release(&out);
}
