/* The bytes move from the request's channel, which is as long as a window, into one of our own that
 * is as long as a body may be. */
#include "gather.h"

static void finish(struct gather *gather, const struct error *why)
{
    gather_stop(gather);
    gather->done(gather->arg, why);
}

/* Nobody rests on our account: what others cannot lend is not taken. */
static bool is_spent(const struct gather *gather)
{
    return gather->budget && gather->budget->used >= gather->budget->limit;
}

static void take(void *arg)
{
    struct gather *gather = arg;
    struct channel *from = gather->from->bytes;
    struct channel *to = gather->whole.bytes;
    struct error why;
    struct span part;
    while ((part = channel_peek(from)).len > 0) {
        size_t taken = is_spent(gather) ? 0 : channel_put(to, part.data, part.len);
        channel_drop(from, taken);
        if (taken == part.len)
            continue;
        error_set(&why, ERROR_LIMIT, 411,
                  "a body without a length is over %d bytes, or memory is short, and "
                  "disableChunkedEncoding wants to know its length",
                  GATHER_MAX);
        error_label(&why, "length");
        finish(gather, &why);
        return;
    }
    if (!channel_is_ended(from))
        return;
    channel_end(to);
    gather->whole.length = (int64_t)channel_total(to);
    finish(gather, NULL);
}

static void on_filled(void *arg)
{
    struct gather *gather = arg;
    task_post(&gather->take);
}

bool gather_start(struct gather *gather, struct loop *loop, struct body *from,
                  struct budget *budget)
{
    static const struct channel_events events = {on_filled};
    gather->whole.bytes = channel_new(GATHER_MAX, GATHER_MAX, NULL, budget);
    if (!gather->whole.bytes)
        return false;
    gather->budget = budget;
    gather->from = from;
    gather->seen = from->bytes;
    task_init(&gather->take, loop, TASK_SOON, take, gather);
    channel_set_taker(from->bytes, &events, gather);
    task_post(&gather->take);
    return true;
}

void gather_stop(struct gather *gather)
{
    if (!gather || !gather->from)
        return;
    task_cancel(&gather->take);
    channel_set_taker(gather->seen, NULL, NULL);
    gather->from = NULL;
}

void gather_release(struct gather *gather)
{
    if (!gather)
        return;
    gather_stop(gather);
    headers_release(&gather->whole.trailers);
    channel_free(gather->whole.bytes);
    gather->whole.bytes = NULL;
}
