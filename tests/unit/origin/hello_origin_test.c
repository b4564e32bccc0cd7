#include "culvert/origin/hello_origin.h"
#include "harness.h"
#include "support/ask.h"
#include "support/turned_clock.h"

struct bench {
    struct turned_clock clock;
    struct loop *loop;
    struct hello_origin origin;
    struct ask ask;
};

static void open_bench(struct bench *bench)
{
    bench->clock = turned_clock_make(1790000000000);
    bench->loop = loop_new(&(struct loop_options){.clock = &bench->clock.clock}, NULL);
    REQUIRE(bench->loop != NULL);
    hello_origin_init(&bench->origin, bench->loop);
}

static void get(struct bench *bench)
{
    CHECK(ask_send(&bench->ask, &bench->origin.opener));
    CHECK(settle(bench->loop));
    CHECK(bench->ask.done);
}

static void end_ask(struct bench *bench)
{
    ask_release(&bench->ask);
    CHECK(settle(bench->loop));
}

static bool shows(const struct bench *bench, const char *text)
{
    return strstr(buf_text(&bench->ask.text), text) != NULL;
}

TEST(each_path_has_its_page)
{
    static const struct {
        const char *target;
        int status;
        const char *type, *text;
    } cases[] = {
        {"/_health", 200, "text/plain; charset=utf-8", "ok"},
        {"/uptime", 200, "application/json",
         "{\"startTime\":\"2026-09-21T14:13:20.000Z\",\"uptime\":\"1m30s\"}\n"},
        {"/uptime?x", 200, "application/json", NULL},
        {"/", 200, "text/html; charset=utf-8", NULL},
        {"/any/thing?else", 200, "text/html; charset=utf-8", NULL},
        {"/sse/", 200, "text/html; charset=utf-8", NULL},
        {"/ws", 400, "text/plain; charset=utf-8", "Bad Request\n"},
    };
    struct bench bench;
    open_bench(&bench);
    CHECK(turned_clock_run(&bench.clock, bench.loop, 90 * 1000));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span type;
        ask_init(&bench.ask, "GET", cases[i].target);
        get(&bench);
        CHECK_SIZE(bench.ask.status, cases[i].status);
        REQUIRE(headers_find(&bench.ask.got.fields, SPAN("content-type"), &type));
        CHECK_SPAN(type, span_of(cases[i].type));
        CHECK_SIZE(bench.ask.got.length, bench.ask.text.len);
        if (cases[i].text)
            CHECK_TEXT(buf_text(&bench.ask.text), cases[i].text);
        end_ask(&bench);
    }
    loop_free(bench.loop);
}

TEST(the_page_shows_the_request_and_nothing_of_it_is_markup)
{
    struct bench bench;
    open_bench(&bench);
    ask_init(&bench.ask, "POST", "/<script>?a=\"b\"");
    ask_field(&bench.ask, "x-evil", "</td><script>alert('1')</script>&caf\xe9");
    get(&bench);
    CHECK(shows(&bench, "<td>POST</td>"));
    CHECK(shows(&bench, "<td>app.test</td>"));
    CHECK(shows(&bench, "<td>/&#60;script&#62;?a=&#34;b&#34;</td>"));
    CHECK(shows(&bench, "&#60;/td&#62;&#60;script&#62;alert(&#39;1&#39;)"));
    CHECK(shows(&bench, "&#38;caf&#233;"));
    CHECK(!shows(&bench, "<script>"));
    CHECK(shows(&bench, "</html>"));
    end_ask(&bench);
    loop_free(bench.loop);
}

TEST(head_gets_the_length_and_no_body)
{
    struct bench bench;
    open_bench(&bench);
    ask_init(&bench.ask, "HEAD", "/_health");
    get(&bench);
    CHECK_SIZE(bench.ask.got.length, 2);
    CHECK(bench.ask.got.ends_here && bench.ask.from == NULL);
    end_ask(&bench);
    loop_free(bench.loop);
}

TEST(a_long_request_is_shown_in_part_and_a_page_that_nobody_reads_waits)
{
    enum { VALUE = 30 * 1000 };
    struct bench bench;
    char value[VALUE + 1];
    memset(value, '<', VALUE);
    value[VALUE] = '\0';
    open_bench(&bench);
    ask_init(&bench.ask, "GET", "/");
    ask_field(&bench.ask, "x-short", "seen");
    ask_field(&bench.ask, "x-plain", "also seen");
    for (int i = 0; i < 7; i++)
        ask_field(&bench.ask, "x-long", i == 0 ? value + VALUE - 20 * 1000 : value);
    bench.ask.holds = true;
    CHECK(ask_send(&bench.ask, &bench.origin.opener));
    CHECK(settle(bench.loop));
    CHECK(!bench.ask.done);
    CHECK_SIZE(channel_len(bench.ask.from->bytes), CHANNEL_LIMIT);
    bench.ask.holds = false;
    ask_take(&bench.ask);
    CHECK(settle(bench.loop));
    CHECK(bench.ask.done);
    CHECK_SIZE(bench.ask.text.len, bench.ask.got.length);
    CHECK(shows(&bench, "also seen"));
    CHECK(shows(&bench, "and more"));
    CHECK(shows(&bench, "</html>"));
    end_ask(&bench);
    loop_free(bench.loop);
}

TEST(a_page_that_is_half_read_can_be_let_go)
{
    enum { VALUE = 25 * 1000 };
    struct bench bench;
    char value[VALUE + 1];
    memset(value, '<', VALUE);
    value[VALUE] = '\0';
    open_bench(&bench);
    ask_init(&bench.ask, "GET", "/");
    ask_field(&bench.ask, "x", value);
    bench.ask.holds = true;
    CHECK(ask_send(&bench.ask, &bench.origin.opener));
    CHECK(settle(bench.loop));
    CHECK(!bench.ask.done);
    end_ask(&bench);
    CHECK_SIZE(bench.ask.ends, 0);
    loop_free(bench.loop);
}

static void pass(struct bench *bench, uint64_t ms)
{
    CHECK(turned_clock_run(&bench->clock, bench->loop, ms));
    CHECK(settle(bench->loop));
}

TEST(events_come_as_often_as_they_were_asked_for)
{
    static const struct {
        const char *target;
        uint64_t period_ms;
    } cases[] = {
        {"/sse?freq=50ms", 50},   {"/sse?x=1&freq=1.5s&freq=9s", 1500},
        {"/sse", 10000},          {"/sse?freq=zork", 10000},
        {"/sse?freq=-1s", 10000}, {"/sse?freq=1ns", 10},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench bench;
        struct span type = SPAN("");
        open_bench(&bench);
        ask_init(&bench.ask, "GET", cases[i].target);
        CHECK(ask_send(&bench.ask, &bench.origin.opener));
        CHECK(settle(bench.loop));
        CHECK_SIZE(bench.ask.status, 200);
        CHECK(headers_find(&bench.ask.got.fields, SPAN("content-type"), &type));
        CHECK_SPAN(type, SPAN("text/event-stream; charset=utf-8"));
        CHECK_TEXT(buf_text(&bench.ask.text), "");
        pass(&bench, cases[i].period_ms);
        CHECK_TEXT(buf_text(&bench.ask.text), "0\n\n");
        pass(&bench, cases[i].period_ms - 1);
        CHECK_TEXT(buf_text(&bench.ask.text), "0\n\n");
        pass(&bench, 1);
        CHECK_TEXT(buf_text(&bench.ask.text), "0\n\n1\n\n");
        CHECK(!bench.ask.done && !bench.ask.failed);
        end_ask(&bench);
        loop_free(bench.loop);
    }
}

TEST(events_that_nobody_reads_are_not_gathered)
{
    struct bench bench;
    open_bench(&bench);
    ask_init(&bench.ask, "GET", "/sse?freq=1s");
    bench.ask.holds = true;
    CHECK(ask_send(&bench.ask, &bench.origin.opener));
    CHECK(settle(bench.loop));
    for (int i = 0; i < 20000; i++)
        CHECK(turned_clock_run(&bench.clock, bench.loop, 1000));
    CHECK(channel_len(bench.ask.from->bytes) <= CHANNEL_LIMIT);
    CHECK(!bench.ask.failed);
    end_ask(&bench);
    loop_free(bench.loop);
}

TEST(head_of_events_is_their_head)
{
    struct bench bench;
    open_bench(&bench);
    ask_init(&bench.ask, "HEAD", "/sse");
    get(&bench);
    CHECK_SIZE(bench.ask.status, 200);
    CHECK(bench.ask.got.ends_here && bench.ask.from == NULL);
    end_ask(&bench);
    loop_free(bench.loop);
}

static void open_websocket(struct bench *bench)
{
    open_bench(bench);
    ask_init(&bench->ask, "GET", "/ws");
    ask_announce(&bench->ask, LENGTH_UNKNOWN);
    ask_field(&bench->ask, "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    bench->ask.head.is_websocket = true;
    CHECK(ask_send(&bench->ask, &bench->origin.opener));
    CHECK(settle(bench->loop));
    CHECK_SIZE(bench->ask.status, 101);
}

#define MASK "\0\0\0\0"

TEST(messages_come_back_whole_and_of_their_kind)
{
    static const struct {
        const char *why;
        struct span says, hears;
        bool ends;
    } cases[] = {
        {"text", SPAN_INIT("\x81\x82" MASK "hi"), SPAN_INIT("\x81\x02hi"), false},
        {"binary", SPAN_INIT("\x82\x82" MASK "hi"), SPAN_INIT("\x82\x02hi"), false},
        {"two at once", SPAN_INIT("\x81\x81" MASK "a\x82\x81" MASK "b"),
         SPAN_INIT("\x81\x01"
                   "a\x82\x01"
                   "b"),
         false},
        {"fragments",
         SPAN_INIT("\x01\x81" MASK "a\x89\x80" MASK "\x00\x80" MASK "\x80\x81" MASK "b"),
         SPAN_INIT("\x8a\x00\x81\x02"
                   "ab"),
         false},
        {"a ping of some letters between fragments",
         SPAN_INIT("\x01\x81" MASK "a\x89\x81" MASK "p\x80\x81" MASK "b"),
         SPAN_INIT("\x8a\x01p\x81\x02"
                   "ab"),
         false},
        {"nothing", SPAN_INIT("\x81\x80" MASK "\x82\x81" MASK "x"), SPAN_INIT("\x81\x00\x82\x01x"),
         false},
        {"ping", SPAN_INIT("\x89\x81" MASK "p"), SPAN_INIT("\x8a\x01p"), false},
        {"pong", SPAN_INIT("\x8a\x81" MASK "p"), SPAN_INIT(""), false},
        {"close",
         SPAN_INIT("\x88\x85" MASK "\x03\xe8"
                   "bye"),
         SPAN_INIT("\x88\x02\x03\xe8"), true},
        {"close without a code", SPAN_INIT("\x88\x80" MASK), SPAN_INIT("\x88\x00"), true},
        {"a code that nobody may send", SPAN_INIT("\x88\x82" MASK "\x03\xed"),
         SPAN_INIT("\x88\x02\x03\xea"), true},
        {"no mask",
         SPAN_INIT("\x81\x01"
                   "a"),
         SPAN_INIT("\x88\x02\x03\xea"), true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench bench;
        open_websocket(&bench);
        for (size_t k = 0; k < cases[i].says.len; k++) { /* in bytes, then at once */
            ask_put(&bench.ask, span_make(cases[i].says.data + k, 1));
            CHECK(settle(bench.loop));
        }
        CHECK_CASE(span_equal(buf_span(&bench.ask.text), cases[i].hears), "%s in bytes",
                   cases[i].why);
        CHECK(bench.ask.done == cases[i].ends);
        if (!cases[i].ends) {
            buf_clear(&bench.ask.text);
            ask_put(&bench.ask, cases[i].says);
            CHECK(settle(bench.loop));
            CHECK_CASE(span_equal(buf_span(&bench.ask.text), cases[i].hears), "%s", cases[i].why);
            ask_end(&bench.ask);
            CHECK(settle(bench.loop));
            CHECK(bench.ask.done);
        }
        end_ask(&bench);
        loop_free(bench.loop);
    }
}

TEST(a_message_that_is_too_long_ends_the_echo_and_a_client_who_does_not_read_holds_it)
{
    char text[8 + 33 * 1024];
    struct bench bench;
    memset(text, 0, sizeof text);
    memcpy(text, "\x82\xfe\x80\x00", 4); /* 32 KiB, a mask of zeros */
    open_websocket(&bench);
    bench.ask.holds = true;
    for (int i = 0; i < 3; i++) {
        ask_put(&bench.ask, span_make(text, 8 + 32 * 1024));
        CHECK(settle(bench.loop));
    }
    CHECK(channel_len(bench.ask.from->bytes) <= CHANNEL_LIMIT);
    CHECK(channel_len(bench.ask.body.bytes) > 0);
    bench.ask.holds = false;
    ask_take(&bench.ask);
    CHECK(settle(bench.loop));
    CHECK_SIZE(bench.ask.text.len, 3 * (4 + 32 * 1024));
    buf_clear(&bench.ask.text);
    text[3] = 1;
    ask_put(&bench.ask, span_make(text, 8 + 32 * 1024 + 1));
    CHECK(settle(bench.loop));
    CHECK_SPAN(buf_span(&bench.ask.text), SPAN("\x88\x02\x03\xf1"));
    CHECK(bench.ask.done);
    end_ask(&bench);
    loop_free(bench.loop);
}

TEST(only_a_websocket_with_a_key_is_given_an_echo)
{
    for (int i = 0; i < 2; i++) {
        struct bench bench;
        open_bench(&bench);
        ask_init(&bench.ask, i == 0 ? "GET" : "POST", "/ws");
        ask_announce(&bench.ask, LENGTH_UNKNOWN);
        if (i == 1)
            ask_field(&bench.ask, "sec-websocket-key", "x");
        bench.ask.head.is_websocket = true;
        get(&bench);
        CHECK_SIZE(bench.ask.status, 400);
        end_ask(&bench);
        loop_free(bench.loop);
    }
}
