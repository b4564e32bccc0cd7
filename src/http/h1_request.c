/* Requests of visitors. Every line is judged as soon as it is whole; what depends on several fields
 * is judged at the empty line. */
#include "culvert/http/h1_request.h"

#include "chars.h"
#include "h1_lines.h"
#include "h1_target.h"

/* One call's view. */
struct reader {
    struct h1_parser *parser;
    struct request_head *head;
    struct h1_framing *framing;
    struct h1_refusal *why;
};

/* Sets the reason and returns false. */
static bool refuse(struct reader *r, int status, const char *text)
{
    r->why->status = status;
    (void)snprintf(r->why->text, sizeof r->why->text, "%s", text);
    return false;
}

static bool refuse_memory(struct reader *r)
{
    return refuse(r, 500, "out of memory");
}

static bool saw(const struct reader *r, enum h1_seen what)
{
    return (r->parser->seen & what) != 0;
}

/* Notes that a field came that may come once. */
static bool note_once(struct reader *r, enum h1_seen what, const char *text)
{
    if (saw(r, what))
        return refuse(r, 400, text);
    r->parser->seen |= what;
    return true;
}

static bool read_version(struct reader *r, struct span version)
{
    if (span_equal(version, SPAN("HTTP/1.1")))
        return true;
    if (span_equal(version, SPAN("HTTP/1.0"))) {
        r->parser->seen |= H1_SEEN_HTTP10;
        r->head->is_http10 = true;
        return true;
    }
    if (version.len == 8 && span_starts(version, SPAN("HTTP/")) && version.data[6] == '.' &&
        version.data[5] >= '0' && version.data[5] <= '9' && version.data[7] >= '0' &&
        version.data[7] <= '9')
        return refuse(r, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    if (span_find(version, ' ') < version.len)
        return refuse(r, 400, "the request line has more than three parts");
    return refuse(r, 400, "the request line does not end in a version of HTTP");
}

static void clear_head(struct request_head *head)
{
    buf_clear(&head->method);
    buf_clear(&head->scheme);
    buf_clear(&head->authority);
    buf_clear(&head->target);
    headers_clear(&head->fields);
    head->is_http10 = head->wants_continue = head->is_websocket = false;
}

static bool read_request_line(struct reader *r, struct span line)
{
    clear_head(r->head);
    size_t method_len = chars_span(line, CHAR_TOKEN);
    struct span method = span_first(line, method_len);
    struct span rest = span_skip(line, method_len);
    if (method_len == 0 || rest.len == 0 || rest.data[0] != ' ')
        return refuse(r, 400, "the request line does not begin with a method and one space");
    rest = span_skip(rest, 1);
    if (method_len > METHOD_MAX)
        return refuse(r, 501, "the method is longer than any known one");
    if (span_equal(method, SPAN("CONNECT")))
        return refuse(r, 501, "CONNECT is not served here");
    size_t target_len = span_find(rest, ' ');
    if (target_len == rest.len)
        return refuse(r, 400, "the request line has no version");
    if (!read_version(r, span_skip(rest, target_len + 1)))
        return false;
    if (!buf_put_span(&r->head->method, method))
        return refuse_memory(r);
    const char *fault = h1_read_target(span_first(rest, target_len), r->head);
    if (fault)
        return fault[0] ? refuse(r, 400, fault) : refuse_memory(r);
    if (r->head->authority.len > 0)
        r->parser->seen |= H1_SEEN_AUTHORITY;
    r->parser->has_start = true;
    return true;
}

/* How a field of interest is read, and whether it goes into the list. */
enum fate { FATE_KEEP, FATE_DROP, FATE_BAD };

static enum fate read_host(struct reader *r, struct span value)
{
    if (!note_once(r, H1_SEEN_HOST, "Host came twice"))
        return FATE_BAD;
    if (!authority_is_valid(value)) {
        (void)refuse(r, 400, "Host is not a host name and port");
        return FATE_BAD;
    }
    if (saw(r, H1_SEEN_AUTHORITY)) {
        if (span_equal_nocase(value, buf_span(&r->head->authority)))
            return FATE_DROP;
        (void)refuse(r, 400, "Host and the target name different hosts");
        return FATE_BAD;
    }
    if (!buf_put_span(&r->head->authority, value)) {
        (void)refuse_memory(r);
        return FATE_BAD;
    }
    return FATE_DROP;
}

/* Leading zeros are refused too: some read them as octal. */
static enum fate read_length(struct reader *r, struct span value)
{
    uint64_t length;
    if (!note_once(r, H1_SEEN_LENGTH, "Content-Length came twice"))
        return FATE_BAD;
    if (!span_to_u64(value, INT64_MAX, &length) || (value.len > 1 && value.data[0] == '0')) {
        (void)refuse(r, 400, "Content-Length is not a plain decimal number");
        return FATE_BAD;
    }
    r->framing->length = (int64_t)length;
    return FATE_KEEP;
}

/* Codings that are known but not spoken are 501 (RFC 9112 6.1); what makes the end of the body a
 * matter of taste is 400. */
static enum fate read_transfer(struct reader *r, struct span value)
{
    if (!note_once(r, H1_SEEN_TRANSFER, "Transfer-Encoding came twice"))
        return FATE_BAD;
    if (span_equal_nocase(value, SPAN("chunked")))
        return FATE_DROP;
    struct span rest = value;
    struct span member;
    size_t chunked = 0;
    bool is_last = false;
    bool are_tokens = true;
    while (span_cut(&rest, ',', &member)) {
        member = span_trim(member);
        is_last = span_equal_nocase(member, SPAN("chunked"));
        chunked += is_last;
        are_tokens = are_tokens && header_name_is_valid(member);
    }
    if (!are_tokens || chunked > 1 || (chunked == 1 && !is_last))
        (void)refuse(r, 400, "Transfer-Encoding does not end in exactly one chunked");
    else
        (void)refuse(r, 501, "no transfer coding but chunked is spoken here");
    return FATE_BAD;
}

static enum fate read_connection(struct reader *r, struct span value)
{
    unsigned before = r->parser->seen;
    r->parser->seen &= ~(unsigned)H1_SEEN_TO_REMOVE;
    if (!h1_note_connection(r->parser, value, true)) {
        (void)refuse(r, 400, "Connection is not a short list of names it may hold");
        return FATE_BAD;
    }
    enum fate fate = saw(r, H1_SEEN_TO_REMOVE) ? FATE_KEEP : FATE_DROP;
    r->parser->seen |= before;
    return fate;
}

static enum fate read_expect(struct reader *r, struct span value)
{
    if (!span_equal_nocase(value, SPAN("100-continue"))) {
        (void)refuse(r, 417, "no expectation but 100-continue can be met");
        return FATE_BAD;
    }
    r->parser->seen |= H1_SEEN_CONTINUE;
    return FATE_DROP;
}

static enum fate read_upgrade(struct reader *r, struct span value)
{
    h1_note_upgrade(r->parser, value, r->framing);
    return FATE_DROP;
}

static enum fate read_te(struct reader *r, struct span value)
{
    (void)r;
    return span_equal_nocase(value, SPAN("trailers")) ? FATE_KEEP : FATE_DROP;
}

static enum fate read_hop(struct reader *r, struct span value)
{
    (void)r;
    (void)value;
    return FATE_DROP;
}

static const struct {
    struct span name;
    enum fate (*read)(struct reader *r, struct span value);
} special[] = {
    {SPAN_INIT("Host"), read_host},
    {SPAN_INIT("Connection"), read_connection},
    {SPAN_INIT("Content-Length"), read_length},
    {SPAN_INIT("Transfer-Encoding"), read_transfer},
    {SPAN_INIT("Expect"), read_expect},
    {SPAN_INIT("Upgrade"), read_upgrade},
    {SPAN_INIT("TE"), read_te},
    {SPAN_INIT("Keep-Alive"), read_hop},
    {SPAN_INIT("Proxy-Connection"), read_hop},
    {SPAN_INIT("Trailer"), read_hop},
};

/* "Content_Length": what a gateway behind us may turn into the field that frames the message. */
static bool is_lookalike(struct span name)
{
    static const struct span names[] = {SPAN_INIT("content-length"),
                                        SPAN_INIT("transfer-encoding")};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        size_t dash = span_find(names[i], '-');
        if (name.len == names[i].len && name.data[dash] == '_' &&
            span_equal_nocase(span_first(name, dash), span_first(names[i], dash)) &&
            span_equal_nocase(span_skip(name, dash + 1), span_skip(names[i], dash + 1)))
            return true;
    }
    return false;
}

static bool judge_name(struct reader *r, struct span name)
{
    if (header_name_is_valid(name))
        return !is_lookalike(name) ||
               refuse(r, 400, "a field name differs from a framing field by an underscore");
    if (name.len > 0 && (name.data[name.len - 1] == ' ' || name.data[name.len - 1] == '\t'))
        return refuse(r, 400, "a field has a blank before its colon");
    return refuse(r, 400, "a field name is not a token");
}

static bool read_field(struct reader *r, struct span line)
{
    struct header field;
    if (line.data[0] == ' ' || line.data[0] == '\t')
        return refuse(r, 400, "a field is folded over two lines");
    if (r->parser->fields++ == r->parser->limits->fields_max)
        return refuse(r, 431, "too many fields");
    if (!h1_cut_field(line, &field))
        return refuse(r, 400, "a line of the head has no colon");
    if (!judge_name(r, field.name))
        return false;
    if (!header_value_is_valid(field.value))
        return refuse(r, 400, "a field value holds a control byte");
    struct error err;
    enum fate fate = FATE_KEEP;
    for (size_t i = 0; i < ARRAY_LEN(special); i++) {
        if (field.name.len != special[i].name.len ||
            !span_equal_nocase(field.name, special[i].name))
            continue;
        fate = special[i].read(r, field.value);
        break;
    }
    if (fate == FATE_KEEP && !headers_add(&r->head->fields, field.name, field.value, &err))
        return err.kind == ERROR_LIMIT ? refuse(r, 431, "too many fields") : refuse_memory(r);
    return fate != FATE_BAD;
}

/* Which body follows, from fields that each were in order. */
static bool settle_body(struct reader *r)
{
    bool has_length = saw(r, H1_SEEN_LENGTH);
    struct h1_framing *framing = r->framing;
    if (saw(r, H1_SEEN_TRANSFER)) {
        if (has_length)
            return refuse(r, 400, "Content-Length and Transfer-Encoding came both");
        if (r->head->is_http10)
            return refuse(r, 400, "Transfer-Encoding in HTTP/1.0");
        framing->body = H1_BODY_CHUNKED;
    } else if (has_length && framing->length > 0) {
        framing->body = H1_BODY_LENGTH;
    }
    r->head->ends_here = framing->body == H1_BODY_NONE;
    r->head->length = r->head->ends_here ? 0 : framing->length;
    if (r->head->ends_here)
        framing->length = LENGTH_UNKNOWN;
    if (!r->head->ends_here && request_is(r->head, SPAN("TRACE")))
        return refuse(r, 400, "TRACE with a body");
    return true;
}

/* The handshake is a GET (RFC 6455 4.1); what asks for it otherwise asks for nothing, and is served
 * as it stands. */
static void settle_websocket(struct reader *r)
{
    struct request_head *head = r->head;
    head->is_websocket = span_equal(span_of(r->framing->upgrade), SPAN("websocket")) &&
                         request_is(head, SPAN("GET"));
}

static bool settle(struct reader *r)
{
    bool is_http10 = r->head->is_http10;
    if (!saw(r, H1_SEEN_HOST) && !is_http10)
        return refuse(r, 400, "Host is missing");
    if (!settle_body(r))
        return false;
    struct h1_framing *framing = r->framing;
    framing->keep_alive = !saw(r, H1_SEEN_CLOSE) && (!is_http10 || saw(r, H1_SEEN_KEEP_ALIVE));
    if (is_http10 || !saw(r, H1_SEEN_CONNECTION_UPGRADE))
        framing->upgrade[0] = '\0';
    if (framing->upgrade[0] && !r->head->ends_here) {
        /* Others may take the body for frames. Clients that offer h2c with a body mean no harm. */
        if (span_equal(span_of(framing->upgrade), SPAN("websocket")))
            return refuse(r, 400, "an upgrade to WebSocket with a body before it");
        framing->upgrade[0] = '\0';
    }
    r->head->wants_continue = saw(r, H1_SEEN_CONTINUE) && !is_http10 && !r->head->ends_here;
    settle_websocket(r);
    if (saw(r, H1_SEEN_TO_REMOVE))
        headers_remove_hop_by_hop(&r->head->fields, true);
    return true;
}

/* One line: more to come (H1_MORE), the end of the head, or refused. */
static enum h1_verdict read_line(struct reader *r, struct span line)
{
    if (line.len == 0 || line.data[line.len - 1] != '\r') {
        (void)refuse(r, 400, "a line ends without CR");
        return H1_BAD;
    }
    line.len--;
    if (!r->parser->has_start)
        return read_request_line(r, line) ? H1_MORE : H1_BAD;
    if (line.len > 0)
        return read_field(r, line) ? H1_MORE : H1_BAD;
    r->parser->used = r->parser->line;
    return settle(r) ? H1_DONE : H1_BAD;
}

/* Passes over one empty line in front (RFC 9112 2.2) and looks at the first byte, so that what is
 * not HTTP at all is refused at once. */
static enum h1_verdict begin(struct reader *r, struct span bytes)
{
    *r->framing = (struct h1_framing){.length = LENGTH_UNKNOWN};
    if (bytes.len > 0 && bytes.data[0] == '\r') {
        if (bytes.len == 1)
            return H1_MORE;
        if (bytes.data[1] == '\n')
            r->parser->line = r->parser->scanned = 2;
    }
    struct span line = span_skip(bytes, r->parser->line);
    if (line.len == 0 || char_is(line.data[0], CHAR_TOKEN))
        return H1_MORE;
    (void)refuse(r, 400, "the request line does not begin with a method");
    return H1_BAD;
}

enum h1_verdict h1_parse_request(struct h1_parser *parser, struct span bytes,
                                 struct request_head *head, struct h1_framing *framing,
                                 struct h1_refusal *why)
{
    /* cppcheck-suppress ctuuninitvar ; framing and why are filled here */
    struct reader r = {parser, head, framing, why};
    if (parser->scanned <= 2 && !parser->has_start && begin(&r, bytes) == H1_BAD)
        return H1_BAD;
    struct span line;
    for (;;) {
        enum h1_verdict verdict = H1_MORE;
        switch (h1_next_line(parser, bytes, &line)) {
        case H1_LINE_MORE:
            return H1_MORE;
        case H1_LINE_TOO_LONG:
            (void)refuse(&r, 414, "the request line is too long");
            return H1_BAD;
        case H1_LINE_HEAD_TOO_LONG:
            (void)refuse(&r, 431, "the head is too large");
            return H1_BAD;
        case H1_LINE_READY:
            verdict = read_line(&r, line);
            break;
        }
        if (verdict != H1_MORE)
            return verdict;
    }
}
