/* A task tells the head, then the body goes through a channel like that of any origin: a visitor
 * who does not read holds it. */
#include "canned.h"

#include "culvert/tunnel/response_meta.h"
#include "culvert/tunnel/user_headers.h"

#include <stdlib.h>

enum state { INTERIM, HEAD, BODY, ENDED, CLOSED };

struct canned {
    struct outbound out;
    struct loop *loop;
    enum state state;
    struct response_head interim, head;
    struct body body; /* bytes NULL: none */
    struct buf text;
    size_t put; /* of the text */
    struct gate gate;
    struct task step;
    struct reap reap;
};

static void fill(struct canned *canned)
{
    struct span rest = span_skip(buf_span(&canned->text), canned->put);
    canned->put += channel_put(canned->body.bytes, rest.data, rest.len);
    if (canned->put == canned->text.len) {
        canned->state = ENDED;
        channel_end(canned->body.bytes);
        canned->out.events->on_done(canned->out.arg);
    } else if (channel_is_broken(canned->body.bytes)) {
        struct error why;
        canned->state = ENDED;
        error_memory(&why);
        canned->out.events->on_failed(canned->out.arg, &why);
    }
}

static void break_off(struct canned *canned)
{
    struct error why;
    canned->state = ENDED;
    error_set(&why, ERROR_PROTOCOL, 0, "there is nothing to switch to");
    canned->out.events->on_failed(canned->out.arg, &why);
}

static void step(void *arg)
{
    struct canned *canned = arg;
    switch (canned->state) {
    case INTERIM:
        canned->state = HEAD;
        task_post(&canned->step);
        canned->out.events->on_inform(canned->out.arg, &canned->interim);
        break;
    case HEAD:
        canned->state = BODY;
        task_post(&canned->step);
        canned->out.events->on_answer(canned->out.arg, &canned->head,
                                      canned->body.bytes ? &canned->body : NULL);
        break;
    case BODY:
        if (canned->head.is_unasked) {
            break_off(canned);
            break;
        }
        if (canned->body.bytes) {
            fill(canned);
            break;
        }
        canned->state = ENDED;
        canned->out.events->on_done(canned->out.arg);
        break;
    case ENDED:
    case CLOSED:
        break;
    }
}

/* The channel has room again. */
static void gate_changed(struct gate *gate)
{
    struct canned *canned = CONTAINER_OF(gate, struct canned, gate);
    if (gate_is_open(gate) && canned->state == BODY)
        task_post(&canned->step);
}

static void destroy(void *object)
{
    struct canned *canned = object;
    response_head_release(&canned->interim);
    response_head_release(&canned->head);
    headers_release(&canned->body.trailers);
    channel_free(canned->body.bytes);
    buf_release(&canned->text);
    free(canned);
}

static void out_close(struct outbound *out)
{
    struct canned *canned = CONTAINER_OF(out, struct canned, out);
    if (canned->state == CLOSED)
        return;
    canned->state = CLOSED;
    task_cancel(&canned->step);
    if (canned->body.bytes)
        channel_set_taker(canned->body.bytes, NULL, NULL);
    loop_reap(canned->loop, &canned->reap, destroy, canned);
}

/* Nobody adapts interim answers on their way to the edge, so it has the tunnel's fields at once. */
static bool prepare_interim(struct canned *canned, int status)
{
    struct response_head *head = &canned->interim;
    head->status = status;
    head->length = LENGTH_UNKNOWN;
    head->is_due = true;
    canned->state = INTERIM;
    return headers_add(&head->fields, SPAN(USER_HEADERS_FIELD), SPAN(""), NULL) &&
           headers_add(&head->fields, SPAN(RESPONSE_META_FIELD),
                       response_meta_text(RESPONSE_FROM_ORIGIN), NULL);
}

static bool prepare(struct canned *canned, const struct canned_answer *answer, bool to_head)
{
    struct response_head *head = &canned->head;
    struct buf length = BUF_LIMIT(24);
    head->status = answer->status;
    head->length = LENGTH_UNKNOWN; /* who writes the answer for HTTP/1.1 says that there is none */
    head->ends_here = true;
    if (answer->status == 101) {
        head->is_unasked = true;
        head->ends_here = false;
        canned->body.length = LENGTH_UNKNOWN;
        canned->body.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
        return canned->body.bytes != NULL;
    }
    if (answer->interim && !prepare_interim(canned, answer->interim))
        return false;
    if (!answer->content_type)
        return true;
    head->length = (int64_t)answer->text.len;
    head->ends_here = to_head || answer->text.len == 0;
    bool ok =
        buf_printf(&length, "%zu", answer->text.len) &&
        headers_add(&head->fields, SPAN("Content-Type"), span_of(answer->content_type), NULL) &&
        headers_add(&head->fields, SPAN("Content-Length"), buf_span(&length), NULL);
    buf_release(&length);
    if (!ok || head->ends_here)
        return ok;
    canned->body.length = head->length;
    canned->body.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, &canned->gate, NULL);
    return canned->body.bytes && buf_put_span(&canned->text, answer->text);
}

struct outbound *canned_open(struct loop *loop, const struct canned_answer *answer, bool to_head,
                             const struct outbound_events *events, void *arg, struct error *err)
{
    static const struct outbound_ops ops = {out_close};
    struct canned *canned = calloc(1, sizeof *canned);
    if (!canned) {
        error_memory(err);
        return NULL;
    }
    canned->out = (struct outbound){&ops, events, arg};
    canned->loop = loop;
    canned->state = HEAD;
    canned->gate.changed = gate_changed;
    canned->text = (struct buf)BUF_LIMIT(CANNED_TEXT_MAX);
    response_head_init(&canned->interim);
    response_head_init(&canned->head);
    headers_init(&canned->body.trailers);
    task_init(&canned->step, loop, TASK_SOON, step, canned);
    if (!prepare(canned, answer, to_head)) {
        error_memory(err);
        destroy(canned);
        return NULL;
    }
    task_post(&canned->step);
    return &canned->out;
}
