/* Heads toward the edge: nothing of the origin's travels in plain fields but the length. */
#include "culvert/connector/edge_answer.h"

#include "culvert/tunnel/user_headers.h"

static bool put_length_field(struct headers *fields, int64_t length, struct error *err)
{
    char text[24];
    if (length == LENGTH_UNKNOWN || headers_has(fields, SPAN("content-length")))
        return true;
    (void)snprintf(text, sizeof text, "%lld", (long long)length);
    return headers_add(fields, SPAN("Content-Length"), span_of(text), err);
}

bool edge_answer_adapt(struct response_head *head, struct error *err)
{
    struct buf packed = BUF_LIMIT(USER_HEADERS_MAX);
    bool ok = put_length_field(&head->fields, head->length, err) &&
              user_headers_pack(&head->fields, &packed, err);
    if (ok) {
        headers_clear(&head->fields);
        ok = headers_add(&head->fields, SPAN(USER_HEADERS_FIELD), buf_span(&packed), err) &&
             headers_add(&head->fields, SPAN(RESPONSE_META_FIELD),
                         response_meta_text(RESPONSE_FROM_ORIGIN), err);
    }
    if (head->status == 101)
        head->status = 200; /* HTTP/2 knows no switch of protocols (RFC 9113 8.6) */
    if (head->status == 204 && head->length > 0)
        head->length = LENGTH_UNKNOWN; /* there are edges that reset such a stream */
    buf_release(&packed);
    return ok ? true : error_wrap(err, "the answer's head");
}

int edge_answer_status(struct inbound *in, int status, enum response_source source, bool to_head)
{
    struct response_head head;
    struct error err = {0};
    response_head_init(&head);
    head.status = status;
    head.length = to_head || source == RESPONSE_FROM_ORIGIN ? LENGTH_UNKNOWN : 0;
    head.ends_here = true;
    bool ok =
        headers_add(&head.fields, SPAN(RESPONSE_META_FIELD), response_meta_text(source), &err) &&
        (source != RESPONSE_FROM_ORIGIN ||
         headers_add(&head.fields, SPAN(USER_HEADERS_FIELD), SPAN(""), &err)) &&
        inbound_answer(in, &head, NULL, &err);
    response_head_release(&head);
    if (ok)
        return status;
    inbound_reset(in, &err);
    return 0;
}

static void on_answered(void *arg)
{
    inbound_close(arg);
}

static void on_aborted(void *arg, const struct error *why)
{
    (void)why;
    inbound_close(arg);
}

void edge_answer_refuse(struct inbound *in, int status, enum response_source source)
{
    static const struct inbound_events events = {on_answered, on_aborted};
    inbound_set_events(in, &events, in);
    if (edge_answer_status(in, status, source, request_is(&in->head, SPAN("HEAD"))) == 0)
        inbound_close(in);
}
