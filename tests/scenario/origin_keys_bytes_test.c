/* The keys of originRequest that choose what is spoken with the origin or with the client, and what
 * the others do for services of bytes; as in origin_keys_test.c. */
#include "support/key_forms.h"

#include "culvert/http/ws_frame.h"
#include "harness.h"

static const char tcp[] = "tcp://127.0.0.1:28000";
static const char socks[] = "socks-proxy";

/* ---- the way there ---- */

TEST(connect_timeout_limits_connecting_for_bytes_too)
{
    static const struct key_form forms[] = {
        {"tcp://127.0.0.1:28003", "", "", "502 after 30000 ms"},
        {"tcp://127.0.0.1:28003", "connectTimeout: 2s", "", "502 after 2000 ms"},
        {"ssh://127.0.0.1:28003", "connectTimeout: 2s", "connectTimeout: 7s", "502 after 7000 ms"},
        {"rdp://127.0.0.1:28003", "", "connectTimeout: 0s", "nothing"},
        {"smb://127.0.0.1:28003", "", "connectTimeout: -5s", "502 after 1 ms"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), key_forms_see_time);
}

/* The stream ends with the client's, which is at once. */
static void see_way(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    uint64_t begun = loop_now_ms(play->loop);
    struct raw_answer *answer =
        origin_play_send(play, &(struct play_request){.host = "key.test", .stays_open = true});
    while (answer->head_count == 0 && loop_now_ms(play->loop) - begun < play->patience_ms)
        CHECK(turned_clock_run(&play->clock, play->loop, 100));
    (void)snprintf(seen, KEY_SEEN_SIZE, "%s after %llu ms", key_forms_status(answer),
                   (unsigned long long)(answer->head_ms[0] - begun));
}

TEST(no_happy_eyeballs_tries_addresses_one_by_one_for_bytes_too)
{
    static const struct key_form forms[] = {
        {"tcp://twin.test:28000", "", "", "200 after 300 ms"},
        {"tcp://twin.test:28000", "noHappyEyeballs: true", "", "200 after 15000 ms"},
        {"tcp://twin.test:28000", "noHappyEyeballs: true", "noHappyEyeballs: false",
         "200 after 300 ms"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_way);
}

/* ---- bastion ---- */

/* Which origin was dialed for a request that jumps to "lo". */
static void see_jump(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    (void)origin_play_send(play, &(struct play_request){.host = "key.test",
                                                        .field = "cf-access-jump-destination",
                                                        .value = "127.0.0.1:28005",
                                                        .stays_open = true});
    /* A GET of no told length waits a moment for its body. */
    CHECK(turned_clock_run(&play->clock, play->loop, 500));
    (void)snprintf(seen, KEY_SEEN_SIZE, "app %zu, lo %zu",
                   origin_play_origin(play, "app")->connection_count,
                   origin_play_origin(play, "lo")->connection_count);
}

TEST(bastion_mode_makes_a_bastion_of_a_service)
{
    static const char app[] = "http://127.0.0.1:28000";
    static const struct key_form forms[] = {
        {app, "", "", "app 1, lo 0"},
        {app, "bastionMode: true", "", "app 0, lo 1"},
        {app, "", "bastionMode: true", "app 0, lo 1"},
        {app, "bastionMode: true", "bastionMode: false", "app 1, lo 0"},
        {tcp, "", "", "app 1, lo 0"},
        {tcp, "", "bastionMode: true", "app 0, lo 1"},
        {"bastion", "", "", "app 0, lo 1"},
        {"unix:{run}/o.sock", "", "bastionMode: true", "app 0, lo 0"},
        {"http_status:200", "bastionMode: true", "", "app 0, lo 0"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_jump);
}

TEST(ip_rules_say_where_a_bastion_may_go)
{
    static const struct key_form forms[] = {
        {"bastion", "", "", "app 0, lo 1"},
        {"bastion", "ipRules: [{prefix: 10.0.0.0/8, allow: true}]", "", "app 0, lo 0"},
        {"bastion", "", "ipRules: [{prefix: 127.0.0.1/32, ports: [28005], allow: true}]",
         "app 0, lo 1"},
        {"bastion", "ipRules: [{prefix: 127.0.0.0/8, allow: true}]",
         "ipRules: [{prefix: 127.0.0.0/8, ports: [22], allow: true}]", "app 0, lo 0"},
        {"bastion", "ipRules: [{prefix: 127.0.0.0/8}]", "ipRules: []", "app 0, lo 0"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_jump);
}

/* ---- SOCKS5 ---- */

static void say_frame(struct origin_play *play, struct raw_answer *answer, struct span bytes)
{
    char frame[64] = {(char)0x82, (char)(0x80 | bytes.len), 0, 0, 0, 0}; /* the mask is zero */
    memcpy(frame + 6, bytes.data, bytes.len);
    raw_edge_put(&play->edge, answer, span_make(frame, 6 + bytes.len), false);
    CHECK(turned_clock_run(&play->clock, play->loop, 100));
}

/* Who gets the greeting of a client: the origin, or we, who answer it. */
static void see_greeting(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    static const char hello[] = {5, 1, 0};
    static const char reply[] = {(char)0x82, 2, 5, 0};
    const struct fake_origin *app = origin_play_origin(play, "app");
    struct raw_answer *answer =
        origin_play_send(play, &(struct play_request){.host = "key.test", .stays_open = true});
    CHECK(settle(play->loop));
    say_frame(play, answer, span_make(hello, sizeof hello));
    bool replied = span_equal(buf_span(&answer->data), span_make(reply, sizeof reply));
    (void)snprintf(seen, KEY_SEEN_SIZE, "%s, the origin got %zu bytes",
                   replied ? "replied" : "no reply",
                   app->connection_count > 0 ? app->connections[0].input.len : 0);
}

TEST(proxy_type_socks_has_clients_of_bytes_speak_socks)
{
    static const struct key_form forms[] = {
        {tcp, "", "", "no reply, the origin got 3 bytes"},
        {tcp, "proxyType: socks", "", "replied, the origin got 0 bytes"},
        {tcp, "", "proxyType: socks", "replied, the origin got 0 bytes"},
        {tcp, "proxyType: socks", "proxyType: ''", "no reply, the origin got 3 bytes"},
        {tcp, "", "proxyType: http", "no reply, the origin got 3 bytes"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_greeting);
}

/* What a client hears that asks for the origin "app" (RFC 1928 6). */
static void see_policy(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    static const char hello[] = {5, 1, 0};
    static const char request[] = {5, 1, 0, 1, 127, 0, 0, 1, 28000 >> 8, 28000 & 0xff};
    struct raw_answer *answer =
        origin_play_send(play, &(struct play_request){.host = "key.test", .stays_open = true});
    CHECK(settle(play->loop));
    say_frame(play, answer, span_make(hello, sizeof hello));
    say_frame(play, answer, span_make(request, sizeof request));
    struct span reply = span_skip(buf_span(&answer->data), 4 + 2); /* behind the greeting's */
    (void)snprintf(seen, KEY_SEEN_SIZE, "reply %d, app %zu", reply.len > 1 ? reply.data[1] : -1,
                   origin_play_origin(play, "app")->connection_count);
}

TEST(ip_rules_say_where_socks_may_go)
{
    static const char allowed[] = "ipRules: [{prefix: 127.0.0.0/8, ports: [28000], allow: true}]";
    static const char denied[] = "ipRules: [{prefix: 127.0.0.1/32}, {prefix: 127.0.0.0/8, "
                                 "allow: true}]";
    static const char elsewhere[] = "ipRules: [{prefix: 127.0.0.0/8, ports: [22], allow: true}]";
    static const struct key_form forms[] = {
        {socks, "", "", "reply 2, app 0"},
        {socks, "", allowed, "reply 0, app 1"},
        {socks, allowed, "", "reply 0, app 1"},
        {socks, "", denied, "reply 2, app 0"},
        {socks, allowed, denied, "reply 2, app 0"},
        {socks, denied, allowed, "reply 0, app 1"},
        {socks, "", elsewhere, "reply 2, app 0"},
        {socks, allowed, "ipRules: []", "reply 0, app 1"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_policy);
}

/* ---- HTTP/2 ---- */

/* The first word that an origin hears which would speak both. */
static void see_protocol(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    static const char *const names[] = {"self", "app"};
    struct fake_origin *self = origin_play_origin(play, "self");
    struct tls_context **context = &play->contexts[self - play->origins];
    const struct tls_server_options options = {
        .choose = tls_fixture_choose, .arg = play->certificates->self.identity, .http2_alpn = true};
    tls_context_unref(*context);
    self->tls = *context = tls_server_new(&options, NULL);
    CHECK(self->tls != NULL);
    (void)origin_play_send(play, &(struct play_request){.host = "key.test"});
    CHECK(turned_clock_run(&play->clock, play->loop, 100));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct fake_origin *origin = origin_play_origin(play, names[i]);
        if (origin->request_count > 0)
            (void)snprintf(seen, KEY_SEEN_SIZE, "%.3s", buf_text(&origin->requests[0].head));
    }
}

TEST(http2_origin_offers_http2_under_tls)
{
    static const char self[] = "https://localhost:28001";
    static const char app[] = "http://127.0.0.1:28000";
    static const struct key_form forms[] = {
        {self, "noTLSVerify: true", "", "GET"},
        {self, "noTLSVerify: true, http2Origin: true", "", "PRI"},
        {self, "noTLSVerify: true", "http2Origin: true", "PRI"},
        {self, "noTLSVerify: true, http2Origin: true", "http2Origin: false", "GET"},
        {app, "", "http2Origin: true", "GET"},
    };
    key_forms_check(forms, ARRAY_LEN(forms), see_protocol);
}
