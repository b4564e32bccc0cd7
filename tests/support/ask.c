/* See the header. */
#include "support/ask.h"

#include "support/must.h"
#include "support/scarce_memory.h"

enum { TEXT_LIMIT = 16 * 1024 * 1024 };

void ask_init(struct ask *ask, const char *method, const char *target)
{
    *ask = (struct ask){.text = BUF_LIMIT(TEXT_LIMIT)};
    request_head_init(&ask->head);
    response_head_init(&ask->got);
    headers_init(&ask->trailers);
    headers_init(&ask->body.trailers);
    must(buf_put_span(&ask->head.method, span_of(method)));
    must(buf_put_span(&ask->head.target, span_of(target)));
    must(buf_put_span(&ask->head.authority, SPAN("app.test")));
    ask->head.length = 0;
    ask->head.ends_here = true;
    ask->body.length = 0;
    ask->body.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    must(ask->body.bytes != NULL);
    channel_end(ask->body.bytes);
}

void ask_field(struct ask *ask, const char *name, const char *value)
{
    must(headers_add(&ask->head.fields, span_of(name), span_of(value), NULL));
}

void ask_announce(struct ask *ask, int64_t length)
{
    ask->head.length = ask->body.length = length;
    ask->head.ends_here = false;
    channel_free(ask->body.bytes);
    ask->body.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    must(ask->body.bytes != NULL);
}

void ask_put(struct ask *ask, struct span bytes)
{
    must(channel_put(ask->body.bytes, bytes.data, bytes.len) == bytes.len);
}

void ask_end(struct ask *ask)
{
    channel_end(ask->body.bytes);
}

/* ---- what comes ---- */

void ask_take(struct ask *ask)
{
    struct span bytes;
    scarce_memory_pause();
    while (ask->from && (bytes = channel_peek(ask->from->bytes)).len > 0) {
        must(buf_put_span(&ask->text, bytes));
        channel_drop(ask->from->bytes, bytes.len);
    }
    scarce_memory_go_on();
}

static void on_filled(void *arg)
{
    struct ask *ask = arg;
    if (!ask->holds)
        ask_take(ask);
}

static const struct channel_events taker = {on_filled};

static void on_inform(void *arg, const struct response_head *head)
{
    struct ask *ask = arg;
    ask->informs++;
    ask->inform_status = head->status;
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct ask *ask = arg;
    must(ask->status == 0 && ask->ends == 0);
    ask->status = ask->got.status = head->status;
    ask->got.length = head->length;
    ask->got.ends_here = head->ends_here;
    ask->got.is_unasked = head->is_unasked;
    scarce_memory_pause();
    must(headers_copy(&ask->got.fields, &head->fields, NULL));
    scarce_memory_go_on();
    ask->from = body;
    if (ask->upgrades || (head->status == 101 && !head->is_unasked))
        outbound_upgraded(ask->out);
    if (ask->closes_first) {
        ask_close(ask);
        return;
    }
    if (body) {
        channel_set_taker(body->bytes, &taker, ask);
        on_filled(ask);
    }
}

static void on_done(void *arg)
{
    struct ask *ask = arg;
    ask->done = true;
    ask->ends++;
    if (!ask->from)
        return;
    on_filled(ask);
    must(channel_is_ended(ask->from->bytes));
    must(headers_copy(&ask->trailers, &ask->from->trailers, NULL));
}

static void on_failed(void *arg, const struct error *why)
{
    struct ask *ask = arg;
    ask->failed = true;
    ask->why = *why;
    ask->ends++;
}

static void on_half_closed(void *arg)
{
    struct ask *ask = arg;
    ask->halves++;
}

static const struct outbound_events events = {on_inform, on_answer, on_done, on_failed,
                                              on_half_closed};

bool ask_send(struct ask *ask, struct opener *opener)
{
    ask->out = opener_open(opener, &ask->head, &ask->body, &events, ask, &ask->why);
    must(ask->status == 0 && ask->ends == 0 && ask->informs == 0);
    return ask->out != NULL;
}

void ask_close(struct ask *ask)
{
    outbound_close(ask->out);
    ask->out = NULL;
    ask->from = NULL;
}

void ask_release(struct ask *ask)
{
    ask_close(ask);
    request_head_release(&ask->head);
    response_head_release(&ask->got);
    headers_release(&ask->trailers);
    headers_release(&ask->body.trailers);
    channel_free(ask->body.bytes);
    buf_release(&ask->text);
}
