/* What a connector may say to an edge: the edge goes on or closes that one connection, and whoever
 * else is served does not notice. */
#include "culvert/rpc/registration_server.h"
#include "support/fake_connector.h"

#include "harness.h"

enum { MANY = 100 };

struct scene {
    struct both_ends ends;
    struct fake_connector honest, hostile;
};

static void open_scene(struct scene *scene)
{
    both_ends_open(&scene->ends);
    struct fake_connector_options options = fake_connector_of(&scene->ends, 0);
    fake_connector_dial(&scene->honest, &scene->ends, &options);
    CHECK(fake_connector_is_taken(&scene->honest));
}

static void check_visitor(struct scene *scene, const char *name)
{
    struct visitor_wire visitor;
    visitor_open(&visitor, &scene->ends);
    visitor_say(&visitor, SPAN("GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n"));
    CHECK_CASE(visitor_hears(&visitor, "fine"), "%s: the visitor is not served", name);
    CHECK(span_starts(buf_span(&visitor.got), SPAN("HTTP/1.1 200 ")));
    visitor_close(&visitor);
}

static void close_scene(struct scene *scene, const char *name)
{
    check_visitor(scene, name);
    fake_connector_close(&scene->hostile);
    CHECK(both_ends_registered(&scene->ends, 1));
    check_visitor(scene, name);
    CHECK_CASE(both_ends_metric(&scene->ends, "127.0.0.1:2001", "culvert_edge_channel_bytes") == 0,
               "%s: bytes are left", name);
    fake_connector_close(&scene->honest);
    both_ends_close(&scene->ends);
}

TEST(whatever_a_connector_says_before_its_registration_harms_itself_only)
{
    for (const struct rpc_fault *fault = rpc_faults; fault->name; fault++) {
        static struct scene scene;
        open_scene(&scene);
        struct fake_connector_options options = fake_connector_of(&scene.ends, 1);
        options.fault = fault;
        fake_connector_dial(&scene.hostile, &scene.ends, &options);
        bool taken = fake_connector_is_taken(&scene.hostile);
        bool ends = fault->ends_edge || rpc_fault_size(fault) > REGISTRATION_STRANGER_MAX;
        CHECK_CASE(taken == !ends, "%s: taken %d", fault->name, taken);
        close_scene(&scene, fault->name);
    }
}

TEST(whatever_a_connector_says_behind_its_registration_harms_itself_only)
{
    for (const struct rpc_fault *fault = rpc_faults; fault->name; fault++) {
        static struct scene scene;
        open_scene(&scene);
        struct fake_connector_options options = fake_connector_of(&scene.ends, 1);
        fake_connector_dial(&scene.hostile, &scene.ends, &options);
        CHECK(fake_connector_is_taken(&scene.hostile));
        fake_connector_say(&scene.hostile, fault);
        both_ends_pass(&scene.ends, 100);
        size_t left = fault->ends_edge || fault->unregisters ? 1 : 2;
        CHECK_CASE(both_ends_count(&scene.ends) == left, "%s: %zu are left", fault->name,
                   both_ends_count(&scene.ends));
        close_scene(&scene, fault->name);
    }
}

TEST(a_hundred_connectors_of_one_tunnel_are_served_and_go)
{
    static struct scene scene;
    open_scene(&scene);
    struct fake_connector *crowd = calloc(MANY, sizeof *crowd);
    REQUIRE(crowd != NULL);
    for (size_t i = 0; i < MANY; i++) {
        struct fake_connector_options options = fake_connector_of(&scene.ends, (uint8_t)(i * 7));
        fake_connector_dial(&crowd[i], &scene.ends, &options);
        CHECK(fake_connector_is_taken(&crowd[i]));
    }
    CHECK_SIZE(both_ends_count(&scene.ends), MANY + 1);
    check_visitor(&scene, "a crowd");
    for (size_t i = 0; i < MANY; i++)
        fake_connector_close(&crowd[i]);
    CHECK(both_ends_registered(&scene.ends, 1));
    free(crowd);
    struct fake_connector_options options = fake_connector_of(&scene.ends, 1);
    fake_connector_dial(&scene.hostile, &scene.ends, &options);
    CHECK(fake_connector_is_taken(&scene.hostile));
    close_scene(&scene, "a crowd");
}
