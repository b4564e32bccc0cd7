/* Sessions between workers. Who needs one makes the pair, is the client on its own end at once and
 * sends the other end to the worker it wants, which is the server there: the requests of the first
 * turn wait in the socket. */
#include "culvert/edge/hop.h"

#include "culvert/net/sockets.h"

#include "hop_request.h"

#include <unistd.h>

/* One end of a hop. */
struct hop_end {
    struct hops *hops;
    struct hop_end **place; /* where it is found by who opened it; NULL: it arrived */
    struct link link;
    struct h2_session *session;
    struct reap reap;
};

struct hops {
    struct hops_options options;
    struct edge_worker *worker;
    struct hop_end *ways[WORKERS_MAX]; /* to the others, by their number; NULL: not open */
    struct list ends;
    size_t arrivals; /* of them */
    struct hop_requests requests;
    bool closed;
};

/* An end of a pair on its way to its worker. */
struct hop_call {
    struct worker_call call;
    struct edge_worker *to;
    int fd;
};

struct hops *hops_new(const struct hops_options *options)
{
    struct hops *hops = calloc(1, sizeof *hops);
    if (!hops)
        return NULL;
    hops->options = *options;
    hops->worker = options->worker;
    list_init(&hops->ends);
    hops->requests = (struct hop_requests){.loop = options->worker->loop,
                                           .registry = options->worker->registry,
                                           .on_own = options->on_own,
                                           .arg = options->arg};
    list_init(&hops->requests.open);
    return hops;
}

struct edge_worker *hops_worker(const struct hops *hops)
{
    return hops->worker;
}

int hops_find(const struct hops *hops, const struct uuid *tunnel_id, uint64_t not_these)
{
    if (!hops)
        return HOP_NONE;
    int found = presence_pick(hops->worker->presence, tunnel_id,
                              not_these | presence_bit(hops->worker->number));
    return found == PRESENCE_NONE ? HOP_NONE : found;
}

void hops_count_stream(struct hops *hops)
{
    metric_add(hops->options.streams, 1);
}

size_t hops_serving(const struct hops *hops)
{
    return hops->requests.open.count;
}

/* ---- ends ---- */

static void destroy_end(void *object)
{
    free(object);
}

static void end_close(struct hop_end *end)
{
    struct hops *hops = end->hops;
    h2_session_close(end->session);
    if (!end->place)
        hops->arrivals--;
    else
        metric_add(hops->options.sessions, -1);
    if (end->place && *end->place == end)
        *end->place = NULL;
    list_remove(&hops->ends, &end->link);
    loop_reap(hops->worker->loop, &end->reap, destroy_end, end);
}

static void on_request(void *arg, struct inbound *in)
{
    struct hop_end *end = arg;
    if (end->place)
        inbound_close(in); /* a client is asked nothing */
    else
        hop_request_serve(&end->hops->requests, in);
}

static void on_goaway(void *arg, uint32_t code)
{
    (void)arg;
    (void)code; /* the next request looks whether more may be opened */
}

/* It was retired, and its last stream is over. */
static void on_idle(void *arg)
{
    end_close(arg);
}

static void on_closed(void *arg, const struct error *why)
{
    struct hop_end *end = arg;
    if (end->place)
        log_info(loop_log(end->hops->worker->loop), "A hop between workers ended", LOG_ERROR(why));
    end_close(end);
}

static const struct h2_session_events session_events = {on_request, on_goaway, on_idle, on_closed};

/* Takes `fd` in every case. `place` NULL: it arrived. */
static struct hop_end *end_open(struct hops *hops, struct hop_end **place, int fd,
                                struct error *err)
{
    const struct h2_options options = {.is_server = place == NULL,
                                       .streams_max = HOP_STREAMS_MAX,
                                       .peer_streams = HOP_STREAMS_MAX,
                                       .head_max = HOP_HEAD_MAX,
                                       .budget = &hops->worker->budget};
    struct hop_end *end = calloc(1, sizeof *end);
    struct conn *conn = conn_new(hops->worker->loop, fd, NULL, NULL, err);
    if (!end || !conn) {
        conn_close(conn);
        free(end);
        error_memory(err);
        return NULL;
    }
    conn_set_stall_limit(conn, HOP_STALL_MS);
    end->hops = hops;
    end->place = place;
    end->session = h2_session_new(conn, &options, &session_events, end, err);
    if (!end->session) {
        free(end);
        return NULL;
    }
    list_put_last(&hops->ends, &end->link);
    if (place)
        metric_add(hops->options.sessions, 1);
    else
        hops->arrivals++;
    return end;
}

/* ---- arriving ---- */

static void arrive(struct worker_call *call)
{
    struct hop_call *hop = CONTAINER_OF(call, struct hop_call, call);
    struct hops *hops = hop->to->hops;
    struct error err;
    int fd = hop->fd;
    free(hop);
    if (!hops || hops->closed || hops->arrivals >= HOP_ARRIVALS_MAX)
        (void)close(fd);
    else if (!end_open(hops, NULL, fd, &err))
        log_warn(loop_log(hops->worker->loop), "A hop between workers was not taken",
                 LOG_ERROR(&err));
}

/* ---- departing ---- */

/* Posts `fd` to the other worker; it is closed when that fails. */
static bool send_end(const struct edge_team *team, size_t number, int fd, struct error *err)
{
    struct hop_call *hop = calloc(1, sizeof *hop);
    if (hop) {
        *hop = (struct hop_call){.call = {.run = arrive}, .to = team->members[number], .fd = fd};
        if (worker_post(team->workers[number], &hop->call))
            return true;
    }
    (void)close(fd);
    free(hop);
    return error_set(err, ERROR_LIMIT, 0, "the worker is overloaded");
}

static struct hop_end *way_open(struct hops *hops, size_t number, struct error *err)
{
    const struct sockets *sockets = loop_sockets(hops->worker->loop);
    int ends[2];
    if (sockets->pair(sockets, ends) == -1) {
        error_errno(err, "socket pair");
        return NULL;
    }
    struct hop_end *end = end_open(hops, &hops->ways[number], ends[0], err);
    if (!end) {
        (void)close(ends[1]);
        return NULL;
    }
    if (send_end(hops->worker->team, number, ends[1], err))
        return end;
    end_close(end);
    return NULL;
}

/* No request fits any more, and not for their number: the numbers of its streams are used up (after
 * a thousand million requests), or the other end takes its leave. What crosses may finish. */
static bool is_worn_out(struct h2_session *session)
{
    return !h2_session_can_open(session) && h2_session_streams(session) < HOP_STREAMS_MAX;
}

struct h2_session *hops_session(struct hops *hops, size_t number, struct error *err)
{
    const struct edge_worker *worker = hops->worker;
    if (hops->closed || number >= worker->team->count || number == worker->number) {
        error_set(err, ERROR_LIMIT, 0, "no way to worker %zu", number);
        return NULL;
    }
    struct hop_end **way = &hops->ways[number];
    if (*way && is_worn_out((*way)->session)) {
        h2_session_tell_idle((*way)->session, 0);
        *way = NULL;
    }
    if (!*way)
        *way = way_open(hops, number, err);
    if (*way)
        return (*way)->session;
    err->kind = ERROR_LIMIT; /* whatever it was: nothing was sent */
    error_wrap(err, "hop to worker %zu", number);
    return NULL;
}

/* ---- the end ---- */

void hops_close(struct hops *hops)
{
    if (!hops || hops->closed)
        return;
    hops->closed = true;
    LIST_EACH_SAFE (it, after, &hops->ends) {
        end_close(CONTAINER_OF(it, struct hop_end, link));
    }
}

void hops_free(struct hops *hops)
{
    if (!hops)
        return;
    assert(hops->closed && hops->requests.open.count == 0);
    free(hops);
}
