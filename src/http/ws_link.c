/* Frames one way and the other. What is read is unmasked into a small room on the stack, from where
 * it goes on; what is written goes into the channel at once, or is owed until there is room: a pong
 * (the last one asked for, RFC 6455 5.5.3), a ping, the close frame, in this order. */
#include "culvert/http/ws_link.h"

enum { OWES_PONG = 1u << 0, OWES_PING = 1u << 1, OWES_CLOSE = 1u << 2 };

enum {
    UNMASKED_MAX = 8 * 1024, /* payload that is given on at once */
    DATA_HEAD = 4,           /* the head of a frame of up to WS_PAYLOAD_MAX */
};

/* Who says no more is not asked for a pong: pings would pass for life in a stream that has none. */
static void hear_end(struct ws_link *link)
{
    link->heard_end = true;
    timer_stop(&link->ping);
}

static void stop_reading(struct ws_link *link)
{
    hear_end(link);
    channel_drop(link->in, channel_len(link->in)); /* nobody wants what comes now */
}

static void fail(struct ws_link *link, const struct error *why)
{
    stop_reading(link);
    link->events->on_broken(link->arg, why);
}

/* ---- what we say ---- */

/* False: there is no room for it now. */
static bool say(struct ws_link *link, enum ws_opcode opcode, struct span payload)
{
    unsigned char head[WS_HEAD_MAX];
    size_t size = ws_head_write(head, opcode, payload.len);
    if (channel_room(link->out) < size + payload.len)
        return false;
    if (channel_put(link->out, head, size) == size && payload.len > 0)
        (void)channel_put(link->out, payload.data, payload.len);
    return true;
}

static bool say_close(struct ws_link *link)
{
    const unsigned char code[] = {(unsigned char)(link->code >> 8), (unsigned char)link->code};
    return say(link, WS_CLOSE, span_make(code, link->code == WS_CODE_NONE ? 0 : sizeof code));
}

static void say_owed(struct ws_link *link)
{
    if ((link->owed & OWES_PONG) && !say(link, WS_PONG, buf_span(&link->pong)))
        return;
    link->owed &= ~(unsigned)OWES_PONG;
    buf_release(&link->pong);
    if ((link->owed & OWES_PING) && !say(link, WS_PING, SPAN_NONE))
        return;
    link->owed &= ~(unsigned)OWES_PING;
    if ((link->owed & OWES_CLOSE) && !say_close(link))
        return;
    link->owed = 0;
    if (link->ends)
        channel_end(link->out);
}

static void owe(struct ws_link *link, unsigned frame)
{
    link->owed |= frame;
    say_owed(link);
    if (channel_is_broken(link->out))
        task_post(&link->run);
}

/* A window that shut opens again: what is owed may fit. */
static void drained(void *arg, size_t bytes)
{
    struct ws_link *link = arg;
    (void)bytes;
    if (link->owed != 0)
        task_post(&link->run);
}

static void ping(void *arg)
{
    struct ws_link *link = arg;
    if (link->said_close)
        return;
    owe(link, OWES_PING);
    if (!timer_start(&link->ping, WS_PING_MS))
        log_debug(loop_log(link->ping.loop), "No memory for the next ping of a WebSocket");
}

size_t ws_link_room(const struct ws_link *link)
{
    size_t room = channel_room(link->out);
    size_t heads = DATA_HEAD * (room / WS_PAYLOAD_MAX + 1);
    return room > heads ? room - heads : 0;
}

size_t ws_link_put(struct ws_link *link, const void *data, size_t len)
{
    struct span rest = span_make(data, len);
    if (link->owed != 0)
        say_owed(link);
    while (rest.len > 0) {
        size_t room = link->owed == 0 ? ws_link_room(link) : 0; /* nothing overtakes it */
        struct span part = span_first(rest, room < WS_PAYLOAD_MAX ? room : WS_PAYLOAD_MAX);
        if (part.len == 0 || !say(link, WS_BINARY, part)) {
            channel_rest(link->out);
            break;
        }
        rest = span_skip(rest, part.len);
    }
    return len - rest.len;
}

void ws_link_close(struct ws_link *link, enum ws_code code)
{
    if (link->said_close || !link->out)
        return;
    link->said_close = true;
    link->code = link->heard_close ? link->client_code : (unsigned)code;
    timer_stop(&link->ping);
    owe(link, OWES_CLOSE);
}

void ws_link_finish(struct ws_link *link, enum ws_code code)
{
    ws_link_close(link, code);
    link->ends = true;
    if (link->out)
        say_owed(link);
}

/* ---- what the client says ---- */

static bool keep_pong(struct ws_link *link, struct span payload)
{
    buf_clear(&link->pong);
    return buf_put_span(&link->pong, payload);
}

static void take_close(struct ws_link *link, struct span payload)
{
    struct error why;
    if (!ws_close_parse(payload, &link->client_code)) {
        error_set(&why, ERROR_PROTOCOL, 0, "WebSocket: a close frame that says nothing known");
        fail(link, &why);
        return;
    }
    link->heard_close = true;
    stop_reading(link);
    link->events->on_end(link->arg, true);
}

static void take_control(struct ws_link *link, const struct ws_step *step)
{
    if (step->opcode == WS_CLOSE)
        take_close(link, step->payload);
    else if (step->opcode == WS_PING && !link->said_close && keep_pong(link, step->payload))
        owe(link, OWES_PONG);
}

static void take_end(struct ws_link *link)
{
    struct error why;
    hear_end(link);
    if (ws_reader_is_between(&link->reader)) {
        link->events->on_end(link->arg, false);
        return;
    }
    error_set(&why, ERROR_PROTOCOL, 0, "WebSocket: the end, within a message");
    fail(link, &why);
}

/* One step; false: nothing can be read for now. */
static bool step_on(struct ws_link *link)
{
    unsigned char to[UNMASKED_MAX];
    struct error why;
    size_t room = link->events->room(link->arg);
    struct ws_step step = {.input = channel_peek(link->in), .to = to, .room = room};
    size_t before = step.input.len;
    if (before == 0 || room == 0)
        return false;
    if (step.room > sizeof to)
        step.room = sizeof to;
    enum ws_verdict verdict = ws_reader_next(&link->reader, &step, &why);
    channel_drop(link->in, before - step.input.len);
    switch (verdict) {
    case WS_DATA:
        link->events->on_bytes(link->arg, step.payload.data, step.payload.len);
        break;
    case WS_CONTROL:
        take_control(link, &step);
        break;
    case WS_BAD:
        fail(link, &why);
        break;
    case WS_MORE:
        break;
    }
    return true;
}

void ws_link_run(struct ws_link *link)
{
    while (link->in && !link->heard_end && step_on(link))
        ;
    if (!link->in)
        return;
    if (link->heard_end)
        channel_drop(link->in, channel_len(link->in));
    else if (channel_is_done(link->in))
        take_end(link);
}

static void filled(void *arg)
{
    ws_link_run(arg);
}

/* The beginning, and whenever there is room for what is owed. */
static void run(void *arg)
{
    struct ws_link *link = arg;
    struct error why;
    if (channel_is_broken(link->out)) {
        error_memory(&why);
        fail(link, &why);
        return;
    }
    say_owed(link);
    ws_link_run(link);
}

/* ---- beginning and end ---- */

bool ws_link_start(struct ws_link *link, struct loop *loop, struct channel *in, struct channel *out,
                   const struct ws_link_events *events, void *arg)
{
    static const struct channel_events taker = {filled};
    *link = (struct ws_link){.events = events, .arg = arg, .pong = BUF_LIMIT(WS_CONTROL_MAX)};
    ws_reader_init(&link->reader, true);
    timer_init(&link->ping, loop, ping, link);
    task_init(&link->run, loop, TASK_SOON, run, link);
    if (!timer_start(&link->ping, WS_PING_MS))
        return false;
    link->in = in;
    link->out = out;
    channel_set_taker(in, &taker, link);
    channel_set_drained(out, drained, link);
    task_post(&link->run);
    return true;
}

bool ws_link_is_between(const struct ws_link *link)
{
    return ws_reader_is_between(&link->reader);
}

void ws_link_stop(struct ws_link *link)
{
    if (!link->in)
        return;
    channel_set_taker(link->in, NULL, NULL);
    channel_set_drained(link->out, NULL, NULL);
    link->in = link->out = NULL;
    timer_stop(&link->ping);
    task_cancel(&link->run);
    buf_release(&link->pong);
}
