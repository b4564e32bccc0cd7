/* See the header. */
#include "support/raw_edge.h"

#include "culvert/http/h2_block.h"
#include "culvert/rpc/registration_server.h"
#include "support/must.h"

#include <nghttp2/nghttp2.h>

#include <stdlib.h>

enum {
    FRAME_MAX = 16 * 1024,
    USUAL_WINDOW = 65535,
    WIDE = 0x7fff0000, /* our windows never shut */
    SETTING_WINDOW = 4,
};

static void say(struct raw_edge *edge, struct buf *bytes)
{
    if (edge->conn)
        (void)conn_put(edge->conn, bytes->data, bytes->len); /* it may be lost meanwhile */
    buf_release(bytes);
}

static struct raw_answer *answer_of(struct raw_edge *edge, uint32_t stream)
{
    for (size_t i = 0; i < edge->count; i++)
        if (edge->answers[i].stream == stream)
            return &edge->answers[i];
    return NULL;
}

/* ---- toward the connector ---- */

static void send_queue(struct raw_edge *edge, struct raw_answer *answer)
{
    struct buf bytes = BUF_LIMIT(RAW_BYTES_MAX);
    while (answer->queue.len > 0 && answer->window > 0 && edge->window > 0) {
        int64_t most = answer->window < edge->window ? answer->window : edge->window;
        size_t len = most < FRAME_MAX ? (size_t)most : FRAME_MAX;
        struct span part = span_first(buf_span(&answer->queue), len);
        bool last = answer->ends && part.len == answer->queue.len;
        wire_put_data(&bytes, answer->stream, last ? WIRE_END_STREAM : 0, part);
        if (last)
            answer->ends = false;
        answer->window -= (int64_t)part.len;
        edge->window -= (int64_t)part.len;
        buf_drop(&answer->queue, part.len);
    }
    if (answer->ends && answer->queue.len == 0) {
        wire_put_data(&bytes, answer->stream, WIRE_END_STREAM, SPAN_NONE);
        answer->ends = false;
    }
    say(edge, &bytes);
}

static void send_queues(struct raw_edge *edge)
{
    for (size_t i = 0; i < edge->count; i++)
        send_queue(edge, &edge->answers[i]);
}

static void send_head(struct raw_edge *edge, uint32_t stream, const struct headers *fields,
                      bool ends)
{
    struct buf block = BUF_LIMIT(RAW_BYTES_MAX);
    struct buf bytes = BUF_LIMIT(RAW_BYTES_MAX);
    for (size_t i = 0; i < fields->count; i++) {
        struct header field = headers_at(fields, i);
        char *name = span_dup(field.name);
        must(name != NULL);
        wire_put_field(&block, name, field.value);
        free(name);
    }
    struct span rest = buf_span(&block);
    struct wire_frame frame = {.type = WIRE_HEADERS, .stream = stream};
    do {
        frame.payload = span_first(rest, FRAME_MAX);
        rest = span_skip(rest, frame.payload.len);
        frame.flags = (uint8_t)((rest.len == 0 ? WIRE_END_HEADERS : 0) |
                                (frame.type == WIRE_HEADERS && ends ? WIRE_END_STREAM : 0));
        wire_put(&bytes, &frame);
        frame.type = WIRE_CONTINUATION;
    } while (rest.len > 0);
    say(edge, &bytes);
    buf_release(&block);
}

struct raw_answer *raw_edge_ask(struct raw_edge *edge, const struct headers *fields, bool ends)
{
    must(edge->count < RAW_ANSWERS_MAX);
    struct raw_answer *answer = &edge->answers[edge->count];
    *answer = (struct raw_answer){.stream = (uint32_t)(2 * edge->count + 1),
                                  .data = BUF_LIMIT(RAW_BYTES_MAX),
                                  .queue = BUF_LIMIT(RAW_BYTES_MAX),
                                  .window = edge->first_window};
    edge->count++;
    send_head(edge, answer->stream, fields, ends);
    return answer;
}

void raw_edge_put(struct raw_edge *edge, struct raw_answer *answer, struct span bytes, bool ends)
{
    must(buf_put_span(&answer->queue, bytes));
    answer->ends = ends;
    send_queue(edge, answer);
}

void raw_edge_trailers(struct raw_edge *edge, struct raw_answer *answer,
                       const struct headers *trailers)
{
    must(answer->queue.len == 0);
    send_head(edge, answer->stream, trailers, true);
}

void raw_edge_reset(struct raw_edge *edge, struct raw_answer *answer, uint32_t code)
{
    struct buf bytes = BUF_LIMIT(64);
    wire_put_number(&bytes, WIRE_RST_STREAM, answer->stream, code);
    say(edge, &bytes);
}

/* ---- the control stream ---- */

static void send_control(void *arg, struct span bytes)
{
    struct raw_edge *edge = arg;
    raw_edge_put(edge, edge->control, bytes, false);
}

static void accept_registration(void *arg, const struct registration_params *params)
{
    struct raw_edge *edge = arg;
    struct error err;
    (void)params;
    const struct connection_details details = {.uuid = uuid_make(), .location = SPAN("raw")};
    must(registration_server_accept(edge->rpc, &details, &err));
}

static void ignore_configuration(void *arg, struct span json)
{
    (void)arg;
    (void)json;
}

static void take_leave(void *arg)
{
    struct raw_edge *edge = arg;
    struct error err;
    must(registration_server_unregistered(edge->rpc, &err));
}

static void ignore_end(void *arg, const struct error *why)
{
    (void)arg;
    (void)why;
}

void raw_edge_register(struct raw_edge *edge)
{
    static const struct registration_server_events rpc_events = {
        send_control, accept_registration,  ignore_configuration,
        take_leave,   ignore_configuration, ignore_end,
    };
    struct headers fields;
    struct error err;
    headers_init(&fields);
    edge->rpc = registration_server_new(&rpc_events, edge);
    must(edge->rpc && headers_add(&fields, SPAN(":method"), SPAN("GET"), &err) &&
         headers_add(&fields, SPAN(":scheme"), SPAN("https"), &err) &&
         headers_add(&fields, SPAN(":authority"), SPAN("control"), &err) &&
         headers_add(&fields, SPAN(":path"), SPAN("/"), &err) &&
         headers_add(&fields, SPAN("cf-cloudflared-proxy-connection-upgrade"),
                     SPAN("control-stream"), &err));
    edge->control = raw_edge_ask(edge, &fields, false);
    headers_release(&fields);
}

/* ---- from the connector ---- */

static void end_answer(struct raw_edge *edge, struct raw_answer *answer)
{
    if (answer->over_ms == 0)
        answer->over_ms = loop_now_ms(edge->loop);
}

static void keep_field(struct raw_answer *answer, const nghttp2_nv *nv, struct span long_value)
{
    struct error err;
    struct span value = span_make((const char *)nv->value, nv->valuelen);
    must(headers_add(&answer->heads[answer->head_count],
                     span_make((const char *)nv->name, nv->namelen),
                     long_value.data ? long_value : value, &err));
}

/* Unpacks the gathered block; the inflater wants every block, also those nobody asked for, and
 * takes no long strings. */
static void take_head(struct raw_edge *edge, struct raw_answer *answer)
{
    bool keeps = answer && answer->head_count < ARRAY_LEN(answer->heads);
    struct h2_block *block = h2_block_new(HEADERS_BYTES_MAX);
    must(block && h2_block_feed(block, buf_span(&edge->block)) && h2_block_is_whole(block) &&
         !h2_block_is_cut(block));
    struct span rest = h2_block_bytes(block);
    for (size_t field = 0;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(edge->inflater, &nv, &flags,
                                              (const uint8_t *)rest.data, rest.len, 1);
        must(used >= 0);
        rest = span_skip(rest, (size_t)used);
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) && keeps)
            keep_field(answer, &nv, h2_block_value(block, field));
        field += flags & NGHTTP2_HD_INFLATE_EMIT ? 1 : 0;
        if (flags & NGHTTP2_HD_INFLATE_FINAL)
            break;
    }
    must(nghttp2_hd_inflate_end_headers(edge->inflater) == 0);
    buf_clear(&edge->block);
    h2_block_free(block);
    if (keeps)
        answer->head_ms[answer->head_count++] = loop_now_ms(edge->loop);
}

static void take_settings(struct raw_edge *edge, struct span payload)
{
    struct buf ack = BUF_LIMIT(64);
    for (; payload.len >= 6; payload = span_skip(payload, 6)) {
        const struct wire_frame value = {.payload = span_skip(payload, 2)};
        if (payload.data[1] == SETTING_WINDOW)
            edge->first_window = wire_number(&value);
    }
    wire_put_ack(&ack);
    say(edge, &ack);
}

static void take_window(struct raw_edge *edge, const struct wire_frame *frame)
{
    struct raw_answer *answer = answer_of(edge, frame->stream);
    if (frame->stream == 0)
        edge->window += wire_number(frame);
    else if (answer)
        answer->window += wire_number(frame);
    send_queues(edge);
}

static void take_data(struct raw_edge *edge, struct raw_answer *answer, struct span bytes)
{
    if (!answer)
        return;
    if (answer == edge->control) {
        registration_server_feed(edge->rpc, bytes);
        return;
    }
    if (bytes.len > 0 && answer->first_data_ms == 0)
        answer->first_data_ms = loop_now_ms(edge->loop);
    must(buf_put_span(&answer->data, bytes));
}

static void take_ping(struct raw_edge *edge, const struct wire_frame *frame)
{
    struct buf pong = BUF_LIMIT(64);
    if (frame->flags & WIRE_ACK)
        return;
    wire_put(&pong, &(struct wire_frame){WIRE_PING, WIRE_ACK, 0, frame->payload});
    say(edge, &pong);
}

static void take_frame(struct raw_edge *edge, const struct wire_frame *frame)
{
    struct raw_answer *answer = answer_of(edge, frame->stream);
    if (frame->type == WIRE_HEADERS || frame->type == WIRE_CONTINUATION) {
        must(buf_put_span(&edge->block, frame->payload));
        if (frame->flags & WIRE_END_HEADERS)
            take_head(edge, answer);
    } else if (frame->type == WIRE_DATA) {
        take_data(edge, answer, frame->payload);
    } else if (frame->type == WIRE_SETTINGS && !(frame->flags & WIRE_ACK)) {
        take_settings(edge, frame->payload);
    } else if (frame->type == WIRE_WINDOW_UPDATE) {
        take_window(edge, frame);
    } else if (frame->type == WIRE_PING) {
        take_ping(edge, frame);
    } else if (frame->type == WIRE_GOAWAY) {
        edge->goaway = true;
    } else if (frame->type == WIRE_RST_STREAM && answer && !answer->reset) {
        answer->reset = true;
        answer->code = wire_number(frame);
        end_answer(edge, answer);
    }
    bool may_end = frame->type == WIRE_HEADERS || frame->type == WIRE_DATA;
    if (may_end && answer && (frame->flags & WIRE_END_STREAM)) {
        answer->ended = true;
        end_answer(edge, answer);
    }
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct raw_edge *edge = arg;
    struct wire_frame frame;
    struct span rest = span_make((const char *)data, len);
    while (edge->conn && wire_take(&rest, &frame))
        take_frame(edge, &frame);
    return len - rest.len;
}

static void hang_up(struct raw_edge *edge)
{
    conn_close(edge->conn);
    edge->conn = NULL;
}

static void on_end(void *arg)
{
    hang_up(arg);
}

static void on_lost(void *arg, const struct error *why)
{
    (void)why;
    hang_up(arg);
}

static void on_open(void *arg)
{
    (void)arg;
}

static const struct conn_events events = {on_open, on_bytes, on_end, on_open, on_lost, NULL};

static void on_accept(void *arg, int fd)
{
    struct raw_edge *edge = arg;
    struct buf hello = BUF_LIMIT(256);
    must(!edge->conn && edge->count == 0);
    edge->conn = conn_new(edge->loop, fd, &events, edge, NULL);
    must(edge->conn && buf_put_span(&hello, SPAN(WIRE_PREFACE)));
    wire_put_settings(&hello, SETTING_WINDOW, WIDE);
    wire_put_number(&hello, WIRE_WINDOW_UPDATE, 0, WIDE - USUAL_WINDOW);
    say(edge, &hello);
}

void raw_edge_open(struct raw_edge *edge, struct loop *loop, struct memory_sockets *memory,
                   const char *at)
{
    *edge = (struct raw_edge){.loop = loop,
                              .block = BUF_LIMIT(RAW_BYTES_MAX),
                              .window = USUAL_WINDOW,
                              .first_window = USUAL_WINDOW};
    must(nghttp2_hd_inflate_new(&edge->inflater) == 0);
    memory_sockets_serve(memory, at, on_accept, edge);
}

void raw_edge_close(struct raw_edge *edge)
{
    hang_up(edge);
    registration_server_free(edge->rpc);
    nghttp2_hd_inflate_del(edge->inflater);
    buf_release(&edge->block);
    for (size_t i = 0; i < edge->count; i++) {
        for (size_t k = 0; k < ARRAY_LEN(edge->answers[i].heads); k++)
            headers_release(&edge->answers[i].heads[k]);
        buf_release(&edge->answers[i].data);
        buf_release(&edge->answers[i].queue);
    }
}
