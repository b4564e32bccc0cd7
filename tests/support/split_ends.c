/* See the header. */
#include "support/split_ends.h"

#include "support/log_print.h"
#include "support/must.h"
#include "support/scarce_memory.h"

enum { TURNS_MAX = 1000 * 1000, THREAD_WAIT_MS = 2 };

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

void split_ends_open(struct split_ends *ends, struct ends_store *store, const char *yaml)
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
        must_for(ends->loops[i] != NULL, "loop", &err);
    }
    ends->jobs = jobs_new(ends->loops[SPLIT_EDGE], 1, &err);
    ends->resolver = resolver_new_table(ends->loops[SPLIT_CONNECTOR], NULL, 0);
    must_for(ends->jobs && ends->resolver, "jobs", &err);
    ends->snapshot = ends_rules(yaml);
    ends->edge_options = ends_edge_options(store, &ends->log);
    ends->options = ends_connector_options(store->credentials, ends->snapshot, &ends->log);
    ends->options.connections = 1;
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
                                          .key_fetcher = ends->key_fetcher,
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
    must_for(blueprint != NULL, "blueprint", err);
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
        must_for(turns < TURNS_MAX, "never at rest", NULL);
        any = false;
        for (int i = 0; i < SPLIT_PARTIES; i++)
            any |= turn(ends, (enum split_party)i, 0);
    }
}

static void let_store_answer(struct split_ends *ends)
{
    struct ends_errand errand;
    ends_errand_post(&errand, ends->jobs);
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
