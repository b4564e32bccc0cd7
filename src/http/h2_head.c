/* Heads and trailers as the library reads them, field by field, into what owners of requests see:
 * within their limits, refused when they cannot be handed out. */
#include "culvert/http/reply.h"

#include "h2_internal.h"

enum { TRAILERS_MAX = 256 * 1024 /* they stay with their stream, other than heads of answers */ };

static bool too_big(struct h2_stream *stream)
{
    stream->head_too_big = true;
    return true;
}

static bool lost(struct h2_stream *stream)
{
    stream->head_is_lost = true;
    return true;
}

/* Appends, or notes that the head is over its limit: it is answered when it is whole. */
static bool keep(struct h2_stream *stream, struct headers *to, struct span name, struct span value)
{
    struct error why;
    if (headers_bytes(to) + name.len + value.len > stream->session->options.head_max)
        return too_big(stream);
    if (headers_add(to, name, value, &why))
        return true;
    return why.kind == ERROR_LIMIT ? too_big(stream) : lost(stream);
}

static bool keep_trailer(struct h2_stream *stream, struct span name, struct span value)
{
    struct headers *trailers = &stream->trailers_in;
    if (headers_bytes(trailers) + name.len + value.len > TRAILERS_MAX)
        return too_big(stream);
    return keep(stream, trailers, name, value);
}

static bool keep_text(struct h2_stream *stream, struct buf *to, struct span value)
{
    if (value.len > to->limit - to->len)
        return too_big(stream);
    return buf_put_span(to, value) || lost(stream);
}

/* Several cookie fields are one with "; " between (RFC 9113 8.2.3). They are joined beside the
 * fields: thousands of crumbs must not cost the square of their number. */
static bool keep_cookie(struct h2_stream *stream, struct span value)
{
    struct buf *cookie = &stream->cookie;
    size_t len = headers_bytes(&stream->in.head.fields) + cookie->len + value.len;
    if (len + 2 > stream->session->options.head_max)
        return too_big(stream);
    return ((cookie->len == 0 || buf_put_span(cookie, SPAN("; "))) &&
            buf_put_span(cookie, value)) ||
           lost(stream);
}

static void put_cookie(struct h2_stream *stream)
{
    struct buf *cookie = &stream->cookie;
    if (cookie->len > 0)
        (void)keep(stream, &stream->in.head.fields, SPAN("cookie"), buf_span(cookie));
    buf_release(cookie);
}

/* What HTTP/1.1 behind us may read as framing although it is none here. */
static bool looks_like_framing(struct span name)
{
    return span_equal(name, SPAN("content_length")) || span_equal(name, SPAN("transfer_encoding"));
}

/* Among whatever else is expected (RFC 9110 10.1.1). */
static bool wants_continue(struct span expectations)
{
    struct span one;
    while (span_cut(&expectations, ',', &one))
        if (span_equal_nocase(span_trim(one), SPAN("100-continue")))
            return true;
    return false;
}

static bool request_field(struct h2_stream *stream, struct span name, struct span value)
{
    struct request_head *head = &stream->in.head;
    if (span_equal(name, SPAN(":method")))
        return keep_text(stream, &head->method, value);
    if (span_equal(name, SPAN(":scheme")))
        return keep_text(stream, &head->scheme, value);
    if (span_equal(name, SPAN(":authority")))
        return keep_text(stream, &head->authority, value);
    if (span_equal(name, SPAN(":path")))
        return keep_text(stream, &head->target, value);
    if (span_equal(name, SPAN(":protocol"))) {
        /* nghttp2 lets it pass where we announced it */
        stream->asks_websocket = span_equal_nocase(value, SPAN("websocket"));
        return true;
    }
    if (span_starts(name, SPAN(":")) || looks_like_framing(name))
        return false;
    if (span_equal(name, SPAN("host")) && head->authority.len > 0) {
        stream->host_differs |= !span_equal_nocase(buf_span(&head->authority), value) &&
                                !stream->session->options.judges_itself;
        return true;
    }
    if (span_equal(name, SPAN("host")))
        return keep_text(stream, &head->authority, value);
    if (span_equal(name, SPAN("content-length")))
        return span_to_u64(value, INT64_MAX, &(uint64_t){0}) &&
               keep(stream, &head->fields, name, value);
    if (span_equal(name, SPAN("expect")) && wants_continue(value)) {
        head->wants_continue = true;
        return true;
    }
    if (span_equal(name, SPAN("cookie")))
        return keep_cookie(stream, value);
    return keep(stream, &head->fields, name, value);
}

static bool answer_field(struct h2_stream *stream, struct span name, struct span value)
{
    uint64_t status;
    if (!span_equal(name, SPAN(":status")))
        return keep(stream, &stream->answer.fields, name, value);
    if (value.len != 3 || !span_to_u64(value, 999, &status) || status < 100)
        return false;
    stream->answer.status = (int)status;
    return true;
}

/* Of an edge: a fault is dealt with when the head is whole. */
static bool judged_field(struct h2_stream *stream, struct span name, struct span value)
{
    struct h2_rules *rules = &stream->rules;
    if (rules->fault)
        return true;
    if (stream->head_done)
        return !h2_rules_trailer(rules, name, &value) || keep_trailer(stream, name, value);
    if (h2_rules_field(rules, name, &value) && !request_field(stream, name, value))
        rules->fault = "a field that looks like the framing of HTTP/1.1";
    return true;
}

bool h2_stream_field(struct h2_stream *stream, struct span name, struct span value)
{
    if (stream->head_too_big || stream->head_is_lost || stream->told)
        return true;
    if (stream->session->options.judges_itself)
        return judged_field(stream, name, value);
    if (stream->head_done)
        return keep_trailer(stream, name, value);
    return stream->session->options.is_server ? request_field(stream, name, value)
                                              : answer_field(stream, name, value);
}

/* The length leaves the fields: it is a property of the head, and every writer says it anew. */
static int64_t take_length(struct headers *fields)
{
    int64_t length = LENGTH_UNKNOWN;
    if (!headers_content_length(fields, &length, NULL))
        length = LENGTH_UNKNOWN;
    headers_remove(fields, SPAN("content-length"));
    return length;
}

/* What a head that cannot be handed out is answered with; 0: it can. */
static int refusal(const struct h2_stream *stream)
{
    if (stream->head_is_lost)
        return 503;
    if (stream->head_too_big)
        return 431;
    bool is_edge = stream->session->options.judges_itself; /* may ask for a flow by CONNECT */
    if (!is_edge && request_is(&stream->in.head, SPAN("CONNECT")))
        return 501;
    return stream->host_differs ? 400 : 0; /* RFC 9113 8.3.1 */
}

/* The client waits to hear that its body is wanted, unless it was answered meanwhile. */
static void go_on(struct h2_stream *stream)
{
    struct response_head head;
    response_head_init(&head);
    head.status = 100;
    head.length = LENGTH_UNKNOWN;
    if (stream->in.head.wants_continue && !stream->peer_ended && !stream->said_go_on)
        inbound_inform(&stream->in, &head);
    response_head_release(&head);
}

/* A WebSocket by RFC 8441 5 becomes what HTTP/1.1 would have made of it. */
static void become_websocket(struct h2_stream *stream)
{
    struct request_head *head = &stream->in.head;
    head->is_websocket = true;
    head->length = LENGTH_UNKNOWN;
    buf_clear(&head->method);
    if (!buf_put_span(&head->method, SPAN("GET")))
        (void)lost(stream);
}

/* Of an edge: malformed by our own rules, and reset? */
static bool is_malformed(struct h2_stream *stream)
{
    if (!stream->session->options.judges_itself || stream->head_too_big || stream->head_is_lost ||
        h2_rules_head_done(&stream->rules, &stream->in.head))
        return false;
    h2_stream_fault(stream, stream->rules.fault);
    return true;
}

/* The session is the owner of what it answers by itself, until that left. */
static void refuse_misplaced(struct h2_stream *stream, const char *text)
{
    const struct reply reply = {
        .status = 400,
        .content_type = "text/plain; charset=utf-8",
        .text = span_of(text),
        .fields = {{SPAN_INIT("X-Content-Type-Options"), SPAN_INIT("nosniff")}},
    };
    struct loop *loop = stream->session->loop;
    log_debug(loop_log(loop), "Refused a request", LOG_TEXT("error", text));
    stream->held = true;
    reply_send(loop, &stream->in, &reply);
}

static void request_done(struct h2_stream *stream, bool ends)
{
    struct h2_session *session = stream->session;
    struct request_head *head = &stream->in.head;
    put_cookie(stream);
    if (is_malformed(stream))
        return;
    head->length = take_length(&head->fields);
    head->ends_here = ends;
    if (ends && (head->length == LENGTH_UNKNOWN || session->options.judges_itself))
        head->length = 0; /* a length without a body is as little as none */
    if (stream->asks_websocket)
        become_websocket(stream);
    stream->is_head_request = request_is(head, SPAN("HEAD"));
    stream->body.length = head->length;
    if (ends)
        h2_stream_peer_ended(stream);
    const char *text = h2_rules_refusal(&stream->rules);
    int status = refusal(stream);
    if (text && !stream->head_too_big && !stream->head_is_lost) {
        refuse_misplaced(stream, text);
        return;
    }
    if (status != 0) {
        h2_stream_refuse(stream, status);
        return;
    }
    if (!h2_defence_hold(stream))
        return;
    stream->held = true;
    stream->in.peer_is_ours = session->peer_takes_interim;
    session->events->on_request(session->arg, &stream->in);
    if (stream->held)
        go_on(stream);
}

/* What could not be kept is not handed out: the stream is given up. */
static bool is_not_kept(struct h2_stream *stream, const char *what)
{
    struct error why;
    if (stream->head_is_lost)
        error_memory(&why);
    else if (stream->head_too_big)
        error_set(&why, ERROR_PROTOCOL, 0, "%s is over %u bytes", what,
                  stream->session->options.head_max);
    else
        return false;
    h2_stream_blame(stream, &why);
    h2_stream_reset(stream, NGHTTP2_CANCEL);
    return true;
}

static void answer_done(struct h2_stream *stream, bool ends)
{
    struct response_head *head = &stream->answer;
    if (is_not_kept(stream, "the answer's head"))
        return;
    if (!stream->held || stream->told)
        return;
    head->length = take_length(&head->fields);
    if (response_is_interim(head)) {
        stream->out.events->on_inform(stream->out.arg, head);
        stream->head_done = false;
        headers_clear(&head->fields);
        return;
    }
    head->ends_here = ends;
    stream->body.length = head->length;
    if (ends)
        h2_stream_peer_ended(stream);
    stream->out.events->on_answer(stream->out.arg, head, ends ? NULL : &stream->body);
    headers_release(&head->fields); /* a stream may live long */
}

/* What is wrong with an edge's trailer section; NULL: nothing, or others judged it. */
static const char *trailer_fault(const struct h2_stream *stream, bool ends)
{
    if (!stream->session->options.judges_itself || stream->rules.fault)
        return stream->rules.fault;
    return ends ? NULL : "a trailer section that does not end its request"; /* 8.1 */
}

static void trailers_done(struct h2_stream *stream, bool ends)
{
    if (is_not_kept(stream, "the trailer section")) /* cut short it would look whole */
        return;
    const char *fault = trailer_fault(stream, ends);
    if (fault) {
        h2_stream_fault(stream, fault);
        return;
    }
    body_take_trailers(&stream->body, &stream->trailers_in);
    if (ends)
        h2_stream_peer_ended(stream);
}

void h2_stream_head_done(struct h2_stream *stream, bool ends, bool is_trailer)
{
    if (is_trailer) {
        trailers_done(stream, ends);
        return;
    }
    stream->head_done = true;
    if (stream->session->options.is_server)
        request_done(stream, ends);
    else
        answer_done(stream, ends);
}
