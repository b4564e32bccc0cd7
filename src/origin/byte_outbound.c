/* One request for the bytes of an origin:
 *
 *   begin --a place is known--> DIALING --on_connected: answer--> JOINED, or GREETING first
 *         --SOCKS: answer--> GREETING --CONNECT: dial--> DIALING_ASKED --on_connected--> JOINED
 *                            GREETING, connected before, --CONNECT--> JOINED
 *   JOINED --both directions ended, the origin broke off, bad frames--> ENDED
 *   any of them --byte_fail--> ENDED, and --out_close--> CLOSED
 *
 * The client's side is a ws_link, or for raw bytes its two channels as they are. What is said while
 * it greets is in byte_socks.c. */
#include "byte_internal.h"

#include "culvert/origin/visitor.h"

#include <assert.h>
#include <stdlib.h>

static const unsigned followers[BYTE_STATES] = {
    [BYTE_DIALING] = BIT(BYTE_GREETING) | BIT(BYTE_JOINED) | BIT(BYTE_ENDED) | BIT(BYTE_CLOSED),
    [BYTE_GREETING] =
        BIT(BYTE_DIALING_ASKED) | BIT(BYTE_JOINED) | BIT(BYTE_ENDED) | BIT(BYTE_CLOSED),
    [BYTE_DIALING_ASKED] = BIT(BYTE_JOINED) | BIT(BYTE_ENDED) | BIT(BYTE_CLOSED),
    [BYTE_JOINED] = BIT(BYTE_ENDED) | BIT(BYTE_CLOSED),
    [BYTE_ENDED] = BIT(BYTE_CLOSED),
    [BYTE_CLOSED] = 0,
};

static bool is_framed(const struct byte_outbound *call)
{
    return call->route->options->kind != TCP_ORIGIN_PRIVATE;
}

void byte_enter(struct byte_outbound *call, enum byte_state next)
{
    assert(followers[call->state] & BIT(next));
    call->state = next;
}

/* ---- the way to the origin ---- */

/* From the line to the connection. A stream needs it for a moment, and lasts long. */
struct byte_approach {
    struct origin_place place;
    struct dial *dial; /* NULL: it waits */
    struct ip_address visitor;
    uint16_t port;
    bool names_visitor;
    char host[];
};

static void end_approach(struct byte_outbound *call)
{
    struct byte_approach *approach = call->approach;
    if (!approach)
        return;
    call->approach = NULL;
    origin_place_leave_dial(&approach->place, approach->dial, NULL);
    free(approach);
}

/* ---- the end ---- */

static void end(struct byte_outbound *call)
{
    if (call->state >= BYTE_ENDED)
        return;
    byte_enter(call, BYTE_ENDED);
    timer_stop(&call->quiet);
    end_approach(call); /* its client left while it was dialed */
    task_post(&call->tell);
}

void byte_fail(struct byte_outbound *call, const struct error *why)
{
    struct error told = *why;
    if (call->state >= BYTE_ENDED)
        return;
    error_wrap(&told, "%s", call->route->options->name);
    call->why = error_keep(&told);
    call->out.is_unsent = call->state == BYTE_DIALING;
    end(call);
}

void byte_finish_failed(struct byte_outbound *call, const struct error *why, enum ws_code code)
{
    struct error told = *why;
    if (call->state >= BYTE_ENDED)
        return;
    error_wrap(&told, "%s", call->route->options->name);
    call->out.fault = error_keep(&told);
    byte_finish(call, code);
}

static void fail_for_memory(struct byte_outbound *call)
{
    struct error why;
    error_memory(&why);
    byte_fail(call, &why);
}

/* All that was said was given on, or is on its way. */
void byte_finish(struct byte_outbound *call, enum ws_code code)
{
    if (call->state >= BYTE_ENDED)
        return;
    if (is_framed(call))
        ws_link_finish(call->link, code);
    else
        channel_end(call->answer.bytes);
    end(call);
}

/* Bytes of the side that may still speak: those that came, and those that went on. */
static uint64_t count_moved(const struct byte_outbound *call)
{
    const struct channel *bytes = call->client_ended ? call->answer.bytes : call->in;
    return 2 * channel_total(bytes) - channel_len(bytes);
}

static void wait_quietly(struct byte_outbound *call)
{
    uint64_t ms = call->client_ended ? TCP_ORIGIN_LAST_WORDS_MS : TCP_ORIGIN_CLOSE_MS;
    call->moved = count_moved(call);
    if (!timer_start(&call->quiet, ms))
        byte_finish(call, WS_CODE_NORMAL);
}

static void judge_quiet(void *arg)
{
    struct byte_outbound *call = arg;
    if (call->state == BYTE_JOINED && count_moved(call) != call->moved)
        wait_quietly(call);
    else
        byte_finish(call, WS_CODE_NORMAL);
}

/* One direction ended, for which the other one waits no longer than that is of use. */
static void half_close(struct byte_outbound *call, bool by_close)
{
    if (call->client_ended && call->origin_ended) {
        byte_finish(call, WS_CODE_NORMAL);
        return;
    }
    if (is_framed(call) && by_close)
        wait_quietly(call);
    if (call->out.events->on_half_closed)
        call->out.events->on_half_closed(call->out.arg);
}

/* ---- toward the origin ---- */

static void on_client_end(void *arg, bool by_close)
{
    struct byte_outbound *call = arg;
    call->client_ended = true;
    if (call->state != BYTE_JOINED) {
        byte_finish(call, WS_CODE_NORMAL);
        return;
    }
    conn_end(call->conn);
    half_close(call, by_close);
}

/* Raw bytes; of frames that is the link's work. */
static void pump(struct byte_outbound *call)
{
    while (call->state == BYTE_JOINED && channel_len(call->in) > 0) {
        size_t room = conn_room(call->conn);
        if (room == 0 || !conn_put_from(call->conn, call->in, &room))
            return; /* a conn that is lost says so itself */
    }
    if (call->state == BYTE_JOINED && channel_is_done(call->in) && !call->client_ended)
        on_client_end(call, false);
}

static void on_filled(void *arg)
{
    pump(arg);
}

/* ---- the client's side ---- */

static size_t room(void *arg)
{
    struct byte_outbound *call = arg;
    if (call->state == BYTE_GREETING)
        return socks_wants(call->socks);
    if (call->state == BYTE_JOINED)
        return conn_room(call->conn);
    return call->state == BYTE_ENDED ? SIZE_MAX : 0;
}

static void on_payload(void *arg, const void *data, size_t len)
{
    struct byte_outbound *call = arg;
    if (call->state == BYTE_GREETING)
        byte_socks_take(call, data, len);
    else if (call->state == BYTE_JOINED)
        (void)conn_put(call->conn, data, len); /* a conn that is lost says so itself */
}

static void on_broken(void *arg, const struct error *why)
{
    struct byte_outbound *call = arg;
    if (why->kind == ERROR_SYSTEM) {
        byte_fail(call, why);
        return;
    }
    log_info(loop_log(call->route->loop), "A client broke its stream off", LOG_ERROR(why),
             LOG_TEXT("originService", call->route->options->name));
    byte_finish(call, WS_CODE_PROTOCOL);
}

/* ---- toward the client ---- */

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct byte_outbound *call = arg;
    if (call->state == BYTE_ENDED)
        return len; /* nobody is left for it */
    if (call->state != BYTE_JOINED)
        return 0;
    size_t taken = is_framed(call) ? ws_link_put(call->link, data, len)
                                   : channel_put(call->answer.bytes, data, len);
    if (channel_is_broken(call->answer.bytes))
        fail_for_memory(call);
    return taken;
}

static void on_end(void *arg)
{
    struct byte_outbound *call = arg;
    if (call->state != BYTE_JOINED)
        return;
    call->origin_ended = true;
    if (is_framed(call))
        ws_link_finish(call->link, WS_CODE_NORMAL);
    else
        channel_end(call->answer.bytes);
    half_close(call, true);
}

static void on_lost(void *arg, const struct error *why)
{
    struct byte_outbound *call = arg;
    if (call->state >= BYTE_ENDED)
        return;
    struct error told = *why;
    if (why->kind == ERROR_NETWORK)
        error_label(&told, "cut");
    if (is_framed(call))
        byte_finish_failed(call, &told, WS_CODE_FAILED);
    else
        byte_fail(call, &told);
}

static void on_open(void *arg)
{
    (void)arg;
}

static void on_room(void *arg)
{
    struct byte_outbound *call = arg;
    if (is_framed(call))
        ws_link_run(call->link);
    else
        pump(call);
}

static size_t wants(void *arg)
{
    const struct byte_outbound *call = arg;
    if (call->state != BYTE_JOINED)
        return CHANNEL_LIMIT;
    size_t size = channel_read_size(call->answer.bytes);
    size_t room = is_framed(call) ? ws_link_room(call->link) : size;
    return room < size ? room : size;
}

static const struct conn_events conn_events = {on_open, on_bytes, on_end, on_room, on_lost, wants};

/* ---- the answer ---- */

static bool put_fields(const struct byte_outbound *call, struct response_head *head)
{
    return !call->has_accept ||
           (headers_add(&head->fields, SPAN("Connection"), SPAN("Upgrade"), NULL) &&
            headers_add(&head->fields, SPAN("Sec-Websocket-Accept"), span_of(call->accept), NULL) &&
            headers_add(&head->fields, SPAN("Upgrade"), SPAN("websocket"), NULL));
}

/* The client's side begins. */
static bool start_client(struct byte_outbound *call)
{
    static const struct ws_link_events link_events = {room, on_payload, on_client_end, on_broken};
    static const struct channel_events raw_events = {on_filled};
    if (is_framed(call))
        return ws_link_start(call->link, call->route->loop, call->in, call->answer.bytes,
                             &link_events, call);
    channel_set_taker(call->in, &raw_events, call);
    task_post(&call->tell);
    return true;
}

/* Says 101; what comes of it may be that it is closed. */
static void answer(struct byte_outbound *call)
{
    struct response_head head;
    struct gate *gate = call->conn ? conn_gate(call->conn) : NULL;
    response_head_init(&head);
    head.status = 101;
    head.length = LENGTH_UNKNOWN;
    head.ends_here = call->is_head;
    call->answer.length = LENGTH_UNKNOWN;
    call->answer.bytes =
        channel_new(CHANNEL_LOW, CHANNEL_LIMIT, gate, call->route->options->budget);
    if (!call->answer.bytes || !put_fields(call, &head) ||
        (!call->is_head && !start_client(call)) ||
        (call->socks && !timer_start(&call->quiet, TCP_ORIGIN_GREETING_MS))) {
        response_head_release(&head);
        fail_for_memory(call);
        return;
    }
    if (call->socks && call->conn)
        gate_hold(gate, HOLD_OPENING);
    byte_enter(call, call->socks ? BYTE_GREETING : BYTE_JOINED);
    if (call->is_head)
        end(call);
    call->out.events->on_answer(call->out.arg, &head, call->is_head ? NULL : &call->answer);
    response_head_release(&head);
}

/* ---- dialing ---- */

/* Where a jump host or a SOCKS proxy went is what its operator asks first. */
static void log_connected(const struct byte_outbound *call)
{
    const struct log *log = loop_log(call->route->loop);
    struct ip_address address;
    char at[IP_TEXT_SIZE];
    if (!log_enabled(log, LEVEL_DEBUG))
        return;
    conn_peer_address(call->conn, &address);
    ip_format(&address, at);
    log_debug(log, "Stream connected", LOG_TEXT("originService", call->route->options->name),
              LOG_TEXT("address", at));
}

static void on_connected(void *arg, struct conn *conn)
{
    struct byte_outbound *call = arg;
    call->approach->dial = NULL;
    end_approach(call);
    call->conn = conn;
    log_connected(call);
    conn_set_events(conn, &conn_events, call);
    if (call->route->options->stall_ms > 0)
        conn_set_stall_limit(conn, call->route->options->stall_ms);
    if (call->state == BYTE_DIALING) {
        answer(call);
        return;
    }
    channel_set_reader(call->answer.bytes, conn_gate(conn));
    byte_socks_join(call);
}

static void not_connected(struct byte_outbound *call, const struct error *why)
{
    end_approach(call);
    if (call->state == BYTE_DIALING)
        byte_fail(call, why);
    else
        byte_socks_fail(call, why);
}

static void on_dial_failed(void *arg, const struct error *why)
{
    struct byte_outbound *call = arg;
    call->approach->dial = NULL;
    not_connected(call, why);
}

static void on_turn(void *arg, struct h1_client *client)
{
    static const struct dial_events dial_events = {on_connected, on_dial_failed};
    struct byte_outbound *call = arg;
    const struct tcp_origin_options *options = call->route->options;
    struct byte_approach *approach = call->approach;
    struct error why;
    const struct dial_target target = {
        .host = approach->host,
        .port = approach->port,
        .connect_ms = options->connect_ms,
        .keepalive_seconds = options->keepalive_seconds,
        .one_by_one = options->one_by_one,
        .permits = call->route->policy ? ip_policy_permits : NULL,
        .permits_arg = call->route->policy,
        .proxy = approach->names_visitor ? options->proxy : PROXY_NONE,
        .visitor = &approach->visitor,
    };
    assert(!client); /* there are none in this line */
    approach->dial =
        dial_start(call->route->loop, options->resolver, &target, &dial_events, call, &why);
    if (!approach->dial)
        not_connected(call, &why);
}

static void on_late(void *arg, const struct error *why)
{
    not_connected(arg, why);
}

bool byte_dial(struct byte_outbound *call, const char *host, uint16_t port,
               const struct request_head *head, struct error *err)
{
    static const struct origin_place_events events = {on_turn, on_late};
    size_t size = strlen(host) + 1;
    /* Only the private network's own address stands for them; elsewhere clients say any name. */
    if (call->route->options->kind != TCP_ORIGIN_PRIVATE &&
        strcmp(host, RESOLVER_NAME_SERVERS) == 0)
        return error_set(err, ERROR_INVALID, 0, "\"%s\" is no host", host);
    struct byte_approach *approach = calloc(1, sizeof *approach + size);
    if (!approach)
        return error_memory(err);
    memcpy(approach->host, host, size);
    approach->port = port;
    approach->names_visitor = head && call->route->options->proxy != PROXY_NONE;
    if (approach->names_visitor)
        visitor_find(&head->fields, &approach->visitor);
    approach->place =
        (struct origin_place){.is_fresh = true, .server_name = "", .events = &events, .arg = call};
    if (!origin_line_join(call->route->line, &approach->place, err)) {
        free(approach);
        return false;
    }
    call->approach = approach;
    return true;
}

/* ---- beginning and closing ---- */

static void tell(void *arg)
{
    struct byte_outbound *call = arg;
    if (call->state == BYTE_DIALING)
        answer(call);
    else if (call->state == BYTE_JOINED)
        pump(call);
    else if (call->state == BYTE_ENDED && call->why)
        call->out.events->on_failed(call->out.arg, call->why);
    else if (call->state == BYTE_ENDED)
        call->out.events->on_done(call->out.arg);
}

static void destroy(void *object)
{
    struct byte_outbound *call = object;
    error_drop(call->why);
    error_drop(call->out.fault);
    free(call->socks);
    headers_release(&call->answer.trailers);
    free(call);
}

/* Is something that the client said known not to reach the origin? */
static bool is_cut(const struct byte_outbound *call)
{
    bool is_partial = is_framed(call) && !ws_link_is_between(call->link);
    return !call->client_ended &&
           (is_partial || channel_len(call->in) > 0 || conn_queued(call->conn) > 0);
}

/* An origin that got a part only must not take it for all. */
static void close_conn(struct byte_outbound *call, bool well)
{
    if (!call->conn)
        return;
    if (well) {
        conn_close_lingering(call->conn);
        return;
    }
    if (is_cut(call))
        conn_reset(call->conn);
    conn_close(call->conn);
}

static void out_close(struct outbound *out)
{
    struct byte_outbound *call = CONTAINER_OF(out, struct byte_outbound, out);
    const struct byte_route *route = call->route;
    if (call->state == BYTE_CLOSED)
        return;
    bool well = call->state == BYTE_ENDED && !call->why && call->client_ended;
    byte_enter(call, BYTE_CLOSED);
    end_approach(call);
    timer_stop(&call->quiet);
    task_cancel(&call->tell);
    close_conn(call, well);
    if (is_framed(call))
        ws_link_stop(call->link);
    else
        channel_set_taker(call->in, NULL, NULL);
    channel_close(call->answer.bytes, route->loop);
    loop_reap(route->loop, &call->reap, destroy, call);
    route->closed(route->arg);
}

static bool take_request(struct byte_outbound *call, const struct byte_request *request)
{
    struct span key = SPAN_NONE;
    call->in = request->body->bytes;
    call->is_head = request_is(request->head, SPAN("HEAD"));
    if (call->route->options->greets)
        call->socks = calloc(1, sizeof *call->socks);
    (void)headers_find(&request->head->fields, SPAN("Sec-WebSocket-Key"), &key);
    call->has_accept = key.len > 0;
    return (call->socks || !call->route->options->greets) &&
           (!call->has_accept || ws_accept(key, call->accept));
}

struct outbound *byte_outbound_open(const struct byte_route *route,
                                    const struct byte_request *request, const char *host,
                                    uint16_t port, struct error *err)
{
    static const struct outbound_ops ops = {.close = out_close};
    bool framed = route->options->kind != TCP_ORIGIN_PRIVATE;
    struct byte_outbound *call = NULL;
    call = calloc(1, sizeof *call + (framed ? sizeof call->link[0] : 0));
    if (!call) {
        error_memory(err);
        return NULL;
    }
    call->out = (struct outbound){&ops, request->events, request->arg};
    call->route = route;
    headers_init(&call->answer.trailers);
    timer_init(&call->quiet, route->loop, judge_quiet, call);
    task_init(&call->tell, route->loop, TASK_SOON, tell, call);
    bool ok = take_request(call, request) || error_memory(err);
    if (ok && host)
        ok = byte_dial(call, host, port, request->head, err);
    else if (ok)
        task_post(&call->tell);
    if (ok)
        return &call->out;
    destroy(call);
    return NULL;
}
