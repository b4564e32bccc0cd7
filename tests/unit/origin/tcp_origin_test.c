#include "culvert/http/ws_link.h"
#include "culvert/origin/tcp_origin.h"

#include "harness.h"
#include "support/byte_scene.h"

#include <errno.h>

static const struct tcp_origin_options fixed = {
    .kind = TCP_ORIGIN_FIXED,
    .name = "tcp://127.0.0.1:9001",
    .host = "127.0.0.1",
    .port = 9001,
    .connect_ms = 3000,
};

/* Connected to the first origin, which has said nothing yet. */
static void begin(struct byte_scene *scene, const struct tcp_origin_options *options)
{
    byte_scene_open(scene, options);
    byte_scene_serve(scene, "127.0.0.1:9001");
    CHECK(byte_scene_ask(scene));
    CHECK_SIZE(scene->peer_count, 1);
}

static void origin_says(struct byte_scene *scene, const char *text)
{
    raw_peer_say(&scene->peers[0], &scene->turned, text);
}

TEST(bytes_go_both_ways_in_frames_behind_an_answer_101)
{
    struct byte_scene scene;
    begin(&scene, &fixed);
    CHECK_SIZE(scene.status, 101);
    CHECK_TEXT(buf_text(&scene.fields), ""); /* no key, no handshake */
    byte_scene_frame(&scene, WS_BINARY, SPAN("hello"));
    byte_scene_frame(&scene, WS_TEXT, SPAN(", you"));
    CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("hello, you"));
    origin_says(&scene, "welcome");
    CHECK_TEXT(byte_scene_hear(&scene), "welcome");
    byte_scene_close(&scene);
}

TEST(a_key_is_answered_as_the_handshake_asks)
{
    struct byte_scene scene;
    byte_scene_open(&scene, &fixed);
    byte_scene_serve(&scene, "127.0.0.1:9001");
    CHECK(headers_add(&scene.head.fields, SPAN("sec-websocket-key"),
                      SPAN("dGhlIHNhbXBsZSBub25jZQ=="), NULL));
    CHECK(byte_scene_ask(&scene));
    CHECK_TEXT(buf_text(&scene.fields), "Connection: Upgrade\n"
                                        "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n"
                                        "Upgrade: websocket\n");
    byte_scene_close(&scene);
}

TEST(the_visitor_is_named_before_all_bytes)
{
    struct byte_scene scene;
    struct tcp_origin_options named = fixed;
    named.proxy = PROXY_V1;
    byte_scene_open(&scene, &named);
    byte_scene_serve(&scene, "127.0.0.1:9001");
    CHECK(headers_add(&scene.head.fields, SPAN("cf-connecting-ip"), SPAN("203.0.113.9"), NULL));
    CHECK(byte_scene_ask(&scene));
    byte_scene_frame(&scene, WS_BINARY, SPAN("hello"));
    CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("PROXY TCP4 203.0.113.9 127.0.0.1 0 9001\r\nhello"));
    byte_scene_close(&scene);
}

TEST(nothing_is_read_of_the_request_before_the_origin_is_connected)
{
    struct byte_scene scene;
    byte_scene_open(&scene, &fixed);
    memory_sockets_silence(&scene.turned.memory, "127.0.0.1:9001");
    CHECK(byte_scene_ask(&scene));
    byte_scene_frame(&scene, WS_BINARY, SPAN("early"));
    CHECK_SIZE(channel_len(scene.request.bytes), 6 + 5);
    turned_loop_pass(&scene.turned, 3000);
    CHECK(scene.failed && scene.status == 0);
    CHECK(scene.why.kind == ERROR_TIMEOUT);
    byte_scene_close(&scene);
}

TEST(an_origin_that_is_not_reached_fails_with_its_name)
{
    struct byte_scene scene;
    byte_scene_open(&scene, &fixed);
    CHECK(byte_scene_ask(&scene));
    CHECK(scene.failed && scene.why.kind == ERROR_NETWORK);
    CHECK_TEXT(scene.why.text,
               "tcp://127.0.0.1:9001: connect to 127.0.0.1:9001: Connection refused");
    byte_scene_close(&scene);
}

TEST(a_service_without_a_port_is_never_dialed)
{
    struct byte_scene scene;
    struct tcp_origin_options options = fixed;
    options.name = "foo://localhost";
    options.port = 0;
    byte_scene_open(&scene, &options);
    CHECK(!byte_scene_ask(&scene));
    CHECK_TEXT(scene.why.text, "foo://localhost: the service has no port");
    byte_scene_close(&scene);
}

TEST(messages_of_any_size_pass_whole_both_ways)
{
    enum { SIZE = 3 * 1000 * 1000 };
    struct byte_scene scene;
    struct span got;
    char *message = malloc(SIZE);
    REQUIRE(message != NULL);
    for (size_t i = 0; i < SIZE; i++)
        message[i] = (char)('a' + i % 23);
    begin(&scene, &fixed);
    byte_scene_frame(&scene, WS_BINARY, span_make(message, SIZE));
    got = byte_scene_got(&scene, 0);
    CHECK(span_equal(got, span_make(message, SIZE)));
    size_t put = 0;
    while (put < SIZE) {
        put += raw_peer_put(&scene.peers[0], span_make(message + put, SIZE - put));
        (void)byte_scene_hear(&scene);
    }
    (void)byte_scene_hear(&scene);
    CHECK(span_equal(buf_span(&scene.frames.text), span_make(message, SIZE)));
    byte_scene_close(&scene);
    free(message);
}

TEST(a_ping_is_answered_and_pings_are_sent_while_it_is_quiet)
{
    struct byte_scene scene;
    begin(&scene, &fixed);
    byte_scene_frame(&scene, WS_PING, SPAN("are you there"));
    CHECK_TEXT(byte_scene_hear(&scene), "[pong are you there]");
    turned_loop_pass(&scene.turned, WS_PING_MS - 1);
    CHECK_TEXT(byte_scene_hear(&scene), "[pong are you there]");
    turned_loop_pass(&scene.turned, 1);
    CHECK_TEXT(byte_scene_hear(&scene), "[pong are you there][ping ]");
    turned_loop_pass(&scene.turned, WS_PING_MS);
    CHECK_TEXT(byte_scene_hear(&scene), "[pong are you there][ping ][ping ]");
    byte_scene_close(&scene);
}

TEST(pings_to_a_client_that_does_not_read_wait_and_the_last_is_answered)
{
    enum { LINE = 32, MANY = 1024 };
    static char lines[LINE * MANY];
    struct byte_scene scene;
    for (size_t i = 0; i < sizeof lines; i++)
        lines[i] = i % LINE == LINE - 1 ? '\n' : 'x';
    begin(&scene, &fixed);
    for (int i = 0; i < 4; i++)
        CHECK_SIZE(raw_peer_put(&scene.peers[0], span_make(lines, sizeof lines)), sizeof lines);
    turned_loop_settle(&scene.turned);
    CHECK(channel_room(scene.answer->bytes) < 8);
    byte_scene_frame(&scene, WS_PING, SPAN("first"));
    byte_scene_frame(&scene, WS_PING, SPAN("second"));
    (void)byte_scene_hear(&scene);
    const char *at = strstr(buf_text(&scene.frames.text), "[pong");
    CHECK(at && strncmp(at, "[pong second]", 13) == 0);
    CHECK(at && !strstr(at + 1, "[pong"));
    CHECK_SIZE(scene.frames.text.len, 4 * sizeof lines + sizeof "[pong second]" - 1);
    byte_scene_close(&scene);
}

/* ---- ends ---- */

TEST(what_the_origin_says_behind_the_clients_close_is_delivered_before_its_answer)
{
    struct byte_scene scene;
    begin(&scene, &fixed);
    byte_scene_frame(&scene, WS_BINARY, SPAN("question"));
    byte_scene_frame(&scene, WS_CLOSE, SPAN("\x03\xe9"));
    CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("question"));
    CHECK(scene.peers[0].ended && scene.half_closed);
    turned_loop_pass(&scene.turned, TCP_ORIGIN_LAST_WORDS_MS - 1);
    origin_says(&scene, "answer");
    turned_loop_pass(&scene.turned, TCP_ORIGIN_LAST_WORDS_MS - 1);
    CHECK_TEXT(byte_scene_hear(&scene), "answer");
    raw_peer_close(&scene.peers[0]);
    CHECK_TEXT(byte_scene_hear(&scene), "answer[close 1001][end]");
    CHECK(scene.done && !scene.failed);
    byte_scene_close(&scene);
}

TEST(an_origin_that_does_not_mind_the_clients_close_is_left_after_a_while)
{
    struct byte_scene scene;
    begin(&scene, &fixed);
    byte_scene_frame(&scene, WS_CLOSE, SPAN_NONE);
    turned_loop_pass(&scene.turned, 2 * TCP_ORIGIN_LAST_WORDS_MS);
    CHECK_TEXT(byte_scene_hear(&scene), "[close 1005][end]");
    CHECK(scene.done);
    byte_scene_close(&scene);
}

TEST(the_end_of_the_clients_body_is_its_last_word_and_the_answer_is_waited_for)
{
    struct byte_scene scene;
    begin(&scene, &fixed);
    byte_scene_frame(&scene, WS_BINARY, SPAN("question"));
    byte_scene_end(&scene);
    CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("question"));
    CHECK(scene.peers[0].ended && scene.half_closed);
    turned_loop_pass(&scene.turned, 10 * 1000);
    origin_says(&scene, "answer");
    CHECK_TEXT(byte_scene_hear(&scene), "answer");
    raw_peer_close(&scene.peers[0]);
    CHECK_TEXT(byte_scene_hear(&scene), "answer[close 1000][end]");
    CHECK(scene.done);
    byte_scene_close(&scene);
}

TEST(the_origins_end_is_told_at_once_and_the_client_is_heard_until_it_knows)
{
    struct byte_scene scene;
    begin(&scene, &fixed);
    origin_says(&scene, "bye");
    raw_peer_end(&scene.peers[0]);
    CHECK_TEXT(byte_scene_hear(&scene), "bye[close 1000][end]");
    CHECK(scene.half_closed && !scene.done);
    byte_scene_frame(&scene, WS_BINARY, SPAN("on its way"));
    turned_loop_pass(&scene.turned, TCP_ORIGIN_CLOSE_MS - 1);
    byte_scene_frame(&scene, WS_BINARY, SPAN(" still"));
    turned_loop_pass(&scene.turned, TCP_ORIGIN_CLOSE_MS - 1);
    CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("on its way still"));
    CHECK(!scene.done);
    byte_scene_frame(&scene, WS_CLOSE, SPAN("\x03\xe8"));
    CHECK_TEXT(byte_scene_hear(&scene), "bye[close 1000][end]");
    CHECK(scene.done);
    byte_scene_let_go(&scene);
    CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("on its way still"));
    CHECK(scene.peers[0].ended);
    byte_scene_close(&scene);
}

TEST(a_client_that_does_not_answer_the_close_is_left_after_a_while)
{
    struct byte_scene scene;
    begin(&scene, &fixed);
    raw_peer_end(&scene.peers[0]);
    CHECK_TEXT(byte_scene_hear(&scene), "[close 1000][end]");
    turned_loop_pass(&scene.turned, TCP_ORIGIN_CLOSE_MS - 1);
    CHECK(!scene.done);
    turned_loop_pass(&scene.turned, 1);
    CHECK(scene.done);
    byte_scene_close(&scene);
}

TEST(an_origin_that_breaks_off_is_told_by_the_code)
{
    struct byte_scene scene;
    begin(&scene, &fixed);
    byte_scene_frame(&scene, WS_BINARY, SPAN("unread"));
    origin_says(&scene, "part");
    CHECK_TEXT(byte_scene_hear(&scene), "part");
    raw_peer_close(&scene.peers[0]); /* with bytes that nobody read: a reset */
    CHECK_TEXT(byte_scene_hear(&scene), "part[close 1011][end]");
    CHECK(scene.done);
    byte_scene_close(&scene);
}

TEST(bad_frames_end_the_stream_and_the_origin)
{
    static const struct {
        const char *why;
        struct span bytes;
    } cases[] = {
        {"no mask", SPAN_INIT("\x82\x03unm")},
        {"a reserved kind", SPAN_INIT("\x83\x81\0\0\0\0x")},
        {"no frames at all", SPAN_INIT("GET / HTTP/1.1\r\n\r\n")},
        {"a close that says nothing known", SPAN_INIT("\x88\x81\0\0\0\0x")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct byte_scene scene;
        begin(&scene, &fixed);
        byte_scene_say(&scene, cases[i].bytes);
        CHECK_CASE(strcmp(byte_scene_hear(&scene), "[close 1002][end]") == 0, "%s: %s",
                   cases[i].why, buf_text(&scene.frames.text));
        CHECK_CASE(scene.done, "%s", cases[i].why);
        byte_scene_let_go(&scene);
        CHECK_SIZE(byte_scene_got(&scene, 0).len, 0);
        CHECK_CASE(scene.peers[0].ended || scene.peers[0].error, "%s", cases[i].why);
        byte_scene_close(&scene);
    }
}

TEST(a_client_that_leaves_within_a_message_leaves_no_message_that_looks_whole)
{
    struct byte_scene scene;
    begin(&scene, &fixed);
    byte_scene_say(&scene, SPAN("\x82\x85\0\0\0\0he"));
    byte_scene_end(&scene);
    CHECK_TEXT(byte_scene_hear(&scene), "[close 1002][end]");
    byte_scene_close(&scene);
}

TEST(a_stream_that_is_cancelled_ends_at_the_origin_too)
{
    struct byte_scene scene;
    begin(&scene, &fixed);
    byte_scene_frame(&scene, WS_BINARY, SPAN("some"));
    byte_scene_let_go(&scene);
    CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("some"));
    CHECK(scene.peers[0].ended);
    byte_scene_close(&scene);
}

TEST(head_has_no_body_that_could_carry_bytes)
{
    struct byte_scene scene;
    byte_scene_open(&scene, &fixed);
    byte_scene_serve(&scene, "127.0.0.1:9001");
    buf_clear(&scene.head.method);
    CHECK(buf_put_span(&scene.head.method, SPAN("HEAD")));
    CHECK(byte_scene_ask(&scene));
    CHECK(scene.status == 101 && !scene.answer && scene.done);
    byte_scene_close(&scene);
}

/* ---- bastion ---- */

static const struct tcp_origin_options bastion = {
    .kind = TCP_ORIGIN_BASTION, .name = "bastion", .connect_ms = 3000};

static void jump(struct byte_scene *scene, const char *where)
{
    CHECK(
        headers_add(&scene->head.fields, SPAN("cf-access-jump-destination"), span_of(where), NULL));
    (void)byte_scene_ask(scene);
}

TEST(a_bastion_goes_where_the_request_says)
{
    static const char *const ways[] = {"127.0.0.1:9001", "ssh://localhost:9001/x", ":9001"};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct byte_scene scene;
        byte_scene_open(&scene, &bastion);
        byte_scene_serve(&scene, "127.0.0.1:9001");
        jump(&scene, ways[i]);
        CHECK_CASE(scene.status == 101 && scene.peer_count == 1, "%s", ways[i]);
        byte_scene_close(&scene);
    }
}

TEST(a_bastion_without_a_destination_fails)
{
    struct byte_scene scene;
    byte_scene_open(&scene, &bastion);
    CHECK(!byte_scene_ask(&scene));
    CHECK_TEXT(scene.why.text,
               "bastion: the request names no destination in Cf-Access-Jump-Destination");
    byte_scene_close(&scene);
}

TEST(what_stands_for_the_machines_dns_servers_is_no_destination_of_a_bastion)
{
    struct byte_scene scene;
    byte_scene_open(&scene, &bastion);
    byte_scene_serve(&scene, "127.0.0.1:9001");
    jump(&scene, RESOLVER_NAME_SERVERS ":9001");
    CHECK(scene.peer_count == 0);
    CHECK_TEXT(scene.why.text, "bastion: \"" RESOLVER_NAME_SERVERS "\" is no host");
    byte_scene_close(&scene);
}

TEST(a_bastion_with_rules_asks_them_about_the_address_that_it_dials)
{
    static char prefix[] = "127.0.0.0/8";
    static int64_t ports[] = {9001};
    static const struct ip_rule rules[] = {{prefix, ports, 1, true}};
    static const struct {
        const char *where;
        bool allowed;
    } cases[] = {
        {"127.0.0.1:9001", true},          {"localhost:9001", true}, {"127.0.0.1:9002", false},
        {"turned.test:9001", false},       {"10.0.0.1:9001", false}, {"both.test:9001", true},
        {"[::ffff:127.0.0.1]:9001", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct byte_scene scene;
        struct tcp_origin_options options = bastion;
        options.rules = rules;
        options.rule_count = ARRAY_LEN(rules);
        byte_scene_open(&scene, &options);
        byte_scene_serve(&scene, "127.0.0.1:9001");
        byte_scene_serve(&scene, "127.0.0.1:9002");
        byte_scene_serve(&scene, "10.0.0.1:9001");
        byte_scene_serve(&scene, "[::ffff:127.0.0.1]:9001");
        jump(&scene, cases[i].where);
        if (cases[i].allowed)
            CHECK_CASE(scene.status == 101, "%s: %s", cases[i].where, scene.why.text);
        else
            CHECK_CASE(scene.failed && scene.why.kind == ERROR_DENIED && scene.peer_count == 0,
                       "%s", cases[i].where);
        CHECK_SIZE(memory_sockets_connects(&scene.turned.memory, "10.0.0.1:9001"), 0);
        byte_scene_close(&scene);
    }
}

/* ---- the private network ---- */

static void private_begin(struct byte_scene *scene, const char *where, struct flows *flows,
                          uint64_t max)
{
    const struct tcp_origin_options options = {.kind = TCP_ORIGIN_PRIVATE,
                                               .name = "private network",
                                               .connect_ms = 5000,
                                               .flows = flows,
                                               .flows_max = max};
    byte_scene_open(scene, &options);
    byte_scene_serve(scene, "127.0.0.1:9001");
    byte_scene_serve(scene, "[::1]:9001");
    CHECK(buf_put_span(&scene->head.authority, span_of(where)));
    (void)byte_scene_ask(scene);
}

TEST(the_private_network_is_raw_and_its_half_close_is_the_bodies_own)
{
    static const char *const places[] = {"127.0.0.1:9001", "[::1]:9001"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct byte_scene scene;
        private_begin(&scene, places[i], NULL, 0);
        CHECK_SIZE(scene.status, 101);
        byte_scene_say(&scene, SPAN("raw"));
        CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("raw"));
        byte_scene_end(&scene);
        CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("raw"));
        CHECK(scene.peers[0].ended && scene.half_closed && !scene.done);
        origin_says(&scene, "as well");
        raw_peer_end(&scene.peers[0]);
        CHECK_TEXT(byte_scene_hear(&scene), "as well[end]");
        CHECK(scene.done);
        byte_scene_close(&scene);
    }
}

TEST(an_origin_of_the_private_network_that_ends_first_still_hears_the_rest)
{
    struct byte_scene scene;
    private_begin(&scene, "127.0.0.1:9001", NULL, 0);
    raw_peer_end(&scene.peers[0]);
    CHECK_TEXT(byte_scene_hear(&scene), "[end]");
    turned_loop_pass(&scene.turned, 60 * 1000);
    byte_scene_say(&scene, SPAN("later"));
    CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("later"));
    CHECK(scene.half_closed && !scene.done);
    byte_scene_end(&scene);
    CHECK(scene.done);
    byte_scene_close(&scene);
}

TEST(raw_bytes_that_break_off_fail)
{
    struct byte_scene scene;
    private_begin(&scene, "127.0.0.1:9001", NULL, 0);
    byte_scene_say(&scene, SPAN("unread"));
    raw_peer_close(&scene.peers[0]);
    turned_loop_settle(&scene.turned);
    CHECK(scene.failed && scene.why.kind == ERROR_NETWORK);
    CHECK_TEXT(error_name(&scene.why), "cut");
    byte_scene_close(&scene);
}

static void dns_begin(struct byte_scene *scene, const struct ip_address *dns, size_t count)
{
    const struct tcp_origin_options options = {
        .kind = TCP_ORIGIN_PRIVATE, .name = "private network", .dns = dns, .dns_count = count};
    byte_scene_open(scene, &options);
    byte_scene_serve(scene, "127.0.0.1:53");
    byte_scene_serve(scene, "[fd00::1]:5353");
    byte_scene_serve(scene, "10.0.0.2:53");
    CHECK(buf_put_span(&scene->head.authority, SPAN(TCP_ORIGIN_DNS)));
    (void)byte_scene_ask(scene);
}

TEST(questions_for_names_go_to_the_systems_server)
{
    struct byte_scene scene;
    dns_begin(&scene, NULL, 0);
    CHECK_CASE(scene.status == 101, "%s", scene.why.text);
    byte_scene_say(&scene, SPAN("\0\3one"));
    CHECK_SPAN(byte_scene_got(&scene, 0), SPAN("\0\3one"));
    CHECK_SIZE(memory_sockets_connects(&scene.turned.memory, "127.0.0.1:53"), 1);
    byte_scene_close(&scene);
}

/* 64 flows all to one of two: once in 2^63 runs. */
TEST(questions_for_names_go_to_one_of_the_servers_that_were_given)
{
    struct ip_address dns[2];
    size_t first = 0;
    CHECK(ip_parse_with_port(SPAN("[fd00::1]:5353"), &dns[0]));
    CHECK(ip_parse_with_port(SPAN("10.0.0.2:53"), &dns[1]));
    for (size_t i = 0; i < 64; i++) {
        struct byte_scene scene;
        dns_begin(&scene, dns, ARRAY_LEN(dns));
        CHECK_CASE(scene.status == 101, "%s", scene.why.text);
        CHECK_SIZE(memory_sockets_connects(&scene.turned.memory, "127.0.0.1:53"), 0);
        first += memory_sockets_connects(&scene.turned.memory, "[fd00::1]:5353");
        byte_scene_close(&scene);
    }
    CHECK(first > 0 && first < 64);
}

TEST(another_port_or_address_beside_that_of_the_dns_is_what_it_says)
{
    static const char *const places[] = {"[2606:4700:cf1:2000::1]:54",
                                         "[2606:4700:cf1:2000::2]:53"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct byte_scene scene;
        const struct tcp_origin_options options = {.kind = TCP_ORIGIN_PRIVATE,
                                                   .name = "private network"};
        byte_scene_open(&scene, &options);
        memory_sockets_refuse(&scene.turned.memory, places[i]);
        CHECK(buf_put_span(&scene.head.authority, span_of(places[i])));
        (void)byte_scene_ask(&scene);
        CHECK_CASE(memory_sockets_connects(&scene.turned.memory, places[i]) == 1, "%s", places[i]);
        byte_scene_close(&scene);
    }
}

TEST(the_private_network_has_numbers_only)
{
    static const char *const places[] = {"localhost:9001", "127.0.0.1", "", "127.0.0.1:0", "[::1]"};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct byte_scene scene;
        private_begin(&scene, places[i], NULL, 0);
        CHECK_CASE(!scene.out && scene.why.kind == ERROR_INVALID, "%s", places[i]);
        byte_scene_close(&scene);
    }
}

TEST(flows_are_counted_until_they_are_closed)
{
    struct flows flows = {0};
    struct byte_scene scene;
    struct byte_scene other;
    private_begin(&scene, "127.0.0.1:9001", &flows, 1);
    CHECK_SIZE(scene.status, 101);
    private_begin(&other, "127.0.0.1:9001", &flows, 1);
    CHECK(!other.out && other.why.kind == ERROR_LIMIT);
    byte_scene_close(&other);
    byte_scene_let_go(&scene);
    private_begin(&other, "127.0.0.1:9001", &flows, 1);
    CHECK_SIZE(other.status, 101);
    byte_scene_close(&other);
    private_begin(&other, "nowhere", &flows, 1); /* what never began does not count */
    byte_scene_close(&other);
    byte_scene_close(&scene);
    CHECK_SIZE(flows.active, 0);
}

TEST(a_stuck_origin_is_given_up_after_the_write_timeout)
{
    struct byte_scene scene;
    const struct tcp_origin_options options = {
        .kind = TCP_ORIGIN_PRIVATE, .name = "private network", .stall_ms = 1000};
    byte_scene_open(&scene, &options);
    byte_scene_serve(&scene, "127.0.0.1:9001");
    CHECK(buf_put_span(&scene.head.authority, SPAN("127.0.0.1:9001")));
    CHECK(byte_scene_ask(&scene));
    char *much = calloc(1, 4 * 1000 * 1000);
    REQUIRE(much != NULL);
    byte_scene_say(&scene, span_make(much, 4 * 1000 * 1000));
    turned_loop_pass(&scene.turned, 900);
    CHECK(!scene.failed);
    turned_loop_pass(&scene.turned, 2000);
    CHECK(scene.failed && scene.why.kind == ERROR_TIMEOUT);
    byte_scene_close(&scene);
    free(much);
}
