/* Small answers, and small requests gathered whole: what our own servers need of a message. */
#include "culvert/http/reply.h"

struct answer {
    struct inbound *in;
    struct body body;
    struct loop *loop;
    struct reap reap;
};

static void destroy_answer(void *object)
{
    struct answer *answer = object;
    channel_free(answer->body.bytes);
    headers_release(&answer->body.trailers);
    free(answer);
}

static void let_go(struct answer *answer)
{
    inbound_close(answer->in);
    loop_reap(answer->loop, &answer->reap, destroy_answer, answer);
}

static void on_answered(void *arg)
{
    let_go(arg);
}

static void on_aborted(void *arg, const struct error *why)
{
    (void)why;
    let_go(arg);
}

static const struct inbound_events answer_events = {on_answered, on_aborted};

static bool fill_head(struct response_head *head, const struct reply *reply)
{
    head->status = reply->status;
    head->length = reply->content_type ? (int64_t)reply->text.len : 0;
    head->ends_here = head->length == 0;
    if (reply->content_type &&
        !headers_add(&head->fields, SPAN("Content-Type"), span_of(reply->content_type), NULL))
        return false;
    for (size_t i = 0; i < REPLY_FIELDS_MAX && reply->fields[i].name.len > 0; i++)
        if (!headers_add(&head->fields, reply->fields[i].name, reply->fields[i].value, NULL))
            return false;
    return true;
}

static bool fill_body(struct answer *answer, const struct reply *reply)
{
    size_t len = reply->content_type ? reply->text.len : 0;
    headers_init(&answer->body.trailers);
    answer->body.length = (int64_t)len;
    answer->body.bytes = channel_new(0, len + 1, NULL, NULL);
    if (!answer->body.bytes || channel_put(answer->body.bytes, reply->text.data, len) < len)
        return false;
    channel_end(answer->body.bytes);
    return true;
}

void reply_send(struct loop *loop, struct inbound *in, const struct reply *reply)
{
    struct response_head head;
    struct error why = {.kind = ERROR_SYSTEM, .text = "out of memory"};
    struct answer *answer = calloc(1, sizeof *answer);
    if (!answer) {
        inbound_reset(in, &why);
        inbound_close(in);
        return;
    }
    answer->loop = loop;
    answer->in = in;
    inbound_set_events(in, &answer_events, answer);
    response_head_init(&head);
    bool ok = fill_body(answer, reply) && fill_head(&head, reply) &&
              inbound_answer(in, &head, &answer->body, &why);
    response_head_release(&head);
    if (!ok) {
        inbound_reset(in, &why);
        let_go(answer);
    }
}

struct gathering {
    struct inbound *in;
    struct loop *loop;
    struct buf body;
    struct task look;
    bool over;
    void (*done)(void *arg, struct inbound *in, const struct buf *body, const struct error *why);
    void *arg;
    struct reap reap;
};

static void destroy_gathering(void *object)
{
    struct gathering *gathering = object;
    buf_wipe(&gathering->body);
    free(gathering);
}

static void finish(struct gathering *gathering, const struct error *why)
{
    gathering->over = true;
    task_cancel(&gathering->look);
    channel_set_taker(gathering->in->body->bytes, NULL, NULL);
    loop_reap(gathering->loop, &gathering->reap, destroy_gathering, gathering);
    gathering->done(gathering->arg, gathering->in, why ? NULL : &gathering->body, why);
}

static void look(void *arg)
{
    struct gathering *gathering = arg;
    struct channel *bytes = gathering->in->body->bytes;
    struct error why;
    while (channel_len(bytes) > 0) {
        struct span part = channel_peek(bytes);
        if (!buf_put_span(&gathering->body, part)) {
            error_set(&why, ERROR_LIMIT, 0, "the body is over %zu bytes", gathering->body.limit);
            finish(gathering, &why);
            return;
        }
        channel_drop(bytes, part.len);
    }
    if (channel_is_done(bytes) || gathering->in->head.is_websocket)
        finish(gathering, NULL); /* an upgrade's bytes would follow our answer */
}

static void on_filled(void *arg)
{
    struct gathering *gathering = arg;
    task_post(&gathering->look);
}

static void on_gone(void *arg, const struct error *why)
{
    struct gathering *gathering = arg;
    if (gathering->over)
        return;
    struct inbound *in = gathering->in;
    struct error left = *why;
    left.kind = ERROR_NETWORK; /* whatever the peer says by its reset */
    finish(gathering, &left);
    inbound_close(in);
}

static void never(void *arg)
{
    (void)arg; /* nothing was answered yet */
}

static const struct inbound_events gathering_events = {never, on_gone};
static const struct channel_events gathering_taker = {on_filled};

void request_gather(struct loop *loop, struct inbound *in, size_t limit,
                    void (*done)(void *arg, struct inbound *in, const struct buf *body,
                                 const struct error *why),
                    void *arg)
{
    struct gathering *gathering = calloc(1, sizeof *gathering);
    if (!gathering) {
        struct error why;
        error_set(&why, ERROR_LIMIT, 0, "out of memory");
        done(arg, in, NULL, &why);
        return;
    }
    gathering->loop = loop;
    gathering->in = in;
    gathering->body.limit = limit;
    gathering->done = done;
    gathering->arg = arg;
    task_init(&gathering->look, loop, TASK_SOON, look, gathering);
    inbound_set_events(in, &gathering_events, gathering);
    channel_set_taker(in->body->bytes, &gathering_taker, gathering);
    task_post(&gathering->look);
}
