/* One slot for each index: a connection, or the wait before the next one. Connections that were
 * replaced drain beside the slots.
 *
 *   slot: RESTING --start--> ACTIVE --any end--> WAITING --timer--> ACTIVE
 *                                     \-- refused for good --> STOPPED            */
#include "culvert/connector/supervisor.h"

#include "culvert/base/backoff.h"
#include "culvert/base/random.h"
#include "culvert/connector/discovery.h"

#include <assert.h>

enum slot_state { RESTING, ACTIVE, WAITING, STOPPED };

enum {
    CUT_LINGER_MS = 1000,      /* for the last answers of cut requests to leave */
    REPLACE_SPACING_MS = 5000, /* an index that is sent away again so soon has to wait */
    DRAINING_MAX = 64,         /* replaced connections that still finish requests */
};

struct slot {
    struct supervisor *supervisor;
    size_t index;
    enum slot_state state;
    struct ha_handle *ha;
    struct backoff backoff;
    unsigned attempts;
    bool was_replaced; /* at once, and when */
    uint64_t replaced_ms;
    unsigned returns; /* soon after a registered connection was lost, since then */
    uint64_t returns_since_ms;
    struct timer wait;
};

/* A replaced connection with its own end of grace. */
struct draining {
    struct supervisor *supervisor;
    struct ha_handle *ha;
    struct timer grace;
    struct link link;
};

struct supervisor {
    struct supervisor_options options;
    struct loop *loop;
    struct edge_addresses edge;
    struct discovery *discovery;
    struct backoff discovery_backoff;
    struct timer lookup; /* the next discovery */
    struct slot slots[EDGE_INDEXES_MAX];
    struct list draining;
    bool was_up; /* something was registered once */
    bool stopping, cut, told_stopped;
    uint64_t started_ms;
    struct timer grace;
    struct task begin, stopped;
    struct error rejected;
    const struct supervisor_events *events;
    void *arg;
    struct reap reap;
};

static void slot_dial(struct slot *slot);

/* ---- stopping ---- */

static bool all_closed(const struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->options.connections; i++)
        if (supervisor->slots[i].ha)
            return false;
    return supervisor->draining.count == 0;
}

static void tell_stopped(void *arg)
{
    struct supervisor *supervisor = arg;
    if (supervisor->told_stopped)
        return;
    supervisor->told_stopped = true;
    supervisor->events->on_stopped(supervisor->arg);
}

static void check_stopped(struct supervisor *supervisor)
{
    if (supervisor->stopping && all_closed(supervisor))
        task_post(&supervisor->stopped);
}

static void close_all(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->options.connections; i++) {
        ha_handle_close(supervisor->slots[i].ha);
        supervisor->slots[i].ha = NULL;
        timer_stop(&supervisor->slots[i].wait);
    }
    LIST_EACH_SAFE (it, after, &supervisor->draining) {
        struct draining *old = CONTAINER_OF(it, struct draining, link);
        list_remove(&supervisor->draining, &old->link);
        timer_stop(&old->grace);
        ha_handle_close(old->ha);
        free(old);
    }
}

static void grace_over(void *arg)
{
    struct supervisor *supervisor = arg;
    if (!supervisor->cut) {
        supervisor->cut = true;
        supervisor->events->on_grace_over(supervisor->arg);
        if (timer_start(&supervisor->grace, CUT_LINGER_MS))
            return;
    }
    close_all(supervisor);
    check_stopped(supervisor);
}

void supervisor_stop(struct supervisor *supervisor)
{
    uint64_t grace = supervisor->options.grace_ms;
    if (supervisor->stopping)
        return;
    supervisor->stopping = true;
    discovery_cancel(supervisor->discovery);
    supervisor->discovery = NULL;
    timer_stop(&supervisor->lookup);
    task_cancel(&supervisor->begin);
    tracker_drain(supervisor->options.tracker);
    for (size_t i = 0; i < supervisor->options.connections; i++) {
        timer_stop(&supervisor->slots[i].wait);
        if (supervisor->slots[i].ha)
            ha_handle_leave(supervisor->slots[i].ha, grace);
    }
    if (!timer_start(&supervisor->grace, grace))
        close_all(supervisor);
    check_stopped(supervisor);
}

/* ---- slots ---- */

static void slot_wait(struct slot *slot, uint64_t wait_ms, const struct error *why)
{
    struct supervisor *supervisor = slot->supervisor;
    const struct log *log = loop_log(supervisor->loop);
    bool alone = tracker_ready_count(supervisor->options.tracker) == 0;
    slot->state = WAITING;
    log_event(log, alone ? LEVEL_ERROR : LEVEL_WARN, "Connection terminated", LOG_ERROR(why),
              LOG_INT("connIndex", slot->index), LOG_INT("retryInMs", wait_ms));
    if (!timer_start(&slot->wait, wait_ms))
        slot_dial(slot);
}

static void slot_fired(void *arg)
{
    slot_dial(arg);
}

static void start_others(struct supervisor *supervisor)
{
    uint64_t after = 0;
    for (size_t i = 0; i < supervisor->options.connections; i++) {
        struct slot *slot = &supervisor->slots[i];
        if (slot->state != RESTING)
            continue;
        slot->state = WAITING;
        after += SUPERVISOR_SPACING_MS;
        if (!timer_start(&slot->wait, after))
            slot_dial(slot);
    }
}

static void slot_stop(struct slot *slot, const struct error *why)
{
    struct supervisor *supervisor = slot->supervisor;
    slot->state = STOPPED;
    supervisor->rejected = *why;
    log_error(loop_log(supervisor->loop), "Connection refused for good", LOG_ERROR(why),
              LOG_INT("connIndex", slot->index));
    start_others(supervisor);
    for (size_t i = 0; i < supervisor->options.connections; i++)
        if (supervisor->slots[i].state != STOPPED)
            return;
    supervisor->events->on_rejected(supervisor->arg, &supervisor->rejected);
}

static void on_registered(void *arg, struct ha_handle *ha)
{
    struct slot *slot = arg;
    struct supervisor *supervisor = slot->supervisor;
    (void)ha;
    slot->attempts = 0;
    edge_addresses_worked(&supervisor->edge);
    if (supervisor->stopping) {
        ha_handle_leave(ha, supervisor->options.grace_ms);
        return;
    }
    start_others(supervisor);
    if (!supervisor->was_up) {
        supervisor->was_up = true;
        supervisor->events->on_first(supervisor->arg);
    }
}

/* ---- replaced connections ---- */

static void drop_draining(struct draining *old)
{
    struct supervisor *supervisor = old->supervisor;
    list_remove(&supervisor->draining, &old->link);
    timer_stop(&old->grace);
    ha_handle_close(old->ha);
    free(old);
    check_stopped(supervisor);
}

static void old_grace_over(void *arg)
{
    drop_draining(arg);
}

static void keep_draining(struct supervisor *supervisor, struct ha_handle *ha)
{
    struct draining *old =
        supervisor->draining.count < DRAINING_MAX ? calloc(1, sizeof *old) : NULL;
    if (!old) {
        ha_handle_close(ha);
        return;
    }
    old->supervisor = supervisor;
    old->ha = ha;
    timer_init(&old->grace, supervisor->loop, old_grace_over, old);
    list_put_last(&supervisor->draining, &old->link);
    if (!timer_start(&old->grace, supervisor->options.grace_ms))
        drop_draining(old);
}

static void on_closed(void *arg, struct ha_handle *ha)
{
    struct slot *slot = arg;
    struct supervisor *supervisor = slot->supervisor;
    if (slot->ha == ha) {
        slot->ha = NULL;
        ha_handle_close(ha);
        check_stopped(supervisor);
        return;
    }
    LIST_EACH (it, &supervisor->draining) {
        struct draining *old = CONTAINER_OF(it, struct draining, link);
        if (old->ha == ha) {
            drop_draining(old);
            return;
        }
    }
}

/* ---- an end, and what follows ---- */

static const char *end_reason(enum ha_end end)
{
    static const char *const words[] = {
        [HA_END_DIAL] = "dial",       [HA_END_DUPLICATE] = "duplicate",
        [HA_END_REFUSED] = "refused", [HA_END_REJECTED] = "rejected",
        [HA_END_UNKNOWN] = "unknown", [HA_END_FAILED] = "registration",
        [HA_END_LOST] = "lost",       [HA_END_REPLACE] = "goaway",
        [HA_END_LEFT] = "left",
    };
    return words[end];
}

static bool is_hopeless(const struct supervisor *supervisor, enum ha_end end)
{
    if (end == HA_END_REJECTED)
        return true;
    return end == HA_END_UNKNOWN &&
           loop_now_ms(supervisor->loop) - supervisor->started_ms >= SUPERVISOR_HOPE_MS;
}

/* An edge that restarts, or breaks one connection, gets it back soon: visitors wait. It is no way
 * to hammer at an edge that takes every registration and drops it. */
static bool may_return_soon(struct slot *slot)
{
    uint64_t now = loop_now_ms(slot->supervisor->loop);
    if (slot->returns == 0 || now - slot->returns_since_ms >= SUPERVISOR_RETURNS_MS) {
        slot->returns_since_ms = now;
        slot->returns = 0;
    }
    if (slot->returns == SUPERVISOR_RETURNS_MAX)
        return false;
    slot->returns++;
    return true;
}

static uint64_t next_wait(struct slot *slot, const struct ha_ending *ending)
{
    uint64_t now = loop_now_ms(slot->supervisor->loop);
    if (ending->end == HA_END_REPLACE &&
        (!slot->was_replaced || now - slot->replaced_ms >= REPLACE_SPACING_MS)) {
        slot->was_replaced = true;
        slot->replaced_ms = now;
        return 0;
    }
    if (ending->age_ms >= SUPERVISOR_PROVEN_MS || (ending->was_registered && may_return_soon(slot)))
        backoff_reset(&slot->backoff);
    uint64_t wait = backoff_next_ms(&slot->backoff);
    return wait > ending->retry_after_ms ? wait : ending->retry_after_ms;
}

static void look_up_again(struct supervisor *supervisor);

static void on_end(void *arg, struct ha_handle *ha, const struct ha_ending *ending)
{
    enum ha_end end = ending->end;
    struct slot *slot = arg;
    struct supervisor *supervisor = slot->supervisor;
    if (supervisor->stopping && ending->drains)
        return; /* on_closed follows */
    slot->ha = NULL;
    if (ending->drains)
        keep_draining(supervisor, ha);
    else
        ha_handle_close(ha);
    if (supervisor->stopping) {
        check_stopped(supervisor);
        return;
    }
    tracker_lost(supervisor->options.tracker, slot->index, end_reason(end));
    slot->attempts++;
    if (end == HA_END_DIAL || end == HA_END_DUPLICATE)
        edge_addresses_rotate(&supervisor->edge, slot->index);
    if (edge_addresses_exhausted(&supervisor->edge))
        look_up_again(supervisor);
    if (is_hopeless(supervisor, end))
        slot_stop(slot, &ending->why);
    else
        slot_wait(slot, next_wait(slot, ending), &ending->why);
}

static const struct ha_handle_events ha_events = {on_registered, on_end, on_closed};

static void slot_dial(struct slot *slot)
{
    struct supervisor *supervisor = slot->supervisor;
    struct error err;
    const struct edge_address *address = edge_addresses_for(&supervisor->edge, slot->index);
    slot->state = ACTIVE;
    const struct ha_attempt attempt = {
        .index = slot->index, .number = slot->attempts, .address = *address};
    slot->ha = ha_handle_start(supervisor->options.crew, &attempt, &ha_events, slot, &err);
    if (!slot->ha)
        slot_wait(slot, backoff_next_ms(&slot->backoff), &err);
}

/* ---- on demand ---- */

/* One that is up, or on its way; NULL: none. */
static struct slot *any_active(struct supervisor *supervisor)
{
    struct slot *active[EDGE_INDEXES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < supervisor->options.connections; i++)
        if (supervisor->slots[i].ha)
            active[count++] = &supervisor->slots[i];
    return count > 0 ? active[random_below(count)] : NULL;
}

void supervisor_reconnect(struct supervisor *supervisor, uint64_t delay_ms)
{
    const struct log *log = loop_log(supervisor->loop);
    struct slot *slot = supervisor->stopping ? NULL : any_active(supervisor);
    struct error why;
    if (!slot) {
        log_info(log, "There is no connection to restart");
        return;
    }
    log_info(log, "Restarting connection due to reconnect signal",
             LOG_INT("connIndex", slot->index), LOG_INT("delayMs", delay_ms));
    ha_handle_close(slot->ha);
    slot->ha = NULL;
    tracker_lost(supervisor->options.tracker, slot->index, "reconnect");
    backoff_reset(&slot->backoff);
    (void)error_set(&why, ERROR_NETWORK, 0, "reconnect signal");
    slot_wait(slot, delay_ms + backoff_next_ms(&slot->backoff), &why);
}

/* ---- where the edge is ---- */

static void on_discovered(void *arg, const struct edge_addresses *list, const struct error *why)
{
    struct supervisor *supervisor = arg;
    supervisor->discovery = NULL;
    uint64_t again = SUPERVISOR_LOOKUP_MS;
    if (why) {
        again = backoff_next_ms(&supervisor->discovery_backoff);
        log_error(loop_log(supervisor->loop), "The edge was not found", LOG_ERROR(why),
                  LOG_INT("retryInMs", again));
    } else {
        assert(list);
        backoff_reset(&supervisor->discovery_backoff);
        memcpy(supervisor->edge.at, list->at, sizeof list->at);
        supervisor->edge.count = list->count;
        supervisor->edge.failures = 0;
    }
    if (!timer_start(&supervisor->lookup, again))
        log_error(loop_log(supervisor->loop), "The edge will not be looked up again: no memory");
    if (!why && supervisor->slots[0].state == RESTING)
        slot_dial(&supervisor->slots[0]);
}

static void begin_lookup(void *arg)
{
    struct supervisor *supervisor = arg;
    struct error err;
    supervisor->discovery =
        discovery_start(supervisor->loop, supervisor->options.resolver, supervisor->options.region,
                        on_discovered, supervisor, &err);
    if (!supervisor->discovery)
        on_discovered(supervisor, NULL, &err);
}

static void look_up_again(struct supervisor *supervisor)
{
    supervisor->edge.failures = 0;
    if (supervisor->options.static_edge.count == 0 && !supervisor->discovery)
        begin_lookup(supervisor);
}

static void begin(void *arg)
{
    struct supervisor *supervisor = arg;
    if (supervisor->edge.count > 0)
        slot_dial(&supervisor->slots[0]);
    else
        begin_lookup(supervisor);
}

/* No wait is longer. */
static uint64_t cap_ms(const struct supervisor_options *options)
{
    uint64_t cap = SUPERVISOR_FIRST_WAIT_MS;
    if (!options->retries || *options->retries == SUPERVISOR_RETRIES)
        return SUPERVISOR_CAP_MS;
    for (uint64_t i = 0; i < *options->retries && cap < SUPERVISOR_CAP_MAX_MS; i++)
        cap *= 2;
    return cap < SUPERVISOR_CAP_MAX_MS ? cap : SUPERVISOR_CAP_MAX_MS;
}

struct supervisor *supervisor_new(const struct supervisor_options *options,
                                  const struct supervisor_events *events, void *arg,
                                  struct error *err)
{
    const struct backoff backoff = {.first_ms = SUPERVISOR_FIRST_WAIT_MS,
                                    .cap_ms = cap_ms(options)};
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    if (!supervisor) {
        error_memory(err);
        return NULL;
    }
    struct loop *loop = options->loop;
    supervisor->options = *options;
    supervisor->loop = loop;
    supervisor->edge = options->static_edge;
    supervisor->events = events;
    supervisor->arg = arg;
    supervisor->started_ms = loop_now_ms(loop);
    supervisor->discovery_backoff = backoff;
    list_init(&supervisor->draining);
    timer_init(&supervisor->lookup, loop, begin_lookup, supervisor);
    timer_init(&supervisor->grace, loop, grace_over, supervisor);
    task_init(&supervisor->begin, loop, TASK_SOON, begin, supervisor);
    task_init(&supervisor->stopped, loop, TASK_SOON, tell_stopped, supervisor);
    for (size_t i = 0; i < EDGE_INDEXES_MAX; i++) {
        struct slot *slot = &supervisor->slots[i];
        *slot = (struct slot){.supervisor = supervisor, .index = i, .backoff = backoff};
        timer_init(&slot->wait, loop, slot_fired, slot);
    }
    task_post(&supervisor->begin);
    return supervisor;
}

static void destroy(void *object)
{
    free(object);
}

void supervisor_free(struct supervisor *supervisor)
{
    if (!supervisor)
        return;
    close_all(supervisor);
    discovery_cancel(supervisor->discovery);
    timer_stop(&supervisor->lookup);
    timer_stop(&supervisor->grace);
    task_cancel(&supervisor->begin);
    task_cancel(&supervisor->stopped);
    loop_reap(supervisor->loop, &supervisor->reap, destroy, supervisor);
}
