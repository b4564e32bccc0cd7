/* A request on its way to another worker. The stream of the hop brings the answer as the other
 * worker's connection brought it, or a field that says why there is none. */
#include "culvert/edge/hop_opener.h"

#include "culvert/edge/error_page.h"
#include "culvert/proxy/exchange.h"

struct hop_outbound {
    struct outbound out;
    struct hop_opener *opener;
    struct outbound *stream;
    bool closed, failed;
    struct error why; /* of a failure that the other worker told */
    struct task fail;
    struct reap reap;
};

static void destroy(void *object)
{
    free(object);
}

static void out_close(struct outbound *out)
{
    struct hop_outbound *hop = CONTAINER_OF(out, struct hop_outbound, out);
    if (hop->closed)
        return;
    hop->closed = true;
    task_cancel(&hop->fail);
    outbound_close(hop->stream);
    hop->stream = NULL;
    loop_reap(hop->fail.loop, &hop->reap, destroy, hop);
}

static void out_upgraded(struct outbound *out)
{
    outbound_upgraded(CONTAINER_OF(out, struct hop_outbound, out)->stream);
}

static const struct outbound_ops ops = {out_close, out_upgraded};

static void tell_failed(void *arg)
{
    struct hop_outbound *hop = arg;
    error_wrap(&hop->why, "worker %zu", hop->opener->worker);
    hop->out.events->on_failed(hop->out.arg, &hop->why);
}

static void on_inform(void *arg, const struct response_head *head)
{
    struct hop_outbound *hop = arg;
    hop->out.events->on_inform(hop->out.arg, head);
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct hop_outbound *hop = arg;
    if (!hop_failure_find(&head->fields, &hop->why, &hop->opener->failed_on)) {
        hop->out.events->on_answer(hop->out.arg, head, body);
        return;
    }
    hop->failed = true;
    task_post(&hop->fail);
}

static void on_done(void *arg)
{
    struct hop_outbound *hop = arg;
    if (!hop->failed)
        hop->out.events->on_done(hop->out.arg);
}

static void on_failed(void *arg, const struct error *why)
{
    struct hop_outbound *hop = arg;
    if (hop->failed)
        return;
    hop->failed = true;
    hop->why = *why;
    tell_failed(hop);
}

static void on_half_closed(void *arg)
{
    struct hop_outbound *hop = arg;
    if (!hop->failed && hop->out.events->on_half_closed)
        hop->out.events->on_half_closed(hop->out.arg);
}

static const struct outbound_events stream_events = {on_inform, on_answer, on_done, on_failed,
                                                     on_half_closed};

static bool open_stream(struct hop_outbound *hop, const struct request_head *head,
                        struct body *body, struct error *err)
{
    struct hop_opener *opener = hop->opener;
    struct request_head told;
    struct h2_session *session = hops_session(opener->hops, opener->worker, err);
    if (!session)
        return false;
    request_head_init(&told);
    if (request_head_copy(&told, head, err) && hop_word_put(&told.fields, &opener->word, err))
        hop->stream = h2_session_open(session, &told, body, &stream_events, hop, err);
    request_head_release(&told);
    if (!hop->stream)
        return error_wrap(err, "hop to worker %zu", opener->worker);
    hops_count_stream(opener->hops);
    return true;
}

static struct outbound *open_hop(struct opener *base, const struct request_head *head,
                                 struct body *body, const struct outbound_events *events, void *arg,
                                 struct error *err)
{
    struct hop_opener *opener = CONTAINER_OF(base, struct hop_opener, opener);
    struct hop_outbound *hop = calloc(1, sizeof *hop);
    if (!hop) {
        error_memory(err);
        return NULL;
    }
    hop->opener = opener;
    hop->out = (struct outbound){&ops, events, arg};
    task_init(&hop->fail, hops_worker(opener->hops)->loop, TASK_SOON, tell_failed, hop);
    memset(&opener->failed_on, 0, sizeof opener->failed_on);
    if (open_stream(hop, head, body, err))
        return &hop->out;
    out_close(&hop->out);
    return NULL;
}

void hop_opener_init(struct hop_opener *opener, struct hops *hops, size_t worker,
                     const struct hop_word *word)
{
    static const struct opener_ops opener_ops = {open_hop};
    opener->opener.ops = &opener_ops;
    opener->hops = hops;
    opener->worker = worker;
    opener->word = *word;
}

/* ---- requests to the edge itself ---- */

struct own_request {
    struct hop_opener opener;
    struct body page; /* of a failure */
    struct reap reap;
};

static void destroy_own(void *object)
{
    struct own_request *own = object;
    channel_free(own->page.bytes);
    headers_release(&own->page.trailers);
    free(own);
}

/* The worker that serves such requests takes none, or was lost with this one in hand. */
static int fail_own(void *arg, struct inbound *in, const struct error *why)
{
    static const struct error_page busy = {503, "Overloaded",
                                           "The edge is busy. Try again in a few seconds.", ""};
    static const struct error_page lost = {
        502, "Bad gateway", "The edge lost this request. What it asked for may be done.", ""};
    struct own_request *own = arg;
    return error_page_answer(in, why->kind == ERROR_LIMIT ? &busy : &lost, &own->page);
}

static void own_ended(void *arg, const struct exchange_report *report)
{
    struct own_request *own = arg;
    (void)report; /* such requests are counted by who serves them */
    loop_reap(hops_worker(own->opener.hops)->loop, &own->reap, destroy_own, own);
}

static const struct exchange_hooks own_hooks = {.fail = fail_own, .ended = own_ended};

void hop_serve_own(struct hops *hops, size_t worker, struct inbound *in,
                   const struct visitor *visitor)
{
    const struct hop_word word = {.kind = HOP_OWN, .visitor = *visitor};
    struct own_request *own = calloc(1, sizeof *own);
    if (!own) {
        struct error why;
        error_memory(&why);
        inbound_reset(in, &why);
        inbound_close(in);
        return;
    }
    hop_opener_init(&own->opener, hops, worker, &word);
    (void)exchange_start(hops_worker(hops)->loop, in, &own->opener.opener, NULL, &own_hooks, own);
}
