/* A worker's parts, made in order and freed in reverse. Closing takes a few turns: what was closed
 * tells its neighbours in tasks of the next ones. */
#include "culvert/edge/edge_worker.h"

#include "culvert/edge/broadcast.h"
#include "culvert/edge/connector_session.h"
#include "culvert/edge/edge.h"
#include "culvert/edge/hop_opener.h"
#include "culvert/edge/public_server.h"

#include "edge_tls.h"
#include "own_name.h"

enum { CLOSING_TURNS = 3 /* a stream tells its exchange, that its owner, and memory goes */ };

/* ---- what its parts ask ---- */

static bool is_own(void *arg, struct span name)
{
    const struct edge_worker *worker = arg;
    return own_name_is(worker->team->options, name);
}

/* The head hands connections for its own names to the worker that can answer; a request on another
 * one's connection crosses to it. */
static void on_own(void *arg, struct inbound *in, const struct visitor *visitor)
{
    struct edge_worker *worker = arg;
    if (worker->on_own)
        worker->on_own(worker->own_arg, in);
    else
        hop_serve_own(worker->hops, 0, in, visitor);
}

/* What crossed once never crosses again. */
static void on_own_crossed(void *arg, struct inbound *in, const struct visitor *visitor)
{
    struct edge_worker *worker = arg;
    if (worker->on_own)
        on_own(worker, in, visitor);
    else
        inbound_close(in);
}

static void look_later(struct edge_worker *worker)
{
    if (worker->drain)
        task_post(&worker->step);
}

static void on_request_ended(void *arg, int status, uint64_t bytes_in, uint64_t bytes_out)
{
    struct edge_worker *worker = arg;
    edge_metrics_request(&worker->figures, status, bytes_in, bytes_out);
    look_later(worker);
}

static void on_visitor_over(void *arg)
{
    look_later(arg);
}

static void on_misdirected(void *arg)
{
    struct edge_worker *worker = arg;
    edge_metrics_abuse(&worker->figures, ABUSE_MISDIRECTED);
}

/* The listener with more visitors lets the one go that is idle for the longest. */
static bool give_way(void *arg)
{
    struct edge_worker *worker = arg;
    bool more = public_server_open(worker->http) > public_server_open(worker->https);
    return public_server_shed(more ? worker->http : worker->https) ||
           public_server_shed(more ? worker->https : worker->http);
}

static void on_abuse(void *arg, enum abuse abuse)
{
    struct edge_worker *worker = arg;
    edge_metrics_abuse(&worker->figures, abuse);
}

const struct metrics *edge_worker_figures(void *arg)
{
    struct edge_worker *worker = arg;
    if (!worker->requests)
        return NULL;
    edge_metrics_worker(&worker->figures, visitor_requests_open(worker->requests),
                        worker->budget.used);
    return worker->metrics;
}

/* ---- starting ---- */

static struct public_server *start_public(struct edge_worker *worker, struct tls_context *tls)
{
    const struct public_server_options options = {.worker = worker,
                                                  .tls = tls,
                                                  .patience =
                                                      worker->team->options->limits.patience,
                                                  .give_way = give_way,
                                                  .on_over = on_visitor_over,
                                                  .on_abuse = on_abuse,
                                                  .arg = worker};
    return public_server_new(&options);
}

/* One that is alone has nobody to cross to. */
static bool start_hops(struct edge_worker *worker)
{
    struct hops_options options = {.worker = worker, .on_own = on_own_crossed, .arg = worker};
    if (worker->team->count == 1)
        return true;
    edge_metrics_hops(worker->metrics, worker->number, &options.streams, &options.sessions);
    worker->hops = hops_new(&options);
    return worker->hops != NULL;
}

static void step(void *arg);

bool edge_worker_start(struct edge_worker *worker, struct error *err)
{
    const struct edge_team *team = worker->team;
    const struct visitor_requests_options requests = {.worker = worker,
                                                      .is_own = is_own,
                                                      .on_own = on_own,
                                                      .on_ended = on_request_ended,
                                                      .on_misdirected = on_misdirected,
                                                      .arg = worker};
    worker->loop = worker_loop(team->workers[worker->number]);
    worker->budget.loop = worker->loop;
    worker->budget.limit = EDGE_BUDGET / team->count;
    if (worker->budget.limit < EDGE_BUDGET_SHARE_MIN)
        worker->budget.limit = EDGE_BUDGET_SHARE_MIN;
    outbox_init(&worker->outbox, worker->loop);
    list_init(&worker->sessions);
    task_init(&worker->step, worker->loop, TASK_SOON, step, worker);
    worker->registry = registry_new();
    worker->presence = presence_new(team->count);
    worker->metrics = metrics_new();
    worker->requests = visitor_requests_new(&requests);
    if (!worker->registry || !worker->presence || !worker->metrics || !worker->requests)
        return error_memory(err);
    edge_metrics_init(&worker->figures, worker->metrics);
    worker->tls = team->tls ? edge_tls_new(worker, err) : NULL;
    if (team->tls && !worker->tls)
        return false;
    worker->http = start_public(worker, NULL);
    worker->https = start_public(worker, worker->tls ? edge_tls_public(worker->tls) : NULL);
    return worker->http && worker->https && start_hops(worker) ? true : error_memory(err);
}

void edge_worker_redirect(struct edge_worker *worker, uint16_t port)
{
    visitor_requests_redirect(worker->requests, port);
}

void edge_worker_set_hostnames(struct edge_worker *worker, struct hostnames *hostnames)
{
    hostnames_unref(worker->hostnames);
    worker->hostnames = hostnames;
}

/* ---- connections ---- */

static void take_connector(struct edge_worker *worker, struct handover *handover)
{
    struct error err;
    if (!connector_session_start(worker, handover, &err))
        log_warn(loop_log(worker->loop), "A connector's connection was not taken", LOG_ERROR(&err));
}

void edge_worker_take(struct edge_worker *worker, struct handover *handover)
{
    if (worker->closed)
        handover_back(handover);
    else if (handover->door == DOOR_TUNNEL)
        take_connector(worker, handover);
    else
        public_server_take(handover->door == DOOR_HTTP ? worker->http : worker->https, handover);
}

/* ---- the end ---- */

static void answer(struct edge_worker *worker, struct broadcast_part **part)
{
    struct broadcast_part *answered = *part;
    *part = NULL;
    if (answered)
        broadcast_answer(answered, worker, true);
}

/* Pages and the API are no requests of a tunnel: they are over when their connections are. */
static bool is_drained(const struct edge_worker *worker)
{
    return visitor_requests_open(worker->requests) == 0 && public_server_open(worker->http) == 0 &&
           public_server_open(worker->https) == 0;
}

/* Each turn of closing is a call to itself: a task could run again in the same turn. */
static void turn(struct worker_call *call)
{
    struct edge_worker *worker = CONTAINER_OF(call, struct edge_worker, turn.call);
    task_post(&worker->step);
}

static void step(void *arg)
{
    struct edge_worker *worker = arg;
    if (worker->drain && is_drained(worker))
        answer(worker, &worker->drain);
    if (!worker->close)
        return;
    if (worker->closing_turns > 0) {
        worker->closing_turns--;
        outbox_send(&worker->outbox, &worker->turn, worker->team->workers[worker->number], turn);
    } else {
        answer(worker, &worker->close);
    }
}

void edge_worker_drain(struct edge_worker *worker, struct broadcast_part *part)
{
    worker->drain = part;
    public_server_drain(worker->http);
    public_server_drain(worker->https);
    task_post(&worker->step);
}

void edge_worker_cut(struct edge_worker *worker)
{
    struct error why;
    error_set(&why, ERROR_TIMEOUT, 0, "the edge stops");
    visitor_requests_cut(worker->requests, &why);
}

static void close_all(struct edge_worker *worker)
{
    struct error why;
    error_set(&why, ERROR_NETWORK, 0, "the edge stops");
    if (worker->requests)
        visitor_requests_cut(worker->requests, &why);
    public_server_close(worker->http);
    public_server_close(worker->https);
    worker->http = worker->https = NULL;
    hops_close(worker->hops);
    LIST_EACH_SAFE (it, after, &worker->sessions) {
        connector_session_close(connector_session_of(it));
    }
}

void edge_worker_close(struct edge_worker *worker, struct broadcast_part *part)
{
    worker->closed = true;
    close_all(worker);
    answer(worker, &worker->drain);
    worker->close = part;
    worker->closing_turns = CLOSING_TURNS;
    task_post(&worker->step);
}

void edge_worker_release(struct edge_worker *worker)
{
    task_cancel(&worker->step);
    hops_free(worker->hops);
    worker->hops = NULL;
    visitor_requests_free(worker->requests);
    worker->requests = NULL;
    edge_tls_free(worker->tls);
    metrics_free(worker->metrics);
    presence_free(worker->presence);
    registry_free(worker->registry);
    hostnames_unref(worker->hostnames);
}
