/* Flows into the private network, whose number is limited over all workers and told to the edge;
 * and how long a stream of bytes lives. */
#include "culvert/proxy/exchange.h"
#include "culvert/tunnel/response_meta.h"

#include "harness.h"
#include "support/byte_origin.h"
#include "support/ends.h"
#include "support/lone_connector.h"

struct scene {
    struct lone_connector lone;
    struct byte_origin origin;
    uint64_t most;
    struct ask asks[3];
};

/* Two connections, each in a worker of its own. */
static void scene_open(struct scene *scene, uint64_t most)
{
    *scene = (struct scene){.most = most};
    lone_connector_open(&scene->lone);
    scene->lone.options.connections = 2;
    scene->lone.options.workers = 2;
    scene->lone.options.max_active_flows = &scene->most;
    byte_origin_open(&scene->origin, scene->lone.loop, &scene->lone.memory, "127.0.0.1:9001");
    lone_connector_start(&scene->lone);
    lone_connector_pass(&scene->lone, 1000);
    CHECK_SIZE(fake_edge_registered(&scene->lone.edge), 2);
}

static void scene_close(struct scene *scene)
{
    for (size_t i = 0; i < ARRAY_LEN(scene->asks); i++)
        ask_close(&scene->asks[i]);
    lone_connector_pass(&scene->lone, 1000);
    byte_origin_close(&scene->origin);
    lone_connector_close(&scene->lone);
    for (size_t i = 0; i < ARRAY_LEN(scene->asks); i++)
        ask_release(&scene->asks[i]);
}

/* Opens the `index`th flow, on the connection of that index modulo two. */
static void flow_to(struct scene *scene, size_t index, const char *where)
{
    struct ask *ask = &scene->asks[index];
    ask_init(ask, "GET", "/");
    buf_clear(&ask->head.authority);
    CHECK(buf_put_span(&ask->head.authority, span_of(where)) &&
          buf_put_span(&ask->head.scheme, SPAN("https")));
    ask_field(ask, "cf-cloudflared-proxy-src", "203.0.113.7");
    ask_announce(ask, LENGTH_UNKNOWN);
    CHECK(ask_send(ask, &scene->lone.edge.connections[index % 2].opener));
    lone_connector_pass(&scene->lone, 100);
}

static void flow(struct scene *scene, size_t index)
{
    flow_to(scene, index, "127.0.0.1:9001");
}

static enum response_source source_of(const struct ask *ask)
{
    struct span meta = SPAN_NONE;
    enum response_source source = RESPONSE_FROM_CONNECTOR;
    CHECK(headers_find(&ask->got.fields, SPAN(RESPONSE_META_FIELD), &meta));
    CHECK(response_meta_parse(meta, &source));
    return source;
}

TEST(one_flow_too_many_is_refused_in_whichever_worker_it_is)
{
    struct scene scene;
    scene_open(&scene, 2);
    for (size_t i = 0; i < 3; i++)
        flow(&scene, i);
    CHECK_SIZE(scene.asks[0].status, 200);
    CHECK_SIZE(scene.asks[1].status, 200);
    CHECK_SIZE(scene.asks[2].status, 502);
    CHECK(source_of(&scene.asks[2]) == RESPONSE_FLOW_LIMITED);
    ask_close(&scene.asks[1]);
    ask_close(&scene.asks[2]);
    lone_connector_pass(&scene.lone, 100);
    ask_release(&scene.asks[2]);
    flow(&scene, 2);
    CHECK_SIZE(scene.asks[2].status, 200);
    CHECK_SPAN(buf_span(&scene.asks[2].text), SPAN("BANNER\n"));
    scene_close(&scene);
}

TEST(a_flow_that_fails_otherwise_is_no_matter_of_the_limit)
{
    struct scene scene;
    scene_open(&scene, 2);
    memory_sockets_refuse(&scene.lone.memory, "127.0.0.1:9001");
    for (size_t i = 0; i < 3; i++) {
        flow(&scene, i);
        CHECK_SIZE(scene.asks[i].status, 502);
        CHECK(source_of(&scene.asks[i]) == RESPONSE_FROM_CONNECTOR);
    }
    scene_close(&scene);
}

TEST(without_a_limit_there_is_none)
{
    struct scene scene;
    scene_open(&scene, 0);
    for (size_t i = 0; i < 3; i++) {
        flow(&scene, i);
        CHECK_SIZE(scene.asks[i].status, 200);
    }
    scene_close(&scene);
}

TEST(a_stream_whose_client_left_does_not_live_by_our_pings)
{
    struct lone_connector lone;
    struct ask ask;
    lone_connector_open(&lone);
    snapshot_unref(lone.snapshot);
    lone.snapshot = lone.options.snapshot = ends_rules_single("tcp://127.0.0.1:3000", "");
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    ask_init(&ask, "GET", "/");
    CHECK(buf_put_span(&ask.head.scheme, SPAN("https")));
    ask_announce(&ask, LENGTH_UNKNOWN);
    CHECK(ask_send(&ask, &lone.edge.connections[0].opener));
    lone_connector_pass(&lone, 1000);
    CHECK_SIZE(ask.status, 200);
    ask_end(&ask);
    lone_connector_pass(&lone, EXCHANGE_HALF_CLOSED_MS - 1000);
    CHECK(lone.origin.connections[0].peer_closed && !ask.done && !ask.failed);
    lone_connector_pass(&lone, 1000);
    CHECK(ask.failed);
    ask_close(&ask);
    lone_connector_pass(&lone, 1000);
    lone_connector_close(&lone);
    ask_release(&ask);
}

/* ---- names ---- */

static void dns_server_open(struct scene *scene, const char *at)
{
    *scene = (struct scene){.most = 0};
    lone_connector_open(&scene->lone);
    scene->lone.options.connections = 2;
    scene->lone.options.workers = 2;
    byte_origin_open(&scene->origin, scene->lone.loop, &scene->lone.memory, at);
}

/* A question for the address of example.test (RFC 1035 4.2.2: its length goes first). */
static const char question[] = "\0\x1e\x12\x34\1\0\0\1\0\0\0\0\0\0\7example\4test\0\0\1\0\1";

static void ask_for_a_name(struct scene *scene, size_t index)
{
    struct ask *ask = &scene->asks[index];
    struct span bytes = span_make(question, sizeof question - 1);
    flow_to(scene, index, "[2606:4700:cf1:2000::1]:53");
    CHECK_CASE(ask->status == 200, "%d", ask->status);
    buf_clear(&scene->origin.got);
    ask_put(ask, bytes);
    lone_connector_pass(&scene->lone, 100);
    ask_take(ask);
    CHECK_SPAN(buf_span(&scene->origin.got), bytes);
    CHECK(span_ends(buf_span(&ask->text), bytes));
}

TEST(a_question_for_a_name_reaches_the_systems_server_and_its_answer_the_edge)
{
    struct scene scene;
    dns_server_open(&scene, "127.0.0.1:53");
    lone_connector_start(&scene.lone);
    lone_connector_pass(&scene.lone, 1000);
    for (size_t i = 0; i < 3; i++)
        ask_for_a_name(&scene, i);
    scene_close(&scene);
}

TEST(a_question_for_a_name_reaches_the_server_that_was_given)
{
    struct scene scene;
    struct ip_address given;
    dns_server_open(&scene, "10.0.0.53:5353");
    CHECK(ip_parse_with_port(SPAN("10.0.0.53:5353"), &given));
    scene.lone.options.dns = &given;
    scene.lone.options.dns_count = 1;
    lone_connector_start(&scene.lone);
    lone_connector_pass(&scene.lone, 1000);
    for (size_t i = 0; i < 3; i++)
        ask_for_a_name(&scene, i);
    scene_close(&scene);
}
