#include "culvert/net/proxy_header.h"

#include "harness.h"

static struct ip_address at(const char *text, uint16_t port)
{
    struct ip_address address = {.len = 0};
    if (text && !ip_parse(span_of(text), port, &address))
        CHECK_CASE(false, "%s is no address", text);
    return address;
}

static struct span header(enum proxy_version version, const struct ip_address *from,
                          const struct ip_address *to, unsigned char out[PROXY_HEADER_SIZE])
{
    return span_make((const char *)out, proxy_header_write(version, from, to, out));
}

TEST(version_1_is_a_line_of_text)
{
    /* The first, third and fourth are the examples of chapter 2.1. */
    static const struct {
        const char *from;
        uint16_t from_port;
        const char *to;
        uint16_t to_port;
        const char *want;
    } cases[] = {
        {"255.255.255.255", 65535, "255.255.255.255", 65535,
         "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"},
        {"192.168.0.1", 56324, "192.168.0.11", 443,
         "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
         "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"},
        {NULL, 0, "10.0.0.1", 80, "PROXY UNKNOWN\r\n"},
        {"2001:db8::1", 0, "10.0.0.1", 80, "PROXY TCP6 2001:db8::1 ::ffff:10.0.0.1 0 80\r\n"},
        {"203.0.113.9", 0, "::1", 80, "PROXY TCP6 ::ffff:203.0.113.9 ::1 0 80\r\n"},
        {"203.0.113.9", 0, NULL, 0, "PROXY TCP4 203.0.113.9 0.0.0.0 0 0\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char out[PROXY_HEADER_SIZE];
        struct ip_address from = at(cases[i].from, cases[i].from_port);
        struct ip_address to = at(cases[i].to, cases[i].to_port);
        CHECK_SPAN(header(PROXY_V1, &from, &to, out), span_of(cases[i].want));
    }
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

TEST(version_2_is_binary)
{
    unsigned char out[PROXY_HEADER_SIZE];
    struct ip_address none = {.len = 0};
    struct ip_address v4 = at("203.0.113.9", 0);
    struct ip_address v4_end = at("10.0.0.1", 0x1f90);
    struct ip_address v6 = at("2001:db8::9", 0);
    struct ip_address v6_end = at("::1", 80);
    CHECK_SPAN(header(PROXY_V2, &v4, &v4_end, out),
               SPAN(SIGNATURE "\x21\x11\x00\x0c\xcb\x00\x71\x09\x0a\x00\x00\x01\x00\x00\x1f\x90"));
    CHECK_SPAN(header(PROXY_V2, &v6, &v6_end, out),
               SPAN(SIGNATURE "\x21\x21\x00\x24"
                              "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"
                              "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x50"));
    CHECK_SPAN(header(PROXY_V2, &v6, &v4_end, out),
               SPAN(SIGNATURE "\x21\x21\x00\x24"
                              "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"
                              "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01\0\0\x1f\x90"));
    CHECK_SPAN(header(PROXY_V2, &v4, &none, out),
               SPAN(SIGNATURE "\x21\x11\x00\x0c\xcb\x00\x71\x09\0\0\0\0\0\0\0\0"));
    CHECK_SPAN(header(PROXY_V2, &none, &v4_end, out), SPAN(SIGNATURE "\x20\x00\x00\x00"));
}

TEST(no_version_writes_nothing_and_names_are_v1_and_v2)
{
    unsigned char out[PROXY_HEADER_SIZE];
    struct ip_address v4 = at("203.0.113.9", 0);
    enum proxy_version version = PROXY_NONE;
    CHECK_SIZE(proxy_header_write(PROXY_NONE, &v4, &v4, out), 0);
    CHECK(proxy_version_parse(SPAN("v1"), &version) && version == PROXY_V1);
    CHECK(proxy_version_parse(SPAN("v2"), &version) && version == PROXY_V2);
    CHECK(!proxy_version_parse(SPAN("V2"), &version) && !proxy_version_parse(SPAN(""), &version));
    CHECK_TEXT(proxy_version_name(PROXY_V2), "v2");
}
