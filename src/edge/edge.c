/* The head of an edge: its parts, made in order and freed in reverse. What serves connections is in
 * the workers: see edge_worker. */
#include "culvert/edge/edge.h"

#include "culvert/edge/api_server.h"
#include "culvert/edge/broadcast.h"
#include "culvert/edge/error_page.h"
#include "culvert/edge/front_door.h"
#include "culvert/observe/admin_server.h"
#include "culvert/observe/process_metrics.h"
#include "culvert/rpc/registration.h"

#include "edge_team.h"
#include "routing.h"

enum { CUT_LINGER_MS = 1000 };

struct edge {
    struct edge_world world;
    const struct edge_options *options;
    struct loop *loop;
    const struct log *log;
    struct edge_team team;
    struct metrics *metrics; /* the head's */
    struct edge_metrics figures;
    struct presence *presence; /* the head's */
    struct limits *limits;
    struct admission *admission, *connectors;
    struct routing routing;
    struct api_server *api;
    struct front_door *front;
    struct scraper *scraper;
    struct admin_server *admin;
    bool stopping, cut, told;
    uint64_t stopped_ms;
    struct broadcast drain, cutting;
    struct timer grace;
    void (*over)(void *arg);
    void *arg;
};

/* ---- the edge itself ---- */

static void on_own(void *arg, struct inbound *in)
{
    struct edge *edge = arg;
    static const struct error_page page = {
        404, "Culvert edge", "This is the edge itself. Its API is under /client/v4.", ""};
    if (api_is_path(buf_span(&in->head.target)))
        api_server_serve(edge->api, in);
    else
        error_page_send(edge->loop, in, &page);
}

static void on_registration(void *arg, const struct listed *listed, const char *refusal)
{
    struct edge *edge = arg;
    char ip[IP_TEXT_SIZE];
    edge_metrics_registration(&edge->figures, refusal == NULL);
    if (!refusal || !registration_cause_is_unauthorized(span_of(refusal)) ||
        !limits_failed(edge->limits, &listed->origin, loop_now_ms(edge->loop)))
        return;
    ip_format_bare(&listed->origin, ip);
    log_warn(edge->log, "An address is shut out for a minute: its registrations are refused",
             LOG_TEXT("ip", ip), LOG_INT("failures", LIMITS_FAILURES_MAX));
}

/* ---- metrics ---- */

static const struct metrics *head_figures(void *arg)
{
    struct edge *edge = arg;
    process_metrics_update(edge->metrics, "/proc");
    edge_metrics_connections(&edge->figures, edge_connections(edge),
                             admission_count(edge->admission));
    return edge->metrics;
}

static bool ready_text(void *arg, size_t min, struct buf *out, int *status)
{
    struct edge *edge = arg;
    size_t count = edge_connections(edge);
    *status = edge->stopping || count < min ? 503 : 200;
    return buf_printf(out, "{\"status\":%d,\"connections\":%zu,\"draining\":%s}", *status, count,
                      edge->stopping ? "true" : "false");
}

static bool start_admin(struct edge *edge, struct error *err)
{
    struct scrape_source sources[EDGE_WORKERS_MAX + 1];
    size_t count = 0;
    sources[count++] = (struct scrape_source){edge->team.head, head_figures, edge};
    for (size_t i = 0; i < edge->team.count; i++)
        sources[count++] = (struct scrape_source){edge->team.workers[i], edge_worker_figures,
                                                  edge->team.members[i]};
    edge->scraper = scraper_new(edge->team.head, sources, count, err);
    if (!edge->scraper)
        return false;
    const struct admin_sources admin = {.scraper = edge->scraper, .ready = ready_text, .arg = edge};
    edge->admin = admin_server_new(edge->loop, &edge->options->metrics, &admin, err);
    return edge->admin ? true : error_wrap(err, "metrics listener");
}

/* ---- starting ---- */

static bool start_tables(struct edge *edge, struct error *err)
{
    struct store_route_list routes = {0};
    size_t workers = edge->options->workers > 0 ? edge->options->workers : 1;
    edge->metrics = metrics_new();
    edge->limits = limits_new();
    edge->admission = admission_new(&edge->options->limits.admission);
    edge->connectors = admission_new(&edge->options->limits.connectors);
    edge->presence = presence_new(workers);
    if (!edge->metrics || !edge->limits || !edge->admission || !edge->connectors || !edge->presence)
        return error_memory(err);
    process_metrics_build_info(edge->metrics, CULVERT_VERSION);
    edge_metrics_init(&edge->figures, edge->metrics);
    if (store_routes_list(edge->world.db, &routes, err) == STORE_OK)
        edge->routing.hostnames = hostnames_new(routes.items, routes.count, err);
    store_route_list_release(&routes);
    return edge->routing.hostnames != NULL;
}

static bool start_registrations(struct edge *edge, struct error *err)
{
    const struct registrar_options registrar = {
        .loop = edge->loop,
        .team = &edge->team,
        .store_jobs = edge->world.store_jobs,
        .db = edge->world.db,
        .presence = edge->presence,
        .location = edge->options->hostname,
        .on_registration = on_registration,
        .arg = edge,
    };
    edge->team.registrar = registrar_new(&registrar);
    const struct api_server_options api = {
        .loop = edge->loop,
        .store_jobs = edge->world.store_jobs,
        .db = edge->world.db,
        .registrar = edge->team.registrar,
        .routing = &edge->routing,
        .contact = edge->world.contact,
        .own_host = edge->options->hostname,
    };
    edge->api = edge->team.registrar ? api_server_new(&api) : NULL;
    return edge->api ? true : error_memory(err);
}

static bool start_workers(struct edge *edge, struct error *err)
{
    edge->team.options = edge->options;
    edge->team.tls = edge->world.tls;
    if (!team_start(&edge->team, edge->loop, edge->world.threads, edge->routing.hostnames, err))
        return false;
    edge->team.members[0]->own_arg = edge;
    edge->team.members[0]->on_own = on_own;
    return broadcast_init(&edge->drain, &edge->team) && broadcast_init(&edge->cutting, &edge->team)
               ? true
               : error_memory(err);
}

static bool start_listeners(struct edge *edge, struct error *err)
{
    const struct edge_options *options = edge->options;
    const struct front_door_options front = {
        .loop = edge->loop,
        .team = &edge->team,
        .limits = edge->limits,
        .connectors = edge->connectors,
        .admission = edge->admission,
        .presence = edge->presence,
        .hostnames = &edge->routing.hostnames,
        .figures = &edge->figures,
        .at = {[DOOR_TUNNEL] = &options->tunnel,
               [DOOR_HTTP] = &options->http,
               [DOOR_HTTPS] = &options->https},
    };
    edge->front = front_door_new(&front, err);
    if (!edge->front)
        return false;
    if (!options->dev) {
        struct ip_address https;
        front_door_address(edge->front, DOOR_HTTPS, &https);
        team_redirect(&edge->team, ip_port(&https));
    }
    return start_admin(edge, err);
}

static void grace_over(void *arg);

struct edge *edge_new(const struct edge_world *world, const struct edge_options *options,
                      void (*over)(void *arg), void *arg, struct error *err)
{
    struct edge *edge = calloc(1, sizeof *edge);
    if (!edge) {
        error_memory(err);
        return NULL;
    }
    edge->world = *world;
    edge->options = options;
    edge->loop = world->loop;
    edge->log = options->log;
    edge->over = over;
    edge->arg = arg;
    edge->routing.team = &edge->team;
    timer_init(&edge->grace, edge->loop, grace_over, edge);
    if (start_tables(edge, err) && start_registrations(edge, err) && start_workers(edge, err) &&
        start_listeners(edge, err))
        return edge;
    edge_free(edge);
    return NULL;
}

void edge_listens(const struct edge *edge, struct edge_listening *at)
{
    front_door_address(edge->front, DOOR_TUNNEL, &at->tunnel);
    front_door_address(edge->front, DOOR_HTTP, &at->http);
    front_door_address(edge->front, DOOR_HTTPS, &at->https);
    admin_server_address(edge->admin, &at->metrics);
}

size_t edge_connections(const struct edge *edge)
{
    return registrar_count(edge->team.registrar);
}

/* ---- stopping ---- */

static void tell_over(struct edge *edge)
{
    if (edge->told)
        return;
    edge->told = true;
    edge->over(edge->arg);
}

static void hear_drain(struct broadcast_part *part, struct edge_worker *worker)
{
    edge_worker_drain(worker, part);
}

static void drained(struct broadcast *broadcast, bool ok)
{
    struct edge *edge = CONTAINER_OF(broadcast, struct edge, drain);
    (void)ok;
    tell_over(edge);
}

static void hear_cut(struct broadcast_part *part, struct edge_worker *worker)
{
    edge_worker_cut(worker);
    broadcast_answer(part, worker, true);
}

static void was_cut(struct broadcast *broadcast, bool ok)
{
    (void)broadcast;
    (void)ok;
}

static void grace_over(void *arg)
{
    struct edge *edge = arg;
    if (edge->cut) {
        tell_over(edge);
        return;
    }
    edge->cut = true;
    broadcast_send(&edge->cutting, hear_cut, was_cut);
    if (!timer_start(&edge->grace, CUT_LINGER_MS))
        tell_over(edge);
}

void edge_stop(struct edge *edge)
{
    if (edge->stopping)
        return;
    edge->stopping = true;
    edge->stopped_ms = loop_now_ms(edge->loop);
    front_door_shut(edge->front);
    if (!timer_start(&edge->grace, EDGE_GRACE_MS))
        grace_over(edge);
    broadcast_send(&edge->drain, hear_drain, drained);
}

/* ---- the end ---- */

/* Visitors read their last bytes as slowly as they like, within the grace. */
static uint64_t last_bytes_ms(const struct edge *edge)
{
    uint64_t used_ms = loop_now_ms(edge->loop) - edge->stopped_ms;
    if (!edge->stopping)
        return 0;
    return used_ms + EDGE_LAST_BYTES_MS < EDGE_GRACE_MS ? EDGE_GRACE_MS - used_ms
                                                        : EDGE_LAST_BYTES_MS;
}

static bool is_at_rest(void *arg)
{
    const struct edge *edge = arg;
    return (!edge->front || front_door_open(edge->front) == 0) &&
           registrar_claims(edge->team.registrar) == 0 && edge->routing.changes == 0 &&
           edge->drain.waiting == 0 && edge->cutting.waiting == 0 &&
           outbox_is_empty(&edge->team.outbox);
}

void edge_free(struct edge *edge)
{
    if (!edge)
        return;
    edge->told = true;
    timer_stop(&edge->grace);
    if (edge->front)
        front_door_shut(edge->front);
    if (edge->team.registrar)
        registrar_close(edge->team.registrar);
    team_close(&edge->team);
    api_server_free(edge->api);
    if (edge->team.registrar)
        team_wait(&edge->team, is_at_rest, edge);
    admin_server_close(edge->admin);
    scraper_close(edge->scraper);
    (void)loop_turn(edge->loop, 0);
    team_end(&edge->team, last_bytes_ms(edge));
    broadcast_release(&edge->drain);
    broadcast_release(&edge->cutting);
    front_door_free(edge->front);
    registrar_free(edge->team.registrar);
    hostnames_unref(edge->routing.hostnames);
    presence_free(edge->presence);
    limits_free(edge->limits);
    admission_free(edge->admission);
    admission_free(edge->connectors);
    metrics_free(edge->metrics);
    free(edge);
}
