/* See the header. */
#include "support/both_ends.h"

#include "culvert/edge/api_request.h"
#include "support/log_print.h"
#include "support/must.h"

#include <errno.h>

enum {
    STEPS_MAX = 4000,
    STEP_MS = 50,       /* of turned time, when nothing else happens */
    THREAD_WAIT_MS = 2, /* of real time, for the store's thread */
};

static void edge_over(void *arg)
{
    struct both_ends *ends = arg;
    ends->edge_over = true;
}

static void start_edge(struct both_ends *ends, bool dev, size_t workers,
                       const struct edge_visitor_limits *limits)
{
    struct error err = {0};
    ends->edge_options = ends_edge_options(&ends->store, &ends->log);
    ends->edge_options.dev = dev;
    ends->edge_options.workers = workers;
    ends->edge_options.limits = *limits;
    const struct edge_world world = {.loop = ends->loop,
                                     .store_jobs = ends->jobs,
                                     .db = ends->store.stored.db,
                                     .contact = &ends->contact};
    ends->edge = edge_new(&world, &ends->edge_options, edge_over, ends, &err);
    must_for(ends->edge != NULL, "edge", &err);
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
    must_for(ends->loop != NULL, "loop", &err);
    ends->jobs = jobs_new(ends->loop, 1, &err);
    ends->resolver = resolver_new_table(ends->loop, NULL, 0);
    must_for(ends->jobs && ends->resolver, "jobs", &err);
    ends_store_open(&ends->store);
    ends_store_route(&ends->store, "*.wild.example.com");
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
    ends->snapshot = ends_rules(yaml);
    ends->options = ends_connector_options(ends->store.credentials, ends->snapshot, &ends->log);
    const struct connector_world world = {
        .loop = ends->loop,
        .clock = &ends->clock.clock,
        .resolver = ends->resolver,
        .one_thread = true,
    };
    ends->connector = connector_new(&world, &ends->options, connector_over, ends, &err);
    must_for(ends->connector != NULL, "connector", &err);
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

static void let_store_answer(struct both_ends *ends)
{
    struct ends_errand errand;
    must_for(settle(ends->loop), "never at rest", NULL);
    ends_errand_post(&errand, ends->jobs);
    while (!errand.done)
        (void)loop_turn(ends->loop, THREAD_WAIT_MS);
}

void both_ends_pass(struct both_ends *ends, uint64_t ms)
{
    let_store_answer(ends);
    must_for(turned_clock_run(&ends->clock, ends->loop, ms), "never at rest", NULL);
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
    resolver_free(ends->resolver);
    loop_free(ends->loop);
    memory_sockets_release(&ends->memory);
    ends_store_close(&ends->store);
}

/* ---- a visitor ---- */

static void on_open(void *arg)
{
    (void)arg;
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct visitor_wire *visitor = arg;
    must_for(buf_put(&visitor->got, data, len), "visitor's bytes", NULL);
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
    must_for(fd != -1, at, NULL);
    visitor->conn = conn_new(ends->loop, fd, &wire_events, visitor, &err);
    must_for(visitor->conn != NULL, "visitor", &err);
}

void visitor_say(struct visitor_wire *visitor, struct span bytes)
{
    must_for(conn_put(visitor->conn, bytes.data, bytes.len), "say", NULL);
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
    must_for(visitor_sees_end(&scraper), "metrics", NULL);
    (void)snprintf(line, sizeof line, "\n%s ", series);
    const char *found = strstr(buf_text(&scraper.got), line);
    must_for(found != NULL, series, NULL);
    double value = strtod(found + strlen(line), NULL);
    visitor_close(&scraper);
    return value;
}
