#include "culvert/base/ip.h"

#include "harness.h"

TEST(addresses_are_read_strictly_and_printed_in_their_short_form)
{
    static const struct {
        struct span text;
        const char *printed; /* NULL: refused */
    } cases[] = {
        {SPAN_INIT("127.0.0.1"), "127.0.0.1:80"},
        {SPAN_INIT("255.255.255.255"), "255.255.255.255:80"},
        {SPAN_INIT("::1"), "[::1]:80"},
        {SPAN_INIT("2001:DB8:0:0:0:0:0:1"), "[2001:db8::1]:80"},
        {SPAN_INIT("::ffff:1.2.3.4"), "[::ffff:1.2.3.4]:80"},
        {SPAN_INIT("fe80::1%1"), "[fe80::1%lo]:80"},
        {SPAN_INIT("fe80::1%4000000000"), "[fe80::1%4000000000]:80"},
        {SPAN_INIT(""), NULL},
        {SPAN_INIT("localhost"), NULL},
        {SPAN_INIT("127.1"), NULL},
        {SPAN_INIT("127.0.0.01"), NULL},
        {SPAN_INIT("127.0.0.256"), NULL},
        {SPAN_INIT("0x7f.0.0.1"), NULL},
        {SPAN_INIT("127.0.0.1 "), NULL},
        {SPAN_INIT("127.0.0.1\0"), NULL},
        {SPAN_INIT("[::1]"), NULL},
        {SPAN_INIT("::1::"), NULL},
        {SPAN_INIT("fe80::1%"), NULL},
        {SPAN_INIT("fe80::1%nosuchzone0"), NULL},
        {SPAN_INIT("127.0.0.1%lo"), NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ip_address address;
        char text[IP_TEXT_SIZE] = "";
        bool ok = ip_parse(cases[i].text, 80, &address);
        CHECK_CASE(ok == (cases[i].printed != NULL), "%.*s", SPAN_ARG(cases[i].text));
        if (!ok || !cases[i].printed)
            continue;
        ip_format(&address, text);
        CHECK_TEXT(text, cases[i].printed);
    }
}

TEST(an_address_with_port_has_brackets_exactly_when_it_is_ipv6)
{
    static const struct {
        struct span text;
        bool ok;
    } cases[] = {
        {SPAN_INIT("127.0.0.1:80"), true},    {SPAN_INIT("[::1]:80"), true},
        {SPAN_INIT("127.0.0.1:0"), true},     {SPAN_INIT("127.0.0.1"), false},
        {SPAN_INIT("::1:80"), false},         {SPAN_INIT("[::1]"), false},
        {SPAN_INIT("[127.0.0.1]:80"), false}, {SPAN_INIT("127.0.0.1:"), false},
        {SPAN_INIT("127.0.0.1:+5"), false},   {SPAN_INIT("127.0.0.1:65536"), false},
        {SPAN_INIT("host:80"), false},        {SPAN_INIT(":80"), false},
        {SPAN_INIT("[::1]:"), false},         {SPAN_INIT(""), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ip_address address;
        CHECK_CASE(ip_parse_with_port(cases[i].text, &address) == cases[i].ok, "%.*s",
                   SPAN_ARG(cases[i].text));
    }
}

TEST(host_and_port_are_split_without_guessing)
{
    static const struct {
        struct span text;
        bool ok;
        struct span host;
        uint16_t port; /* 7: none was given */
    } cases[] = {
        {SPAN_INIT("host:80"), true, SPAN_INIT("host"), 80},
        {SPAN_INIT("host"), true, SPAN_INIT("host"), 7},
        {SPAN_INIT(":80"), true, SPAN_INIT(""), 80},
        {SPAN_INIT(""), true, SPAN_INIT(""), 7},
        {SPAN_INIT("[::1]:80"), true, SPAN_INIT("::1"), 80},
        {SPAN_INIT("[::1]"), true, SPAN_INIT("::1"), 7},
        {SPAN_INIT("::1"), true, SPAN_INIT("::1"), 7},
        {SPAN_INIT("[fe80::1%eth9]:1"), true, SPAN_INIT("fe80::1%eth9"), 1},
        {SPAN_INIT("host:"), false, SPAN_INIT(""), 0},
        {SPAN_INIT("host:http"), false, SPAN_INIT(""), 0},
        {SPAN_INIT("host:70000"), false, SPAN_INIT(""), 0},
        {SPAN_INIT("a:b:80"), false, SPAN_INIT(""), 0},
        {SPAN_INIT("[::1"), false, SPAN_INIT(""), 0},
        {SPAN_INIT("::1]"), false, SPAN_INIT(""), 0},
        {SPAN_INIT("[::1]80"), false, SPAN_INIT(""), 0},
        {SPAN_INIT("[::1]]:80"), false, SPAN_INIT(""), 0},
        {SPAN_INIT("[host]:80"), false, SPAN_INIT(""), 0},
        {SPAN_INIT("a[::1]:80"), false, SPAN_INIT(""), 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span host = SPAN_NONE;
        uint16_t port = 7;
        bool ok = ip_split_host_port(cases[i].text, &host, &port);
        CHECK_CASE(ok == cases[i].ok, "%.*s", SPAN_ARG(cases[i].text));
        if (!cases[i].ok)
            continue;
        CHECK_SPAN(host, cases[i].host);
        CHECK_SIZE(port, cases[i].port);
    }
}

TEST(on_the_wire_ipv4_is_mapped)
{
    struct ip_address address;
    unsigned char wire[16];
    REQUIRE(ip_parse(SPAN("1.2.3.4"), 0, &address));
    ip_to_wire(&address, wire);
    CHECK(memcmp(wire, "\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4", 16) == 0);
    REQUIRE(ip_parse(SPAN("2001:db8::7"), 0, &address));
    ip_to_wire(&address, wire);
    CHECK(memcmp(wire, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7", 16) == 0);
}

TEST(addresses_compare_with_their_port)
{
    struct ip_address a;
    struct ip_address b;
    struct ip_address none = {.len = 0};
    REQUIRE(ip_parse_with_port(SPAN("[::1]:80"), &a));
    REQUIRE(ip_parse(SPAN("::1"), 81, &b));
    CHECK(!ip_equal(&a, &b));
    ip_set_port(&b, 80);
    CHECK(ip_equal(&a, &b));
    CHECK_SIZE(ip_port(&b), 80);
    CHECK(!ip_equal(&a, &none));
    CHECK(ip_equal(&none, &none));
    char text[IP_TEXT_SIZE];
    ip_format_bare(&b, text);
    CHECK_TEXT(text, "::1");
    ip_format(&none, text);
    CHECK_TEXT(text, "");
}

TEST(loopback_is_127_slash_8_and_its_ipv6_forms)
{
    static const struct {
        struct span text;
        bool loopback;
    } cases[] = {
        {SPAN_INIT("127.0.0.1"), true},  {SPAN_INIT("127.255.0.9"), true},
        {SPAN_INIT("128.0.0.1"), false}, {SPAN_INIT("0.0.0.0"), false},
        {SPAN_INIT("::1"), true},        {SPAN_INIT("::ffff:127.0.0.1"), true},
        {SPAN_INIT("::"), false},        {SPAN_INIT("::2"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ip_address address;
        REQUIRE(ip_parse(cases[i].text, 0, &address));
        CHECK_CASE(ip_is_loopback(&address) == cases[i].loopback, "%.*s", SPAN_ARG(cases[i].text));
    }
}

TEST(a_mapped_address_becomes_the_ipv4_address_that_it_is)
{
    static const struct {
        const char *text, *becomes;
    } cases[] = {
        {"[::ffff:192.0.2.1]:80", "192.0.2.1:80"},
        {"192.0.2.1:80", "192.0.2.1:80"},
        {"[::1]:80", "[::1]:80"},
        {"[::192.0.2.1]:80", "[::192.0.2.1]:80"},
        {"[2001:db8::1]:80", "[2001:db8::1]:80"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ip_address address, expected;
        CHECK(ip_parse_with_port(span_of(cases[i].text), &address));
        CHECK(ip_parse_with_port(span_of(cases[i].becomes), &expected));
        ip_unmap(&address);
        CHECK_CASE(ip_equal(&address, &expected), "%s", cases[i].text);
    }
}
