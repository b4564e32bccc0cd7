/* A WebSocket whose server says what it hears. A message is gathered and goes back when it is whole
 * and there is room for it; until then nothing more is read. */
#include "hello_streams.h"

#include "culvert/base/list.h"
#include "culvert/http/ws_frame.h"

#include <stdlib.h>

enum state { OPENING, ECHOING, ENDED, CLOSED };

enum { CODE_TOO_BIG = 1009, FIN = 0x80, OPCODE = 0x0f };

struct echo {
    struct outbound out;
    struct loop *loop;
    enum state state;
    struct channel *in; /* borrowed */
    struct body body;
    struct gate gate; /* shut while the client does not read */
    char accept[WS_ACCEPT_SIZE];
    struct ws_reader reader;
    enum ws_opcode kind; /* of the message in hand */
    struct buf message;
    struct buf frame; /* that waits for room: head and payload */
    bool ends;        /* behind that frame */
    struct task run;
    struct reap reap;
};

/* ---- what we say ---- */

/* Makes a frame the next one to go; false: memory. */
static bool queue(struct echo *echo, enum ws_opcode opcode, struct span payload)
{
    unsigned char head[WS_HEAD_MAX];
    size_t size = ws_head_write(head, opcode, payload.len);
    return buf_put(&echo->frame, head, size) && buf_put_span(&echo->frame, payload);
}

static bool queue_close(struct echo *echo, unsigned code)
{
    const unsigned char text[] = {(unsigned char)(code >> 8), (unsigned char)code};
    echo->ends = true;
    return queue(echo, WS_CLOSE, span_make(text, code == WS_CODE_NONE ? 0 : sizeof text));
}

/* False: there is no room for the frame in hand. */
static bool send_frame(struct echo *echo)
{
    struct span frame = buf_span(&echo->frame);
    if (channel_room(echo->body.bytes) < frame.len) {
        channel_rest(echo->body.bytes);
        return false;
    }
    if (frame.len > 0)
        (void)channel_put(echo->body.bytes, frame.data, frame.len);
    buf_clear(&echo->frame);
    return true;
}

/* ---- what we hear ---- */

static bool hear_control(struct echo *echo, const struct ws_step *step)
{
    unsigned code;
    if (step->opcode == WS_PING)
        return queue(echo, WS_PONG, step->payload);
    if (step->opcode != WS_CLOSE)
        return true;
    return queue_close(echo, ws_close_parse(step->payload, &code) ? code : WS_CODE_PROTOCOL);
}

/* Behind a frame's head, and behind its payload: is the message whole? */
static bool hear_frame(struct echo *echo)
{
    if (echo->reader.left > 0 || !(echo->reader.first & FIN))
        return true;
    bool ok = queue(echo, echo->kind, buf_span(&echo->message));
    buf_clear(&echo->message);
    return ok;
}

/* A head was read just now. That of a control frame, whose payload still comes, says nothing of the
 * message that it stands in. */
static bool hear_head(struct echo *echo)
{
    unsigned opcode = echo->reader.first & OPCODE;
    if (opcode == WS_TEXT || opcode == WS_BINARY)
        echo->kind = (enum ws_opcode)opcode;
    return hear_frame(echo);
}

static bool hear_data(struct echo *echo, struct span payload)
{
    if (payload.len > HELLO_MESSAGE_MAX - echo->message.len)
        return queue_close(echo, CODE_TOO_BIG);
    return buf_put_span(&echo->message, payload) && hear_frame(echo);
}

/* One step over what came; false: memory. Heads are read byte by byte, so that none is passed
 * over. */
static bool hear(struct echo *echo)
{
    char room[4096];
    struct span input = channel_peek(echo->in);
    if (!echo->reader.in_payload)
        input = span_first(input, 1);
    struct ws_step step = {.input = input, .to = room, .room = sizeof room};
    enum ws_verdict verdict = ws_reader_next(&echo->reader, &step, NULL);
    channel_drop(echo->in, input.len - step.input.len);
    switch (verdict) {
    case WS_DATA:
        return hear_data(echo, step.payload);
    case WS_CONTROL:
        return hear_control(echo, &step);
    case WS_BAD:
        return queue_close(echo, WS_CODE_PROTOCOL);
    case WS_MORE:
        break;
    }
    bool is_head = echo->reader.len == 0; /* nothing of it is kept: it was whole */
    return !is_head || hear_head(echo);
}

/* ---- its life ---- */

static void fail(struct echo *echo)
{
    struct error why;
    echo->state = ENDED;
    error_memory(&why);
    echo->out.events->on_failed(echo->out.arg, &why);
}

static void finish(struct echo *echo)
{
    echo->state = ENDED;
    channel_end(echo->body.bytes);
    if (echo->state == ENDED)
        echo->out.events->on_done(echo->out.arg);
}

static void run(void *arg)
{
    struct echo *echo = arg;
    while (echo->state == ECHOING) {
        if (!send_frame(echo) || echo->state != ECHOING)
            return;
        if (channel_is_broken(echo->body.bytes)) {
            fail(echo);
            return;
        }
        if (echo->ends || channel_is_done(echo->in)) {
            finish(echo);
            return;
        }
        if (channel_len(echo->in) == 0)
            return;
        if (!hear(echo)) {
            fail(echo);
            return;
        }
    }
}

static void on_filled(void *arg)
{
    struct echo *echo = arg;
    task_post(&echo->run);
}

static void gate_changed(struct gate *gate)
{
    struct echo *echo = CONTAINER_OF(gate, struct echo, gate);
    if (gate_is_open(gate) && echo->state == ECHOING)
        task_post(&echo->run);
}

static void begin(void *arg)
{
    static const struct channel_events from_client = {on_filled};
    struct echo *echo = arg;
    struct response_head head;
    response_head_init(&head);
    head.status = 101;
    head.length = LENGTH_UNKNOWN;
    if (!headers_add(&head.fields, SPAN("Connection"), SPAN("Upgrade"), NULL) ||
        !headers_add(&head.fields, SPAN("Sec-Websocket-Accept"), span_of(echo->accept), NULL) ||
        !headers_add(&head.fields, SPAN("Upgrade"), SPAN("websocket"), NULL)) {
        response_head_release(&head);
        fail(echo);
        return;
    }
    echo->state = ECHOING;
    task_init(&echo->run, echo->loop, TASK_SOON, run, echo);
    channel_set_taker(echo->in, &from_client, echo);
    task_post(&echo->run);
    echo->out.events->on_answer(echo->out.arg, &head, &echo->body);
    response_head_release(&head);
}

static void destroy(void *object)
{
    struct echo *echo = object;
    headers_release(&echo->body.trailers);
    channel_free(echo->body.bytes);
    buf_release(&echo->message);
    buf_release(&echo->frame);
    free(echo);
}

static void out_close(struct outbound *out)
{
    struct echo *echo = CONTAINER_OF(out, struct echo, out);
    if (echo->state == CLOSED)
        return;
    if (echo->state != OPENING)
        channel_set_taker(echo->in, NULL, NULL);
    echo->state = CLOSED;
    task_cancel(&echo->run);
    channel_set_taker(echo->body.bytes, NULL, NULL);
    loop_reap(echo->loop, &echo->reap, destroy, echo);
}

struct outbound *hello_echo_open(struct loop *loop, const struct request_head *head,
                                 struct channel *in, const struct outbound_events *events,
                                 void *arg, struct error *err)
{
    static const struct outbound_ops ops = {.close = out_close};
    struct span key = SPAN("");
    struct echo *echo = calloc(1, sizeof *echo);
    if (!echo) {
        error_memory(err);
        return NULL;
    }
    echo->out = (struct outbound){.ops = &ops, .events = events, .arg = arg};
    echo->loop = loop;
    echo->in = in;
    echo->gate.changed = gate_changed;
    echo->message = (struct buf)BUF_LIMIT(HELLO_MESSAGE_MAX);
    echo->frame = (struct buf)BUF_LIMIT(HELLO_MESSAGE_MAX + 2 * WS_HEAD_MAX + WS_CONTROL_MAX);
    echo->body.length = LENGTH_UNKNOWN;
    headers_init(&echo->body.trailers);
    ws_reader_init(&echo->reader, true);
    task_init(&echo->run, loop, TASK_SOON, begin, echo);
    echo->body.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, &echo->gate, NULL);
    (void)headers_find(&head->fields, SPAN("Sec-WebSocket-Key"), &key);
    if (!echo->body.bytes || !ws_accept(key, echo->accept)) {
        error_memory(err);
        destroy(echo);
        return NULL;
    }
    task_post(&echo->run);
    return &echo->out;
}
