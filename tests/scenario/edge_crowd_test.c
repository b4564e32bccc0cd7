/* More visitors than there may be: who is idle for the longest gives way to who comes, and nobody
 * who is being served does. */
#include "culvert/edge/public_server.h"
#include "support/fake_connector.h"

#include "harness.h"

enum { ROOM = 3 };

#define EDGE_METRICS "127.0.0.1:2001"
#define VISITORS     "culvert_edge_visitors"
#define ABUSE(limit) "culvert_edge_abuse_total{limit=\"" limit "\"}"
#define LATER        "GET /later HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
#define NOBODY       "GET / HTTP/1.1\r\nHost: nobody.example.com\r\n\r\n"

static const struct edge_visitor_limits limits = {.admission = {.connections = ROOM}};

struct scene {
    struct both_ends ends;
    struct fake_connector fake;
    struct visitor_wire visitors[ROOM + 2];
    size_t count;
};

static void scene_open(struct scene *scene, const struct edge_visitor_limits *given)
{
    static const struct fake_reply reply = {.kind = FAKE_REPLY_BEGUN};
    both_ends_open_limited(&scene->ends, given);
    scene->count = 0;
    const struct fake_connector_options options = fake_connector_of(&scene->ends, 0);
    fake_connector_dial(&scene->fake, &scene->ends, &options);
    fake_connector_follow(&scene->fake, &reply, 1);
    CHECK(fake_connector_is_taken(&scene->fake));
}

static void scene_close(struct scene *scene)
{
    for (size_t i = 0; i < scene->count; i++)
        visitor_close(&scene->visitors[i]);
    fake_connector_close(&scene->fake);
    both_ends_close(&scene->ends);
}

/* A visitor comes and says this; a little time passes. */
static struct visitor_wire *come(struct scene *scene, const char *words)
{
    struct visitor_wire *visitor = &scene->visitors[scene->count++];
    visitor_open(visitor, &scene->ends);
    visitor_say(visitor, span_of(words));
    both_ends_pass(&scene->ends, 10);
    return visitor;
}

TEST(who_is_idle_for_the_longest_gives_way)
{
    struct scene scene;
    scene_open(&scene, &limits);
    struct visitor_wire *busy = come(&scene, LATER);
    struct visitor_wire *idle = come(&scene, NOBODY);
    struct visitor_wire *idlest = come(&scene, NOBODY);
    visitor_say(idle, SPAN(NOBODY)); /* asks once more */
    both_ends_pass(&scene.ends, 10);
    struct visitor_wire *fresh = come(&scene, NOBODY);
    CHECK(visitor_sees_end(idlest));
    CHECK(!busy->ended && !idle->ended && !fresh->ended);
    CHECK(visitor_hears(fresh, "404 Not Found"));
    CHECK_SIZE(both_ends_metric(&scene.ends, EDGE_METRICS, VISITORS), ROOM);
    CHECK_SIZE(both_ends_metric(&scene.ends, EDGE_METRICS, ABUSE("connections")), 1);
    scene_close(&scene);
}

TEST(when_all_are_busy_it_is_the_new_one_that_goes)
{
    struct scene scene;
    scene_open(&scene, &limits);
    for (size_t i = 0; i < ROOM; i++)
        (void)come(&scene, LATER);
    CHECK(fake_connector_is_asked(&scene.fake, ROOM));
    CHECK(visitor_sees_end(come(&scene, NOBODY)));
    for (size_t i = 0; i < ROOM; i++)
        CHECK(!scene.visitors[i].ended);
    CHECK_SIZE(both_ends_metric(&scene.ends, EDGE_METRICS, VISITORS), ROOM);
    CHECK_SIZE(both_ends_metric(&scene.ends, EDGE_METRICS, ABUSE("connections")), 1);
    scene_close(&scene);
}

/* Loopback has limits of its own only when they are given. */
TEST(who_was_refused_for_want_of_room_is_let_in_when_there_is_room_again)
{
    static const struct edge_visitor_limits small = {
        .admission = {.connections = ROOM, .connections_per_address = 100}};
    struct scene scene;
    struct visitor_wire other;
    scene_open(&scene, &small);
    for (size_t i = 0; i < ROOM; i++)
        (void)come(&scene, LATER);
    CHECK(fake_connector_is_asked(&scene.fake, ROOM));
    for (int i = 0; i <= ADMISSION_WASTED_MAX; i++) {
        visitor_open(&other, &scene.ends);
        both_ends_pass(&scene.ends, 1);
        visitor_close(&other);
    }
    CHECK_SIZE(both_ends_metric(&scene.ends, EDGE_METRICS, ABUSE("connections")),
               ADMISSION_WASTED_MAX + 1);
    visitor_close(&scene.visitors[0]);
    both_ends_pass(&scene.ends, CONN_LINGER_MS);
    CHECK(visitor_hears(come(&scene, NOBODY), "404 Not Found"));
    scene_close(&scene);
}

TEST(who_never_begins_is_ended_in_time_and_counted)
{
    struct scene scene;
    scene_open(&scene, &limits);
    struct visitor_wire *silent = &scene.visitors[scene.count++];
    visitor_open(silent, &scene.ends);
    both_ends_pass(&scene.ends, PUBLIC_PREFACE_MS - 1);
    CHECK(!silent->ended);
    both_ends_pass(&scene.ends, 1);
    CHECK(visitor_sees_end(silent));
    CHECK_SIZE(both_ends_metric(&scene.ends, EDGE_METRICS, ABUSE("silent")), 1);
    scene_close(&scene);
}

TEST(a_connection_counts_until_its_last_bytes_have_left)
{
    struct scene scene;
    scene_open(&scene, &limits);
    struct visitor_wire *leaving =
        come(&scene, "GET / HTTP/1.1\r\nHost: nobody.example.com\r\nConnection: close\r\n\r\n");
    CHECK(visitor_sees_end(leaving));
    /* The edge said its last word and waits for the visitor's end. */
    CHECK_SIZE(both_ends_metric(&scene.ends, EDGE_METRICS, VISITORS), 1);
    both_ends_pass(&scene.ends, 2 * CONN_LINGER_MS); /* it took some in the first of them */
    CHECK_SIZE(both_ends_metric(&scene.ends, EDGE_METRICS, VISITORS), 0);
    scene_close(&scene);
}
