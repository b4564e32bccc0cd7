/* Dialing: which address is tried when, who wins, and exactly one event in the end. */
#include "culvert/net/dial.h"
#include "harness.h"
#include "support/dial_scene.h"
#include "support/tls_pair.h"

#include <errno.h>
#include <sys/un.h>
#include <unistd.h>

static size_t connects(struct dial_scene *scene, const char *name)
{
    return memory_sockets_connects(&scene->turned.memory, name);
}

TEST(the_first_address_that_answers_is_taken)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    memory_sockets_serve(&scene.turned.memory, "192.0.2.1:80", dial_scene_serve, &scene);
    dial_scene_start(&scene, &(struct dial_target){.host = "one.example", .port = 80});
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.connected, 1);
    CHECK(write(scene.served[0], "hi", 2) == 2);
    turned_loop_settle(&scene.turned);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("hi"));
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    dial_scene_end(&scene);
}

TEST(a_given_address_needs_no_name_and_no_resolver)
{
    struct dial_scene scene;
    struct error err;
    struct ip_address to;
    dial_scene_begin(&scene);
    memory_sockets_serve(&scene.turned.memory, "192.0.2.9:443", dial_scene_serve, &scene);
    REQUIRE(ip_parse(SPAN("192.0.2.9"), 443, &to));
    scene.dial = dial_start(scene.turned.loop, NULL, &(struct dial_target){.address = &to},
                            &dial_scene_events, &scene, &err);
    memset(&to, 0, sizeof to); /* it was copied */
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.connected, 1);
    dial_scene_end(&scene);
}

TEST(only_addresses_of_the_wanted_family_are_tried)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    memory_sockets_refuse(&scene.turned.memory, "[2001:db8::1]:80");
    memory_sockets_refuse(&scene.turned.memory, "192.0.2.1:80");
    memory_sockets_serve(&scene.turned.memory, "192.0.2.2:80", dial_scene_serve, &scene);
    dial_scene_start(&scene,
                     &(struct dial_target){.host = "many.example", .port = 80, .family = AF_INET});
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.connected, 1);
    CHECK_SIZE(connects(&scene, "[2001:db8::1]:80"), 0);
    dial_scene_end(&scene);
    dial_scene_begin(&scene);
    dial_scene_start(&scene,
                     &(struct dial_target){.host = "one.example", .port = 80, .family = AF_INET6});
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.failed, 1);
    CHECK(strstr(scene.why.text, "one.example has no IPv6 address") != NULL);
    dial_scene_end(&scene);
}

TEST(refused_addresses_give_way_to_the_next_at_once)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    memory_sockets_refuse(&scene.turned.memory, "[2001:db8::1]:80");
    memory_sockets_fail(&scene.turned.memory, "192.0.2.1:80", ENETUNREACH);
    memory_sockets_serve(&scene.turned.memory, "192.0.2.2:80", dial_scene_serve, &scene);
    dial_scene_start(&scene, &(struct dial_target){.host = "many.example", .port = 80});
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.connected, 1);
    CHECK_SIZE(connects(&scene, "[2001:db8::1]:80"), 1);
    CHECK_SIZE(connects(&scene, "192.0.2.1:80"), 1);
    dial_scene_end(&scene);
}

TEST(when_all_are_refused_the_last_one_is_named)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    dial_scene_start(&scene,
                     &(struct dial_target){.host = "many.example", .port = 80, .connect_ms = 5000});
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.failed, 1);
    CHECK(scene.why.kind == ERROR_NETWORK && scene.why.cause == ECONNREFUSED);
    CHECK(strstr(scene.why.text, "192.0.2.2:80") != NULL);
    turned_loop_pass(&scene.turned, 60 * 1000);
    CHECK_SIZE(scene.failed, 1);
    dial_scene_end(&scene);
}

TEST(beside_a_silent_address_the_next_is_tried_after_a_moment)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    memory_sockets_silence(&scene.turned.memory, "[2001:db8::1]:80");
    memory_sockets_serve(&scene.turned.memory, "192.0.2.1:80", dial_scene_serve, &scene);
    dial_scene_start(&scene,
                     &(struct dial_target){.host = "many.example", .port = 80, .connect_ms = 5000});
    turned_loop_pass(&scene.turned, DIAL_STAGGER_MS - 1);
    CHECK_SIZE(connects(&scene, "192.0.2.1:80"), 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.connected, 1);
    CHECK_SIZE(connects(&scene, "192.0.2.2:80"), 0);
    /* The silent attempt is closed: nobody holds its socket. */
    char byte;
    while (read(scene.turned.memory.held[0], &byte, 1) == 1)
        continue;
    CHECK(read(scene.turned.memory.held[0], &byte, 1) == 0);
    turned_loop_pass(&scene.turned, 60 * 1000);
    CHECK_SIZE(scene.connected + scene.failed, 1);
    dial_scene_end(&scene);
}

TEST(one_by_one_gives_each_address_its_share_of_the_time)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    memory_sockets_silence(&scene.turned.memory, "[2001:db8::1]:80");
    memory_sockets_silence(&scene.turned.memory, "192.0.2.1:80");
    memory_sockets_serve(&scene.turned.memory, "192.0.2.2:80", dial_scene_serve, &scene);
    dial_scene_start(
        &scene, &(struct dial_target){
                    .host = "many.example", .port = 80, .connect_ms = 9000, .one_by_one = true});
    turned_loop_pass(&scene.turned, 2999);
    CHECK_SIZE(connects(&scene, "192.0.2.1:80"), 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(connects(&scene, "192.0.2.1:80"), 1);
    turned_loop_pass(&scene.turned, 2999);
    CHECK_SIZE(connects(&scene, "192.0.2.2:80"), 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.connected, 1);
    dial_scene_end(&scene);
}

TEST(one_by_one_a_share_is_no_shorter_than_its_least_and_all_have_one_limit)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    memory_sockets_silence(&scene.turned.memory, "[2001:db8::1]:80");
    memory_sockets_silence(&scene.turned.memory, "192.0.2.1:80");
    memory_sockets_serve(&scene.turned.memory, "192.0.2.2:80", dial_scene_serve, &scene);
    dial_scene_start(
        &scene, &(struct dial_target){
                    .host = "many.example", .port = 80, .connect_ms = 3000, .one_by_one = true});
    turned_loop_pass(&scene.turned, 1999);
    CHECK_SIZE(connects(&scene, "192.0.2.1:80"), 0);
    turned_loop_pass(&scene.turned, 1000);
    CHECK_SIZE(connects(&scene, "192.0.2.1:80"), 1);
    CHECK_SIZE(scene.failed, 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.failed, 1);
    CHECK_SIZE(connects(&scene, "192.0.2.2:80"), 0);
    CHECK(scene.why.kind == ERROR_TIMEOUT);
    dial_scene_end(&scene);
}

TEST(one_by_one_without_a_limit_waits_for_the_kernels)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    memory_sockets_silence(&scene.turned.memory, "[2001:db8::1]:80");
    memory_sockets_serve(&scene.turned.memory, "192.0.2.1:80", dial_scene_serve, &scene);
    dial_scene_start(&scene,
                     &(struct dial_target){.host = "many.example", .port = 80, .one_by_one = true});
    turned_loop_pass(&scene.turned, 600 * 1000);
    CHECK_SIZE(connects(&scene, "192.0.2.1:80"), 0);
    CHECK_SIZE(scene.failed, 0);
    dial_scene_end(&scene);
}

TEST(one_by_one_goes_on_when_the_first_address_is_refused)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    memory_sockets_serve(&scene.turned.memory, "192.0.2.1:80", dial_scene_serve, &scene);
    dial_scene_start(&scene,
                     &(struct dial_target){.host = "many.example", .port = 80, .one_by_one = true});
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.connected, 1);
    dial_scene_end(&scene);
}

TEST(all_silent_addresses_together_have_one_limit)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    memory_sockets_silence(&scene.turned.memory, "[2001:db8::1]:80");
    memory_sockets_silence(&scene.turned.memory, "192.0.2.1:80");
    memory_sockets_silence(&scene.turned.memory, "192.0.2.2:80");
    dial_scene_start(&scene,
                     &(struct dial_target){.host = "many.example", .port = 80, .connect_ms = 5000});
    turned_loop_pass(&scene.turned, 4999);
    CHECK_SIZE(scene.failed, 0);
    CHECK_SIZE(connects(&scene, "192.0.2.2:80"), 1);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.failed, 1);
    CHECK(scene.why.kind == ERROR_TIMEOUT);
    CHECK(strstr(scene.why.text, "many.example") != NULL);
    dial_scene_end(&scene);
}

static bool ends_in_two(const void *arg, const struct ip_address *address)
{
    size_t *asked = *(size_t *const *)arg;
    (*asked)++;
    return address->any.sa_family == AF_INET && (ntohl(address->v4.sin_addr.s_addr) & 0xff) == 2;
}

TEST(addresses_that_may_not_be_dialed_are_passed_over_however_they_were_named)
{
    static const struct {
        const char *host;
        bool ok;
        size_t asked;
    } cases[] = {
        {"many.example", true, 3},
        {"192.0.2.2", true, 1},
        {"one.example", false, 1},
        {"192.0.2.1", false, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct dial_scene scene;
        size_t asked = 0;
        size_t *count = &asked;
        dial_scene_begin(&scene);
        memory_sockets_serve(&scene.turned.memory, "192.0.2.1:80", dial_scene_serve, &scene);
        memory_sockets_serve(&scene.turned.memory, "192.0.2.2:80", dial_scene_serve, &scene);
        memory_sockets_serve(&scene.turned.memory, "[2001:db8::1]:80", dial_scene_serve, &scene);
        dial_scene_start(&scene, &(struct dial_target){.host = cases[i].host,
                                                       .port = 80,
                                                       .permits = ends_in_two,
                                                       .permits_arg = &count});
        turned_loop_settle(&scene.turned);
        CHECK_CASE(asked == cases[i].asked, "%s: asked %zu times", cases[i].host, asked);
        CHECK_CASE(scene.connected == (cases[i].ok ? 1 : 0), "%s", cases[i].host);
        CHECK_CASE(cases[i].ok || scene.why.kind == ERROR_DENIED, "%s", cases[i].host);
        CHECK_SIZE(connects(&scene, "192.0.2.1:80") + connects(&scene, "[2001:db8::1]:80"), 0);
        dial_scene_end(&scene);
    }
}

TEST(an_unknown_name_is_the_resolvers_failure)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    dial_scene_start(&scene,
                     &(struct dial_target){.host = "none.example", .port = 80, .connect_ms = 5000});
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.failed, 1);
    CHECK(strstr(scene.why.text, "none.example") != NULL);
    CHECK(scene.why.cause == DIAL_UNRESOLVED);
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    dial_scene_end(&scene);
}

TEST(a_dial_that_was_cancelled_says_nothing_in_any_state)
{
    static const char *const states[] = {"before its first turn", "while it waits for a name",
                                         "while one address is silent", "while two are"};
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct dial_scene scene;
        dial_scene_begin(&scene);
        memory_sockets_silence(&scene.turned.memory, "[2001:db8::1]:80");
        memory_sockets_silence(&scene.turned.memory, "192.0.2.1:80");
        dial_scene_start(
            &scene, &(struct dial_target){.host = "many.example", .port = 80, .connect_ms = 5000});
        if (i == 1)
            (void)loop_turn(scene.turned.loop, 0);
        if (i >= 2)
            turned_loop_pass(&scene.turned, i == 2 ? 10 : DIAL_STAGGER_MS);
        dial_cancel(scene.dial);
        scene.dial = NULL;
        turned_loop_pass(&scene.turned, 60 * 1000);
        CHECK_CASE(scene.connected + scene.failed == 0, "cancelled %s", states[i]);
        CHECK_CASE(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX, "cancelled %s", states[i]);
        dial_scene_end(&scene);
    }
    dial_cancel(NULL);
}

TEST(a_unix_path_is_dialed_and_its_failure_names_it)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    memory_sockets_serve(&scene.turned.memory, "unix:/run/app.sock", dial_scene_serve, &scene);
    dial_scene_start(&scene, &(struct dial_target){.unix_path = "/run/app.sock"});
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.connected, 1);
    dial_scene_end(&scene);

    dial_scene_begin(&scene);
    dial_scene_start(&scene,
                     &(struct dial_target){.unix_path = "/run/none.sock", .connect_ms = 1000});
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.failed, 1);
    CHECK(scene.why.kind == ERROR_NETWORK && scene.why.cause == ENOENT);
    CHECK(strstr(scene.why.text, "/run/none.sock") != NULL);
    dial_scene_end(&scene);
}

/* ---- under TLS ---- */

struct secure {
    struct tls_fixture fixture;
    struct tls_context *client, *server;
    struct conn_ear far;
};

static void secure_begin(struct secure *secure)
{
    struct error err;
    *secure = (struct secure){0};
    tls_fixture_init(&secure->fixture, "edge.example");
    secure->client = tls_client_new(
        &(struct tls_client_options){.ca_pem = buf_span(&secure->fixture.ca_pem)}, &err);
    secure->server = tls_server_new(
        &(struct tls_server_options){.choose = tls_fixture_choose, .arg = secure->fixture.identity},
        &err);
    CHECK(secure->client && secure->server);
}

static void secure_end(struct secure *secure)
{
    tls_context_unref(secure->client);
    tls_context_unref(secure->server);
    tls_fixture_release(&secure->fixture);
}

static void dial_tls(struct dial_scene *scene, struct secure *secure, const char *server_name)
{
    memory_sockets_serve(&scene->turned.memory, "192.0.2.1:443", dial_scene_serve, scene);
    dial_scene_start(scene, &(struct dial_target){.host = "one.example",
                                                  .port = 443,
                                                  .connect_ms = 1000,
                                                  .tls = secure->client,
                                                  .server_name = server_name,
                                                  .tls_ms = 5000});
    turned_loop_settle(&scene->turned);
    CHECK_SIZE(scene->served_count, 1);
}

static void answer_tls(struct dial_scene *scene, struct secure *secure)
{
    struct error err;
    conn_ear_open(&secure->far, scene->turned.loop, scene->served[0]);
    scene->served_count = 0;
    CHECK(conn_start_tls(secure->far.conn, secure->server, NULL, 0, &err));
    /* The far end speaks first, before the near end has a consumer. */
    CHECK(conn_put(secure->far.conn, "welcome", 7));
    turned_loop_settle(&scene->turned);
}

TEST(a_connection_under_tls_is_handed_over_after_the_handshake)
{
    struct dial_scene scene;
    struct secure secure;
    dial_scene_begin(&scene);
    secure_begin(&secure);
    dial_tls(&scene, &secure, "edge.example");
    CHECK_SIZE(scene.connected, 0);
    answer_tls(&scene, &secure);
    CHECK_SIZE(scene.connected, 1);
    CHECK(conn_is_tls(scene.ear.conn));
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("welcome"));
    CHECK_SIZE(scene.ear.opened, 0); /* that was the dial's */
    conn_ear_release(&secure.far);
    dial_scene_end(&scene);
    secure_end(&secure);
}

TEST(a_handshake_that_fails_fails_the_dial)
{
    struct dial_scene scene;
    struct secure secure;
    dial_scene_begin(&scene);
    secure_begin(&secure);
    dial_tls(&scene, &secure, "other.example");
    answer_tls(&scene, &secure);
    CHECK_SIZE(scene.failed, 1);
    CHECK(scene.why.kind == ERROR_PROTOCOL);
    conn_ear_release(&secure.far);
    dial_scene_end(&scene);
    secure_end(&secure);
}

TEST(a_handshake_that_hangs_has_a_limit_of_its_own)
{
    struct dial_scene scene;
    struct secure secure;
    dial_scene_begin(&scene);
    secure_begin(&secure);
    dial_tls(&scene, &secure, "edge.example");
    turned_loop_pass(&scene.turned, 4999);
    CHECK_SIZE(scene.failed, 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.failed, 1);
    CHECK(scene.why.kind == ERROR_TIMEOUT);
    dial_scene_end(&scene);
    secure_end(&secure);
}

TEST(a_dial_may_be_cancelled_during_the_handshake)
{
    struct dial_scene scene;
    struct secure secure;
    dial_scene_begin(&scene);
    secure_begin(&secure);
    dial_tls(&scene, &secure, "edge.example");
    dial_cancel(scene.dial);
    scene.dial = NULL;
    turned_loop_pass(&scene.turned, 60 * 1000);
    CHECK_SIZE(scene.connected + scene.failed, 0);
    dial_scene_end(&scene);
    secure_end(&secure);
}

/* ---- over the kernel's own sockets ---- */

TEST(a_unix_listener_whose_queue_is_full_is_a_failure)
{
    struct error err;
    struct dial_scene scene = {0};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct loop *loop = loop_new(&(struct loop_options){0}, &err);
    REQUIRE(loop && listener != -1);
    /* The kernel chooses an abstract name. */
    CHECK(bind(listener, (const struct sockaddr *)&name, sizeof name.sun_family) == 0);
    CHECK(listen(listener, 0) == 0);
    socklen_t len = sizeof name;
    struct sockaddr_un at;
    CHECK(getsockname(listener, (struct sockaddr *)&at, &len) == 0);
    int first = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(first, (const struct sockaddr *)&at, len) == 0);
    char path[sizeof at.sun_path + 1] = "@";
    memcpy(path + 1, at.sun_path + 1, len - sizeof at.sun_family - 1);
    scene.dial = dial_start(loop, NULL, &(struct dial_target){.unix_path = path},
                            &dial_scene_events, &scene, &err);
    for (int i = 0; i < 10; i++)
        (void)loop_turn(loop, 1);
    CHECK_SIZE(scene.connected, 0);
    CHECK_SIZE(scene.failed, 1);
    if (scene.connected > 0)
        conn_ear_release(&scene.ear);
    (void)close(first);
    (void)close(listener);
    loop_free(loop);
}

TEST(a_refused_tcp_port_is_a_failure)
{
    struct error err;
    struct dial_scene scene = {0};
    struct ip_address to;
    struct loop *loop = loop_new(&(struct loop_options){0}, &err);
    REQUIRE(loop && ip_parse(SPAN("127.0.0.1"), 1, &to));
    scene.dial = dial_start(loop, NULL, &(struct dial_target){.address = &to, .connect_ms = 5000},
                            &dial_scene_events, &scene, &err);
    for (int i = 0; i < 10 && scene.failed == 0; i++)
        (void)loop_turn(loop, 100);
    CHECK_SIZE(scene.failed, 1);
    CHECK(scene.why.cause == ECONNREFUSED);
    loop_free(loop);
}
