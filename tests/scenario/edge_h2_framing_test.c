/* Over HTTP/2 too a waiting body is asked for, and nothing passes that HTTP/1.1 behind us could
 * take for framing. */
#include "support/both_ends.h"
#include "support/h2_visitor.h"

#include "harness.h"

static const char one_rule[] = "ingress:\n"
                               "  - service: http://127.0.0.1:3000\n";
static const struct fake_script hello = {
    {{FAKE_AWAIT, {0}, 4, 0},
     {FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")}}};

static void open_all(struct both_ends *ends, struct h2_visitor *visitor, struct ask *ask)
{
    both_ends_open(ends);
    fake_origin_follow(&ends->origin, &hello, 1);
    both_ends_connect(ends, one_rule);
    CHECK(both_ends_registered(ends, 4));
    h2_visitor_open(visitor, ends);
    ask_init(ask, "POST", "/in");
    buf_clear(&ask->head.authority);
    CHECK(buf_put_span(&ask->head.authority, SPAN("app.example.com")));
}

static void close_all(struct both_ends *ends, struct h2_visitor *visitor, struct ask *ask)
{
    ask_release(ask);
    h2_visitor_close(visitor);
    CHECK(both_ends_stop(ends));
    both_ends_close(ends);
}

static bool was_informed(void *arg)
{
    const struct ask *ask = arg;
    return ask->informs > 0;
}

TEST(an_h2_visitor_that_waits_with_its_body_is_told_to_go_on)
{
    struct both_ends ends;
    struct h2_visitor visitor;
    struct ask ask;
    open_all(&ends, &visitor, &ask);
    ask_announce(&ask, 4);
    ask_field(&ask, "expect", "100-continue");
    CHECK(ask_send(&ask, &visitor.opener));
    CHECK(both_ends_until(&ends, was_informed, &ask));
    CHECK_SIZE(ask.inform_status, 100);
    ask_put(&ask, SPAN("body"));
    ask_end(&ask);
    CHECK(h2_visitor_hears(&visitor, &ask));
    CHECK_SIZE(ask.status, 200);
    CHECK_SIZE(ask.informs, 1);
    REQUIRE(ends.origin.request_count == 1);
    CHECK_SPAN(buf_span(&ends.origin.requests[0].body), SPAN("body"));
    CHECK(strcasestr(buf_text(&ends.origin.requests[0].head), "expect") == NULL);
    close_all(&ends, &visitor, &ask);
}

TEST(names_that_look_like_framing_reset_the_stream)
{
    static const char *const names[] = {"content_length", "transfer_encoding"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct both_ends ends;
        struct h2_visitor visitor;
        struct ask ask;
        open_all(&ends, &visitor, &ask);
        ask_field(&ask, names[i], "7");
        CHECK(ask_send(&ask, &visitor.opener));
        (void)h2_visitor_hears(&visitor, &ask);
        CHECK_CASE(ask.failed && ask.status == 0, "%s: status %d", names[i], ask.status);
        CHECK_CASE(ends.origin.request_count == 0, "%s: the origin was asked", names[i]);
        close_all(&ends, &visitor, &ask);
    }
}
