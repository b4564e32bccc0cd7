/* One connection to the edge, a state machine.
 *
 *   DIALING --on_connected--> REGISTERING --accepted--> SERVING --leave--> LEAVING
 *      |                          |                        |                  | unregistered
 *      |                          |                        +-- GOAWAY, end of control -> DRAINING
 *      +------ any failure -------+---- connection lost ---+------------------+--> CLOSED
 *
 * DRAINING ends when the last request is finished; its owner bounds the time. */
#include "culvert/connector/ha_connection.h"

#include "culvert/connector/control_stream.h"
#include "culvert/http/h2_session.h"
#include "culvert/tunnel/stream_kind.h"

#include <assert.h>

enum ha_state { DIALING, REGISTERING, SERVING, LEAVING, DRAINING, CLOSED, STATES };

static const struct {
    const char *name;
    unsigned next;
} states[STATES] = {
    [DIALING] = {"dialing", BIT(REGISTERING) | BIT(CLOSED)},
    [REGISTERING] = {"registering", BIT(SERVING) | BIT(CLOSED)},
    [SERVING] = {"serving", BIT(LEAVING) | BIT(DRAINING) | BIT(CLOSED)},
    [LEAVING] = {"leaving", BIT(DRAINING) | BIT(CLOSED)},
    [DRAINING] = {"draining", BIT(CLOSED)},
    [CLOSED] = {"closed", 0},
};

struct ha_connection {
    const struct ha_shared *shared;
    struct loop *loop;
    size_t index;
    unsigned attempts;
    enum ha_state state;
    bool ended; /* on_end was told */
    struct edge_address address;
    struct ip_address peer;
    struct dial *dial;
    struct h2_session *session;
    struct control_stream *control;
    struct timer control_wait;
    bool was_registered;
    uint64_t registered_ms;
    const struct ha_connection_events *events;
    void *arg;
    struct reap reap;
};

/* The only place that writes `state`. */
static void enter(struct ha_connection *ha, enum ha_state next)
{
    assert(states[ha->state].next & BIT(next));
    log_debug(loop_log(ha->loop), "HA connection changes state", LOG_INT("connIndex", ha->index),
              LOG_TEXT("from", states[ha->state].name), LOG_TEXT("to", states[next].name));
    ha->state = next;
}

static void release(struct ha_connection *ha)
{
    timer_stop(&ha->control_wait);
    dial_cancel(ha->dial);
    ha->dial = NULL;
    /* The session first: it sends what the control stream said last. */
    h2_session_close(ha->session);
    ha->session = NULL;
    control_stream_close(ha->control);
    ha->control = NULL;
}

static void tell_end(struct ha_connection *ha, enum ha_end end, uint64_t retry_after_ms,
                     const struct error *why)
{
    if (ha->ended)
        return;
    ha->ended = true;
    const struct ha_ending ending = {
        .end = end,
        .retry_after_ms = retry_after_ms,
        .was_registered = ha->was_registered,
        .age_ms = ha->was_registered ? loop_now_ms(ha->loop) - ha->registered_ms : 0,
        .drains = ha->state == DRAINING,
        .why = *why,
    };
    ha->events->on_end(ha->arg, ha, &ending);
}

/* The connection is gone; whoever waits for it hears why. */
static void fail(struct ha_connection *ha, enum ha_end end, uint64_t retry_after_ms,
                 const struct error *why)
{
    if (ha->state == CLOSED)
        return;
    bool draining = ha->ended;
    enter(ha, CLOSED);
    release(ha);
    if (draining)
        ha->events->on_closed(ha->arg, ha);
    else
        tell_end(ha, end, retry_after_ms, why);
}

/* ---- draining ---- */

static void on_idle(void *arg)
{
    struct ha_connection *ha = arg;
    if (ha->state != DRAINING)
        return;
    enter(ha, CLOSED);
    release(ha);
    ha->events->on_closed(ha->arg, ha);
}

static void drain(struct ha_connection *ha, enum ha_end end, const struct error *why)
{
    enter(ha, DRAINING);
    h2_session_goaway(ha->session);
    /* The control stream may be the last one: it is ours to end. */
    h2_session_tell_idle(ha->session, 1);
    tell_end(ha, end, 0, why);
}

/* ---- the control stream ---- */

static void on_registered(void *arg, const struct connection_details *details)
{
    struct ha_connection *ha = arg;
    char ip[IP_TEXT_SIZE];
    char uuid[UUID_TEXT_SIZE];
    ip_format_bare(&ha->peer, ip);
    uuid_format(&details->uuid, uuid);
    enter(ha, SERVING);
    ha->was_registered = true;
    ha->registered_ms = loop_now_ms(ha->loop);
    tunnel_metrics_registered(ha->shared->metrics);
    log_info(loop_log(ha->loop), "Registered tunnel connection", LOG_INT("connIndex", ha->index),
             LOG_TEXT("connection", uuid), LOG_INT("event", 0), LOG_TEXT("ip", ip),
             LOG_SPAN("location", details->location), LOG_TEXT("protocol", "http2"));
    ha->events->on_registered(ha->arg, ha, details);
}

static enum ha_end refusal_end(const struct registration_refusal *refusal)
{
    if (registration_cause_is_duplicate(refusal->cause))
        return HA_END_DUPLICATE;
    if (refusal->should_retry)
        return HA_END_REFUSED;
    return registration_cause_is_unauthorized(refusal->cause) ? HA_END_UNKNOWN : HA_END_REJECTED;
}

static void on_refused(void *arg, const struct registration_refusal *refusal)
{
    struct ha_connection *ha = arg;
    struct error why;
    enum ha_end end = refusal_end(refusal);
    tunnel_metrics_refused(ha->shared->metrics, end == HA_END_DUPLICATE);
    error_set(&why, ERROR_DENIED, 0, "the edge refused the registration: %.*s",
              SPAN_ARG(span_first(refusal->cause, 160)));
    fail(ha, end, (uint64_t)(refusal->retry_after_ns / 1000000), &why);
}

static void on_unregistered(void *arg)
{
    struct ha_connection *ha = arg;
    struct error why;
    log_info(loop_log(ha->loop), "Unregistered tunnel connection", LOG_INT("connIndex", ha->index),
             LOG_INT("event", 0));
    error_set(&why, ERROR_NONE, 0, "unregistered");
    drain(ha, HA_END_LEFT, &why);
}

static void on_control_ended(void *arg, const struct error *why)
{
    struct ha_connection *ha = arg;
    if (ha->state == SERVING)
        drain(ha, HA_END_REPLACE, why);
    else if (ha->state == LEAVING)
        drain(ha, HA_END_LEFT, why);
    else if (ha->state == REGISTERING)
        fail(ha, HA_END_FAILED, 0, why);
    /* From here on only requests keep the connection open. */
    if (ha->state == DRAINING)
        h2_session_tell_idle(ha->session, 0);
}

static const struct control_stream_events control_events = {on_registered, on_refused,
                                                            on_unregistered, on_control_ended};

static void start_control(struct ha_connection *ha, struct inbound *in)
{
    struct error why;
    struct ip_address local;
    unsigned char wire[16];
    struct registration_params params = ha->shared->params;
    if (ha->state != REGISTERING || ha->control) {
        error_set(&why, ERROR_PROTOCOL, 0, "a second control stream");
        inbound_reset(in, &why);
        inbound_close(in);
        return;
    }
    timer_stop(&ha->control_wait);
    conn_local_address(h2_session_conn(ha->session), &local);
    ip_to_wire(&local, wire);
    params.index = (uint8_t)ha->index;
    params.attempts = (uint8_t)(ha->attempts < UINT8_MAX ? ha->attempts : UINT8_MAX);
    params.local_ip = span_make(wire, sizeof wire);
    const struct control_stream_options options = {
        .params = &params,
        .local_configuration = ha->index == 0 ? ha->shared->local_configuration : SPAN_NONE,
        .rpc_timeout_ms = ha->shared->rpc_timeout_ms,
        .metrics = ha->shared->metrics,
    };
    ha->control = control_stream_start(ha->loop, in, &options, &control_events, ha, &why);
    if (!ha->control)
        fail(ha, HA_END_FAILED, 0, &why);
}

static void no_control(void *arg)
{
    struct ha_connection *ha = arg;
    struct error why;
    error_set(&why, ERROR_TIMEOUT, 0, "the edge opened no control stream within %d ms",
              HA_CONTROL_MS);
    fail(ha, HA_END_FAILED, 0, &why);
}

/* ---- the session ---- */

static void on_request(void *arg, struct inbound *in)
{
    struct ha_connection *ha = arg;
    if (stream_kind_of(&in->head) == STREAM_CONTROL)
        start_control(ha, in);
    else
        ha->shared->on_request(ha->shared->arg, in, ha->index);
}

static void on_goaway(void *arg, uint32_t code)
{
    struct ha_connection *ha = arg;
    struct error why;
    error_set(&why, ERROR_NETWORK, (int)code, "the edge said GOAWAY (code %u)", code);
    if (ha->state == SERVING)
        drain(ha, HA_END_REPLACE, &why);
}

static void on_session_closed(void *arg, const struct error *why)
{
    struct ha_connection *ha = arg;
    fail(ha, ha->was_registered ? HA_END_LOST : HA_END_FAILED, 0, why);
}

static const struct h2_session_events session_events = {on_request, on_goaway, on_idle,
                                                        on_session_closed};

static void on_connected(void *arg, struct conn *conn)
{
    struct ha_connection *ha = arg;
    struct error why;
    const struct h2_options options = {.is_server = true,
                                       .streams_max = HA_STREAMS_MAX,
                                       .head_max = HA_HEAD_MAX,
                                       .sends_long_fields = true,
                                       .judges_itself = true,
                                       .interim_if_asked = true,
                                       .budget = ha->shared->budget};
    ha->dial = NULL;
    conn_peer_address(conn, &ha->peer);
    enter(ha, REGISTERING);
    conn_set_bulk(conn);
    ha->session = h2_session_new(conn, &options, &session_events, ha, &why);
    if (!ha->session) {
        fail(ha, HA_END_FAILED, 0, &why);
        return;
    }
    if (!timer_start(&ha->control_wait, HA_CONTROL_MS)) {
        error_memory(&why);
        fail(ha, HA_END_FAILED, 0, &why);
        return;
    }
    ha->events->on_connected(ha->arg, ha, &ha->peer);
}

static void on_dial_failed(void *arg, const struct error *why)
{
    struct ha_connection *ha = arg;
    struct error told = *why;
    ha->dial = NULL;
    error_wrap(&told, "dial edge %s:%u", ha->address.host, ha->address.port);
    fail(ha, HA_END_DIAL, 0, &told);
}

static const struct dial_events dial_events = {on_connected, on_dial_failed};

static void destroy(void *object)
{
    free(object);
}

struct ha_connection *ha_connection_start(const struct ha_shared *shared,
                                          const struct ha_attempt *attempt,
                                          const struct ha_connection_events *events, void *arg,
                                          struct error *err)
{
    struct ha_connection *ha = calloc(1, sizeof *ha);
    if (!ha) {
        error_memory(err);
        return NULL;
    }
    ha->shared = shared;
    ha->loop = shared->loop;
    ha->index = attempt->index;
    ha->attempts = attempt->number;
    ha->address = attempt->address;
    ha->events = events;
    ha->arg = arg;
    timer_init(&ha->control_wait, ha->loop, no_control, ha);
    const struct dial_target target = {.host = ha->address.host,
                                       .port = ha->address.port,
                                       .family = shared->family,
                                       .from = shared->from,
                                       .connect_ms = HA_CONNECT_MS,
                                       .tls = shared->tls,
                                       .server_name = HA_SERVER_NAME,
                                       .tls_ms = HA_TLS_MS};
    ha->dial = dial_start(ha->loop, shared->resolver, &target, &dial_events, ha, err);
    if (!ha->dial) {
        free(ha);
        return NULL;
    }
    return ha;
}

void ha_connection_leave(struct ha_connection *ha, uint64_t limit_ms)
{
    struct error why;
    if (ha->state == SERVING) {
        enter(ha, LEAVING);
        control_stream_unregister(ha->control, limit_ms);
        return;
    }
    error_set(&why, ERROR_NONE, 0, "stopped before it was registered");
    if (ha->state == DIALING || ha->state == REGISTERING)
        fail(ha, HA_END_LEFT, 0, &why);
}

void ha_connection_close(struct ha_connection *ha)
{
    if (!ha)
        return;
    release(ha);
    ha->state = CLOSED;
    loop_reap(ha->loop, &ha->reap, destroy, ha);
}
