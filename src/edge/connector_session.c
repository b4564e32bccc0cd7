/* The edge's side of one HA connection, in the worker that it was handed to.
 *
 *   SHAKING --TLS--> OPENING --register--> CHECKING --the head grants--> GRANTED
 *   GRANTED --every worker knows--> SERVING
 *   CHECKING, GRANTED --refused--> LEAVING
 *   SERVING --unregister, the end of its control stream, a newer one--> DRAINING
 *   any --connection lost, time over, drained, left--> CLOSED */
#include "culvert/edge/connector_session.h"

#include "culvert/edge/edge.h"
#include "culvert/edge/hop.h"
#include "culvert/http/h2_life.h"
#include "culvert/net/sockets.h"
#include "culvert/rpc/registration_server.h"

#include "claim.h"
#include "control_pipe.h"
#include "edge_tls.h"

#include <assert.h>

enum state { SHAKING, OPENING, CHECKING, GRANTED, SERVING, LEAVING, DRAINING, CLOSED, STATES };

static const unsigned next_states[STATES] = {
    [SHAKING] = BIT(OPENING) | BIT(CLOSED),
    [OPENING] = BIT(CHECKING) | BIT(CLOSED),
    [CHECKING] = BIT(GRANTED) | BIT(LEAVING) | BIT(CLOSED),
    [GRANTED] = BIT(SERVING) | BIT(LEAVING) | BIT(CLOSED),
    [SERVING] = BIT(DRAINING) | BIT(CLOSED),
    [LEAVING] = BIT(CLOSED),
    [DRAINING] = BIT(CLOSED),
    [CLOSED] = 0,
};

struct connector_session {
    struct edge_worker *worker;
    struct loop *loop;
    struct link link; /* of the worker's sessions */
    struct handover *handover;
    enum state state;
    struct conn *socket; /* until its descriptor is closed, whoever owns it then */
    struct conn *conn;   /* the same while shaking hands; then the session's */
    struct h2_session *h2;
    struct control_pipe control;
    struct registration_server *rpc;
    struct registered entry;
    struct claim *claim; /* from the registration until it has left */
    bool leaves;         /* the claim was told so */
    bool probed;         /* the head waits for a sign of life */
    bool unregisters;    /* an answer is owed when it has left */
    struct timer deadline;
    struct task shaken; /* without TLS there is no handshake to wait for */
    struct reap reap;
};

static void enter(struct connector_session *session, enum state next)
{
    assert(next_states[session->state] & BIT(next));
    session->state = next;
}

struct connector_session *connector_session_of(struct link *link)
{
    return CONTAINER_OF(link, struct connector_session, link);
}

/* ---- the end ---- */

static void destroy(void *object)
{
    struct connector_session *session = object;
    registration_server_free(session->rpc);
    control_pipe_release(&session->control);
    free(session);
}

static void tell_leaving(struct connector_session *session)
{
    if (session->claim && !session->leaves)
        claim_leave(session->claim);
    session->leaves = true;
}

/* No new requests: here at once, in other workers when the claim has left. */
static void leave(struct connector_session *session)
{
    registry_remove(session->worker->registry, &session->entry);
    tell_leaving(session);
}

static void release(struct connector_session *session)
{
    leave(session);
    claim_forget(session->claim);
    session->claim = NULL;
    timer_stop(&session->deadline);
    task_cancel(&session->shaken);
    control_pipe_quiet(&session->control);
    h2_session_close(session->h2); /* sends what was said last */
    session->h2 = NULL;
    control_pipe_close(&session->control);
    conn_close(session->conn);
    session->conn = NULL;
}

/* Nothing of it is left; once. */
static void part(struct connector_session *session)
{
    if (!session->handover)
        return;
    list_remove(&session->worker->sessions, &session->link);
    handover_back(session->handover);
    session->handover = NULL;
    loop_reap(session->loop, &session->reap, destroy, session);
}

/* Serves it no more; its last bytes may be on their way yet. */
static void end(struct connector_session *session)
{
    if (session->state == CLOSED)
        return;
    enter(session, CLOSED);
    release(session);
    if (!session->socket)
        part(session);
}

static void on_gone(void *arg, enum conn_cut cut)
{
    struct connector_session *session = arg;
    (void)cut;
    session->socket = NULL;
    if (session->state == CLOSED)
        part(session);
}

void connector_session_close(struct connector_session *session)
{
    end(session);
    if (session->socket)
        conn_on_gone(session->socket, NULL, NULL); /* what was said last leaves without us */
    session->socket = NULL;
    part(session);
}

static void over(struct connector_session *session, const struct error *why)
{
    char ip[IP_TEXT_SIZE];
    if (session->state == CLOSED)
        return;
    ip_format(&session->handover->from, ip);
    log_debug(loop_log(session->loop), "Connector connection is over", LOG_ERROR(why),
              LOG_TEXT("ip", ip));
    end(session);
}

static void over_text(struct connector_session *session, enum error_kind kind, const char *text)
{
    struct error why;
    error_set(&why, kind, 0, "%s", text);
    over(session, &why);
}

/* ---- draining ---- */

/* Only the control stream is left, and the connector does not end it: TCP is ours to close. */
static void on_idle(void *arg)
{
    struct connector_session *session = arg;
    if (session->state != DRAINING)
        return;
    if (session->control.over || h2_session_streams(session->h2) == 0 ||
        (!timer_is_armed(&session->deadline) && !timer_start(&session->deadline, SESSION_LEAVE_MS)))
        over_text(session, ERROR_NONE, "drained");
}

/* No new requests as soon as no worker sends any more: until then one that crosses finds it here.
 * Closes when the open ones are finished. A connector of the peer must not be told by GOAWAY (it
 * would turn into a zombie): TCP is closed when its streams are done. */
static void drain(struct connector_session *session)
{
    enter(session, DRAINING);
    tell_leaving(session);
}

static void wait_for_streams(struct connector_session *session)
{
    if (session->state == DRAINING && !session->claim)
        h2_session_tell_idle(session->h2, session->control.over ? 0 : 1);
}

/* ---- what the head says ---- */

static void on_granted(void *arg)
{
    struct connector_session *session = arg;
    struct error err;
    struct registered *entry = &session->entry;
    session->handover->visit.asked = true;
    enter(session, GRANTED);
    entry->tunnel_id = session->claim->listed.tunnel_id;
    entry->connection_id = session->claim->listed.connection_id;
    entry->session = session->h2;
    h2_session_trust(session->h2);
    bool ok = registry_add(session->worker->registry, entry, &err);
    claim_added(session->claim, ok);
}

static void on_serving(void *arg)
{
    struct connector_session *session = arg;
    struct error err;
    const struct connection_details details = {
        .uuid = session->entry.connection_id,
        .location = span_of(session->worker->team->options->hostname)};
    enter(session, SERVING);
    conn_set_bulk(h2_session_conn(session->h2));
    timer_stop(&session->deadline);
    if (!registration_server_accept(session->rpc, &details, &err))
        over(session, &err);
}

static void refuse(struct connector_session *session, const struct registration_refusal *refusal)
{
    struct error err;
    enter(session, LEAVING);
    leave(session);
    session->handover->visit.excused = refusal->should_retry; /* the edge's own reasons */
    error_memory(&err);
    if (!timer_start(&session->deadline, SESSION_LEAVE_MS) ||
        !registration_server_refuse(session->rpc, refusal, &err))
        over(session, &err);
}

static void on_refused(void *arg)
{
    struct connector_session *session = arg;
    const struct claim *claim = session->claim;
    const struct registration_refusal refusal = {
        .cause = span_of(claim->cause),
        .should_retry = claim->should_retry,
        .retry_after_ns = (int64_t)claim->retry_after_ms * 1000000,
    };
    refuse(session, &refusal);
}

static void alive(void *arg)
{
    struct connector_session *session = arg;
    if (session->probed && !session->leaves)
        claim_alive(session->claim);
    session->probed = false;
}

static void on_probe(void *arg)
{
    struct connector_session *session = arg;
    struct error err;
    if (session->leaves)
        return; /* the head hears of that */
    session->probed = true;
    if (!h2_session_ping(session->h2, SESSION_PROBE_MS, alive, &err))
        over(session, &err);
}

/* A newer one takes its place. */
static void on_drain(void *arg)
{
    struct connector_session *session = arg;
    if (session->state == SERVING)
        drain(session);
    else if (session->state == GRANTED)
        over_text(session, ERROR_NONE, "a newer connection took its place");
}

static void on_drop(void *arg)
{
    over_text(arg, ERROR_DENIED, "the tunnel's connections were ended by its owner");
}

static void tell_unregistered(struct connector_session *session)
{
    struct error err;
    if (!registration_server_unregistered(session->rpc, &err))
        over(session, &err);
}

static void on_left(void *arg)
{
    struct connector_session *session = arg;
    session->claim = NULL;
    registry_remove(session->worker->registry, &session->entry);
    if (session->unregisters)
        tell_unregistered(session);
    wait_for_streams(session);
}

static const struct claim_events claim_events = {
    on_granted, on_refused, on_serving, on_probe, on_drain, on_drop, on_left,
};

/* ---- the registration ---- */

static void on_register(void *arg, const struct registration_params *params)
{
    struct connector_session *session = arg;
    static const struct registration_refusal overloaded = {
        .cause = SPAN_INIT("the edge is overloaded"),
        .should_retry = true,
        .retry_after_ns = 10LL * 1000 * 1000 * 1000,
    };
    enter(session, CHECKING);
    session->claim =
        claim_new(session->worker, params, &session->handover->from, &claim_events, session);
    if (!session->claim)
        refuse(session, &overloaded);
}

static void on_local_configuration(void *arg, struct span json)
{
    struct connector_session *session = arg;
    log_debug(loop_log(session->loop), "Local configuration of a connector",
              LOG_INT("bytes", json.len));
}

static void on_unregister(void *arg)
{
    struct connector_session *session = arg;
    if (session->state == SERVING)
        drain(session);
    session->unregisters = session->claim != NULL;
    if (!session->unregisters)
        tell_unregistered(session);
}

/* It took leave without a word: it can unregister no more. The stream's end follows or does not. */
static void on_rpc_closed(void *arg, struct span reason)
{
    struct connector_session *session = arg;
    (void)reason;
    if (session->state == SERVING)
        drain(session);
    else if (session->state != DRAINING && session->state != LEAVING)
        over_text(session, ERROR_NETWORK, "the connector took its leave");
}

static void on_rpc_failed(void *arg, const struct error *err)
{
    struct connector_session *session = arg;
    if (session->state != DRAINING && session->state != LEAVING)
        over(session, err);
}

static void rpc_send(void *arg, struct span bytes)
{
    struct connector_session *session = arg;
    control_pipe_say(&session->control, bytes);
}

static const struct registration_server_events rpc_events = {
    rpc_send, on_register, on_local_configuration, on_unregister, on_rpc_closed, on_rpc_failed,
};

/* ---- the control stream ---- */

static void on_control_bytes(void *arg, struct span bytes)
{
    struct connector_session *session = arg;
    registration_server_feed(session->rpc, bytes);
}

static void on_control_ended(void *arg)
{
    struct connector_session *session = arg;
    if (session->state == SERVING)
        drain(session);
    if (session->state == DRAINING)
        wait_for_streams(session);
    else if (session->state != CLOSED)
        over_text(session, ERROR_NETWORK, "the control stream ended");
}

static void on_control_failed(void *arg, const struct error *why)
{
    over(arg, why);
}

static const struct control_pipe_events control_events = {on_control_bytes, on_control_ended,
                                                          on_control_failed};

/* ---- the connection ---- */

static void on_request(void *arg, struct inbound *in)
{
    (void)arg;
    inbound_close(in); /* a client is asked nothing */
}

static void on_goaway(void *arg, uint32_t code)
{
    struct connector_session *session = arg;
    (void)code;
    if (session->state == SERVING)
        drain(session);
}

static void on_session_closed(void *arg, const struct error *why)
{
    over(arg, why);
}

/* Its machine may be gone, or the way there. Who can be served by another one need not wait. */
static void on_doubt(void *arg, bool waited)
{
    struct connector_session *session = arg;
    const struct edge_worker *worker = session->worker;
    const struct uuid *tunnel_id = &session->entry.tunnel_id;
    if (session->state != SERVING)
        return;
    if (waited && (registry_has_other(worker->registry, &session->entry) ||
                   hops_find(worker->hops, tunnel_id, 0) != HOP_NONE))
        h2_session_move_on(session->h2);
    else
        registry_probe(worker->registry, tunnel_id);
}

static const struct h2_session_events h2_events = {.on_request = on_request,
                                                   .on_goaway = on_goaway,
                                                   .on_idle = on_idle,
                                                   .on_closed = on_session_closed,
                                                   .on_doubt = on_doubt};

static void on_open(void *arg)
{
    struct connector_session *session = arg;
    struct error err = {0};
    const struct h2_options options = {.head_max = SESSION_HEAD_MAX,
                                       .is_guarded = true,
                                       .takes_interim = true,
                                       .doubts = true,
                                       .budget = &session->worker->budget};
    struct conn *conn = session->conn;
    session->conn = NULL;
    conn_set_stall_limit(conn, SESSION_STALL_MS);
    enter(session, OPENING);
    session->h2 = h2_session_new(conn, &options, &h2_events, session, &err);
    if (!session->h2 || !control_pipe_open(&session->control, session->h2, &err) ||
        !timer_start(&session->deadline, SESSION_REGISTER_MS))
        over(session, &err);
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    (void)arg;
    (void)data;
    (void)len;
    return 0;
}

static void on_end(void *arg)
{
    over_text(arg, ERROR_NETWORK, "closed before the handshake");
}

static void on_room(void *arg)
{
    (void)arg;
}

static void on_lost(void *arg, const struct error *why)
{
    over(arg, why);
}

static const struct conn_events conn_events = {on_open, on_bytes, on_end, on_room, on_lost};

static void late(void *arg)
{
    struct connector_session *session = arg;
    if (session->state == LEAVING || session->state == DRAINING)
        over_text(session, ERROR_NONE, "left");
    else
        over_text(session, ERROR_TIMEOUT, "no registration in time");
}

static bool begin(struct connector_session *session, struct error *err)
{
    session->rpc = registration_server_new(&rpc_events, session);
    if (!control_pipe_init(&session->control, session->loop, &control_events, session) ||
        !session->rpc)
        return error_memory(err);
    if (session->worker->tls)
        return conn_start_tls(session->conn, edge_tls_tunnel(session->worker->tls), NULL,
                              SESSION_TLS_MS, err);
    task_post(&session->shaken);
    return true;
}

bool connector_session_start(struct edge_worker *worker, struct handover *handover,
                             struct error *err)
{
    struct connector_session *session = calloc(1, sizeof *session);
    sockets_tune(handover->fd, 0);
    error_memory(err);
    struct conn *conn = conn_new(worker->loop, handover->fd, &conn_events, session, err);
    handover->fd = -1;
    if (!session || !conn) {
        conn_close(conn);
        free(session);
        handover->visit.excused = true;
        handover_back(handover);
        return false;
    }
    session->worker = worker;
    session->loop = worker->loop;
    session->handover = handover;
    session->conn = session->socket = conn;
    conn_on_gone(conn, on_gone, session);
    timer_init(&session->deadline, worker->loop, late, session);
    task_init(&session->shaken, worker->loop, TASK_SOON, on_open, session);
    list_put_last(&worker->sessions, &session->link);
    if (begin(session, err))
        return true;
    connector_session_close(session);
    return false;
}
