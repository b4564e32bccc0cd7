/* A connector with several workers, all on one turned loop: who serves what, how a stop, a reload
 * and a scrape reach every one of them. */
#include "support/lone_connector.h"

#include "harness.h"

enum { WORKERS = 3 };

static const struct fake_script hello = {
    {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")}}};
static const struct fake_script slow = {
    {{FAKE_SLEEP, {0}, 5000, 0},
     {FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")}}};
static const struct fake_script never = {{{FAKE_END}}};

/* Up with four connections, unless the time is too short for that. */
static void open_for(struct lone_connector *lone, const struct fake_script *script, uint64_t ms)
{
    lone_connector_open(lone);
    lone->options.workers = WORKERS;
    fake_origin_follow(&lone->origin, script, 1);
    lone_connector_start(lone);
    lone_connector_pass(lone, ms);
}

static void ask_over(struct ask *ask, struct lone_connector *lone, size_t connection)
{
    ask_init(ask, "GET", "/");
    CHECK(ask_send(ask, &lone->edge.connections[connection].opener));
    lone_connector_pass(lone, 10);
}

TEST(every_worker_serves_its_connections)
{
    struct lone_connector lone;
    struct ask asks[4];
    open_for(&lone, &hello, 1000);
    CHECK_SIZE(fake_edge_registered(&lone.edge), 4);
    for (size_t i = 0; i < 4; i++) {
        ask_over(&asks[i], &lone, i);
        CHECK_SIZE(asks[i].status, 200);
        ask_release(&asks[i]);
    }
    lone_connector_close(&lone);
}

TEST(metrics_are_the_sum_over_all_workers)
{
    struct lone_connector lone;
    struct ask ask;
    open_for(&lone, &hello, 1000);
    for (size_t i = 0; i < 4; i++) {
        ask_over(&ask, &lone, i);
        ask_release(&ask);
    }
    struct buf text = lone_connector_admin(&lone, "/metrics");
    CHECK(strstr(buf_text(&text), "\ncloudflared_tunnel_total_requests 4\n") != NULL);
    CHECK(strstr(buf_text(&text), "\ncloudflared_tunnel_ha_connections 4\n") != NULL);
    CHECK(strstr(buf_text(&text), "register_success{rpcName=\"registerConnection\"} 4\n") != NULL);
    CHECK(strstr(buf_text(&text), "\nculvert_channel_bytes 0\n") != NULL);
    buf_release(&text);
    lone_connector_close(&lone);
}

TEST(no_more_workers_are_started_than_there_are_connections)
{
    struct lone_connector lone;
    lone_connector_open(&lone);
    lone.options.workers = 64;
    lone.options.connections = 2;
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    CHECK_SIZE(fake_edge_registered(&lone.edge), 2);
    lone_connector_close(&lone);
}

TEST(a_stop_reaches_every_worker)
{
    struct lone_connector lone;
    open_for(&lone, &hello, 1000);
    connector_stop(lone.connector);
    lone_connector_pass(&lone, 10);
    CHECK(lone.over);
    for (size_t i = 0; i < 4; i++)
        CHECK(lone.edge.connections[i].unregistered && lone.edge.connections[i].over);
    lone_connector_close(&lone);
}

TEST(a_stop_at_any_moment_of_the_start_ends_it)
{
    for (uint64_t ms = 0; ms < 400; ms += 10) {
        struct lone_connector lone;
        open_for(&lone, &hello, ms);
        connector_stop(lone.connector);
        lone_connector_pass(&lone, 10);
        CHECK_CASE(lone.over, "stopped after %llu ms: it goes on", (unsigned long long)ms);
        CHECK_CASE(fake_edge_registered(&lone.edge) == 0, "stopped after %llu ms",
                   (unsigned long long)ms);
        lone_connector_close(&lone);
    }
}

TEST(it_can_be_freed_at_any_moment)
{
    static const uint64_t moments[] = {0, 1, 50, 100, 150, 250, 1000};
    for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
        struct lone_connector lone;
        struct ask ask;
        open_for(&lone, &never, moments[i]);
        bool asked = lone.edge.count > 3;
        if (asked)
            ask_over(&ask, &lone, 3);
        connector_free(lone.connector, 0);
        lone.connector = NULL;
        lone_connector_pass(&lone, 10);
        CHECK_SIZE(fake_edge_registered(&lone.edge), 0);
        if (asked)
            ask_release(&ask);
        lone_connector_close(&lone);
    }
}

TEST(the_end_of_the_grace_cuts_requests_in_every_worker)
{
    struct lone_connector lone;
    struct ask asks[4];
    lone_connector_open(&lone);
    lone.options.workers = WORKERS;
    lone.options.grace_ms = 3000;
    fake_origin_follow(&lone.origin, &never, 1);
    lone_connector_start(&lone);
    lone_connector_pass(&lone, 1000);
    for (size_t i = 0; i < 4; i++)
        ask_over(&asks[i], &lone, i);
    connector_stop(lone.connector);
    lone_connector_pass(&lone, 2900);
    CHECK(!lone.over);
    lone_connector_pass(&lone, 1200);
    CHECK(lone.over);
    for (size_t i = 0; i < 4; i++) {
        CHECK_SIZE(asks[i].status, 502);
        ask_release(&asks[i]);
    }
    lone_connector_close(&lone);
}

TEST(a_reload_reaches_every_worker_and_spares_what_runs)
{
    struct lone_connector lone;
    struct ask old[4], next[4];
    open_for(&lone, &slow, 1000);
    for (size_t i = 0; i < 4; i++)
        ask_over(&old[i], &lone, i);
    lone_connector_reload(&lone, "http_status:204");
    lone_connector_pass(&lone, 10);
    for (size_t i = 0; i < 4; i++) {
        ask_over(&next[i], &lone, i);
        CHECK_SIZE(next[i].status, 204);
        CHECK_SIZE(old[i].status, 0);
        ask_release(&next[i]);
    }
    lone_connector_pass(&lone, 6000);
    for (size_t i = 0; i < 4; i++) {
        CHECK_SIZE(old[i].status, 200);
        ask_release(&old[i]);
    }
    lone_connector_close(&lone);
}

TEST(of_reloads_in_quick_succession_the_last_one_counts)
{
    struct lone_connector lone;
    struct ask ask;
    open_for(&lone, &hello, 1000);
    for (int i = 0; i < 5; i++)
        lone_connector_reload(&lone, i < 4 ? "http_status:204" : "http_status:404");
    lone_connector_pass(&lone, 10);
    for (size_t i = 0; i < 4; i++) {
        ask_over(&ask, &lone, i);
        CHECK_SIZE(ask.status, 404);
        ask_release(&ask);
    }
    lone_connector_close(&lone);
}

TEST(a_reload_on_the_way_does_not_outlive_the_connector)
{
    struct lone_connector lone;
    open_for(&lone, &hello, 1000);
    for (int i = 0; i < 3; i++)
        lone_connector_reload(&lone, "http_status:204");
    lone_connector_close(&lone);
}
