#include "culvert/ingress/service.h"

#include "harness.h"

TEST(a_text_names_its_service)
{
    static const struct {
        const char *text;
        enum service_kind kind;
        bool tls;
        const char *host;
        int port; /* -1: never dialed */
        const char *shown;
    } cases[] = {
        {"http://localhost", SERVICE_HTTP, false, "localhost", 80, "http://localhost"},
        {"HTTP://LocalHost:80", SERVICE_HTTP, false, "LocalHost", 80, "http://LocalHost:80"},
        {"https://[::1]:8443", SERVICE_HTTP, true, "::1", 8443, "https://[::1]:8443"},
        {"ws://h:1", SERVICE_HTTP, false, "h", 1, "ws://h:1"},
        {"wss://h", SERVICE_HTTP, true, "h", 443, "wss://h"},
        {"h2c://h", SERVICE_HTTP, false, "h", 80, "h2c://h"},
        {"H2C://h:50051", SERVICE_HTTP, false, "h", 50051, "h2c://h:50051"},
        {"http://u:p@h?x#y", SERVICE_HTTP, false, "h", 80, "http://u:p@h?x#y"},
        {"http://b\xC3\xBC.example", SERVICE_HTTP, false, "xn--b-eha.example", 80,
         "http://b%C3%BC.example"},
        {"http://u%3a:p%40p@h?a b#c d", SERVICE_HTTP, false, "h", 80,
         "http://u%3A:p%40p@h?a b#c%20d"},
        {"http://a@b@h", SERVICE_HTTP, false, "h", 80, "http://a%40b@h"},
        {"http://h#", SERVICE_HTTP, false, "h", 80, "http://h"},
        {"http://h#a[1]'", SERVICE_HTTP, false, "h", 80, "http://h#a[1]'"},
        {"http://a\"<b>]", SERVICE_HTTP, false, "a\"<b>]", 80, "http://a\"<b>]"},
        {"http://h:65536", SERVICE_HTTP, false, "h", -1, "http://h:65536"},
        {"tcp://h", SERVICE_TCP, false, "h", 7864, "tcp://h:7864"},
        {"tcp://h:", SERVICE_TCP, false, "h", 7864, "tcp://h:7864"},
        {"ssh://u@h?x", SERVICE_TCP, false, "h", 22, "ssh://h:22"},
        {"foo://u@h:#x", SERVICE_TCP, false, "h", -1, "foo://h:"},
        {"tcp://a::", SERVICE_TCP, false, "a:", 7864, "tcp://[a:]:7864"},
        {"tcp://a:b:5", SERVICE_TCP, false, "a:b", 5, "tcp://a:b:5"},
        {"ssh://[::1%25e]", SERVICE_TCP, false, "::1%e", 22, "ssh://[::1%e]:22"},
        {"rdp://[::1]", SERVICE_TCP, false, "::1", 3389, "rdp://[::1]:3389"},
        {"smb://h:1", SERVICE_TCP, false, "h", 1, "smb://h:1"},
        {"foo://h", SERVICE_TCP, false, "h", -1, "foo://h"},
        {"foo://h:5", SERVICE_TCP, false, "h", 5, "foo://h:5"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct service service;
        struct error err = {0};
        if (!service_parse(span_of(cases[i].text), 0, &service, &err)) {
            CHECK_CASE(false, "%s: %s", cases[i].text, err.text);
            continue;
        }
        CHECK_CASE(service.kind == cases[i].kind && service.tls == cases[i].tls, "%s",
                   cases[i].text);
        CHECK_CASE(service.http2 == span_starts(span_of(cases[i].shown), SPAN("h2c:")), "%s",
                   cases[i].text);
        CHECK_TEXT(service.host, cases[i].host);
        CHECK_CASE((service.has_port ? service.port : -1) == cases[i].port, "%s", cases[i].text);
        CHECK_TEXT(service.text, cases[i].shown);
        service_release(&service);
    }
}

TEST(the_path_of_an_http_service_is_a_prefix_and_shown_as_written)
{
    static const struct {
        const char *text, *prefix;
    } cases[] = {
        {"http://h:8080", ""},
        {"http://h:8080/", ""},
        {"https://h//", ""},
        {"http://h:8080/app", "/app"},
        {"http://h:8080/app/", "/app"},
        {"ws://h/a//b/%2F;v=1/@:!$&'()*+,=~._-", "/a//b/%2F;v=1/@:!$&'()*+,=~._-"},
        {"wss://h/...", "/..."},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct service service;
        struct error err = {0};
        if (!service_parse(span_of(cases[i].text), 0, &service, &err)) {
            CHECK_CASE(false, "%s: %s", cases[i].text, err.text);
            continue;
        }
        CHECK_TEXT(service.prefix, cases[i].prefix);
        CHECK_TEXT(service.text, cases[i].text);
        service_release(&service);
    }
}

TEST(words_and_prefixes_win_over_urls)
{
    static const struct {
        const char *text;
        unsigned options;
        enum service_kind kind;
        const char *path;
        int status;
        const char *shown;
    } cases[] = {
        {"unix:/run/x y", 0, SERVICE_UNIX, "/run/x y", 0, "unix:/run/x y"},
        {"unix:///x", SERVICE_BASTION_MODE, SERVICE_UNIX, "///x", 0, "unix:///x"},
        {"unix:", 0, SERVICE_UNIX, "", 0, "unix:"},
        {"unix+tls:x", 0, SERVICE_UNIX, "x", 0, "unix+tls:x"},
        {"http_status:+0404", 0, SERVICE_STATUS, "", 404, "http_status:404"},
        {"hello-world", 0, SERVICE_HELLO, "", 0, "hello_world"},
        {"bastion", 0, SERVICE_BASTION, "", 0, "bastion"},
        {"socks-proxy", SERVICE_BASTION_MODE, SERVICE_SOCKS, "", 0, "socks-proxy"},
        {"no URL at all", SERVICE_BASTION_MODE, SERVICE_BASTION, "", 0, "bastion"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct service service;
        struct error err = {0};
        if (!service_parse(span_of(cases[i].text), cases[i].options, &service, &err)) {
            CHECK_CASE(false, "%s: %s", cases[i].text, err.text);
            continue;
        }
        CHECK_CASE(service.kind == cases[i].kind, "%s", cases[i].text);
        CHECK_TEXT(service.path, cases[i].path);
        CHECK(service.status == cases[i].status);
        CHECK_TEXT(service.text, cases[i].shown);
        service_release(&service);
    }
}

TEST(what_names_no_service_is_refused_with_its_reason)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"http_status:", "takes a number"},
        {"http_status: 200", "takes a number"},
        {"http_status:2e2", "takes a number"},
        {"http_status:99", "100 to 999"},
        {"http_status:-200", "100 to 999"},
        {"http_status:99999999999999999999", "100 to 999"},
        {"http://h:b", "not a URL"},
        {"127.0.0.1:80", "not a URL"},
        {"http://h ", "not a URL"},
        {"http://h:80:80", "not a URL"},
        {"http://[:1]", "not a URL"},
        {"http://[1:2:3:4:5:6:7:8::]", "not a URL"},
        {"http://b\xC3\xBC@h", "not a URL"},
        {"localhost:8080", "neither a URL"},
        {"//h", "neither a URL"},
        {"http://", "neither a URL"},
        {"Bastion", "neither a URL"},
        {"", "neither a URL"},
        {"ssh://h/", "no path"},
        {"foo://h:5/x", "no path"},
        {"http://h/app?x=1", "no query and no fragment"},
        {"http://h/?", "no query and no fragment"},
        {"http://h/app#top", "no query and no fragment"},
        {"http://h/a b", "has to be escaped"},
        {"http://h/b\xC3\xBC", "has to be escaped"},
        {"http://h/a[1]", "has to be escaped"},
        {"http://h/a/../b", "a segment \".\""},
        {"http://h/.", "a segment \".\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct service service;
        struct error err = {0};
        CHECK_CASE(!service_parse(span_of(cases[i].text), 0, &service, &err), "%s", cases[i].text);
        CHECK_CASE(strstr(err.text, cases[i].words), "%s: %s", cases[i].text, err.text);
    }
}

TEST(a_nul_is_refused_where_it_would_hide_what_follows)
{
    static const struct span texts[] = {SPAN_INIT("unix:/a\0b"), SPAN_INIT("http://h\0"),
                                        SPAN_INIT("unix+tls:\0")};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct service service;
        CHECK_CASE(!service_parse(texts[i], 0, &service, NULL), "text %zu", i);
    }
}

TEST(the_url_flag_takes_addresses_names_and_six_schemes)
{
    static const struct {
        const char *text, *shown; /* NULL: refused */
    } cases[] = {
        {"localhost:8080", "http://localhost:8080"},
        {"http://localhost:8080/api?x=1", "http://localhost:8080"},
        {"http://u:p@localhost", "http://localhost"},
        {"localhost:8080/api/", "http://localhost:8080/api/"},
        {"localhost/api", "http://localhost/api"},
        {"127.0.0.1", "http://127.0.0.1"},
        {"127.0.0.1:80", "http://127.0.0.1:80"},
        {"::1", "http://[::1]"},
        {"::1:80", "http://[::1:80]"},
        {"[::1]", "http://[::1]"},
        {"[::1]:80", "http://[::1]:80"},
        {"http://[::1]", "http://[::1]"},
        {"HTTPS://EXAMPLE.com:8443", "https://EXAMPLE.com:8443"},
        {"ssh://host", "ssh://host:22"},
        {"rdp://::1:/x", "rdp://[::1]:3389"},
        {"b\xC3\xBC.example", "http://xn--b-eha.example"},
        {"b\xC3\xBC.example:80/x?y", "http://xn--b-eha.example:80/x?y"},
        {"\xE2\x98\x95.example", "http://xn--53h.example"},
        {"h2c://host:50051/x", "h2c://host:50051"},
        {"http://b\xC3\xBC.example", "http://xn--b-eha.example"},
        {"", NULL},
        {"ws://host", NULL},
        {"ftp://host", NULL},
        {"http://", NULL},
        {":8080", NULL},
        {"//h", NULL},
        {"unix:/x", NULL},
        {"http_status:404", NULL},
        {"host:", NULL},
        {"host:port", NULL},
        {"host with space", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct service service;
        struct error err = {0};
        bool ok = service_parse_url_flag(span_of(cases[i].text), &service, &err);
        CHECK_CASE(ok == (cases[i].shown != NULL), "%s: %s", cases[i].text, err.text);
        if (ok && cases[i].shown)
            CHECK_TEXT(service.text, cases[i].shown);
        if (ok)
            service_release(&service);
    }
}
