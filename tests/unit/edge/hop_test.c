/* The hops themselves: opened on demand, kept, lost, worn out, closed. */
#include "culvert/edge/hop.h"

#include "harness.h"
#include "support/hop_scene.h"

#include <errno.h>
#include <unistd.h>

TEST(a_hop_is_opened_on_demand_and_kept)
{
    struct hop_scene scene;
    struct error err;
    hop_scene_begin(&scene);
    struct h2_session *first = hops_session(scene.workers[0].edge.hops, 1, &err);
    REQUIRE(first != NULL);
    hop_scene_settle(&scene);
    CHECK(hops_session(scene.workers[0].edge.hops, 1, &err) == first);
    CHECK(hops_session(scene.workers[0].edge.hops, 2, &err) != first);
    CHECK(hops_session(scene.workers[1].edge.hops, 0, &err) != first); /* one for each direction */
    hop_scene_settle(&scene);
    CHECK(metric_value(scene.workers[0].sessions) == 2);
    CHECK(metric_value(scene.workers[1].sessions) == 1);
    hop_scene_end(&scene);
}

TEST(a_hop_to_nobody_and_to_oneself_is_refused)
{
    struct hop_scene scene;
    struct error err;
    hop_scene_begin(&scene);
    CHECK(!hops_session(scene.workers[0].edge.hops, 0, &err) && err.kind == ERROR_LIMIT);
    CHECK(!hops_session(scene.workers[0].edge.hops, HOP_WORKERS, &err) && err.kind == ERROR_LIMIT);
    hop_scene_end(&scene);
}

TEST(a_hop_that_cannot_be_opened_costs_the_requests_of_that_moment_only)
{
    struct hop_scene scene;
    struct error err;
    hop_scene_begin(&scene);
    scene.turned.memory.on_pair = (struct memory_fault){.error = EMFILE};
    CHECK(!hops_session(scene.workers[0].edge.hops, 1, &err));
    CHECK(err.kind == ERROR_LIMIT && strstr(err.text, "hop to worker 1: socket pair: "));
    CHECK(hops_session(scene.workers[0].edge.hops, 1, &err) != NULL);
    hop_scene_settle(&scene);
    hop_scene_end(&scene);
}

/* Before the other end has said how many it takes. */
TEST(a_burst_over_a_new_hop_is_served_whole)
{
    enum { BURST = 150, CONNECTORS = 3 };
    static struct hop_ask asks[BURST];
    static struct hop_connector connectors[CONNECTORS];
    struct hop_scene scene;
    hop_scene_begin(&scene);
    for (size_t i = 0; i < CONNECTORS; i++)
        hop_connector_open(&connectors[i], &scene, 1);
    for (size_t i = 0; i < BURST; i++) {
        hop_ask_init(&asks[i], "POST");
        tunnel_opener_init(&asks[i].opener, &scene.workers[0].edge, &scene.tunnel_id);
        CHECK(ask_send(&asks[i].ask, &asks[i].opener.opener)); /* no turn between them */
    }
    hop_scene_settle(&scene);
    for (size_t i = 0; i < CONNECTORS; i++)
        CHECK_SIZE(connectors[i].desk.count, BURST / CONNECTORS);
    CHECK_SIZE(hops_serving(scene.workers[1].edge.hops), BURST);
    CHECK(metric_value(scene.workers[0].sessions) == 1);
    for (size_t i = 0; i < BURST; i++)
        ask_release(&asks[i].ask);
    hop_scene_settle(&scene);
    CHECK_SIZE(hops_serving(scene.workers[1].edge.hops), 0);
    for (size_t i = 0; i < CONNECTORS; i++)
        hop_connector_close(&connectors[i]);
    hop_scene_end(&scene);
}

/* Each is a reset on the hop: from a stranger they would be an attack. */
TEST(ten_thousand_visitors_who_leave_do_not_end_their_hop)
{
    enum { BATCH = 50, BATCHES = 200 };
    static struct hop_ask asks[BATCH];
    struct hop_scene scene;
    struct hop_connector connector;
    hop_scene_begin(&scene);
    hop_connector_open(&connector, &scene, 1);
    for (size_t round = 0; round < BATCHES; round++) {
        for (size_t i = 0; i < BATCH; i++) {
            hop_ask_init(&asks[i], "GET");
            tunnel_opener_init(&asks[i].opener, &scene.workers[0].edge, &scene.tunnel_id);
            CHECK(ask_send(&asks[i].ask, &asks[i].opener.opener));
        }
        hop_scene_settle(&scene);
        CHECK_SIZE(connector.desk.count, BATCH);
        for (size_t i = 0; i < BATCH; i++)
            ask_release(&asks[i].ask);
        hop_scene_settle(&scene);
        CHECK_SIZE(connector.desk.requests[BATCH - 1].aborted, 1);
        desk_release(&connector.desk);
    }
    CHECK(metric_value(scene.workers[0].sessions) == 1);
    CHECK_SIZE(hops_serving(scene.workers[1].edge.hops), 0);
    hop_ask_init(&asks[0], "GET");
    CHECK(hop_ask_send(&asks[0], &scene, 0));
    desk_answer(hop_connector_last(&connector), 200, "still here");
    hop_scene_settle(&scene);
    CHECK(asks[0].ask.done);
    ask_release(&asks[0].ask);
    hop_connector_close(&connector);
    hop_scene_end(&scene);
}

TEST(a_hop_that_takes_no_more_is_replaced_and_finishes_what_crosses)
{
    static const unsigned char goaway[] = {0,    0,    8,    7,    0, 0, 0, 0, 0,
                                           0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    struct hop_scene scene;
    struct hop_connector connector;
    struct hop_ask old, new;
    hop_scene_begin(&scene);
    hop_connector_open(&connector, &scene, 1);
    hop_ask_init(&old, "GET");
    CHECK(hop_ask_send(&old, &scene, 0));
    CHECK_SIZE(write(scene.turned.memory.last_pair[1], goaway, sizeof goaway), sizeof goaway);
    hop_scene_settle(&scene);
    hop_ask_init(&new, "GET");
    CHECK(hop_ask_send(&new, &scene, 0));
    CHECK(metric_value(scene.workers[0].sessions) == 2);
    REQUIRE(connector.desk.count == 2);
    for (size_t i = 0; i < 2; i++)
        desk_answer(&connector.desk.requests[i], 200, "fine");
    hop_scene_settle(&scene);
    CHECK(old.ask.done && new.ask.done);
    ask_release(&old.ask);
    ask_release(&new.ask);
    hop_scene_settle(&scene);
    CHECK(metric_value(scene.workers[0].sessions) == 1);
    hop_connector_close(&connector);
    hop_scene_end(&scene);
}

TEST(closing_fails_what_crosses_and_opens_nothing_any_more)
{
    struct hop_scene scene;
    struct hop_connector connector;
    struct hop_ask ask;
    struct error err;
    hop_scene_begin(&scene);
    hop_connector_open(&connector, &scene, 1);
    hop_ask_init(&ask, "GET");
    CHECK(hop_ask_send(&ask, &scene, 0));
    REQUIRE(connector.desk.count == 1);
    hops_close(scene.workers[1].edge.hops); /* whose connection serves it */
    hop_scene_settle(&scene);
    CHECK_SIZE(connector.desk.requests[0].aborted, 1);
    CHECK(ask.ask.failed && ask.ask.why.kind == ERROR_NETWORK);
    CHECK_SIZE(hops_serving(scene.workers[1].edge.hops), 0);
    CHECK(!hops_session(scene.workers[1].edge.hops, 0, &err) && err.kind == ERROR_LIMIT);
    ask_release(&ask.ask);
    hop_connector_close(&connector);
    hop_scene_end(&scene);
}

TEST(a_hop_that_arrives_behind_the_close_is_closed)
{
    struct hop_scene scene;
    struct error err;
    hop_scene_begin(&scene);
    CHECK(hops_session(scene.workers[0].edge.hops, 1, &err) != NULL); /* its end is on its way */
    hops_close(scene.workers[1].edge.hops);
    hop_scene_settle(&scene);
    CHECK(metric_value(scene.workers[0].sessions) == 0);
    hop_scene_end(&scene);
}
