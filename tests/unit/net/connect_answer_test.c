#include "culvert/net/connect_answer.h"

#include "harness.h"

TEST(the_request_names_host_and_port_twice_and_who_asks)
{
    static const struct {
        const char *host, *authorization, *want;
    } cases[] = {
        {"origin.example", NULL,
         "CONNECT origin.example:443 HTTP/1.1\r\nHost: origin.example:443\r\n\r\n"},
        {"2001:db8::1", "Basic dTpw",
         "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n"
         "Proxy-Authorization: Basic dTpw\r\n\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(1024);
        CHECK(connect_request_write(&out, cases[i].host, 443, cases[i].authorization));
        CHECK_TEXT(buf_text(&out), cases[i].want);
        buf_release(&out);
    }
}

TEST(an_answer_is_taken_to_the_end_of_its_head_however_it_is_cut)
{
    static const struct {
        const char *text;
        enum connect_step step;
        int status;
        size_t rest; /* bytes that are not taken */
    } cases[] = {
        {"HTTP/1.1 200 Connection established\r\n\r\n\x16\x03", CONNECT_OPEN, 200, 2},
        {"HTTP/1.0 200\r\nX: 1\r\n\r\n", CONNECT_OPEN, 200, 0},
        {"HTTP/1.1 299 x\r\n\r\r\n\r\n", CONNECT_OPEN, 299, 0},
        {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno",
         CONNECT_REFUSED, 407, 2},
        {"HTTP/1.1 502 x\r\n\r\n", CONNECT_REFUSED, 502, 0},
        {"HTTP/1.1 200 OK\r\n", CONNECT_MORE, 0, 0},
        {"HTTP/2 200\r\n\r\n", CONNECT_BAD, 0, 2},
        {"SSH-2.0-OpenSSH", CONNECT_BAD, 0, 3},
        {"\r\n\r\n", CONNECT_BAD, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span all = span_of(cases[i].text);
        for (size_t cut = 1; cut <= all.len; cut++) {
            struct connect_answer answer = {0};
            enum connect_step step = CONNECT_MORE;
            size_t used = 0;
            while (step == CONNECT_MORE && used < all.len) {
                size_t taken;
                step = connect_answer_feed(&answer, span_first(span_skip(all, used), cut), &taken);
                used += taken;
            }
            CHECK_CASE(step == cases[i].step && answer.status == cases[i].status &&
                           all.len - used == cases[i].rest,
                       "%s, cut at %zu: step %d, status %d, %zu left", cases[i].text, cut, step,
                       answer.status, all.len - used);
        }
    }
}

TEST(a_head_without_end_is_refused)
{
    struct connect_answer answer = {0};
    size_t taken;
    size_t all = 0;
    CHECK(connect_answer_feed(&answer, SPAN("HTTP/1.1 200 "), &taken) == CONNECT_MORE);
    enum connect_step step = CONNECT_MORE;
    while (step == CONNECT_MORE && all <= CONNECT_ANSWER_MAX) {
        step = connect_answer_feed(&answer, SPAN("xxxxxxxxxxxxxxxx"), &taken);
        all += taken;
    }
    CHECK(step == CONNECT_BAD);
    CHECK_SIZE(answer.len, CONNECT_ANSWER_MAX);
}
