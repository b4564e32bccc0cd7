/* Orders go to the worker in their order, reports come home in theirs, each in a call that is
 * embedded here: none can be lost for want of memory, and none can outlive the handle, which is
 * freed by the last report.
 *
 *   head:   start ... leave ... close                                  free
 *             |         |         |                                     ^
 *   worker: ha_connection: connected, registered, end, closed ... gone -+             */
#include "culvert/connector/ha_handle.h"

#include "crew_member.h"

struct ha_handle {
    /* Fixed by the start. */
    struct crew_member *member;
    struct ha_attempt attempt;
    /* The head's. */
    const struct ha_handle_events *events;
    void *arg;
    bool is_registered, has_left, is_over, is_closed;
    struct worker_call start, leave, close;
    uint64_t leave_ms;
    /* The worker's, and in a report the head's. */
    struct ha_connection *ha;
    struct worker_call connected, registered, ended, drained, gone;
    struct ip_address edge;
    struct uuid connection;
    char location[TRACKER_LOCATION_SIZE];
    struct ha_ending ending;
};

/* ---- at the worker ---- */

static void report(struct ha_handle *self, struct worker_call *call)
{
    bool posted = worker_post(self->member->home, call);
    assert(posted); /* the supervisor has few connections, and each has five reports */
    (void)posted;
}

static void on_connected(void *arg, struct ha_connection *ha, const struct ip_address *edge)
{
    struct ha_handle *self = arg;
    (void)ha;
    self->edge = *edge;
    report(self, &self->connected);
}

static void on_registered(void *arg, struct ha_connection *ha,
                          const struct connection_details *details)
{
    struct ha_handle *self = arg;
    (void)ha;
    self->connection = details->uuid;
    span_copy(details->location, self->location, sizeof self->location);
    if (details->is_remotely_managed && self->member->requests)
        request_handler_expect_rules(self->member->requests);
    report(self, &self->registered);
}

static void on_end(void *arg, struct ha_connection *ha, const struct ha_ending *ending)
{
    struct ha_handle *self = arg;
    (void)ha;
    self->ending = *ending;
    report(self, &self->ended);
}

static void on_closed(void *arg, struct ha_connection *ha)
{
    struct ha_handle *self = arg;
    (void)ha;
    report(self, &self->drained);
}

static const struct ha_connection_events events = {on_connected, on_registered, on_end, on_closed};

static void do_start(struct worker_call *call)
{
    struct ha_handle *self = CONTAINER_OF(call, struct ha_handle, start);
    struct crew_member *member = self->member;
    struct ha_ending ending = {.end = HA_END_FAILED};
    if (member->is_ready)
        self->ha = ha_connection_start(&member->shared, &self->attempt, &events, self, &ending.why);
    else
        (void)error_set(&ending.why, ERROR_SYSTEM, 0, "its worker could not be set up");
    if (!self->ha)
        on_end(self, NULL, &ending);
}

static void do_leave(struct worker_call *call)
{
    struct ha_handle *self = CONTAINER_OF(call, struct ha_handle, leave);
    if (self->ha)
        ha_connection_leave(self->ha, self->leave_ms);
}

static void do_close(struct worker_call *call)
{
    struct ha_handle *self = CONTAINER_OF(call, struct ha_handle, close);
    ha_connection_close(self->ha);
    self->ha = NULL;
    report(self, &self->gone);
}

/* ---- at the head ---- */

static void is_connected(struct worker_call *call)
{
    struct ha_handle *self = CONTAINER_OF(call, struct ha_handle, connected);
    struct tracker *tracker = self->member->options->tracker;
    if (self->is_closed)
        return;
    tracker_dialing(tracker, self->attempt.index, &self->edge);
    tracker_enter(tracker, self->attempt.index, TRACKER_REGISTERING);
}

static void is_serving(struct worker_call *call)
{
    struct ha_handle *self = CONTAINER_OF(call, struct ha_handle, registered);
    struct tracker *tracker = self->member->options->tracker;
    if (self->is_closed)
        return;
    self->is_registered = true;
    tracker_registered(tracker, self->attempt.index, &self->connection, span_of(self->location));
    if (self->has_left)
        tracker_enter(tracker, self->attempt.index, TRACKER_DRAINING);
    self->events->on_registered(self->arg, self);
}

static void is_over(struct worker_call *call)
{
    struct ha_handle *self = CONTAINER_OF(call, struct ha_handle, ended);
    self->is_over = true;
    if (!self->is_closed)
        self->events->on_end(self->arg, self, &self->ending);
}

static void is_drained(struct worker_call *call)
{
    struct ha_handle *self = CONTAINER_OF(call, struct ha_handle, drained);
    if (!self->is_closed)
        self->events->on_closed(self->arg, self);
}

static void is_gone(struct worker_call *call)
{
    free(CONTAINER_OF(call, struct ha_handle, gone));
}

static void order(struct ha_handle *self, struct worker_call *call)
{
    bool posted = worker_post(self->member->worker, call);
    assert(posted); /* as for reports: there are three orders */
    (void)posted;
}

struct ha_handle *ha_handle_start(struct crew *crew, const struct ha_attempt *attempt,
                                  const struct ha_handle_events *handle_events, void *arg,
                                  struct error *err)
{
    struct ha_handle *self = calloc(1, sizeof *self);
    if (!self) {
        (void)error_memory(err);
        return NULL;
    }
    self->member = crew_member_for(crew, attempt->index);
    self->attempt = *attempt;
    self->events = handle_events;
    self->arg = arg;
    self->start.run = do_start;
    self->leave.run = do_leave;
    self->close.run = do_close;
    self->connected.run = is_connected;
    self->registered.run = is_serving;
    self->ended.run = is_over;
    self->drained.run = is_drained;
    self->gone.run = is_gone;
    tracker_enter(self->member->options->tracker, attempt->index, TRACKER_DIALING);
    order(self, &self->start);
    return self;
}

void ha_handle_leave(struct ha_handle *ha, uint64_t limit_ms)
{
    if (ha->has_left || ha->is_closed)
        return;
    ha->has_left = true;
    ha->leave_ms = limit_ms;
    if (ha->is_registered && !ha->is_over)
        tracker_enter(ha->member->options->tracker, ha->attempt.index, TRACKER_DRAINING);
    order(ha, &ha->leave);
}

void ha_handle_close(struct ha_handle *ha)
{
    if (!ha || ha->is_closed)
        return;
    ha->is_closed = true;
    order(ha, &ha->close);
}
