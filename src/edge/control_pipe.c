/* What the connector says is read on only while there is room for an answer. */
#include "control_pipe.h"

#include "culvert/tunnel/stream_kind.h"

enum {
    CONTROL_OUT_MAX = 64 * 1024,
    CONTROL_OUT_RESERVE = 16 * 1024, /* no answer of ours is longer: below it we do not read on */
    CONTROL_PIECE = 4 * 1024,
};

static void on_filled(void *arg)
{
    struct control_pipe *pipe = arg;
    task_post(&pipe->look);
}

static const struct channel_events taker = {on_filled};

static void forget_input(struct control_pipe *pipe)
{
    if (pipe->in)
        channel_set_taker(pipe->in->bytes, NULL, NULL);
    pipe->in = NULL;
}

void control_pipe_quiet(struct control_pipe *pipe)
{
    task_cancel(&pipe->look);
    forget_input(pipe);
}

void control_pipe_close(struct control_pipe *pipe)
{
    control_pipe_quiet(pipe);
    outbound_close(pipe->stream);
    pipe->stream = NULL;
}

void control_pipe_release(struct control_pipe *pipe)
{
    channel_free(pipe->out.bytes);
    headers_release(&pipe->out.trailers);
}

static void end(struct control_pipe *pipe)
{
    forget_input(pipe);
    pipe->over = true;
    channel_end(pipe->out.bytes);
    pipe->events->on_ended(pipe->arg);
}

static void fail(struct control_pipe *pipe, enum error_kind kind, const char *text)
{
    struct error why;
    error_set(&why, kind, 0, "%s", text);
    pipe->events->on_failed(pipe->arg, &why);
}

static void look(void *arg)
{
    struct control_pipe *pipe = arg;
    if (channel_is_broken(pipe->out.bytes)) {
        fail(pipe, ERROR_SYSTEM, "out of memory");
        return;
    }
    if (channel_room(pipe->out.bytes) == 0) {
        fail(pipe, ERROR_LIMIT, "the connector does not read its control stream");
        return;
    }
    while (pipe->in && channel_room(pipe->out.bytes) >= CONTROL_OUT_RESERVE) {
        struct span part = span_first(channel_peek(pipe->in->bytes), CONTROL_PIECE);
        if (part.len == 0)
            break;
        pipe->events->on_bytes(pipe->arg, part);
        if (pipe->in)
            channel_drop(pipe->in->bytes, part.len);
    }
    if (pipe->in && channel_is_done(pipe->in->bytes))
        end(pipe);
}

void control_pipe_say(struct control_pipe *pipe, struct span bytes)
{
    if (channel_put(pipe->out.bytes, bytes.data, bytes.len) < bytes.len)
        task_post(&pipe->look);
}

static void on_drained(void *arg, size_t bytes)
{
    (void)bytes;
    on_filled(arg);
}

static void on_inform(void *arg, const struct response_head *head)
{
    (void)arg;
    (void)head;
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct control_pipe *pipe = arg;
    if (head->status != 200 || !body) {
        fail(pipe, ERROR_PROTOCOL, "the connector refused the control stream");
        return;
    }
    pipe->in = body;
    channel_set_taker(body->bytes, &taker, pipe);
    task_post(&pipe->look);
}

static void on_done(void *arg)
{
    (void)arg; /* look sees the end behind the last bytes */
}

static void on_stream_failed(void *arg, const struct error *why)
{
    (void)why;
    end(arg);
}

static const struct outbound_events stream_events = {on_inform, on_answer, on_done,
                                                     on_stream_failed};

bool control_pipe_open(struct control_pipe *pipe, struct h2_session *h2, struct error *err)
{
    struct request_head head;
    request_head_init(&head);
    head.length = LENGTH_UNKNOWN;
    bool ok = buf_put_span(&head.method, SPAN("GET")) &&
              buf_put_span(&head.scheme, SPAN("https")) &&
              buf_put_span(&head.authority, SPAN("control.invalid")) &&
              buf_put_span(&head.target, SPAN("/")) &&
              stream_kind_mark(&head, STREAM_CONTROL, SPAN_NONE, err);
    if (ok) {
        pipe->stream = h2_session_open(h2, &head, &pipe->out, &stream_events, pipe, err);
        ok = pipe->stream != NULL;
    } else if (err->kind == ERROR_NONE) {
        error_memory(err);
    }
    request_head_release(&head);
    return ok;
}

bool control_pipe_init(struct control_pipe *pipe, struct loop *loop,
                       const struct control_pipe_events *events, void *arg)
{
    *pipe = (struct control_pipe){.loop = loop, .events = events, .arg = arg};
    headers_init(&pipe->out.trailers);
    pipe->out.length = LENGTH_UNKNOWN;
    task_init(&pipe->look, loop, TASK_SOON, look, pipe);
    pipe->out.bytes = channel_new(CONTROL_OUT_MAX / 2, CONTROL_OUT_MAX, NULL, NULL);
    if (pipe->out.bytes)
        channel_set_drained(pipe->out.bytes, on_drained, pipe);
    return pipe->out.bytes != NULL;
}
