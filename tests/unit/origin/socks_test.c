#include "culvert/origin/socks.h"

#include "harness.h"

/* The steps that come of `bytes`, as letters, given as they are asked for: m more, g greeting,
 * n no method, c connect, o other, b bad. What is left stays unread. */
static void feed(struct socks_server *server, struct span bytes, char steps[64])
{
    static const char letters[] = {
        [SOCKS_MORE] = 'm',    [SOCKS_GREETING] = 'g', [SOCKS_NO_METHOD] = 'n',
        [SOCKS_CONNECT] = 'c', [SOCKS_OTHER] = 'o',    [SOCKS_BAD] = 'b'};
    size_t count = 0;
    enum socks_step step = SOCKS_MORE;
    *server = (struct socks_server){0};
    while (bytes.len > 0 && (step == SOCKS_MORE || step == SOCKS_GREETING)) {
        struct span part = span_first(bytes, socks_wants(server));
        step = socks_feed(server, part.data, part.len);
        bytes = span_skip(bytes, part.len);
        steps[count++] = letters[step];
    }
    steps[count] = '\0';
}

#define HELLO "\x05\x01\x00"

TEST(a_handshake_is_read_step_by_step_and_nothing_beyond_it)
{
    static const struct {
        struct span bytes;
        const char *steps;
    } cases[] = {
        {SPAN_INIT(HELLO "\x05\x01\x00\x01\x7f\x00\x00\x01\x00Pdata"), "mgmc"},
        {SPAN_INIT(HELLO "\x05\x01\x00\x03\x04host\x00\x50"), "mgmmc"},
        {SPAN_INIT(HELLO "\x05\x01\x00\x03\x00\x00\x50"), "mgmb"},
        {SPAN_INIT(HELLO "\x05\x01\x00\x04"
                         "0123456789abcdef"
                         "\x00\x50"),
         "mgmc"},
        {SPAN_INIT("\x05\x02\x02\x00"
                   "\x05\x02\x00\x01\x7f\x00\x00\x01\x00\x50"),
         "mgmo"},
        {SPAN_INIT(HELLO "\x05\x03\x00\x01\x7f\x00\x00\x01\x00\x50"), "mgmo"},
        {SPAN_INIT("\x05\x01\x02"), "mn"},
        {SPAN_INIT("\x05\x00"), "n"},
        {SPAN_INIT("\x04\x01"), "b"},
        {SPAN_INIT("GET / HTTP/1.1\r\n"), "b"},
        {SPAN_INIT(HELLO "\x04\x01\x00\x01\x7f\x00\x00\x01\x00\x50"), "mgb"},
        {SPAN_INIT(HELLO "\x05\x01\x00\x07"), "mgb"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct socks_server server;
        char steps[64];
        feed(&server, cases[i].bytes, steps);
        CHECK_CASE(strcmp(steps, cases[i].steps) == 0, "case %zu: %s", i, steps);
    }
}

TEST(bytes_may_come_one_by_one)
{
    static const char bytes[] = HELLO "\x05\x01\x00\x03\x04host\x00\x50";
    struct socks_server server = {0};
    enum socks_step step = SOCKS_MORE;
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        step = socks_feed(&server, bytes + i, 1);
    CHECK(step == SOCKS_CONNECT);
}

TEST(what_is_asked_for_is_a_host_and_a_port)
{
    static const struct {
        struct span bytes;
        bool ok;
        const char *host;
        unsigned port;
    } cases[] = {
        {SPAN_INIT(HELLO "\x05\x01\x00\x01\x7f\x00\x00\x02\x1f\x90"), true, "127.0.0.2", 8080},
        {SPAN_INIT(HELLO "\x05\x01\x00\x03\x04host\xff\xff"), true, "host", 65535},
        {SPAN_INIT(HELLO "\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x01"), true, "::1",
         1},
        {SPAN_INIT(HELLO "\x05\x01\x00\x03\x03"
                         "a\0b\0\x01"),
         false, "a", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct socks_server server;
        char steps[64];
        char host[SOCKS_NAME_MAX + 1];
        uint16_t port;
        feed(&server, cases[i].bytes, steps);
        bool ok = socks_asked(&server, host, &port);
        CHECK_CASE(ok == cases[i].ok && port == cases[i].port, "case %zu", i);
        CHECK_TEXT(host, cases[i].host);
    }
}

TEST(replies_tell_the_bound_address_or_repeat_what_was_asked)
{
    unsigned char out[SOCKS_REQUEST_MAX];
    struct ip_address bound;
    struct socks_server server;
    char steps[64];
    CHECK(ip_parse(SPAN("10.1.2.3"), 258, &bound));
    CHECK_SPAN(span_make(out, socks_reply(out, SOCKS_SUCCEEDED, &bound)),
               SPAN("\x05\x00\x00\x01\x0a\x01\x02\x03\x01\x02"));
    CHECK(ip_parse(SPAN("::1"), 80, &bound));
    CHECK_SPAN(span_make(out, socks_reply(out, SOCKS_SUCCEEDED, &bound)),
               SPAN("\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50"));
    CHECK_SPAN(span_make(out, socks_reply(out, SOCKS_REFUSED, NULL)),
               SPAN("\x05\x05\x00\x01\0\0\0\0\0\0"));
    feed(&server, SPAN(HELLO "\x05\x01\x00\x03\x04host\x00\x50"), steps);
    CHECK_SPAN(span_make(out, socks_reply_asked(&server, out, SOCKS_DENIED)),
               SPAN("\x05\x02\x00\x03\x04host\x00\x50"));
}
