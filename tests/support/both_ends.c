/* See the header. */
#include "support/both_ends.h"

#include "culvert/config/yaml.h"
#include "culvert/edge/api_request.h"
#include "culvert/ingress/spec.h"
#include "support/log_print.h"

#include <errno.h>

enum {
    STEPS_MAX = 4000,
    STEP_MS = 50,       /* of turned time, when nothing else happens */
    THREAD_WAIT_MS = 2, /* of real time, for the store's thread */
};

static void must(bool ok, const char *what, const struct error *err)
{
    if (ok)
        return;
    printf("# %s: %s\n", what, err ? err->text : "");
    abort();
}

static struct ip_address at(const char *text)
{
    struct ip_address address;
    must(ip_parse_with_port(span_of(text), &address), text, NULL);
    return address;
}

static void route(struct both_ends *ends, const char *hostname)
{
    struct error err = {0};
    const struct store_route_new what = {.hostname = span_of(hostname),
                                         .zone_id = span_of(ends->stored.zone.id),
                                         .tunnel_id = stored_id(1),
                                         .now_ms = 1};
    must(store_routes_put(ends->stored.db, &what, &err) == STORE_ROUTE_NEW, "route", &err);
}

static void fill_store(struct both_ends *ends)
{
    struct error err = {0};
    struct buf secret = BUF_LIMIT(STORE_TUNNEL_SECRET_MAX);
    ends->stored = stored_open();
    must(stored_tunnel(&ends->stored, 1, "web", 1) == STORE_OK, "tunnel", NULL);
    route(ends, "app.example.com");
    route(ends, "*.wild.example.com");
    struct uuid id = stored_id(1);
    must(store_tunnels_secret(ends->stored.db, span_of(ends->stored.account.id), &id, &secret,
                              &err) == STORE_OK,
         "secret", &err);
    ends->credentials = credentials_new(span_of(ends->stored.account.id), &id, buf_span(&secret));
    must(ends->credentials != NULL, "credentials", NULL);
    buf_wipe(&secret);
}

static void edge_over(void *arg)
{
    struct both_ends *ends = arg;
    ends->edge_over = true;
}

static void start_edge(struct both_ends *ends, bool dev, size_t workers,
                       const struct edge_visitor_limits *limits)
{
    struct error err = {0};
    ends->edge_options = (struct edge_options){.state_dir = ends->stored.place.directory,
                                               .dev = dev,
                                               .workers = workers,
                                               .hostname = "edge.localhost",
                                               .zones = {"example.com"},
                                               .tunnel = at("127.0.0.1:7844"),
                                               .http = at("127.0.0.1:8080"),
                                               .https = at("127.0.0.1:8443"),
                                               .metrics = at("127.0.0.1:2001"),
                                               .limits = *limits,
                                               .log = &ends->log};
    const struct edge_world world = {.loop = ends->loop,
                                     .store_jobs = ends->jobs,
                                     .db = ends->stored.db,
                                     .contact = &ends->contact};
    ends->edge = edge_new(&world, &ends->edge_options, edge_over, ends, &err);
    must(ends->edge != NULL, "edge", &err);
}

static void open_ends(struct both_ends *ends, bool dev, size_t workers,
                      const struct edge_visitor_limits *limits)
{
    struct error err = {0};
    memset(ends, 0, sizeof *ends);
    ends->clock = turned_clock_make(0);
    ends->log = (struct log){.clock = &ends->clock.clock};
    log_print_if_asked(&ends->log);
    memory_sockets_init(&ends->memory);
    const struct loop_options loop = {
        .clock = &ends->clock.clock, .sockets = &ends->memory.sockets, .log = &ends->log};
    ends->loop = loop_new(&loop, &err);
    must(ends->loop != NULL, "loop", &err);
    ends->jobs = jobs_new(ends->loop, 1, &err);
    ends->resolver = resolver_new_table(ends->loop, NULL, 0);
    must(ends->jobs && ends->resolver, "jobs", &err);
    fill_store(ends);
    start_edge(ends, dev, workers, limits);
    fake_origin_open(&ends->origin, ends->loop, &ends->memory, "127.0.0.1:3000");
}

static const struct edge_visitor_limits usual_limits;

void both_ends_open(struct both_ends *ends)
{
    open_ends(ends, true, 1, &usual_limits);
}

void both_ends_open_workers(struct both_ends *ends, size_t workers)
{
    open_ends(ends, true, workers, &usual_limits);
}

void both_ends_open_production(struct both_ends *ends)
{
    open_ends(ends, false, 1, &usual_limits);
}

void both_ends_open_limited(struct both_ends *ends, const struct edge_visitor_limits *limits)
{
    open_ends(ends, true, 1, limits);
}

/* ---- the connector ---- */

static struct snapshot *read_rules(const char *yaml)
{
    struct error err = {0};
    struct warp_routing warp = warp_routing_default();
    struct yml *file = yml_parse(span_of(yaml), "config.yml", &err);
    must(file != NULL, "yaml", &err);
    struct ingress_spec *spec = ingress_spec_read(value_of_yml(yml_root(file)), NULL, &err);
    must(spec != NULL, "spec", &err);
    struct rules *rules = rules_new(spec, NULL, &err);
    must(rules != NULL, "rules", &err);
    struct snapshot *snapshot = snapshot_new(rules, &warp, SNAPSHOT_LOCAL, &err);
    must(snapshot != NULL, "snapshot", &err);
    ingress_spec_free(spec);
    yml_free(file);
    return snapshot;
}

static void connector_over(void *arg, const struct error *why)
{
    struct both_ends *ends = arg;
    ends->over = true;
    if (why)
        ends->why = *why;
}

void both_ends_connect(struct both_ends *ends, const char *yaml)
{
    struct error err = {0};
    ends->snapshot = read_rules(yaml);
    ends->options = (struct connector_options){
        .credentials = ends->credentials,
        .snapshot = ends->snapshot,
        .region = "",
        .connections = 4,
        .grace_ms = 30 * 1000,
        .rpc_timeout_ms = 5000,
        .version = "2026.8.2",
        .metrics = at("127.0.0.1:20241"),
        .log = &ends->log,
    };
    must(edge_addresses_add(&ends->options.static_edge, SPAN("127.0.0.1:7844"), &err), "edge",
         &err);
    const struct connector_world world = {
        .loop = ends->loop,
        .clock = &ends->clock.clock,
        .resolver = ends->resolver,
        .one_thread = true,
    };
    ends->connector = connector_new(&world, &ends->options, connector_over, ends, &err);
    must(ends->connector != NULL, "connector", &err);
}

/* ---- waiting ---- */

bool both_ends_until(struct both_ends *ends, bool (*holds)(void *arg), void *arg)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        if (!settle(ends->loop))
            return false;
        if (holds(arg))
            return true;
        if (loop_turn(ends->loop, THREAD_WAIT_MS))
            continue;
        turned_clock_add(&ends->clock, STEP_MS);
    }
    return false;
}

size_t both_ends_count(struct both_ends *ends)
{
    return edge_connections(ends->edge);
}

struct wanted {
    struct both_ends *ends;
    size_t count;
};

static bool is_registered(void *arg)
{
    struct wanted *wanted = arg;
    return both_ends_count(wanted->ends) == wanted->count;
}

bool both_ends_registered(struct both_ends *ends, size_t count)
{
    struct wanted wanted = {ends, count};
    return both_ends_until(ends, is_registered, &wanted);
}

struct errand {
    struct job job;
    bool done;
};

static void run_nothing(struct job *job)
{
    (void)job;
}

static void errand_done(struct job *job, bool cancelled)
{
    (void)cancelled;
    CONTAINER_OF(job, struct errand, job)->done = true;
}

/* One thread serves the store, in order: what was asked before this is answered behind it. */
static void let_store_answer(struct both_ends *ends)
{
    struct errand errand = {.job = {.run = run_nothing, .done = errand_done}};
    must(settle(ends->loop) && jobs_post(ends->jobs, &errand.job), "errand", NULL);
    while (!errand.done)
        (void)loop_turn(ends->loop, THREAD_WAIT_MS);
}

void both_ends_pass(struct both_ends *ends, uint64_t ms)
{
    let_store_answer(ends);
    must(turned_clock_run(&ends->clock, ends->loop, ms), "never at rest", NULL);
}

static bool is_over(void *arg)
{
    struct both_ends *ends = arg;
    return ends->over;
}

bool both_ends_stop(struct both_ends *ends)
{
    connector_stop(ends->connector);
    return both_ends_until(ends, is_over, ends);
}

void both_ends_close(struct both_ends *ends)
{
    connector_free(ends->connector, 0);
    edge_free(ends->edge);
    fake_origin_close(&ends->origin);
    (void)settle(ends->loop);
    jobs_free(ends->jobs);
    snapshot_unref(ends->snapshot);
    credentials_free(ends->credentials);
    resolver_free(ends->resolver);
    loop_free(ends->loop);
    memory_sockets_release(&ends->memory);
    stored_close(&ends->stored);
}

/* ---- a visitor ---- */

static void on_open(void *arg)
{
    (void)arg;
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct visitor_wire *visitor = arg;
    must(buf_put(&visitor->got, data, len), "visitor's bytes", NULL);
    return len;
}

static void on_end(void *arg)
{
    struct visitor_wire *visitor = arg;
    visitor->ended = true;
}

static void on_lost(void *arg, const struct error *why)
{
    struct visitor_wire *visitor = arg;
    (void)why;
    visitor->ended = visitor->reset = true;
}

static const struct conn_events wire_events = {on_open, on_bytes, on_end, on_open, on_lost};

void visitor_open(struct visitor_wire *visitor, struct both_ends *ends)
{
    visitor_open_at(visitor, ends, "127.0.0.1:8080");
}

void visitor_open_at(struct visitor_wire *visitor, struct both_ends *ends, const char *at)
{
    struct error err = {0};
    *visitor = (struct visitor_wire){.ends = ends, .got = BUF_LIMIT(VISITOR_BYTES_MAX)};
    int fd = memory_sockets_dial(&ends->memory, at);
    must(fd != -1, at, NULL);
    visitor->conn = conn_new(ends->loop, fd, &wire_events, visitor, &err);
    must(visitor->conn != NULL, "visitor", &err);
}

void visitor_say(struct visitor_wire *visitor, struct span bytes)
{
    must(conn_put(visitor->conn, bytes.data, bytes.len), "say", NULL);
}

static bool has_heard(void *arg)
{
    struct visitor_wire *visitor = arg;
    return visitor->ended || strstr(buf_text(&visitor->got), visitor->wanted) != NULL;
}

bool visitor_hears(struct visitor_wire *visitor, const char *text)
{
    visitor->wanted = text;
    (void)both_ends_until(visitor->ends, has_heard, visitor);
    bool heard = strstr(buf_text(&visitor->got), text) != NULL;
    if (!heard)
        printf("# heard instead: %s\n", buf_text(&visitor->got));
    return heard;
}

static bool has_ended(void *arg)
{
    struct visitor_wire *visitor = arg;
    return visitor->ended;
}

bool visitor_sees_end(struct visitor_wire *visitor)
{
    return both_ends_until(visitor->ends, has_ended, visitor);
}

void visitor_close(struct visitor_wire *visitor)
{
    conn_close(visitor->conn);
    visitor->conn = NULL;
    (void)settle(visitor->ends->loop);
    buf_release(&visitor->got);
}

double both_ends_metric(struct both_ends *ends, const char *at, const char *series)
{
    struct visitor_wire scraper;
    char line[128];
    visitor_open_at(&scraper, ends, at);
    visitor_say(&scraper, SPAN("GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                               "Connection: close\r\n\r\n"));
    must(visitor_sees_end(&scraper), "metrics", NULL);
    (void)snprintf(line, sizeof line, "\n%s ", series);
    const char *found = strstr(buf_text(&scraper.got), line);
    must(found != NULL, series, NULL);
    double value = strtod(found + strlen(line), NULL);
    visitor_close(&scraper);
    return value;
}
