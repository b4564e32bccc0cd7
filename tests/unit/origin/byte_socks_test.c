/* SOCKS5 in front of the bytes: how long a client may greet, and where it gets. */
#include "culvert/http/ws_link.h"
#include "culvert/origin/tcp_origin.h"

#include "harness.h"
#include "support/byte_scene.h"

#define GREETING SPAN("\x05\x01\x00")

static const struct ip_rule here[] = {{.prefix = "127.0.0.0/8", .allow = true}};

static const struct tcp_origin_options anywhere = {
    .kind = TCP_ORIGIN_SOCKS,
    .name = "socks-proxy",
    .host = "",
    .connect_ms = 3000,
    .rules = here,
    .rule_count = ARRAY_LEN(here),
};

static const struct tcp_origin_options fixed = {
    .kind = TCP_ORIGIN_FIXED,
    .name = "tcp://127.0.0.1:9001",
    .host = "127.0.0.1",
    .port = 9001,
    .greets = true,
    .connect_ms = 3000,
};

static void begin(struct byte_scene *scene, const struct tcp_origin_options *options)
{
    byte_scene_open(scene, options);
    byte_scene_serve(scene, "127.0.0.1:9001");
    CHECK(byte_scene_ask(scene));
    CHECK_SIZE(scene->status, 101);
}

TEST(a_client_that_never_says_where_it_wants_to_go_is_left)
{
    static const struct tcp_origin_options *const kinds[] = {&anywhere, &fixed};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct byte_scene scene;
        begin(&scene, kinds[i]);
        turned_loop_pass(&scene.turned, TCP_ORIGIN_GREETING_MS / 2);
        byte_scene_frame(&scene, WS_BINARY, GREETING); /* no step of it gains time */
        turned_loop_pass(&scene.turned, TCP_ORIGIN_GREETING_MS / 2 - 1);
        CHECK_CASE(!scene.done, "kind %zu", i);
        turned_loop_pass(&scene.turned, 1);
        CHECK_CASE(scene.done && !scene.failed, "kind %zu", i);
        byte_scene_close(&scene);
    }
}

TEST(who_said_it_has_all_time)
{
    static const struct tcp_origin_options *const kinds[] = {&anywhere, &fixed};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct byte_scene scene;
        begin(&scene, kinds[i]);
        byte_scene_frame(&scene, WS_BINARY, GREETING);
        byte_scene_frame(&scene, WS_BINARY, SPAN("\x05\x01\x00\x01\x7f\x00\x00\x01\x23\x29"));
        turned_loop_pass(&scene.turned, 10 * TCP_ORIGIN_GREETING_MS);
        CHECK_CASE(!scene.done && !scene.failed, "kind %zu", i);
        byte_scene_frame(&scene, WS_BINARY, SPAN("late"));
        CHECK_SIZE(scene.peer_count, 1);
        CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("late"));
        byte_scene_close(&scene);
    }
}

/* An IPv4 address is one however it is written. */
TEST(no_spelling_of_an_address_slips_past_a_rule)
{
    static const struct ip_rule rules[] = {{.prefix = "127.0.0.0/8", .allow = false},
                                           {.prefix = "::1/128", .allow = false},
                                           {.prefix = "0.0.0.0/0", .allow = true},
                                           {.prefix = "::/0", .allow = true}};
    static const struct span asked[] = {
        SPAN_INIT("\x05\x01\x00\x01\x7f\x00\x00\x01\x23\x29"),
        SPAN_INIT("\x05\x01\x00\x01\x7f\x01\x02\x03\x23\x29"),
        SPAN_INIT("\x05\x01\x00\x01\x00\x00\x00\x00\x23\x29"),
        SPAN_INIT("\x05\x01\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x7f\x00\x00\x01"
                  "\x23\x29"),
        SPAN_INIT("\x05\x01\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
                  "\x23\x29"),
        SPAN_INIT("\x05\x01\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                  "\x23\x29"),
        SPAN_INIT("\x05\x01\x00\x03\x09localhost\x23\x29"),
        SPAN_INIT("\x05\x01\x00\x03\x09"
                  "127.0.0.1\x23\x29"),
        SPAN_INIT("\x05\x01\x00\x03\x10::ffff:127.0.0.1\x23\x29"),
    };
    for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
        struct byte_scene scene;
        struct tcp_origin_options options = anywhere;
        options.rules = rules;
        options.rule_count = ARRAY_LEN(rules);
        begin(&scene, &options);
        byte_scene_frame(&scene, WS_BINARY, GREETING);
        byte_scene_frame(&scene, WS_BINARY, asked[i]);
        CHECK_CASE(scene.peer_count == 0, "case %zu was dialed", i);
        CHECK_CASE(scene.done, "case %zu goes on", i);
        byte_scene_close(&scene);
    }
}

/* No client can say it by chance, and none gets to the resolver's own servers by it. */
TEST(what_stands_for_the_machines_dns_servers_is_no_host_for_a_client)
{
    static const unsigned char len = sizeof RESOLVER_NAME_SERVERS - 1;
    struct byte_scene scene;
    struct buf asked = BUF_LIMIT(512);
    CHECK(buf_put_span(&asked, SPAN("\x05\x01\x00\x03")) && buf_put(&asked, &len, 1) &&
          buf_put_span(&asked, SPAN(RESOLVER_NAME_SERVERS "\x23\x29")));
    begin(&scene, &anywhere);
    byte_scene_frame(&scene, WS_BINARY, GREETING);
    byte_scene_frame(&scene, WS_BINARY, buf_span(&asked));
    CHECK(scene.peer_count == 0);
    CHECK(scene.done);
    buf_release(&asked);
    byte_scene_close(&scene);
}

/* What it asked for is connected, or refused, behind its last word. */
TEST(a_client_that_leaves_while_its_place_is_dialed_ends_the_stream)
{
    static const char connect[] = "\x82\x8a\0\0\0\0\x05\x01\x00\x01\x7f\x00\x00\x01\x23";
    static const char ports[] = {0x29, 0x2a}; /* one is served */
    for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
        struct byte_scene scene;
        begin(&scene, &anywhere);
        byte_scene_frame(&scene, WS_BINARY, GREETING);
        struct channel *bytes = scene.request.bytes;
        CHECK(channel_put(bytes, connect, sizeof connect - 1) == sizeof connect - 1);
        CHECK(channel_put(bytes, &ports[i], 1) == 1);
        byte_scene_end(&scene);
        CHECK(scene.done && !scene.failed);
        uint64_t said = channel_total(scene.answer->bytes);
        turned_loop_pass(&scene.turned, 5000);
        CHECK(channel_total(scene.answer->bytes) == said); /* nothing behind the end */
        byte_scene_close(&scene);
    }
}
