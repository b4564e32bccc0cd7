/* See the header. */
#include "bodies.h"

enum {
    MADE_LIMIT = 128 * 1024
}; /* above a stream's first window: it is never what is waited for */

static const char zeros[CHANNEL_BLOCK];

static void put_more(void *arg)
{
    struct made_body *made = arg;
    struct channel *bytes = made->body.bytes;
    while (made->left > 0 && channel_room(bytes) > 0) {
        size_t len = made->left < sizeof zeros ? (size_t)made->left : sizeof zeros;
        size_t taken = channel_put(bytes, zeros, len);
        if (taken == 0)
            break;
        made->left -= taken;
    }
    if (made->left == 0 && !channel_is_ended(bytes))
        channel_end(bytes);
}

static void drained(void *arg, size_t bytes)
{
    struct made_body *made = arg;
    if (made->taken)
        *made->taken += bytes;
    if (made->left > 0)
        task_post(&made->more);
}

bool made_body_start(struct made_body *made, struct loop *loop, uint64_t bytes, uint64_t *taken)
{
    *made = (struct made_body){.left = bytes, .taken = taken};
    headers_init(&made->body.trailers);
    made->body.length = (int64_t)bytes;
    made->body.bytes = channel_new(MADE_LIMIT / 2, MADE_LIMIT, NULL, NULL);
    if (!made->body.bytes)
        return false;
    task_init(&made->more, loop, TASK_SOON, put_more, made);
    channel_set_drained(made->body.bytes, drained, made);
    put_more(made);
    return true;
}

void made_body_stop(struct made_body *made)
{
    task_cancel(&made->more);
    channel_free(made->body.bytes);
    made->body.bytes = NULL;
    headers_release(&made->body.trailers);
}

static void filled(void *arg)
{
    struct thrown_body *thrown = arg;
    size_t len;
    while ((len = channel_peek(thrown->bytes).len) > 0) {
        thrown->count += len;
        if (thrown->also)
            *thrown->also += len;
        channel_drop(thrown->bytes, len);
    }
    if (channel_is_ended(thrown->bytes) && thrown->end)
        thrown->end(thrown->arg);
}

void thrown_body_start(struct thrown_body *thrown, struct channel *bytes)
{
    static const struct channel_events events = {filled};
    thrown->bytes = bytes;
    channel_set_taker(bytes, &events, thrown);
    filled(thrown);
}
