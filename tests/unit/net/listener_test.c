/* Accepting: within a limit, through errors, until it is closed. */
#include "culvert/net/listener.h"
#include "harness.h"
#include "support/turned_loop.h"

#include <errno.h>
#include <unistd.h>

enum { VISITORS_MAX = 200 };

struct scene {
    struct turned_loop turned;
    struct listener *listener;
    struct ip_address at;
    int accepted[VISITORS_MAX];
    size_t count;
    int visitors[VISITORS_MAX];
    size_t visitor_count;
    bool closes; /* on_accept closes the listener */
};

static void on_accept(void *arg, int fd, const struct ip_address *from)
{
    struct scene *scene = arg;
    CHECK(from->len > 0);
    REQUIRE(scene->count < VISITORS_MAX);
    scene->accepted[scene->count++] = fd;
    if (scene->closes) {
        listener_close(scene->listener);
        scene->listener = NULL;
    }
}

static void scene_begin(struct scene *scene, size_t limit)
{
    struct error err;
    *scene = (struct scene){0};
    turned_loop_init(&scene->turned);
    CHECK(ip_parse(SPAN("127.0.0.1"), 7844, &scene->at));
    scene->listener =
        listener_new(scene->turned.loop,
                     &(struct listener_options){
                         .at = &scene->at, .limit = limit, .on_accept = on_accept, .arg = scene},
                     &err);
    CHECK(scene->listener != NULL);
}

static void scene_end(struct scene *scene)
{
    listener_close(scene->listener);
    for (size_t i = 0; i < scene->count; i++)
        (void)close(scene->accepted[i]);
    for (size_t i = 0; i < scene->visitor_count; i++)
        (void)close(scene->visitors[i]);
    turned_loop_settle(&scene->turned);
    turned_loop_release(&scene->turned);
}

static void visit(struct scene *scene, size_t times)
{
    while (times-- > 0) {
        int fd = memory_sockets_dial(&scene->turned.memory, "127.0.0.1:7844");
        REQUIRE(fd != -1 && scene->visitor_count < VISITORS_MAX);
        scene->visitors[scene->visitor_count++] = fd;
    }
}

TEST(connections_are_accepted_from_the_next_turn_on)
{
    struct scene scene;
    scene_begin(&scene, 1000);
    visit(&scene, 150); /* more than one turn takes */
    CHECK_SIZE(scene.count, 0);
    CHECK(loop_turn(scene.turned.loop, 0));
    CHECK(scene.count > 0 && scene.count < 150);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.count, 150);
    scene_end(&scene);
}

TEST(at_its_limit_it_rests_until_one_is_gone)
{
    struct scene scene;
    scene_begin(&scene, 3);
    visit(&scene, 5);
    turned_loop_pass(&scene.turned, 10 * 1000);
    CHECK_SIZE(scene.count, 3);
    listener_released(scene.listener);
    CHECK_SIZE(scene.count, 3); /* not within the call */
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.count, 4);
    listener_released(scene.listener);
    listener_released(scene.listener);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.count, 5);
    scene_end(&scene);
}

TEST(without_descriptors_it_rests_for_a_moment_and_tries_again)
{
    static const int causes[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS};
    for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
        struct scene scene;
        scene_begin(&scene, 1000);
        visit(&scene, 2);
        scene.turned.memory.on_accept = (struct memory_fault){.error = causes[i], .after = 1};
        turned_loop_settle(&scene.turned);
        CHECK_SIZE(scene.count, 1);
        size_t asked = scene.turned.memory.accepts;
        turned_loop_settle(&scene.turned);
        CHECK_SIZE(scene.turned.memory.accepts, asked); /* it does not spin */
        turned_loop_pass(&scene.turned, 1000);
        CHECK_SIZE(scene.count, 2);
        scene_end(&scene);
    }
}

TEST(a_visitor_that_gave_up_costs_no_rest)
{
    static const int causes[] = {ECONNABORTED, EINTR, EPROTO, ENETDOWN, EHOSTUNREACH};
    for (size_t i = 0; i < ARRAY_LEN(causes); i++) {
        struct scene scene;
        scene_begin(&scene, 1000);
        visit(&scene, 1);
        scene.turned.memory.on_accept = (struct memory_fault){.error = causes[i]};
        turned_loop_settle(&scene.turned);
        CHECK_CASE(scene.count == 1, "cause %d", causes[i]);
        scene_end(&scene);
    }
}

TEST(it_may_be_closed_while_it_accepts)
{
    struct scene scene;
    scene_begin(&scene, 1000);
    scene.closes = true;
    visit(&scene, 3);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.count, 1);
    CHECK(memory_sockets_dial(&scene.turned.memory, "127.0.0.1:7844") == -1);
    listener_close(NULL);
    scene_end(&scene);
}

TEST(an_address_in_use_is_named)
{
    struct scene scene;
    struct error err = {0};
    scene_begin(&scene, 1000);
    struct listener *second = listener_new(
        scene.turned.loop,
        &(struct listener_options){.at = &scene.at, .limit = 1, .on_accept = on_accept}, &err);
    CHECK(second == NULL);
    CHECK(err.cause == EADDRINUSE);
    CHECK(strstr(err.text, "127.0.0.1:7844") != NULL);
    scene_end(&scene);
}

TEST(the_port_that_the_system_chose_is_told)
{
    /* Over the kernel's own sockets. */
    struct error err;
    struct ip_address at;
    struct scene scene = {0};
    struct loop *loop = loop_new(&(struct loop_options){0}, &err);
    REQUIRE(loop);
    REQUIRE(ip_parse(SPAN("127.0.0.1"), 0, &at));
    scene.listener = listener_new(
        loop,
        &(struct listener_options){.at = &at, .limit = 1, .on_accept = on_accept, .arg = &scene},
        &err);
    REQUIRE(scene.listener);
    struct ip_address got;
    listener_address(scene.listener, &got);
    CHECK(got.any.sa_family == AF_INET && got.v4.sin_port != 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(fd, &got.any, got.len) == 0);
    CHECK(loop_turn(loop, 1000));
    CHECK_SIZE(scene.count, 1);
    (void)close(fd);
    (void)close(scene.accepted[0]);
    listener_close(scene.listener);
    loop_free(loop);
}
