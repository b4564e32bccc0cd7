#include "culvert/origin/jump.h"

#include "harness.h"

TEST(a_destination_is_a_host_and_a_port_however_it_is_written)
{
    static const struct {
        const char *text, *host;
        unsigned port;
    } cases[] = {
        {"127.0.0.1:22", "127.0.0.1", 22},
        {"tcp://127.0.0.1:22", "127.0.0.1", 22},
        {"ssh://host.example:22/x", "host.example", 22},
        {"127.0.0.1:22/path", "127.0.0.1", 22},
        {"localhost:22", "localhost", 22},
        {"http://user@h:22", "h", 22},
        {"http://user:secret@h:22/?q#f", "h", 22},
        {"[::1]:22", "::1", 22},
        {"ssh://[fd00::1]:22/", "fd00::1", 22},
        {"//127.0.0.1:22/z", "127.0.0.1", 22},
        {":22", "127.0.0.1", 22},
        {" h:22 ", "h", 22},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span host;
        uint16_t port;
        struct error err = {0};
        CHECK_CASE(jump_parse(span_of(cases[i].text), &host, &port, &err), "%s: %s", cases[i].text,
                   err.text);
        CHECK_CASE(span_equal(host, span_of(cases[i].host)) && port == cases[i].port,
                   "%s: %.*s, %u", cases[i].text, SPAN_ARG(host), port);
    }
}

TEST(a_destination_without_a_port_or_of_no_form_is_refused)
{
    static const char *const texts[] = {
        "",    "127.0.0.1", "ssh://127.0.0.1", "h:0",  "h:65536", "h:x", "/h:22", "h:22x", "[::1]",
        "::1", "[h]:22",    "ssh://h:99999",   "h:-1",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct span host;
        uint16_t port;
        struct error err = {0};
        CHECK_CASE(!jump_parse(span_of(texts[i]), &host, &port, &err), "%s", texts[i]);
        CHECK_CASE(err.kind == ERROR_INVALID, "%s", texts[i]);
    }
}
