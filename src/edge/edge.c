/* The parts of an edge, made in order and freed in reverse. */
#include "culvert/edge/edge.h"

#include "culvert/edge/api_server.h"
#include "culvert/edge/connector_session.h"
#include "culvert/edge/edge_worker.h"
#include "culvert/edge/error_page.h"
#include "culvert/edge/limits.h"
#include "culvert/edge/public_server.h"
#include "culvert/net/listener.h"
#include "culvert/observe/admin_server.h"
#include "culvert/observe/process_metrics.h"
#include "culvert/rpc/registration.h"

#include "edge_metrics.h"

#include <unistd.h>

enum { TUNNEL_CONNECTIONS_MAX = 10000, CUT_LINGER_MS = 1000 };

struct edge {
    struct edge_world world;
    const struct edge_options *options;
    struct loop *loop;
    const struct log *log;
    struct edge_team team;
    struct edge_worker worker;
    struct metrics *metrics;
    struct edge_metrics figures;
    struct limits *limits;
    struct admission *admission;
    struct visitor_requests *requests;
    struct public_server *http, *https;
    struct listener *tunnel;
    struct session_shared shared;
    struct list sessions;
    struct api_server *api;
    struct worker *home;
    struct scraper *scraper;
    struct admin_server *admin;
    bool stopping, cut, told;
    struct timer grace;
    struct task step; /* of stopping: a request ended */
    void (*over)(void *arg);
    void *arg;
};

/* ---- the edge itself ---- */

static bool is_own(void *arg, struct span name)
{
    struct edge *edge = arg;
    struct ip_address address;
    if (span_equal_nocase(name, span_of(edge->options->hostname)))
        return true;
    /* Tools that do not resolve the dev zone ask by number. */
    return edge->options->dev && (span_equal_nocase(name, SPAN("localhost")) ||
                                  (ip_parse(name, 0, &address) && ip_is_loopback(&address)));
}

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

static void on_request_ended(void *arg, int status, uint64_t bytes_in, uint64_t bytes_out)
{
    struct edge *edge = arg;
    edge_metrics_request(&edge->figures, status, bytes_in, bytes_out);
    if (edge->stopping)
        task_post(&edge->step);
}

static void on_misdirected(void *arg)
{
    struct edge *edge = arg;
    edge_metrics_abuse(&edge->figures, ABUSE_MISDIRECTED);
}

/* ---- metrics ---- */

static const struct metrics *own_figures(void *arg)
{
    struct edge *edge = arg;
    process_metrics_update(edge->metrics, "/proc");
    edge_metrics_levels(&edge->figures, registry_count(edge->worker.registry),
                        visitor_requests_open(edge->requests), edge->worker.budget.used);
    return edge->metrics;
}

static bool ready_text(void *arg, size_t min, struct buf *out, int *status)
{
    struct edge *edge = arg;
    size_t count = registry_count(edge->worker.registry);
    *status = edge->stopping || count < min ? 503 : 200;
    return buf_printf(out, "{\"status\":%d,\"connections\":%zu,\"draining\":%s}", *status, count,
                      edge->stopping ? "true" : "false");
}

/* ---- connectors ---- */

static void on_session_over(void *arg, struct connector_session *session)
{
    struct edge *edge = arg;
    list_remove(&edge->sessions, connector_session_link(session));
    if (edge->tunnel)
        listener_released(edge->tunnel);
}

static void on_registration(void *arg, const struct registered *entry, const char *refusal)
{
    struct edge *edge = arg;
    char ip[IP_TEXT_SIZE];
    edge_metrics_registration(&edge->figures, refusal == NULL);
    if (!refusal || !registration_cause_is_unauthorized(span_of(refusal)) ||
        !limits_failed(edge->limits, &entry->origin, loop_now_ms(edge->loop)))
        return;
    ip_format_bare(&entry->origin, ip);
    log_warn(edge->log, "An address is shut out for a minute: its registrations are refused",
             LOG_TEXT("ip", ip), LOG_INT("failures", LIMITS_FAILURES_MAX));
}

static void on_tunnel_accept(void *arg, int fd, const struct ip_address *from)
{
    struct edge *edge = arg;
    struct error err;
    if (limits_is_shut(edge->limits, from, loop_now_ms(edge->loop))) {
        edge_metrics_shut_out(&edge->figures);
        (void)close(fd);
        listener_released(edge->tunnel);
        return;
    }
    struct connector_session *session = connector_session_start(&edge->shared, fd, from, &err);
    if (!session) {
        log_warn(edge->log, "A connector's connection was not taken", LOG_ERROR(&err));
        listener_released(edge->tunnel);
        return;
    }
    list_put_last(&edge->sessions, connector_session_link(session));
}

/* ---- starting ---- */

static bool start_team(struct edge *edge, struct error *err)
{
    struct worker *here = worker_here(edge->loop, err);
    if (!here)
        return false;
    edge->team =
        (struct edge_team){.count = 1, .head = here, .workers = {here}, .members = {&edge->worker}};
    edge->worker.team = &edge->team;
    edge->worker.loop = edge->loop;
    return true;
}

static bool start_tables(struct edge *edge, struct error *err)
{
    edge->metrics = metrics_new();
    edge->worker.registry = registry_new(edge->options->hostname);
    edge->limits = limits_new();
    edge->admission = admission_new(&edge->options->limits.admission);
    edge->worker.presence = presence_new(edge->team.count);
    if (!edge->metrics || !edge->worker.registry || !edge->limits || !edge->admission ||
        !edge->worker.presence)
        return error_memory(err);
    process_metrics_build_info(edge->metrics, CULVERT_VERSION);
    edge_metrics_init(&edge->figures, edge->metrics);
    struct store_route_list routes = {0};
    if (store_routes_list(edge->world.db, &routes, err) == STORE_OK)
        edge->worker.hostnames = hostnames_new(routes.items, routes.count, err);
    store_route_list_release(&routes);
    return edge->worker.hostnames != NULL;
}

static bool start_requests(struct edge *edge, struct error *err)
{
    const struct visitor_requests_options requests = {
        .worker = &edge->worker,
        .is_own = is_own,
        .on_own = on_own,
        .on_ended = on_request_ended,
        .on_misdirected = on_misdirected,
        .arg = edge,
    };
    const struct api_server_options api = {
        .loop = edge->loop,
        .store_jobs = edge->world.store_jobs,
        .db = edge->world.db,
        .worker = &edge->worker,
        .contact = edge->world.contact,
        .own_host = edge->options->hostname,
    };
    edge->requests = visitor_requests_new(&requests);
    edge->api = api_server_new(&api);
    return edge->requests && edge->api ? true : error_memory(err);
}

static void on_visitor_over(void *arg)
{
    struct edge *edge = arg;
    if (edge->stopping)
        task_post(&edge->step);
}

static void on_visitor_abuse(void *arg, enum abuse abuse)
{
    struct edge *edge = arg;
    edge_metrics_abuse(&edge->figures, abuse);
}

/* The listener with more visitors lets the one go that is idle for the longest. */
static bool give_way(void *arg)
{
    struct edge *edge = arg;
    bool more = public_server_open(edge->http) > public_server_open(edge->https);
    return public_server_shed(more ? edge->http : edge->https) ||
           public_server_shed(more ? edge->https : edge->http);
}

static struct public_server *start_public(struct edge *edge, const struct ip_address *at,
                                          struct tls_context *tls, struct error *err)
{
    const struct public_server_options options = {
        .loop = edge->loop,
        .at = at,
        .tls = tls,
        .requests = edge->requests,
        .budget = &edge->worker.budget,
        .patience = edge->options->limits.patience,
        .admission = edge->admission,
        .give_way = give_way,
        .on_over = on_visitor_over,
        .on_abuse = on_visitor_abuse,
        .arg = edge,
    };
    return public_server_new(&options, err);
}

static bool start_admin(struct edge *edge, struct error *err)
{
    edge->home = worker_here(edge->loop, err);
    if (!edge->home)
        return false;
    const struct scrape_source own = {edge->home, own_figures, edge};
    edge->scraper = scraper_new(edge->home, &own, 1, err);
    if (!edge->scraper)
        return false;
    const struct admin_sources sources = {edge->scraper, ready_text, edge};
    edge->admin = admin_server_new(edge->loop, &edge->options->metrics, &sources, err);
    return edge->admin ? true : error_wrap(err, "metrics listener");
}

static bool start_listeners(struct edge *edge, struct error *err)
{
    const struct listener_options tunnel = {.at = &edge->options->tunnel,
                                            .limit = TUNNEL_CONNECTIONS_MAX,
                                            .on_accept = on_tunnel_accept,
                                            .arg = edge};
    edge->shared = (struct session_shared){
        .loop = edge->loop,
        .tls = edge->world.tunnel_tls,
        .registry = edge->worker.registry,
        .store_jobs = edge->world.store_jobs,
        .db = edge->world.db,
        .budget = &edge->worker.budget,
        .location = edge->options->hostname,
        .on_over = on_session_over,
        .on_registration = on_registration,
        .arg = edge,
    };
    edge->tunnel = listener_new(edge->loop, &tunnel, err);
    if (!edge->tunnel)
        return error_wrap(err, "tunnel listener");
    edge->http = start_public(edge, &edge->options->http, NULL, err);
    if (!edge->http)
        return error_wrap(err, "http listener");
    edge->https = start_public(edge, &edge->options->https, edge->world.public_tls, err);
    if (!edge->https)
        return error_wrap(err, "https listener");
    if (!edge->options->dev) {
        struct ip_address https;
        public_server_address(edge->https, &https);
        visitor_requests_redirect(edge->requests, ip_port(&https));
    }
    return start_admin(edge, err);
}

static void grace_over(void *arg);
static void stop_step(void *arg);

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
    edge->worker.budget.limit = EDGE_BUDGET;
    edge->over = over;
    edge->arg = arg;
    list_init(&edge->sessions);
    timer_init(&edge->grace, edge->loop, grace_over, edge);
    task_init(&edge->step, edge->loop, TASK_SOON, stop_step, edge);
    outbox_init(&edge->worker.outbox, edge->loop);
    if (start_team(edge, err) && start_tables(edge, err) && start_requests(edge, err) &&
        start_listeners(edge, err))
        return edge;
    edge_free(edge);
    return NULL;
}

void edge_listens(const struct edge *edge, struct edge_listening *at)
{
    listener_address(edge->tunnel, &at->tunnel);
    public_server_address(edge->http, &at->http);
    public_server_address(edge->https, &at->https);
    admin_server_address(edge->admin, &at->metrics);
}

size_t edge_connections(const struct edge *edge)
{
    return registry_count(edge->worker.registry);
}

bool edge_serves_name(const struct edge *edge, struct span name)
{
    return hostnames_find(edge->worker.hostnames, name) != NULL;
}

/* ---- stopping ---- */

static void tell_over(struct edge *edge)
{
    if (edge->told)
        return;
    edge->told = true;
    edge->over(edge->arg);
}

/* Pages and the API are no requests of a tunnel: they are over when their connections are. */
static void stop_step(void *arg)
{
    struct edge *edge = arg;
    if (visitor_requests_open(edge->requests) == 0 && public_server_open(edge->http) == 0 &&
        public_server_open(edge->https) == 0)
        tell_over(edge);
}

static void end_all(struct edge *edge)
{
    LIST_EACH_SAFE (it, after, &edge->sessions) {
        struct connector_session *session = connector_session_of(it);
        list_remove(&edge->sessions, it);
        connector_session_close(session);
    }
}

static void grace_over(void *arg)
{
    struct edge *edge = arg;
    struct error why;
    error_set(&why, ERROR_TIMEOUT, 0, "the edge stops");
    if (edge->cut) {
        tell_over(edge);
        return;
    }
    edge->cut = true;
    visitor_requests_cut(edge->requests, &why);
    if (!timer_start(&edge->grace, CUT_LINGER_MS))
        tell_over(edge);
}

void edge_stop(struct edge *edge)
{
    if (edge->stopping)
        return;
    edge->stopping = true;
    listener_close(edge->tunnel);
    edge->tunnel = NULL;
    public_server_drain(edge->http);
    public_server_drain(edge->https);
    if (!timer_start(&edge->grace, EDGE_GRACE_MS))
        grace_over(edge);
    task_post(&edge->step);
}

void edge_free(struct edge *edge)
{
    struct error why;
    if (!edge)
        return;
    error_set(&why, ERROR_NETWORK, 0, "the edge stops");
    listener_close(edge->tunnel);
    edge->tunnel = NULL;
    if (edge->requests)
        visitor_requests_cut(edge->requests, &why);
    public_server_close(edge->http);
    public_server_close(edge->https);
    end_all(edge);
    (void)loop_turn(edge->loop, 0);
    (void)loop_turn(edge->loop, 0);
    admin_server_close(edge->admin);
    scraper_close(edge->scraper);
    worker_free(edge->home);
    (void)loop_turn(edge->loop, 0);
    timer_stop(&edge->grace);
    task_cancel(&edge->step);
    api_server_free(edge->api);
    visitor_requests_free(edge->requests);
    hostnames_unref(edge->worker.hostnames);
    presence_free(edge->worker.presence);
    limits_free(edge->limits);
    admission_free(edge->admission);
    registry_free(edge->worker.registry);
    metrics_free(edge->metrics);
    worker_free(edge->team.head);
    outbox_release(&edge->worker.outbox);
    free(edge);
}
