/* Accepts, counts, chooses a worker. */
#include "culvert/edge/front_door.h"

#include "culvert/edge/peeks.h"

#include "abuse_log.h"
#include "own_name.h"

#include <unistd.h>

struct front_door {
    struct front_door_options options;
    struct abuse_log abuses;
    struct peeks *peeks;
    struct listener *listeners[DOORS]; /* NULL: shut */
    size_t open;
    size_t visitors[EDGE_WORKERS_MAX]; /* connections that each worker has */
    size_t next;                       /* whose turn it is to get a connector */
};

/* ---- which worker ---- */

static size_t worker_for_connector(struct front_door *front)
{
    return front->next++ % front->options.team->count;
}

/* The one with the fewest visitors for each of its `held` connections; NULL: they hold one each. */
static size_t least_loaded(const struct front_door *front, const size_t *held)
{
    const size_t *visitors = front->visitors;
    size_t best = 0;
    for (size_t i = 1; i < front->options.team->count; i++)
        if (held ? held[i] > 0 &&
                       (held[best] == 0 || visitors[i] * held[best] < visitors[best] * held[i])
                 : visitors[i] < visitors[best])
            best = i;
    return best;
}

/* One that can answer for the name; its reason. */
static size_t worker_for_name(const struct front_door *front, struct span name, const char **reason)
{
    const struct edge_team *team = front->options.team;
    size_t held[EDGE_WORKERS_MAX];
    *reason = "own";
    if (own_name_is(team->options, name))
        return 0;
    const struct uuid *tunnel = hostnames_find(*front->options.hostnames, name);
    *reason = "unknown";
    if (!tunnel)
        return least_loaded(front, NULL);
    bool is_held = false;
    for (size_t i = 0; i < team->count; i++) {
        held[i] = presence_count(front->options.presence, tunnel, i);
        is_held = is_held || held[i] > 0;
    }
    *reason = is_held ? "tunnel" : "offline";
    return least_loaded(front, is_held ? held : NULL);
}

/* ---- there and back ---- */

static struct admission *admission_of(const struct front_door *front, enum door door)
{
    return door == DOOR_TUNNEL ? front->options.connectors : front->options.admission;
}

/* The connection is gone. */
static void forget(struct front_door *front, struct handover *handover)
{
    struct listener *listener = front->listeners[handover->door];
    front->open--;
    admission_closed(admission_of(front, handover->door), &handover->visit,
                     loop_now_ms(front->options.loop));
    free(handover);
    if (listener)
        listener_released(listener);
}

static void on_back(struct handover *handover)
{
    struct front_door *front = handover->arg;
    if (handover->door != DOOR_TUNNEL)
        front->visitors[handover->worker]--;
    forget(front, handover);
}

static void send_to(struct front_door *front, struct handover *handover, size_t worker)
{
    handover->worker = worker;
    if (handover->door != DOOR_TUNNEL)
        front->visitors[worker]++;
    handover_send(handover);
}

static void on_told(void *arg, struct handover *handover, enum peek_end end, const char *name)
{
    struct front_door *front = arg;
    const char *reason = end == PEEK_LATE ? "late" : "unnamed";
    size_t worker = end == PEEK_NAMED ? worker_for_name(front, span_of(name), &reason)
                                      : least_loaded(front, NULL);
    edge_metrics_handover(front->options.figures, reason);
    send_to(front, handover, worker);
}

static void refuse(struct front_door *front, enum door door, int fd)
{
    (void)close(fd);
    listener_released(front->listeners[door]);
}

static struct handover *new_handover(struct front_door *front, enum door door, int fd,
                                     const struct ip_address *from)
{
    struct handover *handover = calloc(1, sizeof *handover);
    if (!handover)
        return NULL;
    handover->team = front->options.team;
    handover->door = door;
    handover->fd = fd;
    handover->from = *from;
    handover->back = on_back;
    handover->arg = front;
    return handover;
}

static void count_abuse(struct front_door *front, const struct handover *handover, enum abuse abuse)
{
    edge_metrics_abuse(front->options.figures, abuse);
    abuse_log_note(&front->abuses, front->options.loop, abuse, &handover->from);
}

static enum abuse admit(struct front_door *front, struct handover *handover)
{
    return admission_open(admission_of(front, handover->door), &handover->visit, &handover->from,
                          loop_now_ms(front->options.loop));
}

static bool admit_visitor(struct front_door *front, struct handover *handover)
{
    enum abuse abuse = admit(front, handover);
    if (abuse == ABUSE_NONE)
        return true;
    count_abuse(front, handover, abuse);
    return false;
}

/* One who is here and said nothing yet goes before those whom a worker serves. */
static bool give_way(struct front_door *front)
{
    struct handover *silent = peeks_shed(front->peeks);
    if (!silent)
        return false;
    count_abuse(front, silent, ABUSE_CONNECTIONS);
    silent->visit.excused = silent->said; /* its name was on its way */
    (void)close(silent->fd);
    forget(front, silent);
    return true;
}

static void take_visitor(struct front_door *front, enum door door, int fd,
                         const struct ip_address *from)
{
    struct handover *handover = new_handover(front, door, fd, from);
    if (!handover || !admit_visitor(front, handover)) {
        free(handover);
        refuse(front, door, fd);
        return;
    }
    front->open++;
    handover->crowds = admission_is_over(front->options.admission) && !give_way(front);
    if (front->options.team->count == 1)
        send_to(front, handover, 0);
    else
        peeks_take(front->peeks, handover, door == DOOR_HTTPS && front->options.team->tls);
}

static void on_http(void *arg, int fd, const struct ip_address *from)
{
    take_visitor(arg, DOOR_HTTP, fd, from);
}

static void on_https(void *arg, int fd, const struct ip_address *from)
{
    take_visitor(arg, DOOR_HTTPS, fd, from);
}

static void on_tunnel(void *arg, int fd, const struct ip_address *from)
{
    struct front_door *front = arg;
    bool is_shut = limits_is_shut(front->options.limits, from, loop_now_ms(front->options.loop));
    struct handover *handover = is_shut ? NULL : new_handover(front, DOOR_TUNNEL, fd, from);
    if (handover && admit(front, handover) != ABUSE_NONE) {
        is_shut = true;
        free(handover);
        handover = NULL;
    }
    if (is_shut)
        edge_metrics_shut_out(front->options.figures);
    if (!handover) {
        refuse(front, DOOR_TUNNEL, fd);
        return;
    }
    front->open++;
    send_to(front, handover, worker_for_connector(front));
}

/* ---- its life ---- */

static const struct {
    const char *name;
    size_t limit;
    void (*on_accept)(void *arg, int fd, const struct ip_address *from);
} doors[DOORS] = {
    [DOOR_TUNNEL] = {"tunnel listener", FRONT_DOOR_CONNECTORS_MAX, on_tunnel},
    [DOOR_HTTP] = {"http listener", FRONT_DOOR_ACCEPTED_MAX, on_http},
    [DOOR_HTTPS] = {"https listener", FRONT_DOOR_ACCEPTED_MAX, on_https},
};

static size_t limit_of(const struct front_door *front, enum door door)
{
    size_t given = front->options.team->options->limits.connectors.connections;
    bool is_given = door == DOOR_TUNNEL && given > 0 && given < doors[door].limit;
    return is_given ? given : doors[door].limit;
}

struct front_door *front_door_new(const struct front_door_options *options, struct error *err)
{
    struct front_door *front = calloc(1, sizeof *front);
    if (!front) {
        (void)error_memory(err);
        return NULL;
    }
    const struct peeks_options peeks = {
        .loop = options->loop,
        .limit_ms = options->team->options->limits.patience.head_ms,
        .told = on_told,
        .arg = front,
    };
    front->options = *options;
    front->peeks = peeks_new(&peeks);
    if (!front->peeks) {
        free(front);
        (void)error_memory(err);
        return NULL;
    }
    for (size_t i = 0; i < DOORS; i++) {
        const struct listener_options listener = {.at = options->at[i],
                                                  .limit = limit_of(front, (enum door)i),
                                                  .on_accept = doors[i].on_accept,
                                                  .arg = front};
        front->listeners[i] = listener_new(options->loop, &listener, err);
        if (front->listeners[i])
            continue;
        (void)error_wrap(err, "%s", doors[i].name);
        front_door_free(front);
        return NULL;
    }
    return front;
}

void front_door_address(const struct front_door *front, enum door door, struct ip_address *at)
{
    listener_address(front->listeners[door], at);
}

void front_door_shut(struct front_door *front)
{
    for (size_t i = 0; i < DOORS; i++) {
        listener_close(front->listeners[i]);
        front->listeners[i] = NULL;
    }
    peeks_end(front->peeks);
}

size_t front_door_open(const struct front_door *front)
{
    return front->open;
}

void front_door_free(struct front_door *front)
{
    if (!front)
        return;
    assert(front->open == 0);
    front_door_shut(front);
    peeks_free(front->peeks);
    free(front);
}
