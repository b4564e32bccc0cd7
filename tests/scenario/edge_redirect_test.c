/* In production visitors in clear are sent to https, wherever they want to go that is served. */
#include "support/both_ends.h"

#include "harness.h"

static const struct {
    const char *request;
    const char *answer;
    const char *location;
} cases[] = {
    {"GET /a?b=c HTTP/1.1\r\nHost: app.example.com\r\n\r\n", "HTTP/1.1 308 ",
     "Location: https://app.example.com:8443/a?b=c\r\n"},
    {"GET /client/v4/x HTTP/1.1\r\nHost: edge.localhost:8080\r\n\r\n", "HTTP/1.1 308 ",
     "Location: https://edge.localhost:8443/client/v4/x\r\n"},
    {"OPTIONS * HTTP/1.1\r\nHost: app.example.com\r\n\r\n", "HTTP/1.1 308 ",
     "Location: https://app.example.com:8443/\r\n"},
    {"GET / HTTP/1.1\r\nHost: nobody.example.com\r\n\r\n", "HTTP/1.1 404 ", NULL},
};

TEST(visitors_in_clear_are_sent_to_https)
{
    struct both_ends ends;
    both_ends_open_production(&ends);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct visitor_wire visitor;
        visitor_open(&visitor, &ends);
        visitor_say(&visitor, span_of(cases[i].request));
        CHECK(visitor_hears(&visitor, cases[i].answer));
        CHECK_CASE(!cases[i].location || strstr(buf_text(&visitor.got), cases[i].location), "%s",
                   buf_text(&visitor.got));
        visitor_close(&visitor);
    }
    both_ends_close(&ends);
}
