/* From the stream to the head and back; docs/protocol.md, chapter 13.
 *
 *   hear     worker   body comes in
 *   arrive   head     judged there, which may take a while
 *   return   worker   answered, if the edge still listens                                     */
#include "culvert/connector/config_push.h"

#include "culvert/base/doc.h"
#include "culvert/connector/edge_answer.h"
#include "culvert/http/reply.h"

enum { ANSWER_MAX = 4096 };

static void push_free(struct config_push *push)
{
    push->ear->under_way--;
    buf_release(&push->body);
    free(push);
}

/* ---- the answer ---- */

static bool fill_answer(const struct config_push *push, struct doc *root)
{
    struct doc *why = doc_null();
    if (push->why.kind != ERROR_NONE) {
        doc_free(why);
        why = doc_object();
        if (!why || !doc_put_text(why, "message", span_of(push->why.text))) {
            doc_free(why);
            return false;
        }
    }
    bool ok = doc_put_int(root, "lastAppliedVersion", push->version);
    return doc_put(root, "err", why) && ok;
}

static void answer(const struct config_push *push)
{
    struct loop *loop = worker_loop(push->ear->here);
    struct buf text = BUF_LIMIT(ANSWER_MAX);
    struct doc *root = doc_object();
    bool ok = root && fill_answer(push, root) && doc_format(root, DOC_COMPACT, &text);
    const struct reply reply = {
        .status = 200, .content_type = "application/json", .text = buf_span(&text)};
    if (ok && !push->is_garbled)
        reply_send(loop, push->in, &reply);
    else
        edge_answer_refuse(push->in, 502, RESPONSE_FROM_CONNECTOR);
    buf_release(&text);
    doc_free(root);
}

static void came_back(struct worker_call *call)
{
    struct config_push *push = CONTAINER_OF(call, struct config_push, call);
    if (push->in)
        answer(push);
    push_free(push);
}

void config_push_return(struct config_push *push)
{
    push->call.run = came_back;
    bool posted = worker_post(push->ear->here, &push->call);
    assert(posted); /* CONFIG_PUSHES_MAX is far below what a worker's box takes */
    (void)posted;
}

/* ---- the way there ---- */

static void arrive(struct worker_call *call)
{
    struct config_push *push = CONTAINER_OF(call, struct config_push, call);
    push->ear->judge(push->ear->arg, push);
}

static void never_answered(void *arg)
{
    (void)arg; /* nothing was answered yet */
}

static void edge_left(void *arg, const struct error *why)
{
    struct config_push *push = arg;
    (void)why;
    inbound_close(push->in);
    push->in = NULL;
}

static const struct inbound_events waiting = {never_answered, edge_left};

static void on_body(void *arg, struct inbound *in, const struct buf *body, const struct error *why)
{
    struct config_push *push = arg;
    bool gone = why && why->kind == ERROR_NETWORK;
    if (!body || !buf_put_span(&push->body, buf_span(body))) {
        push_free(push);
        if (!gone)
            edge_answer_refuse(in, 502, RESPONSE_FROM_CONNECTOR);
        return;
    }
    push->in = in;
    inbound_set_events(in, &waiting, push);
    push->call.run = arrive;
    bool posted = worker_post(push->ear->head, &push->call);
    assert(posted);
    (void)posted;
}

void config_ear_hear(struct config_ear *ear, struct inbound *in)
{
    struct config_push *push = ear->under_way < CONFIG_PUSHES_MAX ? calloc(1, sizeof *push) : NULL;
    if (!push) {
        edge_answer_refuse(in, 502, RESPONSE_FROM_CONNECTOR);
        return;
    }
    ear->under_way++;
    push->ear = ear;
    push->body.limit = CONFIG_PUSH_MAX;
    request_gather(worker_loop(ear->here), in, CONFIG_PUSH_MAX, on_body, push);
}
