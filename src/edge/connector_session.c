/* The edge's side of one HA connection.
 *
 *   SHAKING --TLS--> OPENING --register--> CHECKING --the secret fits--> SERVING
 *   CHECKING --an older equal connection--> PROBING --it is dead--> SERVING
 *   OPENING, CHECKING, PROBING --refused--> LEAVING
 *   SERVING --unregister, or the end of its control stream--> DRAINING
 *   any --connection lost, time over, drained, left--> CLOSED */
#include "culvert/edge/connector_session.h"

#include "culvert/http/h2_session.h"
#include "culvert/net/sockets.h"
#include "culvert/rpc/registration_server.h"
#include "culvert/tunnel/stream_kind.h"

#include "peer_text.h"
#include "secret_check.h"

#include <assert.h>

enum state { SHAKING, OPENING, CHECKING, PROBING, SERVING, LEAVING, DRAINING, CLOSED, STATES };

static const unsigned next_states[STATES] = {
    [SHAKING] = BIT(OPENING) | BIT(CLOSED),
    [OPENING] = BIT(CHECKING) | BIT(LEAVING) | BIT(CLOSED),
    [CHECKING] = BIT(PROBING) | BIT(SERVING) | BIT(LEAVING) | BIT(CLOSED),
    [PROBING] = BIT(SERVING) | BIT(LEAVING) | BIT(CLOSED),
    [SERVING] = BIT(DRAINING) | BIT(CLOSED),
    [LEAVING] = BIT(CLOSED),
    [DRAINING] = BIT(CLOSED),
    [CLOSED] = 0,
};

enum {
    CONTROL_OUT_MAX = 64 * 1024,
    CONTROL_OUT_RESERVE = 16 * 1024, /* no answer of ours is longer: below it we do not read on */
};

struct connector_session {
    const struct session_shared *shared;
    struct loop *loop;
    struct link link;
    enum state state;
    struct conn *conn; /* while shaking hands; then the session's */
    struct h2_session *h2;
    struct outbound *control;
    bool control_over;
    struct body out;         /* what we say on the control stream */
    struct body *control_in; /* what the connector says; NULL before its answer */
    struct registration_server *rpc;
    struct registered entry;
    bool replaces; /* an equal connection that is alive, too */
    struct secret_check *check;
    struct connector_session *older; /* we wait for a sign of its life */
    struct connector_session *newer; /* waits for a sign of ours */
    struct timer deadline;
    struct task look;
    struct reap reap;
};

static void enter(struct connector_session *session, enum state next)
{
    assert(next_states[session->state] & BIT(next));
    session->state = next;
}

struct link *connector_session_link(struct connector_session *session)
{
    return &session->link;
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
    channel_free(session->out.bytes);
    headers_release(&session->out.trailers);
    free(session);
}

static void accept_connection(struct connector_session *session);

/* Whoever waited to see whether this one lives knows now. */
static void release_probes(struct connector_session *session)
{
    struct connector_session *newer = session->newer;
    if (session->older)
        session->older->newer = NULL;
    session->older = NULL;
    session->newer = NULL;
    if (!newer)
        return;
    newer->older = NULL;
    if (newer->state == PROBING)
        accept_connection(newer);
}

static void release(struct connector_session *session)
{
    registry_remove(session->shared->registry, &session->entry);
    timer_stop(&session->deadline);
    task_cancel(&session->look);
    secret_check_forget(session->check);
    session->check = NULL;
    if (session->control_in)
        channel_set_taker(session->control_in->bytes, NULL, NULL);
    session->control_in = NULL;
    h2_session_close(session->h2); /* sends what was said last */
    session->h2 = NULL;
    outbound_close(session->control);
    session->control = NULL;
    conn_close(session->conn);
    session->conn = NULL;
}

void connector_session_close(struct connector_session *session)
{
    if (session->state == CLOSED)
        return;
    enter(session, CLOSED);
    release(session);
    release_probes(session);
    loop_reap(session->loop, &session->reap, destroy, session);
}

static void over(struct connector_session *session, const struct error *why)
{
    char ip[IP_TEXT_SIZE];
    if (session->state == CLOSED)
        return;
    ip_format(&session->entry.origin, ip);
    log_debug(loop_log(session->loop), "Connector connection is over", LOG_ERROR(why),
              LOG_TEXT("ip", ip));
    connector_session_close(session);
    session->shared->on_over(session->shared->arg, session);
}

static void over_text(struct connector_session *session, enum error_kind kind, const char *text)
{
    struct error why;
    error_set(&why, kind, 0, "%s", text);
    over(session, &why);
}

/* ---- draining and leaving ---- */

/* Only the control stream is left, and the connector does not end it: TCP is ours to close. */
static void on_idle(void *arg)
{
    struct connector_session *session = arg;
    if (session->state != DRAINING)
        return;
    if (session->control_over || h2_session_streams(session->h2) == 0 ||
        (!timer_is_armed(&session->deadline) && !timer_start(&session->deadline, SESSION_LEAVE_MS)))
        over_text(session, ERROR_NONE, "drained");
}

void connector_session_drain(struct connector_session *session)
{
    if (session->state != SERVING) {
        over_text(session, ERROR_NONE, "the edge stops");
        return;
    }
    enter(session, DRAINING);
    registry_remove(session->shared->registry, &session->entry);
    release_probes(session);
    h2_session_tell_idle(session->h2, session->control_over ? 0 : 1);
}

/* Who waits for its place is no connection of a deleted tunnel either. */
static void drop(void *arg)
{
    static const char why[] = "the tunnel's connections were ended by its owner";
    struct connector_session *session = arg;
    if (session->newer)
        over_text(session->newer, ERROR_DENIED, why);
    over_text(session, ERROR_DENIED, why);
}

static void refuse(struct connector_session *session, const char *cause, bool should_retry,
                   uint64_t retry_after_ms)
{
    struct error err;
    char ip[IP_TEXT_SIZE];
    char tunnel[UUID_TEXT_SIZE];
    const struct registration_refusal refusal = {
        .cause = span_of(cause),
        .should_retry = should_retry,
        .retry_after_ns = (int64_t)retry_after_ms * 1000000,
    };
    ip_format(&session->entry.origin, ip);
    uuid_format(&session->entry.tunnel_id, tunnel);
    log_warn(loop_log(session->loop), "Refused a registration", LOG_TEXT("error", cause),
             LOG_TEXT("ip", ip), LOG_TEXT("tunnelID", tunnel));
    session->shared->on_registration(session->shared->arg, &session->entry, cause);
    enter(session, LEAVING);
    error_memory(&err);
    if (!timer_start(&session->deadline, SESSION_LEAVE_MS) ||
        !registration_server_refuse(session->rpc, &refusal, &err))
        over(session, &err);
}

/* ---- the registration ---- */

static void accept_connection(struct connector_session *session)
{
    struct error err;
    char ip[IP_TEXT_SIZE];
    char tunnel[UUID_TEXT_SIZE];
    struct registered *entry = &session->entry;
    entry->connection_id = uuid_make();
    entry->opened_ms = loop_unix_ms(session->loop);
    entry->session = session->h2;
    const struct connection_details details = {.uuid = entry->connection_id,
                                               .location = span_of(session->shared->location)};
    if (!registry_add(session->shared->registry, entry, &err)) {
        refuse(session, err.text, true, 30 * 1000);
        return;
    }
    enter(session, SERVING);
    timer_stop(&session->deadline);
    if (!registration_server_accept(session->rpc, &details, &err)) {
        over(session, &err);
        return;
    }
    ip_format(&entry->origin, ip);
    uuid_format(&entry->tunnel_id, tunnel);
    log_info(loop_log(session->loop), "Connector registered", LOG_INT("connIndex", entry->index),
             LOG_TEXT("ip", ip), LOG_TEXT("tunnelID", tunnel), LOG_TEXT("version", entry->version));
    session->shared->on_registration(session->shared->arg, entry, NULL);
}

/* The older connection of the same connector and index lives. */
static void older_lives(void *arg)
{
    struct connector_session *session = arg;
    struct connector_session *newer = session->newer;
    session->newer = NULL;
    if (!newer)
        return;
    newer->older = NULL;
    if (newer->state == PROBING)
        refuse(newer, REGISTRATION_CAUSE_DUPLICATE, true, 0);
}

static void probe_older(struct connector_session *session, struct connector_session *older)
{
    struct error err;
    if (older->newer) {
        refuse(session, REGISTRATION_CAUSE_DUPLICATE, true, 0);
        return;
    }
    enter(session, PROBING);
    session->older = older;
    older->newer = session;
    if (!h2_session_ping(older->h2, SESSION_PROBE_MS, older_lives, &err))
        over(older, &err);
}

static void checked(void *arg, enum secret_verdict verdict, const struct error *why)
{
    struct connector_session *session = arg;
    session->check = NULL;
    if (verdict == SECRET_UNKNOWN) {
        log_error(loop_log(session->loop), "The store does not answer", LOG_ERROR(why));
        refuse(session, "the edge cannot read its store", true, 5 * 1000);
        return;
    }
    if (verdict == SECRET_WRONG) {
        refuse(session, REGISTRATION_CAUSE_UNAUTHORIZED ": unknown tunnel or wrong secret", false,
               0);
        return;
    }
    const struct registry *registry = session->shared->registry;
    struct registered *same = registry_find(registry, &session->entry);
    for (; same && session->replaces; same = registry_find(registry, &session->entry))
        connector_session_drain(CONTAINER_OF(same, struct connector_session, entry));
    if (same)
        probe_older(session, CONTAINER_OF(same, struct connector_session, entry));
    else
        accept_connection(session);
}

static void on_register(void *arg, const struct registration_params *params)
{
    struct connector_session *session = arg;
    struct registered *entry = &session->entry;
    entry->tunnel_id = params->tunnel_id;
    entry->client_id = params->client_id;
    entry->index = params->index;
    entry->attempts = params->attempts;
    session->replaces = params->replace_existing;
    peer_text_keep(entry->version, sizeof entry->version, params->version);
    peer_text_keep(entry->arch, sizeof entry->arch, params->arch);
    peer_text_keep_list(entry->features, sizeof entry->features, params->features,
                        params->feature_count);
    enter(session, CHECKING);
    session->check = secret_check_start(session->shared->store_jobs, session->shared->db, params,
                                        checked, session);
    if (!session->check)
        refuse(session, "the edge is overloaded", true, 10 * 1000);
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
    struct error err;
    if (session->state == SERVING)
        connector_session_drain(session);
    if (session->state != CLOSED && !registration_server_unregistered(session->rpc, &err))
        over(session, &err);
}

/* It took leave without a word: it can unregister no more. The stream's end follows or does not. */
static void on_rpc_closed(void *arg, struct span reason)
{
    struct connector_session *session = arg;
    (void)reason;
    if (session->state == SERVING)
        connector_session_drain(session);
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
    if (channel_put(session->out.bytes, bytes.data, bytes.len) < bytes.len)
        task_post(&session->look);
}

static const struct registration_server_events rpc_events = {
    rpc_send, on_register, on_local_configuration, on_unregister, on_rpc_closed, on_rpc_failed,
};

/* ---- the control stream ---- */

static void control_ended(struct connector_session *session)
{
    session->control_over = true;
    channel_end(session->out.bytes);
    if (session->state == SERVING)
        connector_session_drain(session);
    if (session->state == DRAINING)
        h2_session_tell_idle(session->h2, 0);
    else if (session->state != CLOSED)
        over_text(session, ERROR_NETWORK, "the control stream ended");
}

static void on_open(void *arg);

static void look(void *arg)
{
    struct connector_session *session = arg;
    if (session->state == SHAKING) {
        on_open(session); /* without TLS there is no handshake to wait for */
        return;
    }
    if (channel_room(session->out.bytes) == 0) {
        over_text(session, ERROR_LIMIT, "the connector does not read its control stream");
        return;
    }
    while (session->control_in && session->state != CLOSED &&
           channel_room(session->out.bytes) >= CONTROL_OUT_RESERVE) {
        struct span part = span_first(channel_peek(session->control_in->bytes), 4096);
        if (part.len == 0)
            break;
        registration_server_feed(session->rpc, part);
        if (session->control_in)
            channel_drop(session->control_in->bytes, part.len);
    }
    if (session->control_in && channel_is_done(session->control_in->bytes)) {
        channel_set_taker(session->control_in->bytes, NULL, NULL);
        session->control_in = NULL;
        control_ended(session);
    }
}

static void on_filled(void *arg)
{
    struct connector_session *session = arg;
    task_post(&session->look);
}

static void on_drained(void *arg, size_t bytes)
{
    (void)bytes;
    on_filled(arg);
}

static const struct channel_events control_taker = {on_filled};

static void on_control_inform(void *arg, const struct response_head *head)
{
    (void)arg;
    (void)head;
}

static void on_control_answer(void *arg, struct response_head *head, struct body *body)
{
    struct connector_session *session = arg;
    if (head->status != 200 || !body) {
        over_text(session, ERROR_PROTOCOL, "the connector refused the control stream");
        return;
    }
    session->control_in = body;
    channel_set_taker(body->bytes, &control_taker, session);
    task_post(&session->look);
}

static void on_control_done(void *arg)
{
    (void)arg; /* look sees the end behind the last bytes */
}

static void on_control_failed(void *arg, const struct error *why)
{
    struct connector_session *session = arg;
    (void)why;
    if (session->control_in)
        channel_set_taker(session->control_in->bytes, NULL, NULL);
    session->control_in = NULL;
    control_ended(session);
}

static const struct outbound_events control_events = {on_control_inform, on_control_answer,
                                                      on_control_done, on_control_failed};

static bool open_control(struct connector_session *session, struct error *err)
{
    struct request_head head;
    request_head_init(&head);
    head.length = LENGTH_UNKNOWN;
    bool ok = buf_put_span(&head.method, SPAN("GET")) &&
              buf_put_span(&head.scheme, SPAN("https")) &&
              buf_put_span(&head.authority, SPAN("control.invalid")) &&
              buf_put_span(&head.target, SPAN("/")) &&
              stream_kind_mark(&head, STREAM_CONTROL, SPAN_NONE, err);
    if (ok) {
        session->control =
            h2_session_open(session->h2, &head, &session->out, &control_events, session, err);
        ok = session->control != NULL;
    } else if (err->kind == ERROR_NONE) {
        error_memory(err);
    }
    request_head_release(&head);
    return ok;
}

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
        connector_session_drain(session);
}

static void on_session_closed(void *arg, const struct error *why)
{
    over(arg, why);
}

static const struct h2_session_events h2_events = {on_request, on_goaway, on_idle,
                                                   on_session_closed};

static void on_open(void *arg)
{
    struct connector_session *session = arg;
    struct error err = {0};
    const struct h2_options options = {.head_max = SESSION_HEAD_MAX,
                                       .budget = session->shared->budget};
    struct conn *conn = session->conn;
    session->conn = NULL;
    conn_set_stall_limit(conn, SESSION_STALL_MS);
    enter(session, OPENING);
    session->h2 = h2_session_new(conn, &options, &h2_events, session, &err);
    if (!session->h2 || !open_control(session, &err) ||
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
    headers_init(&session->out.trailers);
    session->out.length = LENGTH_UNKNOWN;
    session->out.bytes = channel_new(CONTROL_OUT_MAX / 2, CONTROL_OUT_MAX, NULL, NULL);
    session->rpc = registration_server_new(&rpc_events, session);
    if (!session->out.bytes || !session->rpc)
        return error_memory(err);
    channel_set_drained(session->out.bytes, on_drained, session);
    if (session->shared->tls)
        return conn_start_tls(session->conn, session->shared->tls, NULL, SESSION_TLS_MS, err);
    task_post(&session->look);
    return true;
}

struct connector_session *connector_session_start(const struct session_shared *shared, int fd,
                                                  const struct ip_address *from, struct error *err)
{
    struct connector_session *session = calloc(1, sizeof *session);
    sockets_tune(fd, 0);
    error_memory(err);
    struct conn *conn = conn_new(shared->loop, fd, &conn_events, session, err);
    if (!session || !conn) {
        conn_close(conn);
        free(session);
        return NULL;
    }
    session->entry.origin = *from;
    session->shared = shared;
    session->loop = shared->loop;
    session->conn = conn;
    session->entry.drop = drop;
    session->entry.arg = session;
    timer_init(&session->deadline, shared->loop, late, session);
    task_init(&session->look, shared->loop, TASK_SOON, look, session);
    if (begin(session, err))
        return session;
    connector_session_close(session);
    return NULL;
}
