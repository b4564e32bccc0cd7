/* Connector and edge back to back: what one sends the other hears, in pieces that never fit a
 * message. */
#include "culvert/rpc/registration_client.h"
#include "culvert/rpc/registration_server.h"
#include "harness.h"
#include "support/rpc_wire.h"

struct world {
    struct registration_client *client;
    struct registration_server *server;
    struct rpc_wire to_edge;
    struct rpc_wire to_connector;
    struct buf connector; /* what its owner was told */
    struct buf edge;
    bool is_refusing;
};

static void note(struct buf *journal, const char *what)
{
    CHECK(buf_printf(journal, "%s;", what));
}

static void send_to_edge(void *arg, struct span bytes)
{
    struct world *world = arg;
    rpc_wire_put(&world->to_edge, bytes);
}

static void send_to_connector(void *arg, struct span bytes)
{
    struct world *world = arg;
    rpc_wire_put(&world->to_connector, bytes);
}

static void connector_on_registered(void *arg, const struct connection_details *details)
{
    struct world *world = arg;
    note(&world->connector, details->is_remotely_managed ? "managed" : "registered");
    CHECK(registration_client_update_local_configuration(world->client, SPAN("{}"), NULL));
    /* Not worth waiting for the answer: both questions are open at once. */
    CHECK(registration_client_unregister(world->client, NULL));
}

static void connector_on_refused(void *arg, const struct registration_refusal *refusal)
{
    struct world *world = arg;
    CHECK(registration_cause_is_duplicate(refusal->cause));
    note(&world->connector, "refused");
    registration_client_shutdown(world->client);
}

static void connector_on_local_configuration_done(void *arg, const struct error *err)
{
    struct world *world = arg;
    note(&world->connector, err ? err->text : "configured");
}

static void connector_on_unregistered(void *arg, const struct error *err)
{
    struct world *world = arg;
    note(&world->connector, err ? err->text : "unregistered");
    registration_client_shutdown(world->client);
}

static void edge_on_register(void *arg, const struct registration_params *params)
{
    struct world *world = arg;
    note(&world->edge, "register");
    CHECK_SPAN(params->tunnel_secret, SPAN("\1\2\3"));
    CHECK_SIZE(params->index, 2);
    if (world->is_refusing) {
        struct registration_refusal no = {.cause = SPAN(REGISTRATION_CAUSE_DUPLICATE)};
        CHECK(registration_server_refuse(world->server, &no, NULL));
        return;
    }
    struct connection_details yes = {.uuid = {{7}}, .location = SPAN("here")};
    CHECK(registration_server_accept(world->server, &yes, NULL));
}

static void edge_on_local_configuration(void *arg, struct span json)
{
    struct world *world = arg;
    CHECK_SPAN(json, SPAN("{}"));
    note(&world->edge, "configure");
}

static void edge_on_unregister(void *arg)
{
    struct world *world = arg;
    note(&world->edge, "unregister");
    CHECK(registration_server_unregistered(world->server, NULL));
}

static void edge_on_closed(void *arg, struct span reason)
{
    struct world *world = arg;
    CHECK_SPAN(reason, SPAN("rpc: shutdown"));
    note(&world->edge, "closed");
}

static void connector_on_failed(void *arg, const struct error *err)
{
    struct world *world = arg;
    note(&world->connector, err->text);
}

static void edge_on_failed(void *arg, const struct error *err)
{
    struct world *world = arg;
    note(&world->edge, err->text);
}

static const struct registration_client_events connector_events = {
    .send = send_to_edge,
    .on_registered = connector_on_registered,
    .on_refused = connector_on_refused,
    .on_local_configuration_done = connector_on_local_configuration_done,
    .on_unregistered = connector_on_unregistered,
    .on_failed = connector_on_failed,
};

static const struct registration_server_events edge_events = {
    .send = send_to_connector,
    .on_register = edge_on_register,
    .on_local_configuration = edge_on_local_configuration,
    .on_unregister = edge_on_unregister,
    .on_closed = edge_on_closed,
    .on_failed = edge_on_failed,
};

/* Carries bytes both ways, `size` at a time, until nobody has anything more to say. */
static void run(struct world *world, size_t size)
{
    struct buf piece = BUF_LIMIT(4096);
    while (!rpc_wire_is_empty(&world->to_edge) || !rpc_wire_is_empty(&world->to_connector)) {
        CHECK(buf_put_span(&piece, rpc_wire_take_some(&world->to_edge, size)));
        registration_server_feed(world->server, buf_span(&piece));
        buf_clear(&piece);
        CHECK(buf_put_span(&piece, rpc_wire_take_some(&world->to_connector, size)));
        registration_client_feed(world->client, buf_span(&piece));
        buf_clear(&piece);
    }
    buf_release(&piece);
}

static void play(bool is_refusing, size_t size, const char *connector, const char *edge)
{
    struct registration_params params = {
        .account_tag = SPAN("tag"), .tunnel_secret = SPAN("\1\2\3"), .index = 2};
    struct world world = {
        .connector = BUF_LIMIT(4096), .edge = BUF_LIMIT(4096), .is_refusing = is_refusing};
    rpc_wire_init(&world.to_edge);
    rpc_wire_init(&world.to_connector);
    world.client = registration_client_new(&connector_events, &world);
    world.server = registration_server_new(&edge_events, &world);
    CHECK(registration_client_register(world.client, &params, NULL));
    run(&world, size);
    CHECK_TEXT(buf_text(&world.connector), connector);
    CHECK_TEXT(buf_text(&world.edge), edge);
    registration_client_free(world.client);
    registration_server_free(world.server);
    rpc_wire_release(&world.to_edge);
    rpc_wire_release(&world.to_connector);
    buf_release(&world.connector);
    buf_release(&world.edge);
}

TEST(a_connection_registers_configures_and_unregisters)
{
    for (size_t size = 1; size < 2000; size += 37)
        play(false, size, "registered;configured;unregistered;",
             "register;configure;unregister;closed;");
}

TEST(a_refused_connection_takes_its_leave)
{
    for (size_t size = 1; size < 2000; size += 37)
        play(true, size, "refused;", "register;closed;");
}
