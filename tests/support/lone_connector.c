/* See the header. */
#include "support/lone_connector.h"

#include "support/log_print.h"
#include "support/must.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void lone_connector_open(struct lone_connector *lone)
{
    static const struct resolver_entry names[] = {
        {"_v2-origintunneld._tcp.argotunnel.com", "one.edge.test:7844"},
        {"_us-v2-origintunneld._tcp.argotunnel.com", "us.edge.test:7844"},
        {"one.edge.test", "127.0.0.1"},
        {"us.edge.test", "127.0.0.1"},
        {RESOLVER_NAME_SERVERS, "127.0.0.1"},
    };
    struct error err;
    struct uuid id = uuid_make();
    memset(lone, 0, sizeof *lone);
    lone->clock = turned_clock_make(0);
    lone->log = (struct log){.clock = &lone->clock.clock};
    log_print_if_asked(&lone->log);
    memory_sockets_init(&lone->memory);
    const struct loop_options loop = {
        .clock = &lone->clock.clock, .sockets = &lone->memory.sockets, .log = &lone->log};
    lone->loop = loop_new(&loop, &err);
    must(lone->loop != NULL);
    lone->resolver = resolver_new_table(lone->loop, names, ARRAY_LEN(names));
    lone->credentials = credentials_new(SPAN("account"), &id, SPAN("secret"));
    lone->snapshot = ends_rules_single("http://127.0.0.1:3000", "");
    must(lone->resolver && lone->credentials);
    fake_edge_open(&lone->edge, lone->loop, &lone->memory, "127.0.0.1:7844");
    fake_origin_open(&lone->origin, lone->loop, &lone->memory, "127.0.0.1:3000");
    lone->options = ends_connector_options(lone->credentials, lone->snapshot, &lone->log);
}

static void over(void *arg, const struct error *why)
{
    struct lone_connector *lone = arg;
    lone->over = true;
    if (why)
        lone->why = *why;
}

void lone_connector_start(struct lone_connector *lone)
{
    struct error err;
    const struct connector_world world = {
        .loop = lone->loop,
        .clock = &lone->clock.clock,
        .resolver = lone->resolver,
        .tls = lone->tls,
        .key_fetcher = lone->key_fetcher,
        .jobs = lone->jobs,
        .one_thread = true,
    };
    lone->started_ms = lone->clock.now_ms;
    lone->connector = connector_new(&world, &lone->options, over, lone, &err);
    must(lone->connector != NULL && settle(lone->loop));
}

void lone_connector_reload(struct lone_connector *lone, const char *service)
{
    struct error err;
    struct snapshot *snapshot = ends_rules_single(service, "");
    struct blueprint *blueprint = blueprint_new(snapshot, &err);
    must(blueprint && connector_reload(lone->connector, blueprint, &err));
    blueprint_unref(blueprint);
    snapshot_unref(snapshot);
}

void lone_connector_pass(struct lone_connector *lone, uint64_t ms)
{
    must(turned_clock_run(&lone->clock, lone->loop, ms));
}

struct buf lone_connector_admin(struct lone_connector *lone, const char *path)
{
    struct buf got = BUF_LIMIT(1024 * 1024);
    char ask[128];
    int fd = memory_sockets_dial(&lone->memory, "127.0.0.1:20241");
    (void)snprintf(ask, sizeof ask, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    must(send(fd, ask, strlen(ask), MSG_NOSIGNAL) == (ssize_t)strlen(ask));
    lone_connector_pass(lone, 10);
    for (;;) {
        char *to = buf_room(&got, 4096);
        ssize_t n = to ? read(fd, to, 4096) : 0;
        if (n <= 0)
            break;
        buf_added(&got, (size_t)n);
        lone_connector_pass(lone, 1);
    }
    (void)close(fd);
    return got;
}

uint64_t lone_connector_came(const struct lone_connector *lone, size_t connection)
{
    return lone->edge.connections[connection].came_ms - lone->started_ms;
}

void lone_connector_close(struct lone_connector *lone)
{
    connector_free(lone->connector, 0);
    fake_edge_close(&lone->edge);
    fake_origin_close(&lone->origin);
    must(settle(lone->loop));
    snapshot_unref(lone->snapshot);
    credentials_free(lone->credentials);
    resolver_free(lone->resolver);
    loop_free(lone->loop);
    memory_sockets_release(&lone->memory);
}
