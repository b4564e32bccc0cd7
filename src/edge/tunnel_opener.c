/* A request on its way through a tunnel: over a connection of this worker, else over a hop to a
 * worker that has one. If the connection dies before any byte of an answer came and the request may
 * be repeated, it goes once to another connection, here or there. */
#include "culvert/edge/tunnel_opener.h"

#include "culvert/edge/hop_opener.h"
#include "culvert/http/h2_life.h"
#include "culvert/tunnel/response_meta.h"
#include "culvert/tunnel/stream_kind.h"
#include "culvert/tunnel/user_headers.h"

struct tunnel_outbound {
    struct outbound out;
    struct tunnel_opener *opener;
    struct request_head head; /* kept for the retry */
    struct body *body;
    struct outbound *stream;
    struct uuid used;       /* the id of the connection that was tried; nil: none, or not known */
    uint64_t asked, vacant; /* workers that were asked; those of them that have no connection */
    bool over_hop;
    struct hop_opener hop; /* the last one */
    bool reached;          /* it may have come to a connector */
    bool answered;         /* by any byte, one of an interim answer, too */
    bool retried, closed, failed;
    struct error why; /* of a failure that is told in a task */
    struct task fail;
    struct reap reap;
};

static void destroy(void *object)
{
    struct tunnel_outbound *tunnel = object;
    request_head_release(&tunnel->head);
    free(tunnel);
}

static void out_close(struct outbound *out)
{
    struct tunnel_outbound *tunnel = CONTAINER_OF(out, struct tunnel_outbound, out);
    if (tunnel->closed)
        return;
    tunnel->closed = true;
    task_cancel(&tunnel->fail);
    outbound_close(tunnel->stream);
    tunnel->stream = NULL;
    loop_reap(tunnel->opener->worker->loop, &tunnel->reap, destroy, tunnel);
}

static void out_upgraded(struct outbound *out)
{
    outbound_upgraded(CONTAINER_OF(out, struct tunnel_outbound, out)->stream);
}

static const struct outbound_ops ops = {out_close, out_upgraded};

static void tell_failed(void *arg)
{
    struct tunnel_outbound *tunnel = arg;
    if (!tunnel->closed)
        tunnel->out.events->on_failed(tunnel->out.arg, &tunnel->why);
}

static void fail_later(struct tunnel_outbound *tunnel, const struct error *why)
{
    if (tunnel->failed)
        return;
    tunnel->failed = true;
    tunnel->why = *why;
    task_post(&tunnel->fail);
}

/* May it be sent again? Nothing of its body may be gone, nothing of an answer may have come, and
 * repeating it must do no harm:
 *   - a refused stream was never looked at (RFC 9113 8.7): any method;
 *   - a connection that was lost, or a stream that was reset on a connection that lives on, may
 *     have reached the origin, whose answer is what got lost: only idempotent methods, which a
 *     proxy may repeat (RFC 9110 9.2.2). Why a living connector reset it is not told; it goes
 *     to another connection, once, so that a request that breaks what it meets breaks two at most;
 *   - what the connector said in words, or said wrongly (INVALID, PROTOCOL), is its answer. */
static bool is_repeatable(const struct tunnel_outbound *tunnel, const struct error *why)
{
    const struct channel *bytes = tunnel->body->bytes;
    if (tunnel->retried || tunnel->answered || channel_total(bytes) != channel_len(bytes))
        return false;
    return why->kind == ERROR_LIMIT ||
           (why->kind == ERROR_NETWORK && request_is_idempotent(&tunnel->head));
}

bool tunnel_may_move_on(const struct request_head *head)
{
    return head->ends_here && request_is_idempotent(head);
}

static bool try_connection(struct tunnel_outbound *tunnel, struct error *err);

/* ---- the stream speaks ---- */

/* An interim answer that has fields of the tunnel is one of the connector's, who has no others. */
static void on_inform(void *arg, const struct response_head *head)
{
    struct tunnel_outbound *tunnel = arg;
    struct response_head bare;
    tunnel->answered = true;
    if (!headers_has(&head->fields, SPAN(RESPONSE_META_FIELD))) {
        tunnel->out.events->on_inform(tunnel->out.arg, head);
        return;
    }
    response_head_init(&bare);
    bare.status = head->status;
    bare.length = LENGTH_UNKNOWN;
    tunnel->out.events->on_inform(tunnel->out.arg, &bare);
    response_head_release(&bare);
}

/* The answer's source, and what a connector's own answer means for the visitor. */
static bool is_of_origin(const struct response_head *head, struct error *why)
{
    struct span text;
    enum response_source source;
    if (!headers_find(&head->fields, SPAN(RESPONSE_META_FIELD), &text) ||
        !response_meta_parse(text, &source))
        return error_set(why, ERROR_PROTOCOL, 0, "the connector does not say who answered");
    if (source == RESPONSE_FROM_ORIGIN)
        return true;
    if (head->status >= 400 && head->status < 500)
        return error_set(why, head->status == 403 ? ERROR_DENIED : ERROR_INVALID, head->status,
                         "the connector refused the request (%d)", head->status);
    if (source == RESPONSE_TIMED_OUT)
        return error_set(why, ERROR_TIMEOUT, 504,
                         "the origin did not answer the connector in time");
    return error_set(why, ERROR_NETWORK, head->status, "the connector did not reach the origin");
}

/* The visitor gets the packed fields, nothing of the plain ones, and 101 for its WebSocket. */
static bool unpack(const struct tunnel_outbound *tunnel, struct response_head *head,
                   struct error *why)
{
    struct headers fields;
    struct span packed;
    headers_init(&fields);
    bool ok = true;
    if (headers_find(&head->fields, SPAN(USER_HEADERS_FIELD), &packed))
        ok = user_headers_unpack(packed, &fields, why);
    if (tunnel->head.is_websocket && stream_is_upgraded(head->status, &fields))
        head->status = 101;
    headers_remove_hop_by_hop(&fields, false);
    headers_remove(&fields, SPAN("content-length"));
    if (ok) {
        headers_release(&head->fields);
        head->fields = fields;
        return true;
    }
    headers_release(&fields);
    return error_wrap(why, "the connector's answer");
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct tunnel_outbound *tunnel = arg;
    struct error why;
    if (tunnel->failed)
        return;
    tunnel->answered = true;
    if (!is_of_origin(head, &why) || !unpack(tunnel, head, &why)) {
        fail_later(tunnel, &why);
        return;
    }
    request_head_release(&tunnel->head); /* it is never sent again */
    request_head_init(&tunnel->head);
    tunnel->out.events->on_answer(tunnel->out.arg, head, body);
}

static void on_done(void *arg)
{
    struct tunnel_outbound *tunnel = arg;
    if (!tunnel->failed)
        tunnel->out.events->on_done(tunnel->out.arg);
}

/* Where did it come to an end? */
static void note_end(struct tunnel_outbound *tunnel, const struct error *why)
{
    if (tunnel->over_hop) {
        tunnel->used = tunnel->hop.failed_on;
        if (why->kind == ERROR_LIMIT && uuid_is_nil(&tunnel->used)) {
            tunnel->vacant |= presence_bit(tunnel->hop.worker);
            return;
        }
    }
    tunnel->reached = true;
}

static void on_failed(void *arg, const struct error *why)
{
    struct tunnel_outbound *tunnel = arg;
    struct error told = *why;
    if (tunnel->failed)
        return;
    note_end(tunnel, why);
    if (is_repeatable(tunnel, why)) {
        tunnel->retried = true;
        outbound_close(tunnel->stream);
        tunnel->stream = NULL;
        if (try_connection(tunnel, &told))
            return;
    }
    if (tunnel->answered || (told.kind == ERROR_LIMIT && tunnel->reached))
        told.kind = ERROR_NETWORK;
    error_wrap(&told, "tunnel connection");
    tunnel->failed = true;
    tunnel->out.events->on_failed(tunnel->out.arg, &told);
}

static void on_half_closed(void *arg)
{
    struct tunnel_outbound *tunnel = arg;
    if (!tunnel->failed && tunnel->out.events->on_half_closed)
        tunnel->out.events->on_half_closed(tunnel->out.arg);
}

static const struct outbound_events stream_events = {on_inform, on_answer, on_done, on_failed,
                                                     on_half_closed};

static bool try_hop(struct tunnel_outbound *tunnel, struct error *err)
{
    const struct tunnel_opener *opener = tunnel->opener;
    struct hops *hops = opener->worker->hops;
    struct hop_word word = {
        .kind = HOP_TUNNEL, .tunnel_id = opener->tunnel_id, .avoid = tunnel->used};
    int worker = hops_find(hops, &opener->tunnel_id, tunnel->asked);
    if (worker == HOP_NONE) /* whoever was asked may have a second connection */
        worker = hops_find(hops, &opener->tunnel_id, tunnel->vacant);
    if (worker == HOP_NONE)
        return error_set(err, ERROR_LIMIT, 0, "no live connection of the tunnel takes requests");
    tunnel->asked |= presence_bit((size_t)worker);
    tunnel->over_hop = true;
    hop_opener_init(&tunnel->hop, hops, (size_t)worker, &word);
    tunnel->stream =
        opener_open(&tunnel->hop.opener, &tunnel->head, tunnel->body, &stream_events, tunnel, err);
    return tunnel->stream != NULL;
}

static bool try_connection(struct tunnel_outbound *tunnel, struct error *err)
{
    struct tunnel_opener *opener = tunnel->opener;
    struct registered *entry = registry_pick(opener->worker->registry, &opener->tunnel_id,
                                             uuid_is_nil(&tunnel->used) ? NULL : &tunnel->used);
    bool is_doubtful = entry && tunnel->retried && h2_session_is_silent(entry->session);
    if (!entry)
        return try_hop(tunnel, err);
    if (is_doubtful && try_hop(tunnel, err))
        return true;
    tunnel->over_hop = false;
    tunnel->used = entry->connection_id;
    tunnel->stream =
        h2_session_open(entry->session, &tunnel->head, tunnel->body, &stream_events, tunnel, err);
    if (tunnel->stream)
        tunnel->stream->moves_on = !tunnel->retried && tunnel_may_move_on(&tunnel->head);
    return tunnel->stream != NULL;
}

static struct outbound *open_tunnel(struct opener *base, const struct request_head *head,
                                    struct body *body, const struct outbound_events *events,
                                    void *arg, struct error *err)
{
    struct tunnel_opener *opener = CONTAINER_OF(base, struct tunnel_opener, opener);
    struct tunnel_outbound *tunnel = calloc(1, sizeof *tunnel);
    if (!tunnel) {
        error_memory(err);
        return NULL;
    }
    tunnel->opener = opener;
    tunnel->body = body;
    tunnel->out = (struct outbound){&ops, events, arg};
    task_init(&tunnel->fail, opener->worker->loop, TASK_SOON, tell_failed, tunnel);
    request_head_init(&tunnel->head);
    if (request_head_copy(&tunnel->head, head, err) &&
        stream_kind_mark(&tunnel->head, head->is_websocket ? STREAM_WEBSOCKET : STREAM_HTTP,
                         SPAN_NONE, err) &&
        try_connection(tunnel, err))
        return &tunnel->out;
    out_close(&tunnel->out);
    return NULL;
}

void tunnel_opener_init(struct tunnel_opener *opener, struct edge_worker *worker,
                        const struct uuid *tunnel_id)
{
    static const struct opener_ops opener_ops = {open_tunnel};
    opener->opener.ops = &opener_ops;
    opener->worker = worker;
    opener->tunnel_id = *tunnel_id;
}
