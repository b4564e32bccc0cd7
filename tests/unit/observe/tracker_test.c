#include "culvert/observe/tracker.h"

#include "culvert/observe/exposition.h"

#include "harness.h"
#include "support/turned_clock.h"

#define CONNECTOR "fe153f0b-6683-4e67-a230-64bbf061fd63"

struct scene {
    struct turned_clock clock;
    struct metrics *metrics;
    struct tracker *tracker;
};

static void scene_open(struct scene *scene, size_t count)
{
    struct uuid connector;
    CHECK(uuid_parse(SPAN(CONNECTOR), &connector));
    scene->clock = turned_clock_make(INT64_C(1795165225000));
    scene->metrics = metrics_new();
    scene->tracker = tracker_new(&connector, count, &scene->clock.clock, scene->metrics, NULL);
    CHECK(scene->tracker != NULL);
}

static void scene_close(struct scene *scene)
{
    tracker_free(scene->tracker);
    metrics_free(scene->metrics);
}

static void scene_register(struct scene *scene, size_t index, const char *location)
{
    struct uuid connection = uuid_make();
    tracker_registered(scene->tracker, index, &connection, span_of(location));
}

static void check_ready(const struct scene *scene, size_t min, int want_status, const char *want)
{
    struct buf out = BUF_LIMIT(512);
    int status = 0;
    CHECK(tracker_ready_json(scene->tracker, min, &out, &status));
    CHECK_SIZE(status, want_status);
    CHECK_TEXT(buf_text(&out), want);
    buf_release(&out);
}

static bool shows(const struct scene *scene, const char *line)
{
    struct buf out = BUF_LIMIT(65536);
    bool found = exposition_write(scene->metrics, &out) && strstr(buf_text(&out), line) != NULL;
    buf_release(&out);
    return found;
}

TEST(ready_is_503_until_a_connection_is_registered)
{
    struct scene scene;
    struct ip_address edge = {.len = 0};
    scene_open(&scene, 4);
    const char *none = "{\"status\":503,\"readyConnections\":0,\"connectorId\":\"" CONNECTOR
                       "\",\"haConnections\":4,\"draining\":false}";
    check_ready(&scene, 0, 503, none);
    tracker_dialing(scene.tracker, 0, &edge);
    check_ready(&scene, 0, 503, none);
    tracker_enter(scene.tracker, 0, TRACKER_REGISTERING);
    check_ready(&scene, 0, 503, none);
    scene_register(&scene, 0, "tst01");
    check_ready(&scene, 0, 200,
                "{\"status\":200,\"readyConnections\":1,\"connectorId\":\"" CONNECTOR
                "\",\"haConnections\":4,\"draining\":false}");
    scene_close(&scene);
}

TEST(ready_can_ask_for_more_than_one_connection)
{
    struct scene scene;
    scene_open(&scene, 4);
    scene_register(&scene, 0, "a");
    scene_register(&scene, 3, "b");
    const char *two = "{\"status\":%d,\"readyConnections\":2,\"connectorId\":\"" CONNECTOR
                      "\",\"haConnections\":4,\"draining\":false}";
    char want[256];
    (void)snprintf(want, sizeof want, "%.10s200%s", two, two + 12);
    check_ready(&scene, 2, 200, want);
    (void)snprintf(want, sizeof want, "%.10s503%s", two, two + 12);
    check_ready(&scene, 3, 503, want);
    scene_close(&scene);
}

TEST(ready_is_503_during_the_whole_graceful_shutdown)
{
    struct scene scene;
    scene_open(&scene, 1);
    scene_register(&scene, 0, "tst01");
    tracker_drain(scene.tracker);
    check_ready(&scene, 1, 503,
                "{\"status\":503,\"readyConnections\":1,\"connectorId\":\"" CONNECTOR
                "\",\"haConnections\":1,\"draining\":true}");
    tracker_enter(scene.tracker, 0, TRACKER_DRAINING);
    CHECK_SIZE(tracker_ready_count(scene.tracker), 0);
    scene_close(&scene);
}

TEST(an_entry_tells_where_and_since_when)
{
    struct scene scene;
    struct ip_address edge;
    struct uuid connection = uuid_make();
    CHECK(ip_parse_with_port(SPAN("127.0.0.2:7844"), &edge));
    scene_open(&scene, 2);
    tracker_dialing(scene.tracker, 1, &edge);
    turned_clock_add(&scene.clock, 1500);
    tracker_registered(scene.tracker, 1, &connection,
                       SPAN("a-location-longer-than-any-airport-has-a-name"));
    const struct tracker_entry *entry = tracker_at(scene.tracker, 1);
    REQUIRE(entry);
    CHECK(entry->state == TRACKER_SERVING);
    CHECK(ip_equal(&entry->edge, &edge));
    CHECK(uuid_equal(&entry->connection, &connection));
    CHECK_TEXT(entry->location, "a-location-longer-than-any-airp");
    CHECK_SIZE(entry->since_unix_ms, INT64_C(1795165226500));
    CHECK_TEXT(tracker_state_name(entry->state), "serving");
    CHECK(shows(&scene, "culvert_connection_since_seconds{conn_index=\"1\"} 1795165226.5\n"));
    scene_close(&scene);
}

TEST(metrics_show_registered_connections_and_their_locations)
{
    struct scene scene;
    scene_open(&scene, 4);
    CHECK(shows(&scene, "\ncloudflared_tunnel_ha_connections 0\n"));
    scene_register(&scene, 0, "tst01");
    scene_register(&scene, 1, "tst02");
    CHECK(shows(&scene, "\ncloudflared_tunnel_ha_connections 2\n"));
    tracker_lost(scene.tracker, 1, "goaway");
    scene_register(&scene, 1, "tst03");
    CHECK(shows(
        &scene,
        "cloudflared_tunnel_server_locations{connection_id=\"0\",edge_location=\"tst01\"} 1\n"
        "cloudflared_tunnel_server_locations{connection_id=\"1\",edge_location=\"tst02\"} 0\n"
        "cloudflared_tunnel_server_locations{connection_id=\"1\",edge_location=\"tst03\"} 1\n"));
    CHECK(shows(&scene, "culvert_reconnects_total{reason=\"goaway\"} 1\n"));
    CHECK(shows(&scene, "culvert_connection_state{conn_index=\"1\",state=\"idle\"} 0\n"
                        "culvert_connection_state{conn_index=\"1\",state=\"serving\"} 1\n"));
    scene_close(&scene);
}

TEST(indexes_that_do_not_exist_change_nothing)
{
    struct scene scene;
    struct ip_address edge = {.len = 0};
    scene_open(&scene, 1);
    scene_register(&scene, 1, "x");
    tracker_enter(scene.tracker, 7, TRACKER_SERVING);
    tracker_dialing(scene.tracker, 1, &edge);
    tracker_lost(scene.tracker, 1, "x");
    CHECK(tracker_at(scene.tracker, 1) == NULL);
    CHECK_SIZE(tracker_ready_count(scene.tracker), 0);
    CHECK(!shows(&scene, "culvert_reconnects_total"));
    scene_close(&scene);
}

TEST(the_number_of_connections_has_bounds)
{
    struct uuid connector = uuid_make();
    struct error err;
    CHECK(!tracker_new(&connector, 0, clock_system(), NULL, &err));
    CHECK(err.kind == ERROR_INVALID);
    CHECK(!tracker_new(&connector, 65, clock_system(), NULL, &err));
    CHECK_TEXT(err.text, "65 HA connections: must be 1 to 64");
}
