/* What is found out about a connection without taking a byte of it. */
#include "culvert/edge/peeks.h"

#include "support/turned_loop.h"

#include "harness.h"

#include <unistd.h>

struct scene {
    struct turned_loop turned;
    struct peeks *peeks;
    struct raw_peer visitor;
    struct handover handover;
    size_t told;
    enum peek_end end;
    char name[STORE_HOSTNAME_SIZE];
};

static void on_told(void *arg, struct handover *handover, enum peek_end end, const char *name)
{
    struct scene *scene = arg;
    CHECK(handover == &scene->handover);
    scene->told++;
    scene->end = end;
    (void)snprintf(scene->name, sizeof scene->name, "%s", name);
}

static void scene_open(struct scene *scene)
{
    *scene = (struct scene){0};
    turned_loop_init(&scene->turned);
    const struct peeks_options options = {
        .loop = scene->turned.loop, .told = on_told, .arg = scene};
    scene->peeks = peeks_new(&options);
    REQUIRE(scene->peeks);
    scene->handover.fd = raw_peer_open(&scene->visitor);
}

static void scene_close(struct scene *scene)
{
    (void)close(scene->handover.fd);
    raw_peer_close(&scene->visitor);
    turned_loop_settle(&scene->turned);
    peeks_free(scene->peeks);
    turned_loop_release(&scene->turned);
}

static void say(struct scene *scene, const char *text)
{
    raw_peer_say(&scene->visitor, &scene->turned, text);
}

TEST(the_first_head_in_clear_says_whose_it_is)
{
    static const struct {
        const char *says, *name;
        enum peek_end end;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: App.Example.com:80\r\n\r\n", "app.example.com", PEEK_NAMED},
        {"GET http://b.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n", "b.test", PEEK_NAMED},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "", PEEK_UNNAMED},
        {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "", PEEK_UNNAMED},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", PEEK_UNNAMED},
        {"\x16\x03\x01", "", PEEK_UNNAMED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_open(&scene);
        peeks_take(scene.peeks, &scene.handover, false);
        say(&scene, cases[i].says);
        CHECK_CASE(scene.told == 1 && scene.end == cases[i].end, "%s", cases[i].says);
        CHECK_TEXT(scene.name, cases[i].name);
        CHECK(scene.handover.said);
        scene_close(&scene);
    }
}

TEST(nothing_of_what_was_looked_at_is_taken)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    struct scene scene;
    char got[sizeof head] = "";
    scene_open(&scene);
    say(&scene, head);
    peeks_take(scene.peeks, &scene.handover, false);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.told, 1); /* at once: it was there already */
    CHECK(read(scene.handover.fd, got, sizeof got) == (ssize_t)sizeof head - 1);
    CHECK_TEXT(got, head);
    scene_close(&scene);
}

TEST(half_a_head_that_was_there_already_is_waited_for)
{
    struct scene scene;
    scene_open(&scene);
    say(&scene, "GET / HTTP/1.1\r\nHost: a.te");
    peeks_take(scene.peeks, &scene.handover, false);
    turned_loop_settle(&scene.turned);
    CHECK_SIZE(scene.told, 0);
    say(&scene, "st\r\n\r\n");
    CHECK(scene.told == 1 && scene.end == PEEK_NAMED);
    CHECK_TEXT(scene.name, "a.test");
    scene_close(&scene);
}

TEST(who_comes_in_very_small_pieces_is_not_looked_at_for_long)
{
    struct scene scene;
    scene_open(&scene);
    peeks_take(scene.peeks, &scene.handover, false);
    say(&scene, "GET / HTTP/1.1\r\nHost: ");
    for (int i = 1; i < HANDOVER_LOOKS_MAX; i++) {
        CHECK_SIZE(scene.told, 0);
        say(&scene, "a");
    }
    CHECK(scene.told == 1 && scene.end == PEEK_UNNAMED);
    scene_close(&scene);
}

TEST(who_stops_in_the_middle_is_late)
{
    for (int ends = 0; ends < 2; ends++) {
        struct scene scene;
        scene_open(&scene);
        peeks_take(scene.peeks, &scene.handover, false);
        say(&scene, "GET / HTTP/1.1\r\n");
        CHECK(scene.told == 0 && peeks_count(scene.peeks) == 1);
        if (ends)
            raw_peer_end(&scene.visitor);
        turned_loop_pass(&scene.turned, HANDOVER_PEEK_MS - 1);
        CHECK_SIZE(scene.told, (size_t)ends);
        turned_loop_pass(&scene.turned, 1);
        CHECK(scene.told == 1 && scene.end == PEEK_LATE);
        scene_close(&scene);
    }
}

TEST(a_shorter_patience_counts_here_too)
{
    static const struct {
        uint64_t limit_ms, late_ms;
    } cases[] = {{1000, 1000}, {60 * 1000, HANDOVER_PEEK_MS}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        scene_open(&scene);
        peeks_free(scene.peeks);
        const struct peeks_options options = {.loop = scene.turned.loop,
                                              .limit_ms = cases[i].limit_ms,
                                              .told = on_told,
                                              .arg = &scene};
        scene.peeks = peeks_new(&options);
        REQUIRE(scene.peeks);
        peeks_take(scene.peeks, &scene.handover, false);
        turned_loop_pass(&scene.turned, cases[i].late_ms - 1);
        CHECK_SIZE(scene.told, 0);
        turned_loop_pass(&scene.turned, 1);
        CHECK(scene.told == 1 && scene.end == PEEK_LATE);
        scene_close(&scene);
    }
}

TEST(a_hello_is_looked_at_under_tls_only)
{
    struct scene scene;
    scene_open(&scene);
    peeks_take(scene.peeks, &scene.handover, true);
    say(&scene, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    CHECK(scene.told == 1 && scene.end == PEEK_UNNAMED);
    scene_close(&scene);
    scene_open(&scene);
    peeks_take(scene.peeks, &scene.handover, true);
    say(&scene, "\x16\x03\x01");
    CHECK_SIZE(scene.told, 0);
    peeks_end(scene.peeks);
    CHECK(scene.told == 1 && scene.end == PEEK_LATE);
    scene_close(&scene);
}

TEST(one_more_than_may_wait_makes_the_oldest_late)
{
    struct scene scene;
    struct handover *more = calloc(HANDOVER_PEEKS_MAX, sizeof *more);
    REQUIRE(more);
    scene_open(&scene);
    peeks_take(scene.peeks, &scene.handover, false);
    for (size_t i = 0; i + 1 < HANDOVER_PEEKS_MAX; i++) {
        more[i].fd = dup(scene.handover.fd);
        if (more[i].fd == -1) /* too few descriptors here to see it */
            break;
        peeks_take(scene.peeks, &more[i], false);
    }
    size_t waiting = peeks_count(scene.peeks);
    struct handover last = {.fd = scene.handover.fd};
    if (waiting == HANDOVER_PEEKS_MAX) {
        peeks_take(scene.peeks, &last, false);
        CHECK(scene.told == 1 && scene.end == PEEK_LATE);
        CHECK_SIZE(peeks_count(scene.peeks), HANDOVER_PEEKS_MAX);
    }
    while (peeks_count(scene.peeks) > 0) {
        struct handover *oldest = peeks_shed(scene.peeks);
        if (oldest != &last && oldest != &scene.handover)
            (void)close(oldest->fd);
    }
    CHECK(scene.told <= 1); /* who is shed is not told */
    scene_close(&scene);
    free(more);
}
