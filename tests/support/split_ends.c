/* See the header. */
#include "support/split_ends.h"

#include "culvert/config/yaml.h"
#include "culvert/ingress/spec.h"
#include "support/log_print.h"
#include "support/scarce_memory.h"

enum { TURNS_MAX = 1000 * 1000, THREAD_WAIT_MS = 2 };

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

/* ---- the store ---- */

void split_store_open(struct split_store *store)
{
    struct error err = {0};
    struct buf secret = BUF_LIMIT(STORE_TUNNEL_SECRET_MAX);
    struct uuid id = stored_id(1);
    store->stored = stored_open();
    const struct store_route_new route = {.hostname = SPAN("app.example.com"),
                                          .zone_id = span_of(store->stored.zone.id),
                                          .tunnel_id = id,
                                          .now_ms = 1};
    struct span account = span_of(store->stored.account.id);
    must(stored_tunnel(&store->stored, 1, "web", 1) == STORE_OK, "tunnel", NULL);
    must(store_routes_put(store->stored.db, &route, &err) == STORE_ROUTE_NEW, "route", &err);
    must(store_tunnels_secret(store->stored.db, account, &id, &secret, &err) == STORE_OK, "secret",
         &err);
    store->credentials = credentials_new(account, &id, buf_span(&secret));
    must(store->credentials != NULL, "credentials", NULL);
    buf_wipe(&secret);
}

void split_store_close(struct split_store *store)
{
    credentials_free(store->credentials);
    stored_close(&store->stored);
}

/* ---- whose memory is scarce ---- */

static void begin_part(const struct split_ends *ends, enum split_party party)
{
    if (party == ends->sufferer)
        scarce_memory_go_on();
}

static void end_part(const struct split_ends *ends, enum split_party party)
{
    if (party == ends->sufferer)
        scarce_memory_pause();
}

static bool turn(struct split_ends *ends, enum split_party party, uint64_t wait_ms)
{
    begin_part(ends, party);
    bool any = loop_turn(ends->loops[party], wait_ms);
    end_part(ends, party);
    return any;
}

/* ---- opening ---- */

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

static void fill_options(struct split_ends *ends)
{
    struct error err = {0};
    ends->edge_options = (struct edge_options){
        .state_dir = ends->store->stored.place.directory,
        .dev = true,
        .hostname = "edge.localhost",
        .zones = {"example.com"},
        .tunnel = at("127.0.0.1:7844"),
        .http = at("127.0.0.1:8080"),
        .https = at("127.0.0.1:8443"),
        .metrics = at("127.0.0.1:2001"),
        .log = &ends->log,
    };
    ends->options = (struct connector_options){
        .credentials = ends->store->credentials,
        .snapshot = ends->snapshot,
        .region = "",
        .connections = 1,
        .grace_ms = 30 * 1000,
        .rpc_timeout_ms = 5000,
        .version = "2026.8.2",
        .metrics = at("127.0.0.1:20241"),
        .log = &ends->log,
    };
    must(edge_addresses_add(&ends->options.static_edge, SPAN("127.0.0.1:7844"), &err), "edge",
         &err);
}

void split_ends_open(struct split_ends *ends, struct split_store *store, const char *yaml)
{
    struct error err = {0};
    *ends = (struct split_ends){.store = store, .sufferer = SPLIT_PARTIES};
    ends->clock = turned_clock_make(0);
    ends->log = (struct log){.clock = &ends->clock.clock};
    log_print_if_asked(&ends->log);
    memory_sockets_init(&ends->memory);
    for (size_t i = 0; i < SPLIT_PARTIES; i++) {
        const struct sockets *sockets = &ends->memory.sockets;
        if (i < SPLIT_WORLD) {
            faulty_sockets_init(&ends->faulty[i], sockets);
            sockets = &ends->faulty[i].sockets;
        }
        const struct loop_options loop = {
            .clock = &ends->clock.clock, .sockets = sockets, .log = &ends->log};
        ends->loops[i] = loop_new(&loop, &err);
        must(ends->loops[i] != NULL, "loop", &err);
    }
    ends->jobs = jobs_new(ends->loops[SPLIT_EDGE], 1, &err);
    ends->resolver = resolver_new_table(ends->loops[SPLIT_CONNECTOR], NULL, 0);
    must(ends->jobs && ends->resolver, "jobs", &err);
    ends->snapshot = read_rules(yaml);
    fill_options(ends);
}

static void edge_over(void *arg)
{
    struct split_ends *ends = arg;
    ends->edge_over = true;
}

bool split_ends_start_edge(struct split_ends *ends, struct error *err)
{
    const struct edge_world world = {.loop = ends->loops[SPLIT_EDGE],
                                     .store_jobs = ends->jobs,
                                     .db = ends->store->stored.db,
                                     .contact = &ends->contact};
    ends->edge_over = false;
    begin_part(ends, SPLIT_EDGE);
    ends->edge = edge_new(&world, &ends->edge_options, edge_over, ends, err);
    end_part(ends, SPLIT_EDGE);
    return ends->edge != NULL;
}

static void connector_over(void *arg, const struct error *why)
{
    struct split_ends *ends = arg;
    ends->connector_over = true;
    if (why)
        ends->why = *why;
}

bool split_ends_start_connector(struct split_ends *ends, struct error *err)
{
    const struct connector_world world = {.loop = ends->loops[SPLIT_CONNECTOR],
                                          .clock = &ends->clock.clock,
                                          .resolver = ends->resolver,
                                          .one_thread = true};
    ends->connector_over = false;
    ends->why = (struct error){0};
    begin_part(ends, SPLIT_CONNECTOR);
    ends->connector = connector_new(&world, &ends->options, connector_over, ends, err);
    end_part(ends, SPLIT_CONNECTOR);
    return ends->connector != NULL;
}

bool split_ends_reload(struct split_ends *ends, struct error *err)
{
    struct blueprint *blueprint = blueprint_new(ends->snapshot, err);
    must(blueprint != NULL, "blueprint", err);
    begin_part(ends, SPLIT_CONNECTOR);
    bool ok = connector_reload(ends->connector, blueprint, err);
    end_part(ends, SPLIT_CONNECTOR);
    blueprint_unref(blueprint);
    return ok;
}

/* ---- waiting ---- */

static void settle_all(struct split_ends *ends)
{
    size_t turns = 0;
    for (bool any = true; any; turns++) {
        must(turns < TURNS_MAX, "never at rest", NULL);
        any = false;
        for (int i = 0; i < SPLIT_PARTIES; i++)
            any |= turn(ends, (enum split_party)i, 0);
    }
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
static void let_store_answer(struct split_ends *ends)
{
    struct errand errand = {.job = {.run = run_nothing, .done = errand_done}};
    must(jobs_post(ends->jobs, &errand.job), "errand", NULL);
    while (!errand.done)
        (void)turn(ends, SPLIT_EDGE, THREAD_WAIT_MS);
}

static void let_time_pass(struct split_ends *ends, uint64_t most_ms)
{
    uint64_t step = most_ms;
    for (size_t i = 0; i < SPLIT_PARTIES; i++) {
        uint64_t next = loop_next_timer_ms(ends->loops[i]);
        if (next < step)
            step = next;
    }
    turned_clock_add(&ends->clock, step > 0 ? step : 1);
}

bool split_ends_until(struct split_ends *ends, bool (*holds)(void *arg), void *arg,
                      uint64_t limit_ms)
{
    uint64_t until_ms = ends->clock.now_ms + limit_ms;
    for (;;) {
        settle_all(ends);
        if (holds(arg))
            return true;
        if (ends->edge && edge_connections(ends->edge) < ends->options.connections) {
            let_store_answer(ends);
            settle_all(ends);
            if (holds(arg))
                return true;
        }
        if (ends->clock.now_ms >= until_ms)
            return false;
        let_time_pass(ends, until_ms - ends->clock.now_ms);
    }
}

static bool is_registered(void *arg)
{
    struct split_ends *ends = arg;
    return edge_connections(ends->edge) == ends->options.connections;
}

bool split_ends_registered(struct split_ends *ends, uint64_t limit_ms)
{
    return split_ends_until(ends, is_registered, ends, limit_ms);
}

static bool is_connector_over(void *arg)
{
    return ((struct split_ends *)arg)->connector_over;
}

static bool is_edge_over(void *arg)
{
    return ((struct split_ends *)arg)->edge_over;
}

bool split_ends_stop_connector(struct split_ends *ends, uint64_t limit_ms)
{
    begin_part(ends, SPLIT_CONNECTOR);
    connector_stop(ends->connector);
    end_part(ends, SPLIT_CONNECTOR);
    return split_ends_until(ends, is_connector_over, ends, limit_ms);
}

bool split_ends_stop_edge(struct split_ends *ends, uint64_t limit_ms)
{
    begin_part(ends, SPLIT_EDGE);
    edge_stop(ends->edge);
    end_part(ends, SPLIT_EDGE);
    return split_ends_until(ends, is_edge_over, ends, limit_ms);
}

/* ---- closing ---- */

void split_ends_free_connector(struct split_ends *ends)
{
    begin_part(ends, SPLIT_CONNECTOR);
    connector_free(ends->connector, 0);
    end_part(ends, SPLIT_CONNECTOR);
    ends->connector = NULL;
}

void split_ends_free_edge(struct split_ends *ends)
{
    begin_part(ends, SPLIT_EDGE);
    edge_free(ends->edge);
    end_part(ends, SPLIT_EDGE);
    ends->edge = NULL;
}

void split_ends_close(struct split_ends *ends)
{
    split_ends_free_connector(ends);
    split_ends_free_edge(ends);
    settle_all(ends);
    jobs_free(ends->jobs);
    snapshot_unref(ends->snapshot);
    resolver_free(ends->resolver);
    for (size_t i = 0; i < SPLIT_PARTIES; i++)
        loop_free(ends->loops[i]);
    memory_sockets_release(&ends->memory);
}
