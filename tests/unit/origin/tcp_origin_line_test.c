/* Many streams to one origin of bytes at a time: only so many dial. */
#include "culvert/origin/line.h"
#include "culvert/origin/tcp_origin.h"
#include "culvert/service/descriptors.h"

#include "harness.h"
#include "support/ask.h"
#include "support/turned_loop.h"

#include <stdlib.h>

enum { MORE = 20, WAIT_MS = 3000 };

static const char silent_at[] = "127.0.0.1:9001";

struct scene {
    struct turned_loop turned;
    struct tcp_origin *origin;
    struct ask *asks;
    size_t count;
};

/* A flood of `count` streams, each with the same words, before the loop turns. */
static void begin(struct scene *scene, const struct tcp_origin_options *options, size_t count,
                  struct span words)
{
    *scene = (struct scene){.asks = calloc(count, sizeof *scene->asks), .count = count};
    REQUIRE(scene->asks != NULL);
    (void)descriptors_raise(); /* a silent place holds two for each dial */
    turned_loop_init(&scene->turned);
    memory_sockets_silence(&scene->turned.memory, silent_at);
    scene->origin = tcp_origin_new(scene->turned.loop, options, NULL);
    REQUIRE(scene->origin != NULL);
    for (size_t i = 0; i < count; i++) {
        ask_init(&scene->asks[i], "GET", "/");
        if (options->kind == TCP_ORIGIN_PRIVATE) {
            buf_clear(&scene->asks[i].head.authority);
            CHECK(buf_put_span(&scene->asks[i].head.authority, span_of(silent_at)));
        }
        ask_field(&scene->asks[i], "cf-access-jump-destination", silent_at);
        ask_announce(&scene->asks[i], LENGTH_UNKNOWN);
        CHECK(ask_send(&scene->asks[i], tcp_origin_opener(scene->origin)));
        ask_put(&scene->asks[i], words);
    }
    turned_loop_settle(&scene->turned);
}

static void end(struct scene *scene)
{
    for (size_t i = 0; i < scene->count; i++)
        ask_release(&scene->asks[i]);
    turned_loop_settle(&scene->turned);
    tcp_origin_free(scene->origin);
    turned_loop_release(&scene->turned);
    free(scene->asks);
}

static size_t connects(const struct scene *scene)
{
    return memory_sockets_connects(&scene->turned.memory, silent_at);
}

TEST(a_flood_of_streams_to_one_place_dials_as_often_as_requests_may)
{
    static const struct tcp_origin_options options = {.kind = TCP_ORIGIN_FIXED,
                                                      .name = "ssh://127.0.0.1:9001",
                                                      .host = "127.0.0.1",
                                                      .port = 9001,
                                                      .connect_ms = WAIT_MS};
    struct scene scene;
    begin(&scene, &options, ORIGIN_DIALS_MAX + MORE, SPAN(""));
    CHECK_SIZE(connects(&scene), ORIGIN_DIALS_MAX);
    ask_close(&scene.asks[ORIGIN_DIALS_MAX]); /* one that waits */
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(connects(&scene), ORIGIN_DIALS_MAX);
    ask_close(&scene.asks[0]); /* one that dials makes room, in a while */
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(connects(&scene), ORIGIN_DIALS_MAX);
    turned_loop_pass(&scene.turned, ORIGIN_LEFT_MS);
    CHECK_SIZE(connects(&scene), ORIGIN_DIALS_MAX + 1);
    turned_loop_pass(&scene.turned, WAIT_MS);
    const struct ask *last = &scene.asks[scene.count - 1];
    CHECK(last->failed && last->why.kind == ERROR_TIMEOUT);
    CHECK_TEXT(last->why.text, "ssh://127.0.0.1:9001: too many others are dialed for 3000 ms");
    CHECK_SIZE(connects(&scene), ORIGIN_DIALS_MAX + 1);
    end(&scene);
}

TEST(who_goes_to_many_places_dials_more_and_not_without_end)
{
    static const struct {
        enum tcp_origin_kind kind;
        struct span words;
    } cases[] = {
        {TCP_ORIGIN_BASTION, SPAN_INIT("")},
        {TCP_ORIGIN_PRIVATE, SPAN_INIT("")},
        {TCP_ORIGIN_SOCKS, SPAN_INIT("\x82\x83\0\0\0\0\x05\x01\x00\x82\x8a\0\0\0\0"
                                     "\x05\x01\x00\x01\x7f\0\0\1\x23\x29")},
    };
    static char prefix[] = "127.0.0.0/8";
    static const struct ip_rule all = {.prefix = prefix, .allow = true};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct tcp_origin_options options = {.kind = cases[i].kind,
                                                   .name = "many",
                                                   .host = "",
                                                   .connect_ms = WAIT_MS,
                                                   .rules = &all,
                                                   .rule_count = 1};
        struct scene scene;
        begin(&scene, &options, TCP_ORIGIN_DIALS_MAX + MORE, cases[i].words);
        CHECK_SIZE(connects(&scene), TCP_ORIGIN_DIALS_MAX);
        ask_close(&scene.asks[0]);
        turned_loop_pass(&scene.turned, ORIGIN_LEFT_MS);
        CHECK_SIZE(connects(&scene), TCP_ORIGIN_DIALS_MAX + 1);
        end(&scene);
    }
}
