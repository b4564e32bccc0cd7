/* Which connection a request takes when there are several workers, and when it takes a second. */
#include "culvert/edge/tunnel_opener.h"

#include "harness.h"
#include "support/hop_scene.h"

static void end(struct hop_scene *scene, struct hop_ask *ask)
{
    ask_release(&ask->ask);
    hop_scene_settle(scene);
    hop_scene_end(scene);
}

TEST(a_connection_of_its_own_worker_goes_before_a_hop)
{
    struct hop_scene scene;
    struct hop_connector here, there;
    struct hop_ask ask;
    hop_scene_begin(&scene);
    hop_connector_open(&there, &scene, 0);
    hop_connector_open(&here, &scene, 2);
    hop_ask_init(&ask, "GET");
    CHECK(hop_ask_send(&ask, &scene, 2));
    CHECK(here.desk.count == 1 && there.desk.count == 0);
    CHECK(metric_value(scene.workers[2].streams) == 0);
    ask_close(&ask.ask);
    hop_connector_close(&here);
    hop_connector_close(&there);
    end(&scene, &ask);
}

TEST(without_any_connection_the_tunnel_is_offline)
{
    struct hop_scene scene;
    struct hop_ask ask;
    hop_scene_begin(&scene);
    hop_ask_init(&ask, "POST");
    CHECK(!hop_ask_send(&ask, &scene, 0));
    CHECK(ask.ask.why.kind == ERROR_LIMIT);
    end(&scene, &ask);
}

TEST(a_worker_that_lost_its_connection_meanwhile_sends_the_request_on_its_second_way)
{
    struct hop_scene scene;
    struct hop_connector connector;
    struct hop_ask ask;
    hop_scene_begin(&scene);
    hop_scene_believe(&scene, 1); /* asked first, and has none */
    hop_connector_open(&connector, &scene, 2);
    hop_ask_init(&ask, "POST"); /* nobody looked at it, so any method may go again */
    CHECK(hop_ask_send(&ask, &scene, 0));
    CHECK(metric_value(scene.workers[0].streams) == 2);
    REQUIRE(connector.desk.count == 1);
    desk_answer(&connector.desk.requests[0], 200, "fine");
    hop_scene_settle(&scene);
    CHECK(ask.ask.done && ask.ask.status == 200);
    ask_close(&ask.ask);
    hop_connector_close(&connector);
    end(&scene, &ask);
}

TEST(a_worker_that_has_no_connection_is_not_asked_twice)
{
    struct hop_scene scene;
    struct hop_ask ask;
    hop_scene_begin(&scene);
    hop_scene_believe(&scene, 1);
    hop_ask_init(&ask, "GET");
    CHECK(hop_ask_send(&ask, &scene, 0));
    CHECK(ask.ask.failed && ask.ask.why.kind == ERROR_LIMIT);
    CHECK(metric_value(scene.workers[0].streams) == 1);
    end(&scene, &ask);
}

TEST(a_request_that_crossed_once_never_crosses_again)
{
    struct hop_scene scene;
    struct hop_ask ask;
    hop_scene_begin(&scene);
    hop_scene_believe(&scene, 1);
    hop_scene_believe(&scene, 2); /* each believes that the other one has a connection */
    hop_ask_init(&ask, "GET");
    CHECK(hop_ask_send(&ask, &scene, 0));
    CHECK(ask.ask.failed && ask.ask.why.kind == ERROR_LIMIT); /* offline, not broken */
    CHECK(metric_value(scene.workers[0].streams) == 2);
    CHECK(metric_value(scene.workers[1].streams) == 0);
    CHECK(metric_value(scene.workers[2].streams) == 0);
    end(&scene, &ask);
}

/* ---- the second try ---- */

static void fine(struct desk_request *request, char letter)
{
    if (letter == 'q')
        desk_answer(request, 200, "fine");
}

static const struct {
    const char *name, *method;
    unsigned first, second; /* workers; the request is made at 0 */
    bool again;
} tries[] = {
    {"from here to there", "GET", 0, 1, true},
    {"from there to elsewhere", "GET", 1, 2, true},
    {"from there to another connection there", "GET", 1, 1, true},
    {"HEAD likewise", "HEAD", 1, 2, true},
    {"POST may have done its work", "POST", 0, 1, false},
    {"POST may have done its work there, too", "POST", 1, 2, false},
};

TEST(a_request_whose_connection_dies_before_the_answer_goes_to_another_one)
{
    for (size_t i = 0; i < ARRAY_LEN(tries); i++) {
        struct hop_scene scene;
        struct hop_connector first, second;
        struct hop_ask ask;
        hop_scene_begin(&scene);
        hop_connector_open(&first, &scene, tries[i].first);
        hop_ask_init(&ask, tries[i].method);
        CHECK(hop_ask_send(&ask, &scene, 0));
        CHECK_SIZE(first.desk.count, 1);
        hop_connector_open(&second, &scene, tries[i].second);
        second.desk.act = fine;
        hop_connector_die(&first);
        CHECK_CASE(second.desk.count == (tries[i].again ? 1 : 0), "%s: asked %zu", tries[i].name,
                   second.desk.count);
        CHECK_CASE(ask.ask.done == tries[i].again, "%s", tries[i].name);
        CHECK_CASE(tries[i].again || ask.ask.why.kind == ERROR_NETWORK, "%s: %s", tries[i].name,
                   ask.ask.why.text);
        ask_close(&ask.ask);
        hop_connector_close(&first);
        hop_connector_close(&second);
        end(&scene, &ask);
    }
}

/* A stream is reset and its connection lives on, which is then the one with the fewest streams: it
 * is not asked a second time. */
TEST(the_second_try_avoids_the_connection_that_failed_it_there)
{
    struct hop_scene scene;
    struct hop_connector one, two;
    struct hop_ask ask, busy;
    hop_scene_begin(&scene);
    hop_connector_open(&one, &scene, 1);
    hop_connector_open(&two, &scene, 1);
    hop_ask_init(&ask, "GET");
    CHECK(hop_ask_send(&ask, &scene, 0));
    struct hop_connector *asked = one.desk.count == 1 ? &one : &two;
    struct hop_connector *other = asked == &one ? &two : &one;
    REQUIRE(asked->desk.count == 1);
    hop_ask_init(&busy, "GET");
    CHECK(hop_ask_send(&busy, &scene, 1));
    CHECK_SIZE(other->desk.count, 1);
    other->desk.act = fine;
    desk_reset(&asked->desk.requests[0]);
    desk_close(&asked->desk.requests[0]);
    hop_scene_settle(&scene);
    CHECK(asked->desk.count == 1 && other->desk.count == 2);
    CHECK(ask.ask.done);
    ask_release(&busy.ask);
    ask_close(&ask.ask);
    hop_connector_close(&one);
    hop_connector_close(&two);
    end(&scene, &ask);
}

TEST(a_request_is_tried_twice_over_hops_and_not_a_third_time)
{
    struct hop_scene scene;
    struct hop_connector connectors[3];
    struct hop_ask ask;
    hop_scene_begin(&scene);
    for (unsigned i = 0; i < 3; i++)
        hop_connector_open(&connectors[i], &scene, i);
    hop_ask_init(&ask, "GET");
    CHECK(hop_ask_send(&ask, &scene, 0));
    hop_connector_die(&connectors[0]);
    struct hop_connector *second = connectors[1].desk.count == 1 ? &connectors[1] : &connectors[2];
    CHECK_SIZE(second->desk.count, 1);
    hop_connector_die(second);
    CHECK(ask.ask.failed && ask.ask.why.kind == ERROR_NETWORK);
    CHECK_SIZE(connectors[1].desk.count + connectors[2].desk.count, 1);
    ask_close(&ask.ask);
    for (unsigned i = 0; i < 3; i++)
        hop_connector_close(&connectors[i]);
    end(&scene, &ask);
}

TEST(a_lost_hop_counts_as_a_lost_connection)
{
    static const char *const methods[] = {"GET", "POST"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct hop_scene scene;
        struct hop_connector one, two;
        struct hop_ask ask;
        hop_scene_begin(&scene);
        hop_connector_open(&one, &scene, 1);
        hop_connector_open(&two, &scene, 2);
        two.desk.act = fine;
        hop_ask_init(&ask, methods[i]);
        CHECK(hop_ask_send(&ask, &scene, 0));
        CHECK_SIZE(one.desk.count, 1);
        hop_scene_break(&scene);
        CHECK_SIZE(one.desk.requests[0].aborted, 1);
        CHECK(i == 0 ? ask.ask.done : ask.ask.failed && ask.ask.why.kind == ERROR_NETWORK);
        CHECK_SIZE(two.desk.count, i == 0 ? 1 : 0);
        ask_close(&ask.ask);
        hop_connector_close(&one);
        hop_connector_close(&two);
        end(&scene, &ask);
    }
}
