/* A request crosses the tunnel: visitor -> edge -> connector -> origin and back. */
#include "support/both_ends.h"

#include "harness.h"

static const char one_rule[] = "ingress:\n"
                               "  - service: http://127.0.0.1:3000\n";

static const struct fake_script hello = {
    {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Origin: yes\r\n\r\nhello")}}};

TEST(a_request_crosses_the_tunnel_and_its_answer_comes_back)
{
    struct both_ends ends;
    struct visitor_wire visitor;
    both_ends_open(&ends);
    fake_origin_follow(&ends.origin, &hello, 1);
    both_ends_connect(&ends, one_rule);
    CHECK(both_ends_registered(&ends, 4));
    visitor_open(&visitor, &ends);
    visitor_say(&visitor, SPAN("GET /path?q=1 HTTP/1.1\r\nHost: app.example.com\r\n\r\n"));
    CHECK(visitor_hears(&visitor, "hello"));
    CHECK(span_starts(buf_span(&visitor.got), SPAN("HTTP/1.1 200 OK\r\n")));
    CHECK(strstr(buf_text(&visitor.got), "\r\nX-Origin: yes\r\n") != NULL);
    REQUIRE(ends.origin.request_count == 1);
    const char *head = buf_text(&ends.origin.requests[0].head);
    CHECK(strstr(head, "GET /path?q=1 HTTP/1.1\r\nHost: app.example.com\r\n") == head);
    CHECK(strstr(head, "\r\nX-Forwarded-Proto: http\r\n") != NULL);
    CHECK(strstr(head, "\r\nCf-Ray: ") != NULL);
    visitor_close(&visitor);
    CHECK(both_ends_stop(&ends));
    CHECK(ends.why.kind == ERROR_NONE);
    CHECK_SIZE(both_ends_count(&ends), 0);
    both_ends_close(&ends);
}
