/* An answer whose head cannot cross the tunnel is 502 for its own visitor; the connections of the
 * tunnel live on. */
#include "culvert/tunnel/user_headers.h"
#include "support/both_ends.h"
#include "support/lone_connector.h"

#include "harness.h"

static const char one_rule[] = "ingress:\n"
                               "  - service: http://127.0.0.1:3000\n";

#define GET "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"

static void put_answer(struct buf *to, size_t fields, size_t len)
{
    CHECK(buf_put_span(to, SPAN("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n")));
    for (size_t i = 0; i < fields; i++) {
        CHECK(buf_put_span(to, SPAN("X-Big: ")));
        char *room = buf_room(to, len);
        REQUIRE(room != NULL);
        memset(room, '~', len);
        buf_added(to, len);
        CHECK(buf_put_span(to, SPAN("\r\n")));
    }
    CHECK(buf_put_span(to, SPAN("\r\nhello")));
}

TEST(a_head_passes_up_to_its_limit_and_is_502_above_it_and_costs_nobody_else)
{
    static const struct {
        size_t fields, len;
        const char *hears;
    } cases[] = {
        {1, 47 * 1000, "HTTP/1.1 200 OK"}, /* packed, 62,676 bytes */
        {1, 60 * 1000, "HTTP/1.1 200 OK"}, /* packed, no library unpacks it */
        {3, 100 * 1000, "HTTP/1.1 200 OK"},    {500, 1000, "HTTP/1.1 200 OK"},
        {1, 500 * 1024, "HTTP/1.1 200 OK"},    {1, ANSWER_HEAD_MAX - 100, "HTTP/1.1 200 OK"},
        {1, ANSWER_HEAD_MAX, "HTTP/1.1 502 "}, {3, 500 * 1024, "HTTP/1.1 502 "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct both_ends ends;
        struct visitor_wire visitor;
        struct buf answer = BUF_LIMIT(2 * 1024 * 1024);
        put_answer(&answer, cases[i].fields, cases[i].len);
        const struct fake_script scripts[] = {
            {{{FAKE_SEND, buf_span(&answer)}}},
            {{{FAKE_SEND, SPAN("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext")}}}};
        both_ends_open(&ends);
        fake_origin_follow(&ends.origin, scripts, 2);
        both_ends_connect(&ends, one_rule);
        CHECK(both_ends_registered(&ends, 4));
        visitor_open(&visitor, &ends);
        visitor_say(&visitor, SPAN(GET));
        CHECK_CASE(visitor_hears(&visitor, cases[i].hears), "case %zu: %.60s", i,
                   buf_text(&visitor.got));
        if (strstr(cases[i].hears, "200"))
            CHECK(visitor_hears(&visitor, "hello") &&
                  visitor.got.len > cases[i].fields * cases[i].len);
        visitor_close(&visitor);
        visitor_open(&visitor, &ends);
        visitor_say(&visitor, SPAN(GET));
        CHECK_CASE(visitor_hears(&visitor, "next"), "case %zu: nothing is served behind it", i);
        CHECK_SIZE(both_ends_count(&ends), 4);
        visitor_close(&visitor);
        CHECK(both_ends_stop(&ends));
        both_ends_close(&ends);
        buf_release(&answer);
    }
}

TEST(an_edge_that_takes_64_KiB_is_sent_no_longer_head)
{
    static const struct {
        size_t len;
        int status;
    } cases[] = {{48 * 1000, 200}, {50 * 1000, 502}, {500 * 1000, 502}, {47 * 1000, 200}};
    struct lone_connector lone;
    struct buf answers[ARRAY_LEN(cases)];
    struct fake_script scripts[ARRAY_LEN(cases)] = {0};
    lone_connector_open(&lone);
    lone.options.connections = 1;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        answers[i] = (struct buf)BUF_LIMIT(1024 * 1024);
        put_answer(&answers[i], 1, cases[i].len);
        scripts[i].steps[0] = (struct fake_step){FAKE_SEND, buf_span(&answers[i])};
    }
    fake_origin_follow(&lone.origin, scripts, ARRAY_LEN(cases));
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ask ask;
        ask_init(&ask, "GET", "/");
        CHECK(ask_send(&ask, &lone.edge.connections[0].opener));
        lone_connector_pass(&lone, 100);
        CHECK_CASE(ask.status == cases[i].status, "%zu bytes: %d %s", cases[i].len, ask.status,
                   ask.why.text);
        CHECK(headers_has(&ask.got.fields, SPAN(USER_HEADERS_FIELD)) == (ask.status == 200));
        ask_release(&ask);
        lone_connector_pass(&lone, 100);
    }
    CHECK_SIZE(fake_edge_registered(&lone.edge), 1);
    CHECK_SIZE(lone.edge.count, 1);
    lone_connector_close(&lone);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        buf_release(&answers[i]);
}
