/* One request to an HTTP/1.1 origin:
 *
 *   WAITING --choose: is there a body?--> QUEUED
 *   QUEUED --on_turn, a kept connection--> SENT
 *          --on_turn, none: dial--> DIALING --on_connected--> SENT
 *   SENT --on_answer--> ANSWERING --on_done--> ENDED
 *        --on_failed, may be repeated--> QUEUED
 *   any of them --fail--> ENDED
 *   any of them --close--> CLOSED
 *
 * The connection stays with the request until close: the answer's body lives in it. */
#include "culvert/origin/http_origin.h"
#include "culvert/http/h1_client.h"
#include "culvert/origin/visitor.h"

#include "gather.h"
#include "http_origin_parts.h"

#include <stdlib.h>

struct http_origin {
    struct opener opener, opener_as_is;
    struct loop *loop;
    struct http_origin_options options; /* texts are ours */
    char *name, *host, *unix_path, *server_name;
    struct dial_proxy by; /* host NULL: nobody is asked to connect us */
    struct origin_line *line;
    size_t open; /* outbounds that were not closed */
};

enum state { WAITING, QUEUED, DIALING, SENT, ANSWERING, ENDED, CLOSED, STATES };

static const unsigned followers[STATES] = {
    [WAITING] = BIT(QUEUED) | BIT(ENDED) | BIT(CLOSED),
    [QUEUED] = BIT(DIALING) | BIT(SENT) | BIT(ENDED) | BIT(CLOSED),
    [DIALING] = BIT(SENT) | BIT(ENDED) | BIT(CLOSED),
    [SENT] = BIT(QUEUED) | BIT(ANSWERING) | BIT(ENDED) | BIT(CLOSED),
    [ANSWERING] = BIT(ENDED) | BIT(CLOSED),
    [ENDED] = BIT(CLOSED),
    [CLOSED] = 0,
};

/* What is needed as long as the request may yet be sent. */
struct opening {
    struct request_head head; /* as the origin sees it */
    struct channel *awaited;  /* the body's; it may have let go of them before we hear of it */
    struct timer wait;        /* for the first of them */
    struct task choose;
    struct origin_place place;
    struct dial *dial;
};

struct http_outbound {
    struct outbound out;
    struct http_origin *origin;
    enum state state;
    bool reused;             /* the connection had a request before */
    struct opening *opening; /* NULL: it is over. Thousands of requests may rest in their answers */
    struct body *body;
    struct gather *gather; /* of an origin that wants to know the length; NULL: none */
    char *server_name;     /* "" without TLS */
    char *own_key;         /* of connections that are one visitor's; NULL: server_name is it */
    struct h1_client *client;
    struct outbound *sent; /* of the client */
    struct body *answer_body;
    struct reap reap;
};

static void enter(struct http_outbound *call, enum state next)
{
    assert(followers[call->state] & BIT(next));
    call->state = next;
}

/* ---- the end ---- */

static void fail(struct http_outbound *call, const struct error *why)
{
    call->out.is_unsent =
        call->state < SENT || (call->state == SENT && !h1_client_wrote_any(call->client));
    enter(call, ENDED);
    call->out.events->on_failed(call->out.arg, why);
}

/* It is never sent again. */
static void end_opening(struct http_outbound *call)
{
    if (call->opening)
        request_head_release(&call->opening->head);
    free(call->opening);
    call->opening = NULL;
}

static void destroy(void *object)
{
    struct http_outbound *call = object;
    if (!call)
        return;
    end_opening(call);
    gather_release(call->gather);
    free(call->gather);
    error_drop(call->out.fault); /* of an upgrade that broke */
    free(call->server_name);
    free(call->own_key);
    free(call);
}

/* Requests of one key may use the same connections. */
static const char *key_of(const struct http_outbound *call)
{
    return call->own_key ? call->own_key : call->server_name;
}

/* Keeps the connection for the next request, or closes it. */
static void let_go(struct http_outbound *call)
{
    struct h1_client *client = call->client;
    bool taken = !call->answer_body || channel_is_done(call->answer_body->bytes);
    call->client = NULL;
    outbound_close(call->sent);
    if (taken && h1_client_is_reusable(client))
        origin_line_give(call->origin->line, client, key_of(call));
    else
        h1_client_close(client);
}

static void stop_waiting(struct opening *opening)
{
    timer_stop(&opening->wait);
    task_cancel(&opening->choose);
    if (opening->awaited)
        channel_set_taker(opening->awaited, NULL, NULL);
    opening->awaited = NULL;
}

static void out_close(struct outbound *out)
{
    struct http_outbound *call = CONTAINER_OF(out, struct http_outbound, out);
    if (call->state == CLOSED)
        return;
    gather_stop(call->gather);
    if (call->opening) {
        stop_waiting(call->opening);
        origin_place_leave_dial(&call->opening->place, call->opening->dial,
                                call->origin->options.budget);
        call->opening->dial = NULL;
    }
    if (call->client)
        let_go(call);
    enter(call, CLOSED);
    call->origin->open--;
    loop_reap(call->origin->loop, &call->reap, destroy, call);
}

static const struct outbound_ops outbound_ops = {out_close};

/* ---- over a new connection ---- */

static bool send_over(struct http_outbound *call, struct h1_client *client, struct error *err);

static void on_connected(void *arg, struct conn *conn)
{
    struct http_outbound *call = arg;
    struct error why;
    call->opening->dial = NULL;
    origin_place_leave(&call->opening->place);
    struct h1_client *client = h1_client_new(conn, call->origin->options.budget, &why);
    if (client && send_over(call, client, &why))
        return;
    h1_client_close(client);
    error_wrap(&why, "%s", call->origin->name);
    fail(call, &why);
}

static void on_dial_failed(void *arg, const struct error *why)
{
    struct http_outbound *call = arg;
    struct error told = *why;
    call->opening->dial = NULL;
    origin_place_leave(&call->opening->place);
    error_wrap(&told, "dial %s", call->origin->name);
    fail(call, &told);
}

static const struct dial_events dial_events = {on_connected, on_dial_failed};

static bool dial(struct http_outbound *call, struct error *err)
{
    struct http_origin *origin = call->origin;
    struct dial_target target = http_origin_target(origin, origin->options.tls);
    struct ip_address visitor = {.len = 0};
    if (target.proxy != PROXY_NONE)
        visitor_find(&call->opening->head.fields, &visitor);
    target.server_name = target.tls ? call->server_name : NULL;
    target.visitor = &visitor;
    call->reused = false;
    call->opening->dial =
        dial_start(origin->loop, origin->options.resolver, &target, &dial_events, call, err);
    if (!call->opening->dial)
        return error_wrap(err, "dial %s", call->origin->name);
    enter(call, DIALING);
    return true;
}

/* ---- the connection speaks ---- */

/* Did the origin give up the connection before it knew of the request? Nobody can tell for sure,
 * but repeating does no harm then. */
static bool was_stale(const struct http_outbound *call, const struct error *why)
{
    return why->kind != ERROR_INVALID && call->state == SENT && call->reused &&
           !h1_client_heard_any(call->client) && !h1_client_took_body(call->client) &&
           (http_origin_may_repeat(&call->opening->head) || !h1_client_wrote_any(call->client));
}

/* What the origin did on a connection, in a word. */
static const char *label_of(const struct http_outbound *call, const struct error *why)
{
    if (why->kind == ERROR_PROTOCOL || why->kind == ERROR_LIMIT)
        return "malformed";
    if (call->state == ANSWERING)
        return "cut";
    return why->kind == ERROR_NETWORK ? "closed" : error_kind_name(why->kind);
}

static void on_inform(void *arg, const struct response_head *head)
{
    struct http_outbound *call = arg;
    call->out.events->on_inform(call->out.arg, head);
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct http_outbound *call = arg;
    enter(call, ANSWERING);
    end_opening(call);
    call->answer_body = body;
    call->out.events->on_answer(call->out.arg, head, body);
}

/* Names the origin in what the connection says. */
static struct error tell_of(const struct http_outbound *call, const struct error *why)
{
    struct error told = *why;
    error_wrap(&told, call->reused ? "%s over a kept connection" : "%s", call->origin->name);
    error_label(&told, label_of(call, why));
    return told;
}

static void on_done(void *arg)
{
    struct http_outbound *call = arg;
    const struct error *fault = call->sent->fault;
    const struct error told = fault ? tell_of(call, fault) : (struct error){0};
    call->out.fault = fault ? error_keep(&told) : NULL;
    enter(call, ENDED);
    call->out.events->on_done(call->out.arg);
}

static void on_failed(void *arg, const struct error *why)
{
    struct http_outbound *call = arg;
    if (was_stale(call, why)) {
        outbound_close(call->sent);
        h1_client_close(call->client);
        call->client = NULL;
        call->opening->place.is_fresh = true;
        enter(call, QUEUED);
        origin_line_join_again(call->origin->line, &call->opening->place);
        return;
    }
    const struct error told = tell_of(call, why);
    fail(call, &told);
}

static void on_half_closed(void *arg)
{
    struct http_outbound *call = arg;
    if (call->out.events->on_half_closed)
        call->out.events->on_half_closed(call->out.arg);
}

static const struct outbound_events client_events = {on_inform, on_answer, on_done, on_failed,
                                                     on_half_closed};

/* ---- the beginning ---- */

static bool send_over(struct http_outbound *call, struct h1_client *client, struct error *err)
{
    call->sent =
        h1_client_send(client, &call->opening->head, call->body, &client_events, call, err);
    if (!call->sent)
        return false;
    call->client = client;
    enter(call, SENT);
    if (!call->reused)
        end_opening(call);
    return true;
}

/* Over a kept connection. One that has ended meanwhile costs nothing but another turn. */
static void send_over_kept(struct http_outbound *call, struct h1_client *client)
{
    struct error why;
    call->reused = true;
    if (send_over(call, client, &why))
        return;
    if (why.kind == ERROR_NETWORK) {
        h1_client_close(client);
        origin_line_join_again(call->origin->line, &call->opening->place);
        return;
    }
    origin_line_give(call->origin->line, client, key_of(call));
    error_wrap(&why, "%s", call->origin->name);
    fail(call, &why);
}

static void on_turn(void *arg, struct h1_client *client)
{
    struct http_outbound *call = arg;
    struct error why;
    if (client) {
        send_over_kept(call, client);
    } else if (!dial(call, &why)) {
        origin_place_leave(&call->opening->place);
        fail(call, &why);
    }
}

static void on_late(void *arg, const struct error *why)
{
    struct http_outbound *call = arg;
    struct error told = *why;
    error_wrap(&told, "dial %s", call->origin->name);
    fail(call, &told);
}

static const struct origin_place_events place_events = {on_turn, on_late};

static bool begin(struct http_outbound *call, struct error *err)
{
    struct origin_place *place = &call->opening->place;
    place->server_name = key_of(call);
    place->events = &place_events;
    place->arg = call;
    if (!origin_line_join(call->origin->line, place, err))
        return error_wrap(err, "dial %s", call->origin->name);
    enter(call, QUEUED);
    return true;
}

/* Runs when the body's first byte or its end is there, or the time for it is over. */
static void choose(void *arg)
{
    struct http_outbound *call = arg;
    struct request_head *head = &call->opening->head;
    struct error why;
    stop_waiting(call->opening);
    if (channel_is_done(call->body->bytes) && call->body->trailers.count == 0) {
        head->ends_here = true;
        head->length = 0;
    }
    if (!begin(call, &why))
        fail(call, &why);
}

static void on_filled(void *arg)
{
    struct http_outbound *call = arg;
    task_post(&call->opening->choose);
}

static const struct channel_events body_events = {on_filled};

static void gathered(void *arg, const struct error *why)
{
    struct http_outbound *call = arg;
    struct error told;
    if (why) {
        fail(call, why);
        return;
    }
    call->body = &call->gather->whole;
    call->opening->head.length = call->body->length;
    call->opening->head.ends_here = call->body->length == 0;
    if (!begin(call, &told))
        fail(call, &told);
}

/* What follows an upgrade is no body: nothing of it comes before the answer. */
static bool is_gathered(const struct http_outbound *call)
{
    const struct request_head *head = &call->opening->head;
    return call->origin->options.needs_length && !head->ends_here && !head->is_websocket &&
           head->length == LENGTH_UNKNOWN;
}

static bool gather(struct http_outbound *call)
{
    call->gather = calloc(1, sizeof *call->gather);
    if (!call->gather)
        return false;
    call->gather->done = gathered;
    call->gather->arg = call;
    return gather_start(call->gather, call->origin->loop, call->body, call->origin->options.budget);
}

static bool start(struct http_outbound *call, struct error *err)
{
    struct opening *opening = call->opening;
    if (is_gathered(call))
        return gather(call) || error_memory(err);
    if (!http_origin_doubts_body(&opening->head))
        return begin(call, err);
    if (!timer_start(&opening->wait, HTTP_ORIGIN_BODY_WAIT_MS))
        return error_memory(err);
    opening->awaited = call->body->bytes;
    channel_set_taker(opening->awaited, &body_events, call);
    if (channel_len(call->body->bytes) > 0 || channel_is_ended(call->body->bytes))
        task_post(&call->opening->choose);
    return true;
}

/* A connection that named its visitor serves nobody else. */
static bool name_visitor(struct http_outbound *call, struct error *err)
{
    if (call->origin->options.proxy == PROXY_NONE)
        return true;
    call->own_key = visitor_key(&call->opening->head.fields, call->server_name);
    return call->own_key || error_memory(err);
}

/* Takes `call` in every case; its head, if it has one, is the origin's. */
static struct outbound *start_call(struct http_outbound *call, bool has_head, struct error *err)
{
    if (call && has_head)
        call->server_name = http_origin_server_name(call->origin, &call->opening->head, err);
    if (!call || !has_head || !call->server_name || !name_visitor(call, err) || !start(call, err)) {
        destroy(call);
        return NULL;
    }
    call->origin->open++;
    return &call->out;
}

static struct http_outbound *new_call(struct http_origin *origin, struct body *body,
                                      const struct outbound_events *events, void *arg,
                                      struct error *err)
{
    struct http_outbound *call = calloc(1, sizeof *call);
    struct opening *opening = calloc(1, sizeof *opening);
    if (!call || !opening) {
        free(call);
        free(opening);
        error_memory(err);
        return NULL;
    }
    call->out = (struct outbound){&outbound_ops, events, arg};
    call->origin = origin;
    call->opening = opening;
    call->body = body;
    timer_init(&opening->wait, origin->loop, choose, call);
    task_init(&opening->choose, origin->loop, TASK_SOON, choose, call);
    request_head_init(&opening->head);
    return call;
}

static struct outbound *origin_open(struct opener *opener, const struct request_head *head,
                                    struct body *body, const struct outbound_events *events,
                                    void *arg, struct error *err)
{
    struct http_origin *origin = CONTAINER_OF(opener, struct http_origin, opener);
    struct http_outbound *call = new_call(origin, body, events, arg, err);
    const struct rewrite_options *rules = &origin->options.rewrite;
    return start_call(call, call && rewrite_request(&call->opening->head, head, rules, err), err);
}

static struct outbound *origin_open_as_is(struct opener *opener, const struct request_head *head,
                                          struct body *body, const struct outbound_events *events,
                                          void *arg, struct error *err)
{
    struct http_origin *origin = CONTAINER_OF(opener, struct http_origin, opener_as_is);
    struct http_outbound *call = new_call(origin, body, events, arg, err);
    return start_call(call, call && request_head_copy(&call->opening->head, head, err), err);
}

/* ---- the origin itself ---- */

static bool copy_text(char **to, const char *from)
{
    *to = from ? span_dup(span_of(from)) : NULL;
    return *to || !from;
}

/* Either the proxy connects us, or it is given whole targets. */
static void go_by_proxy(struct http_origin *origin)
{
    struct http_origin_options *options = &origin->options;
    const struct outgoing_proxy *by = options->by;
    if (options->tls || options->by_connect) {
        origin->by = (struct dial_proxy){by->host, by->port, by->authorization};
        return;
    }
    options->rewrite.proxied_host = options->host;
    options->rewrite.proxied_port = options->port;
    options->rewrite.proxy_authorization = by->authorization;
}

struct http_origin *http_origin_new(struct loop *loop, const struct http_origin_options *options,
                                    struct error *err)
{
    static const struct opener_ops ops = {origin_open};
    static const struct opener_ops ops_as_is = {origin_open_as_is};
    struct http_origin *origin = calloc(1, sizeof *origin);
    if (!origin) {
        error_memory(err);
        return NULL;
    }
    origin->opener.ops = &ops;
    origin->opener_as_is.ops = &ops_as_is;
    origin->loop = loop;
    origin->options = *options;
    origin->options.tls = options->tls ? tls_context_ref(options->tls) : NULL;
    bool copied = copy_text(&origin->name, options->name) &&
                  copy_text(&origin->host, options->host) &&
                  copy_text(&origin->unix_path, options->unix_path) &&
                  copy_text(&origin->server_name, options->server_name);
    origin->options.name = origin->name;
    origin->options.host = origin->host;
    origin->options.unix_path = origin->unix_path;
    origin->options.server_name = origin->server_name;
    if (options->by)
        go_by_proxy(origin);
    const struct origin_line_options line = {.idle_limit = options->idle_limit,
                                             .idle_ms = options->idle_ms,
                                             .wait_ms = options->connect_ms};
    origin->line = origin_line_new(loop, &line, err);
    if (copied && origin->line)
        return origin;
    error_memory(err);
    http_origin_free(origin);
    return NULL;
}

struct opener *http_origin_opener(struct http_origin *origin)
{
    return &origin->opener;
}

struct opener *http_origin_opener_as_is(struct http_origin *origin)
{
    return &origin->opener_as_is;
}

const struct http_origin_options *http_origin_options(const struct http_origin *origin)
{
    return &origin->options;
}

struct origin_line *http_origin_line(struct http_origin *origin)
{
    return origin->line;
}

struct dial_target http_origin_target(const struct http_origin *origin, struct tls_context *tls)
{
    const struct http_origin_options *options = &origin->options;
    bool is_whole = options->rewrite.proxied_host != NULL;
    return (struct dial_target){
        .host = is_whole ? options->by->host : options->host,
        .port = is_whole ? options->by->port : options->port,
        .by = origin->by.host ? &origin->by : NULL,
        .unix_path = options->unix_path,
        .connect_ms = options->connect_ms,
        .keepalive_seconds = options->keepalive_seconds,
        .one_by_one = options->one_by_one,
        .tls = tls,
        .tls_ms = options->tls_ms,
        .proxy = options->proxy,
    };
}

size_t http_origin_idle(const struct http_origin *origin)
{
    return origin_line_idle(origin->line);
}

void http_origin_free(struct http_origin *origin)
{
    if (!origin)
        return;
    assert(origin->open == 0);
    origin_line_free(origin->line);
    tls_context_unref(origin->options.tls);
    free(origin->name);
    free(origin->host);
    free(origin->unix_path);
    free(origin->server_name);
    free(origin);
}
