#include "culvert/config/outgoing_proxy.h"

#include "harness.h"

struct pair {
    const char *name, *value;
};

static const char *find(const char *name, void *arg)
{
    const struct pair *pairs = arg;
    for (; pairs->name; pairs++)
        if (strcmp(pairs->name, name) == 0)
            return pairs->value;
    return NULL;
}

static struct outgoing_proxies *proxies_of(struct pair *pairs, struct error *err)
{
    const struct environment environment = {.find = find, .arg = pairs};
    return outgoing_proxies_new(&environment, err);
}

TEST(each_scheme_has_its_variable_and_the_upper_case_goes_first)
{
    struct pair pairs[] = {{"HTTP_PROXY", ""},
                           {"http_proxy", "proxy.example:3128"},
                           {"HTTPS_PROXY", "http://us%65r:p%3Aw@[2001:db8::1]"},
                           {"https_proxy", "http://other.example"},
                           {NULL, NULL}};
    struct error err = {0};
    struct outgoing_proxies *proxies = proxies_of(pairs, &err);
    REQUIRE(proxies);
    const struct outgoing_proxy *http = outgoing_proxies_find(proxies, false, "o.example", 80);
    const struct outgoing_proxy *https = outgoing_proxies_find(proxies, true, "o.example", 443);
    REQUIRE(http && https);
    CHECK_TEXT(http->host, "proxy.example");
    CHECK_SIZE(http->port, 3128);
    CHECK(http->is_spoken && !http->authorization);
    CHECK_TEXT(https->host, "2001:db8::1");
    CHECK_SIZE(https->port, 80);
    CHECK_TEXT(https->authorization, "Basic dXNlcjpwOnc=");
    CHECK(strstr(https->text, "p") && !strstr(https->text, "us"));
    outgoing_proxies_free(proxies);
    CHECK(outgoing_proxies_find(NULL, true, "o.example", 443) == NULL);
}

TEST(a_proxy_of_another_scheme_is_known_and_a_text_that_is_no_url_refused)
{
    struct pair socks[] = {{"HTTPS_PROXY", "socks5://h:1080"}, {NULL, NULL}};
    struct pair broken[] = {{"http_proxy", "http://h:port"}, {NULL, NULL}};
    struct error err = {0};
    struct outgoing_proxies *proxies = proxies_of(socks, &err);
    REQUIRE(proxies);
    const struct outgoing_proxy *proxy = outgoing_proxies_find(proxies, true, "o.example", 443);
    CHECK(proxy && !proxy->is_spoken);
    CHECK(outgoing_proxies_find(proxies, false, "o.example", 80) == NULL);
    outgoing_proxies_free(proxies);
    CHECK(proxies_of(broken, &err) == NULL);
    CHECK(strstr(err.text, "HTTP_PROXY") != NULL);
}

TEST(some_origins_are_asked_straight)
{
    static const struct {
        const char *except, *host;
        uint16_t port;
        bool straight;
    } cases[] = {
        {"", "o.example", 80, false},
        {"", "localhost", 80, true},
        {"", "LOCALHOST", 80, true},
        {"", "127.8.9.1", 80, true},
        {"", "::1", 80, true},
        {"", "localhost.example", 80, false},
        {"*", "o.example", 80, true},
        {" a.example , O.example ", "o.EXAMPLE", 80, true},
        {"example", "o.example", 80, true},
        {"example", "oexample", 80, false},
        {".example", "o.example", 80, true},
        {".o.example", "o.example", 80, false},
        {"*.example", "a.o.example", 80, true},
        {"o.example:8080", "o.example", 80, false},
        {"o.example:8080", "o.example", 8080, true},
        {"192.0.2.1", "192.0.2.1", 80, true},
        {"192.0.2.1:81", "192.0.2.1", 80, false},
        {"192.0.2.0/24", "192.0.2.77", 80, true},
        {"192.0.2.64/26", "192.0.2.63", 80, false},
        {"192.0.2.64/26", "192.0.2.127", 80, true},
        {"2001:db8::/32", "2001:db8:1::1", 80, true},
        {"2001:db8::/32", "2001:db9::1", 80, false},
        {"0.0.0.0/0", "192.0.2.1", 80, true},
        {"0.0.0.0/0", "2001:db8::1", 80, false},
        {"[2001:db8::1]:80", "2001:db8::1", 80, true},
        {"192.0.2.1", "o.example", 80, false},
        {",,/,:,.", "o.example", 80, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pair pairs[] = {
            {"HTTP_PROXY", "proxy.example"}, {"no_proxy", cases[i].except}, {NULL, NULL}};
        struct outgoing_proxies *proxies = proxies_of(pairs, NULL);
        REQUIRE(proxies);
        bool straight = outgoing_proxies_find(proxies, false, cases[i].host, cases[i].port) == NULL;
        CHECK_CASE(straight == cases[i].straight, "\"%s\" and %s:%u", cases[i].except,
                   cases[i].host, cases[i].port);
        outgoing_proxies_free(proxies);
    }
}
