/* One request to an HTTP/2 origin:
 *
 *   WAITING --on_session--> SENT --on_answer--> ANSWERING --on_done--> ENDED
 *           --on_http1--> PASSED: it is the HTTP/1.1 origin's, whose words are passed on
 *   SENT --on_failed, may be repeated--> WAITING
 *   any of them --fail--> ENDED
 *   any of them --close--> CLOSED */
#include "culvert/origin/http2_origin.h"
#include "culvert/origin/h2_pool.h"

#include "http_origin_parts.h"

#include <stdlib.h>

struct http2_origin {
    struct opener opener;
    struct loop *loop;
    struct http_origin *http1;
    struct tls_context *tls; /* NULL: in clear */
    struct h2_pool *pool;
    size_t open; /* outbounds that were not closed */
};

enum state { WAITING, SENT, PASSED, ANSWERING, ENDED, CLOSED, STATES };

static const unsigned followers[STATES] = {
    [WAITING] = BIT(SENT) | BIT(PASSED) | BIT(ENDED) | BIT(CLOSED),
    [SENT] = BIT(WAITING) | BIT(ANSWERING) | BIT(ENDED) | BIT(CLOSED),
    [PASSED] = BIT(CLOSED),
    [ANSWERING] = BIT(ENDED) | BIT(CLOSED),
    [ENDED] = BIT(CLOSED),
    [CLOSED] = 0,
};

struct http2_outbound {
    struct outbound out;
    struct http2_origin *origin;
    enum state state;
    struct request_head head; /* as the origin sees it */
    struct body *body;
    struct channel *kept; /* a copy of it, while the stream may be refused; NULL: there is none */
    struct body again;    /* the same on its way once more */
    struct h2_seat seat;
    struct h2_session *session; /* that it was sent over, while it has no answer */
    struct outbound *sent;      /* of the session, or of the HTTP/1.1 origin */
    bool was_used;              /* the session had streams before */
    unsigned refusals;          /* of streams of it */
    bool repeated;              /* after a loss */
    struct reap reap;
};

static void enter(struct http2_outbound *call, enum state next)
{
    assert(followers[call->state] & BIT(next));
    call->state = next;
}

static const char *name_of(const struct http2_outbound *call)
{
    return http_origin_options(call->origin->http1)->name;
}

/* ---- the end ---- */

static void fail(struct http2_outbound *call, const struct error *why)
{
    call->out.is_unsent = call->state == WAITING;
    enter(call, ENDED);
    call->out.events->on_failed(call->out.arg, why);
}

static void destroy(void *object)
{
    struct http2_outbound *call = object;
    request_head_release(&call->head);
    channel_free(call->kept);
    channel_free(call->again.bytes);
    free(call);
}

/* It is never sent again; thousands of streams may be open for long. */
static void forget_request(struct http2_outbound *call)
{
    request_head_release(&call->head);
    request_head_init(&call->head);
    channel_free(call->kept);
    call->kept = NULL;
}

static void out_close(struct outbound *out)
{
    struct http2_outbound *call = CONTAINER_OF(out, struct http2_outbound, out);
    if (call->state == CLOSED)
        return;
    h2_seat_leave(&call->seat);
    outbound_close(call->sent);
    call->sent = NULL;
    enter(call, CLOSED);
    call->origin->open--;
    loop_reap(call->origin->loop, &call->reap, destroy, call);
}

static const struct outbound_ops outbound_ops = {out_close};

/* ---- the stream speaks ---- */

static void on_inform(void *arg, const struct response_head *head)
{
    struct http2_outbound *call = arg;
    call->out.events->on_inform(call->out.arg, head);
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct http2_outbound *call = arg;
    enter(call, ANSWERING);
    forget_request(call);
    call->out.events->on_answer(call->out.arg, head, body);
}

static void on_done(void *arg)
{
    struct http2_outbound *call = arg;
    enter(call, ENDED);
    call->out.events->on_done(call->out.arg);
}

static bool join(struct http2_outbound *call, struct error *err);

static bool is_body_whole(const struct http2_outbound *call)
{
    const struct channel *bytes = call->body->bytes;
    return call->head.ends_here || channel_total(bytes) == channel_len(bytes);
}

/* A channel with nothing but that text. NULL: memory. */
static struct channel *channel_of(const struct http2_outbound *call, struct span text)
{
    struct budget *budget = http_origin_options(call->origin->http1)->budget;
    struct channel *bytes = channel_new(HTTP2_ORIGIN_COPY_MAX, HTTP2_ORIGIN_COPY_MAX, NULL, budget);
    if (!bytes)
        return NULL;
    bool ok = channel_put(bytes, text.data, text.len) == text.len;
    channel_end(bytes);
    if (ok)
        return bytes;
    channel_free(bytes);
    return NULL;
}

/* A server that says GOAWAY refuses what was under way to it, small calls with their bodies. */
static void keep_body(struct http2_outbound *call)
{
    const struct channel *bytes = call->body->bytes;
    struct span text = channel_peek(bytes);
    if (!call->kept && !call->head.ends_here && channel_is_ended(bytes) && text.len > 0 &&
        text.len == channel_total(bytes) && text.len <= HTTP2_ORIGIN_COPY_MAX &&
        call->body->trailers.count == 0)
        call->kept = channel_of(call, text);
}

/* The body as it was at first. False: it is gone. */
static bool restore_body(struct http2_outbound *call)
{
    if (is_body_whole(call))
        return true;
    struct channel *bytes = call->kept ? channel_of(call, channel_peek(call->kept)) : NULL;
    if (!bytes)
        return false;
    channel_close(call->again.bytes, call->origin->loop);
    call->again = (struct body){.bytes = bytes, .length = call->body->length};
    call->body = &call->again;
    return true;
}

/* Nobody looked at it, or repeating does no harm. */
static bool may_repeat(struct http2_outbound *call, const struct error *why)
{
    if (call->state != SENT)
        return false;
    if (why->kind == ERROR_LIMIT)
        return ++call->refusals <= HTTP2_ORIGIN_REFUSALS_MAX && restore_body(call);
    bool is_lost = call->was_used && !call->repeated && h2_session_is_lost(call->session);
    call->repeated |= is_lost;
    return is_lost && http_origin_may_repeat(&call->head) && restore_body(call);
}

/* What the origin did to the stream, in a word. */
static const char *label_of(const struct http2_outbound *call, const struct error *why)
{
    if (why->kind == ERROR_LIMIT)
        return "busy";
    if (why->kind == ERROR_PROTOCOL)
        return "malformed";
    if (call->state == ANSWERING)
        return "cut";
    return why->kind == ERROR_NETWORK ? "closed" : error_kind_name(why->kind);
}

static void on_failed(void *arg, const struct error *why)
{
    struct http2_outbound *call = arg;
    const char *label = label_of(call, why);
    struct error told = *why;
    if (may_repeat(call, why)) {
        outbound_close(call->sent);
        call->sent = NULL;
        call->seat.behind = h2_pool_newest(call->origin->pool);
        enter(call, WAITING);
        if (join(call, &told))
            return;
    }
    error_wrap(&told, "%s", name_of(call));
    error_label(&told, label);
    fail(call, &told);
}

static const struct outbound_events stream_events = {
    .on_inform = on_inform, .on_answer = on_answer, .on_done = on_done, .on_failed = on_failed};

/* ---- the HTTP/1.1 origin speaks, of a request that it has now ---- */

static void on_passed_answer(void *arg, struct response_head *head, struct body *body)
{
    struct http2_outbound *call = arg;
    call->out.events->on_answer(call->out.arg, head, body);
}

static void on_passed_done(void *arg)
{
    struct http2_outbound *call = arg;
    call->out.events->on_done(call->out.arg);
}

static void on_passed_failed(void *arg, const struct error *why)
{
    struct http2_outbound *call = arg;
    call->out.is_unsent = call->sent->is_unsent;
    call->out.events->on_failed(call->out.arg, why);
}

static const struct outbound_events passed_events = {.on_inform = on_inform,
                                                     .on_answer = on_passed_answer,
                                                     .on_done = on_passed_done,
                                                     .on_failed = on_passed_failed};

/* ---- the pool speaks ---- */

static void on_session(void *arg, struct h2_session *session, bool was_used)
{
    struct http2_outbound *call = arg;
    struct error why;
    call->was_used = was_used;
    call->session = session;
    keep_body(call);
    call->sent = h2_session_open(session, &call->head, call->body, &stream_events, call, &why);
    if (call->sent) {
        enter(call, SENT);
        return;
    }
    error_wrap(&why, "%s", name_of(call));
    fail(call, &why);
}

static void on_http1(void *arg)
{
    struct http2_outbound *call = arg;
    struct error why;
    call->sent = opener_open(http_origin_opener_as_is(call->origin->http1), &call->head, call->body,
                             &passed_events, call, &why);
    if (!call->sent) {
        fail(call, &why);
        return;
    }
    enter(call, PASSED);
    forget_request(call);
}

static void on_no_session(void *arg, const struct error *why)
{
    struct http2_outbound *call = arg;
    struct error told = *why;
    error_wrap(&told, "dial %s", name_of(call));
    fail(call, &told);
}

static bool join(struct http2_outbound *call, struct error *err)
{
    struct http2_origin *origin = call->origin;
    char *server_name = http_origin_server_name(origin->http1, &call->head, err);
    bool ok = server_name && h2_pool_join(origin->pool, &call->seat, server_name, err);
    free(server_name);
    return ok;
}

/* ---- the beginning ---- */

static bool set_scheme(struct request_head *head, struct span scheme, struct error *err)
{
    buf_clear(&head->scheme);
    return buf_put_span(&head->scheme, scheme) || error_memory(err);
}

static bool escape_target(struct request_head *head, struct error *err)
{
    struct buf whole = BUF_LIMIT(TARGET_MAX);
    if (!target_escape(buf_span(&head->target), &whole)) {
        buf_release(&whole);
        return error_set(err, ERROR_LIMIT, 0, "no room for the target and its escapes");
    }
    buf_release(&head->target);
    head->target = whole;
    return true;
}

static struct outbound *origin_open(struct opener *opener, const struct request_head *head,
                                    struct body *body, const struct outbound_events *events,
                                    void *arg, struct error *err)
{
    static const struct h2_seat_events seat_events = {on_session, on_http1, on_no_session};
    struct http2_origin *origin = CONTAINER_OF(opener, struct http2_origin, opener);
    if (head->is_websocket) /* its upgrade is one of HTTP/1.1 */
        return opener_open(http_origin_opener(origin->http1), head, body, events, arg, err);
    struct http2_outbound *call = calloc(1, sizeof *call);
    if (!call) {
        error_memory(err);
        return NULL;
    }
    call->out = (struct outbound){&outbound_ops, events, arg};
    call->origin = origin;
    call->body = body;
    call->seat.events = &seat_events;
    call->seat.arg = call;
    request_head_init(&call->head);
    if (!rewrite_request(&call->head, head, &http_origin_options(origin->http1)->rewrite, err) ||
        !set_scheme(&call->head, origin->tls ? SPAN("https") : SPAN("http"), err) ||
        !escape_target(&call->head, err) || !join(call, err)) {
        destroy(call);
        return NULL;
    }
    origin->open++;
    return &call->out;
}

/* ---- the origin itself ---- */

static struct h2_pool *new_pool(struct http2_origin *origin, struct error *err)
{
    const struct http_origin_options *http = http_origin_options(origin->http1);
    const struct h2_pool_options options = {
        .line = http_origin_line(origin->http1),
        .target = http_origin_target(origin->http1, origin->tls),
        .resolver = http->resolver,
        .idle_limit = http->idle_limit,
        .idle_ms = http->idle_ms,
        .budget = http->budget,
    };
    return h2_pool_new(origin->loop, &options, err);
}

struct http2_origin *http2_origin_new(struct loop *loop, const struct http2_origin_options *options,
                                      struct error *err)
{
    static const struct opener_ops ops = {origin_open};
    struct http2_origin *origin = calloc(1, sizeof *origin);
    if (!origin) {
        error_memory(err);
        return NULL;
    }
    origin->opener.ops = &ops;
    origin->loop = loop;
    origin->tls = options->tls ? tls_context_ref(options->tls) : NULL;
    origin->http1 = http_origin_new(loop, &options->http, err);
    origin->pool = origin->http1 ? new_pool(origin, err) : NULL;
    if (origin->pool)
        return origin;
    http2_origin_free(origin);
    return NULL;
}

struct opener *http2_origin_opener(struct http2_origin *origin)
{
    return &origin->opener;
}

size_t http2_origin_sessions(const struct http2_origin *origin)
{
    return h2_pool_count(origin->pool);
}

void http2_origin_free(struct http2_origin *origin)
{
    if (!origin)
        return;
    assert(origin->open == 0);
    h2_pool_free(origin->pool);
    http_origin_free(origin->http1);
    tls_context_unref(origin->tls);
    free(origin);
}
