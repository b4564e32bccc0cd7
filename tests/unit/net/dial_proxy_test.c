/* Dialing by a proxy. */
#include "culvert/net/dial.h"
#include "harness.h"
#include "support/dial_scene.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct dial_proxy proxy = {"192.0.2.9", 3128, "Basic eA=="};

static void start_by_proxy(struct dial_scene *scene)
{
    memory_sockets_serve(&scene->turned.memory, "192.0.2.9:3128", dial_scene_serve, scene);
    dial_scene_start(scene,
                     &(struct dial_target){
                         .host = "origin.example", .port = 443, .connect_ms = 5000, .by = &proxy});
    turned_loop_settle(&scene->turned);
    REQUIRE(scene->served_count == 1);
}

static void say(struct dial_scene *scene, const char *text)
{
    CHECK(write(scene->served[0], text, strlen(text)) == (ssize_t)strlen(text));
    turned_loop_settle(&scene->turned);
}

TEST(a_proxy_is_asked_to_connect_us_and_what_follows_is_the_origins)
{
    struct dial_scene scene;
    char got[256] = "";
    dial_scene_begin(&scene);
    start_by_proxy(&scene);
    CHECK(read(scene.served[0], got, sizeof got - 1) > 0);
    CHECK_TEXT(got, "CONNECT origin.example:443 HTTP/1.1\r\nHost: origin.example:443\r\n"
                    "Proxy-Authorization: Basic eA==\r\n\r\n");
    CHECK_SIZE(scene.connected, 0);
    say(&scene, "HTTP/1.1 200 Connec");
    CHECK_SIZE(scene.connected, 0);
    say(&scene, "tion established\r\n\r\nhi");
    CHECK_SIZE(scene.connected, 1);
    turned_loop_settle(&scene.turned);
    CHECK_SPAN(buf_span(&scene.ear.got), SPAN("hi"));
    CHECK(loop_next_timer_ms(scene.turned.loop) == UINT64_MAX);
    dial_scene_end(&scene);
}

TEST(a_proxy_that_refuses_speaks_otherwise_or_leaves_fails_the_dial)
{
    static const struct {
        const char *says, *words;
    } cases[] = {
        {"HTTP/1.1 407 no\r\n\r\n", "the proxy 192.0.2.9:3128 answers CONNECT with 407"},
        {"220 smtp.example ESMTP", "the proxy 192.0.2.9:3128 does not answer CONNECT in HTTP"},
        {NULL, "the proxy 192.0.2.9:3128 does not answer CONNECT in HTTP"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct dial_scene scene;
        dial_scene_begin(&scene);
        start_by_proxy(&scene);
        if (cases[i].says) {
            say(&scene, cases[i].says);
        } else {
            CHECK(shutdown(scene.served[0], SHUT_WR) == 0);
            turned_loop_settle(&scene.turned);
        }
        CHECK_SIZE(scene.failed, 1);
        CHECK_TEXT(scene.why.text, cases[i].words);
        CHECK(scene.why.kind == ERROR_NETWORK);
        dial_scene_end(&scene);
    }
}

/* They would be taken for the origin's first words, though nobody signed them. */
TEST(bytes_in_clear_between_a_proxys_answer_and_tls_fail_the_dial)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        "HTTP/1.1 200 OK\r\n\r\n!",
    };
    struct error err = {0};
    struct tls_context *client =
        tls_client_new(&(struct tls_client_options){.no_verify = true}, &err);
    REQUIRE(client);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct dial_scene scene;
        dial_scene_begin(&scene);
        memory_sockets_serve(&scene.turned.memory, "192.0.2.9:3128", dial_scene_serve, &scene);
        dial_scene_start(&scene, &(struct dial_target){.host = "origin.example",
                                                       .port = 443,
                                                       .connect_ms = 5000,
                                                       .tls = client,
                                                       .server_name = "origin.example",
                                                       .by = &proxy});
        turned_loop_settle(&scene.turned);
        REQUIRE(scene.served_count == 1);
        say(&scene, answers[i]);
        CHECK_SIZE(scene.failed, 1);
        CHECK_TEXT(scene.why.text, "bytes came in clear before TLS began");
        CHECK(scene.why.kind == ERROR_PROTOCOL);
        dial_scene_end(&scene);
    }
    tls_context_unref(client);
}

static void serve_too_soon(void *arg, int fd)
{
    static const char text[] = "HTTP/1.1 200 OK\r\n\r\n";
    CHECK(write(fd, text, sizeof text - 1) == sizeof text - 1);
    dial_scene_serve(arg, fd);
}

TEST(a_proxy_that_answers_before_it_was_asked_fails_the_dial)
{
    struct error err = {0};
    struct tls_context *client =
        tls_client_new(&(struct tls_client_options){.no_verify = true}, &err);
    REQUIRE(client);
    struct dial_scene scene;
    dial_scene_begin(&scene);
    scene.turned.memory.on_write = (struct memory_fault){.error = EAGAIN};
    memory_sockets_serve(&scene.turned.memory, "192.0.2.9:3128", serve_too_soon, &scene);
    dial_scene_start(&scene, &(struct dial_target){.host = "origin.example",
                                                   .port = 443,
                                                   .connect_ms = 5000,
                                                   .tls = client,
                                                   .server_name = "origin.example",
                                                   .by = &proxy});
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.failed, 1);
    CHECK_TEXT(scene.why.text, "the proxy 192.0.2.9:3128 does not answer CONNECT in HTTP");
    dial_scene_end(&scene);
    tls_context_unref(client);
}

TEST(a_proxy_that_says_nothing_has_the_time_of_a_connection)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    start_by_proxy(&scene);
    turned_loop_pass(&scene.turned, 4999);
    CHECK_SIZE(scene.failed, 0);
    turned_loop_pass(&scene.turned, 1);
    CHECK_SIZE(scene.failed, 1);
    CHECK(scene.why.kind == ERROR_TIMEOUT);
    dial_scene_end(&scene);
}

TEST(a_dial_by_a_proxy_may_be_cancelled_while_it_is_asked)
{
    struct dial_scene scene;
    dial_scene_begin(&scene);
    start_by_proxy(&scene);
    dial_cancel(scene.dial);
    scene.dial = NULL;
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.connected + scene.failed, 0);
    dial_scene_end(&scene);
}
