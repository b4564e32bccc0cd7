/* See the header. */
#include "support/desk.h"

#include "support/must.h"

enum { BODY_MAX = 64 * 1024 * 1024 };

static void act(struct desk_request *request, char letter)
{
    if (request->desk->act)
        request->desk->act(request, letter);
}

void desk_init(struct desk *desk)
{
    *desk = (struct desk){0};
}

static void release(struct desk_request *request)
{
    desk_close(request);
    request_head_release(&request->head);
    buf_release(&request->body);
    headers_release(&request->trailers);
    headers_release(&request->answer.trailers);
    channel_free(request->answer.bytes);
    request->answer.bytes = NULL;
}

void desk_release(struct desk *desk)
{
    for (size_t i = 0; i < desk->count; i++)
        release(&desk->requests[i]);
    desk->count = 0;
}

/* ---- what comes ---- */

void desk_read(struct desk_request *request)
{
    struct span bytes;
    struct body *body = request->in ? request->in->body : NULL;
    if (!body)
        return;
    while ((bytes = channel_peek(body->bytes)).len > 0) {
        must(buf_put_span(&request->body, bytes));
        channel_drop(body->bytes, bytes.len);
    }
    if (channel_is_done(body->bytes) && !request->body_ended) {
        request->body_ended = true;
        must(headers_copy(&request->trailers, &body->trailers, NULL));
    }
}

static void on_filled(void *arg)
{
    struct desk_request *request = arg;
    if (request->over)
        request->after++;
    if (!request->desk->holds)
        desk_read(request);
    act(request, 'f');
}

static const struct channel_events taker = {on_filled};

static void ended(struct desk_request *request, char letter)
{
    if (request->over)
        request->after++;
    act(request, letter);
    if (!request->desk->keeps)
        desk_close(request);
}

static void on_answered(void *arg)
{
    struct desk_request *request = arg;
    request->answered++;
    ended(request, 'a');
}

static void on_aborted(void *arg, const struct error *why)
{
    struct desk_request *request = arg;
    request->aborted++;
    request->why = *why;
    ended(request, 'x');
}

static const struct inbound_events events = {on_answered, on_aborted};

void desk_take(struct desk *desk, struct inbound *in)
{
    if (desk->count == DESK_REQUESTS_MAX) {
        desk->lost++;
        inbound_reset(in, NULL);
        inbound_close(in);
        return;
    }
    struct desk_request *request = &desk->requests[desk->count++];
    *request = (struct desk_request){.desk = desk, .in = in, .body = BUF_LIMIT(BODY_MAX)};
    request_head_init(&request->head);
    headers_init(&request->trailers);
    headers_init(&request->answer.trailers);
    must(request_head_copy(&request->head, &in->head, NULL));
    inbound_set_events(in, &events, request);
    channel_set_taker(in->body->bytes, &taker, request);
    if (!desk->holds)
        desk_read(request);
    act(request, 'q');
}

/* ---- what goes ---- */

static void send_head(struct desk_request *request, int status, int64_t length, bool has_body)
{
    struct response_head head;
    struct error err = {0};
    response_head_init(&head);
    head.status = status;
    head.length = length;
    head.ends_here = !has_body;
    head.is_upgrade = status == 101 || request->desk->upgrades;
    if (!request->desk->is_plain)
        must(headers_add(&head.fields, SPAN("x-desk"), SPAN("1"), &err));
    for (const struct header *field = request->desk->fields; field && field->name.len > 0; field++)
        must(headers_add(&head.fields, field->name, field->value, &err));
    if (has_body) {
        request->answer.length = length;
        if (!request->answer.bytes)
            request->answer.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
        must(request->answer.bytes != NULL);
    }
    must(inbound_answer(request->in, &head, has_body ? &request->answer : NULL, &err));
    response_head_release(&head);
}

void desk_answer(struct desk_request *request, int status, const char *text)
{
    struct span bytes = span_of(text);
    if (text) {
        request->answer.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
        must(request->answer.bytes && desk_put(request, bytes) == bytes.len);
        desk_end(request);
    }
    send_head(request, status, text ? (int64_t)bytes.len : LENGTH_UNKNOWN, text != NULL);
}

void desk_begin(struct desk_request *request, int status, int64_t length)
{
    send_head(request, status, length, true);
}

size_t desk_put(struct desk_request *request, struct span bytes)
{
    return channel_put(request->answer.bytes, bytes.data, bytes.len);
}

void desk_trailer(struct desk_request *request, const char *name, const char *value)
{
    must(headers_add(&request->answer.trailers, span_of(name), span_of(value), NULL));
}

void desk_end(struct desk_request *request)
{
    channel_end(request->answer.bytes);
}

void desk_reset(struct desk_request *request)
{
    request->over = true;
    inbound_reset(request->in, NULL);
}

void desk_close(struct desk_request *request)
{
    struct inbound *in = request->in;
    if (!in)
        return;
    request->over = true;
    request->in = NULL;
    channel_set_taker(in->body->bytes, NULL, NULL);
    inbound_close(in);
}
