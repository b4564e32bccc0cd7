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
        {"/sse", 404, "text/plain; charset=utf-8", NULL},
        {"/ws", 404, "text/plain; charset=utf-8", NULL},
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
