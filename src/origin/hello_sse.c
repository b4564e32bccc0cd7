/* A timer that counts into a channel. */
#include "hello_streams.h"

#include "culvert/base/list.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TICK_SIZE = 32 };

struct sse {
    struct outbound out;
    struct loop *loop;
    struct body body; /* bytes NULL: only the head was asked for */
    uint64_t period_ms, count;
    struct task begin;
    struct timer tick;
    struct reap reap;
    bool closed;
};

static void fail(struct sse *sse)
{
    struct error why;
    error_memory(&why);
    sse->out.events->on_failed(sse->out.arg, &why);
}

static void finish(void *arg)
{
    struct sse *sse = arg;
    sse->out.events->on_done(sse->out.arg);
}

static void begin(void *arg)
{
    struct sse *sse = arg;
    struct response_head head;
    response_head_init(&head);
    head.status = 200;
    head.length = LENGTH_UNKNOWN;
    head.ends_here = !sse->body.bytes;
    bool ok = headers_add(&head.fields, SPAN("Content-Type"),
                          SPAN("text/event-stream; charset=utf-8"), NULL) &&
              (head.ends_here || timer_start(&sse->tick, sse->period_ms));
    if (ok && head.ends_here) {
        task_init(&sse->begin, sse->loop, TASK_SOON, finish, sse);
        task_post(&sse->begin);
    }
    if (ok)
        sse->out.events->on_answer(sse->out.arg, &head, head.ends_here ? NULL : &sse->body);
    else
        fail(sse);
    response_head_release(&head);
}

static void on_tick(void *arg)
{
    struct sse *sse = arg;
    char text[TICK_SIZE];
    struct channel *bytes = sse->body.bytes;
    int len = snprintf(text, sizeof text, "%" PRIu64 "\n\n", sse->count++);
    if (!timer_start(&sse->tick, sse->period_ms)) {
        fail(sse);
        return;
    }
    if (channel_room(bytes) < (size_t)len)
        return;
    (void)channel_put(bytes, text, (size_t)len);
    if (!sse->closed && channel_is_broken(bytes)) {
        timer_stop(&sse->tick);
        fail(sse);
    }
}

static void destroy(void *object)
{
    struct sse *sse = object;
    headers_release(&sse->body.trailers);
    channel_free(sse->body.bytes);
    free(sse);
}

static void out_close(struct outbound *out)
{
    struct sse *sse = CONTAINER_OF(out, struct sse, out);
    if (sse->closed)
        return;
    sse->closed = true;
    task_cancel(&sse->begin);
    timer_stop(&sse->tick);
    if (sse->body.bytes)
        channel_set_taker(sse->body.bytes, NULL, NULL);
    loop_reap(sse->loop, &sse->reap, destroy, sse);
}

struct outbound *hello_sse_open(struct loop *loop, uint64_t period_ms, bool to_head,
                                const struct outbound_events *events, void *arg, struct error *err)
{
    static const struct outbound_ops ops = {.close = out_close};
    struct sse *sse = calloc(1, sizeof *sse);
    if (!sse) {
        error_memory(err);
        return NULL;
    }
    sse->out = (struct outbound){.ops = &ops, .events = events, .arg = arg};
    sse->loop = loop;
    sse->period_ms = period_ms;
    sse->body.length = LENGTH_UNKNOWN;
    headers_init(&sse->body.trailers);
    task_init(&sse->begin, loop, TASK_SOON, begin, sse);
    timer_init(&sse->tick, loop, on_tick, sse);
    if (!to_head)
        sse->body.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    if (!to_head && !sse->body.bytes) {
        error_memory(err);
        destroy(sse);
        return NULL;
    }
    task_post(&sse->begin);
    return &sse->out;
}
