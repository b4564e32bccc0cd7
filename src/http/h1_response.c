/* Answers of origins. A field is read when the line behind it shows that it is not continued. */
#include "culvert/http/h1_response.h"

#include "chars.h"
#include "h1_lines.h"

/* One call's view. */
struct reader {
    struct h1_parser *parser;
    struct response_head *head;
    struct h1_framing *framing;
    struct span bytes;
    struct error *err;
};

static bool refuse(struct reader *r, const char *text)
{
    return error_set(r->err, ERROR_PROTOCOL, 0, "%s", text);
}

static bool saw(const struct reader *r, enum h1_seen what)
{
    return (r->parser->seen & what) != 0;
}

void h1_response_reset(struct h1_parser *parser, const struct h1_limits *limits, bool to_head)
{
    h1_parser_reset(parser, limits);
    parser->answers_head = to_head;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 "; origins that say another number speak HTTP/1.1, or 1.0 when theirs is lower. */
static bool read_version(struct reader *r, struct span *line)
{
    static const struct span name = SPAN_INIT("HTTP/");
    struct span version = span_skip(*line, name.len);
    if (!span_starts(*line, name) || version.len < 4 || !is_digit(version.data[0]) ||
        version.data[1] != '.' || !is_digit(version.data[2]) || version.data[3] != ' ')
        return refuse(r, "the answer does not begin with HTTP/1.1");
    if (version.data[0] == '0' || memcmp(version.data, "1.0", 3) == 0)
        r->parser->seen |= H1_SEEN_HTTP10;
    *line = span_skip(version, 4);
    return true;
}

/* "HTTP/1.1 200 OK"; the reason and the space before it may be missing. It goes nowhere, so that it
 * may hold anything. Who asked judges whether there is such a status. */
static bool read_status_line(struct reader *r, struct span line)
{
    headers_clear(&r->head->fields);
    if (!read_version(r, &line))
        return false;
    struct span status = line;
    while (span_starts(status, SPAN(" ")))
        status = span_skip(status, 1);
    if (status.len < 3 || !is_digit(status.data[0]) || !is_digit(status.data[1]) ||
        !is_digit(status.data[2]) || (status.len > 3 && status.data[3] != ' '))
        return refuse(r, "the status is not three digits");
    r->head->status =
        (status.data[0] - '0') * 100 + (status.data[1] - '0') * 10 + (status.data[2] - '0');
    r->parser->has_start = true;
    return true;
}

static bool read_length(struct reader *r, struct span value)
{
    (void)value; /* all of them are looked at together in the end */
    if (saw(r, H1_SEEN_LENGTH))
        r->framing->is_lenient = true;
    r->parser->seen |= H1_SEEN_LENGTH;
    return true;
}

static bool read_transfer(struct reader *r, struct span value)
{
    r->parser->seen |= H1_SEEN_TO_REMOVE;
    if (saw(r, H1_SEEN_HTTP10)) { /* HTTP/1.0 knows no chunks: the body is what its length says */
        r->framing->is_lenient = true;
        return true;
    }
    if (saw(r, H1_SEEN_TRANSFER))
        return refuse(r, "Transfer-Encoding came twice");
    r->parser->seen |= H1_SEEN_TRANSFER;
    return span_equal_nocase(value, SPAN("chunked")) ||
           refuse(r, "Transfer-Encoding is not chunked");
}

static bool read_connection(struct reader *r, struct span value)
{
    r->parser->seen |= H1_SEEN_TO_REMOVE;
    return h1_note_connection(r->parser, value, false) ||
           refuse(r, "Connection names too many fields");
}

static bool read_upgrade(struct reader *r, struct span value)
{
    r->parser->seen |= H1_SEEN_TO_REMOVE | (value.len > 0 ? H1_SEEN_UPGRADE : 0);
    return true;
}

static bool read_hop(struct reader *r, struct span value)
{
    (void)value;
    r->parser->seen |= H1_SEEN_TO_REMOVE;
    return true;
}

static const struct {
    struct span name;
    bool (*read)(struct reader *r, struct span value);
} special[] = {
    {SPAN_INIT("Connection"), read_connection},
    {SPAN_INIT("Content-Length"), read_length},
    {SPAN_INIT("Upgrade"), read_upgrade},
    {SPAN_INIT("Transfer-Encoding"), read_transfer},
    {SPAN_INIT("Keep-Alive"), read_hop},
    {SPAN_INIT("Proxy-Connection"), read_hop},
    {SPAN_INIT("TE"), read_hop},
    {SPAN_INIT("Trailer"), read_hop},
};

static bool add_field(struct reader *r, struct header field)
{
    if (!header_name_is_valid(field.name)) {
        bool has_blank = field.name.len > 0 && (field.name.data[field.name.len - 1] == ' ' ||
                                                field.name.data[field.name.len - 1] == '\t');
        return refuse(r, has_blank ? "a field has a blank before its colon"
                                   : "a field name is not a token");
    }
    if (!header_value_is_valid(field.value))
        return refuse(r, "a field value holds a control byte");
    for (size_t i = 0; i < ARRAY_LEN(special); i++)
        if (field.name.len == special[i].name.len &&
            span_equal_nocase(field.name, special[i].name) && !special[i].read(r, field.value))
            return false;
    return headers_add(&r->head->fields, field.name, field.value, r->err);
}

/* The value of a folded field: its lines, trimmed, with one space between them. */
static bool add_folded(struct reader *r, struct header field, struct span more)
{
    struct buf joined = BUF_LIMIT(r->parser->limits->head_max);
    bool ok = buf_put_span(&joined, field.value) || error_memory(r->err);
    struct span line;
    while (ok && more.len > 0 && span_cut(&more, '\n', &line)) {
        if (span_ends(line, SPAN("\r")))
            line.len--;
        line = span_trim(line);
        ok = (joined.len == 0 || buf_put_char(&joined, ' ')) && buf_put_span(&joined, line);
        if (!ok)
            (void)error_memory(r->err);
    }
    field.value = span_trim(buf_span(&joined));
    ok = ok && add_field(r, field);
    buf_release(&joined);
    return ok;
}

/* Reads the field that was held back until now. */
static bool finish_field(struct reader *r)
{
    struct h1_parser *parser = r->parser;
    if (parser->field_end == 0)
        return true;
    struct span lines = span_make(r->bytes.data + parser->field, parser->field_end - parser->field);
    parser->field_end = 0;
    size_t end = span_find(lines, '\n');
    struct span more = span_skip(lines, end + 1);
    struct span line = span_first(lines, end);
    struct header field;
    if (span_ends(line, SPAN("\r")))
        line.len--;
    if (!h1_cut_field(line, &field))
        return refuse(r, "a line of the head has no colon");
    return more.len > 0 ? add_folded(r, field, more) : add_field(r, field);
}

/* A field line, not empty, without its line end; `at` is where it begins. */
static bool read_field_line(struct reader *r, struct span line, size_t at)
{
    struct h1_parser *parser = r->parser;
    if (line.data[0] != ' ' && line.data[0] != '\t') {
        if (!finish_field(r))
            return false;
        if (parser->fields++ == parser->limits->fields_max)
            return error_set(r->err, ERROR_LIMIT, 0, "more than %zu fields",
                             parser->limits->fields_max);
        parser->field = at;
    } else {
        if (parser->field_end == 0)
            return refuse(r, "the first field begins with a blank");
        r->framing->is_lenient = true;
    }
    parser->field_end = parser->line;
    return true;
}

/* Fields of one length agree in all their digits, and none is a list. */
static bool lengths_agree(struct reader *r, struct span first)
{
    const struct headers *fields = &r->head->fields;
    for (size_t i = 0; i < fields->count; i++) {
        struct header field = headers_at(fields, i);
        if (span_equal_nocase(field.name, SPAN("Content-Length")) &&
            !span_equal(field.value, first))
            return refuse(r, "Content-Length twice and not equal");
    }
    return !memchr(first.data, ',', first.len) || refuse(r, "Content-Length is a list");
}

static bool has_no_body(const struct response_head *head)
{
    return (head->status >= 100 && head->status < 200) || head->status == 204;
}

/* One Content-Length in plain decimal, or none. */
static bool settle_length(struct reader *r)
{
    static const struct span name = SPAN_INIT("Content-Length");
    struct headers *fields = &r->head->fields;
    bool is_final = r->head->status < 100 || r->head->status >= 200;
    struct span given;
    if (!headers_find(fields, name, &given))
        return true;
    if (!headers_content_length(fields, &r->head->length, r->err) || !lengths_agree(r, given))
        return false;
    char room[SPAN_U64_SIZE];
    struct span text = span_from_u64((uint64_t)r->head->length, room);
    bool is_plain = span_equal(given, text);
    if (!is_plain || (has_no_body(r->head) && r->head->length > 0))
        r->framing->is_lenient = true;
    if (!is_final || saw(r, H1_SEEN_TRANSFER)) {
        headers_remove(fields, name);
        r->head->length = LENGTH_UNKNOWN;
        return true;
    }
    return (is_plain && headers_count_of(fields, name) == 1) ||
           headers_set(fields, name, text, r->err);
}

static void settle_body(struct reader *r)
{
    struct h1_framing *framing = r->framing;
    if (saw(r, H1_SEEN_TRANSFER) && (saw(r, H1_SEEN_LENGTH) || has_no_body(r->head)))
        framing->is_lenient = true;
    if (r->parser->answers_head || has_no_body(r->head) || r->head->status == 304) {
        r->head->ends_here = true;
        return;
    }
    if (saw(r, H1_SEEN_TRANSFER))
        framing->body = H1_BODY_CHUNKED;
    else if (r->head->length > 0)
        framing->body = H1_BODY_LENGTH;
    else if (r->head->length < 0)
        framing->body = H1_BODY_UNTIL_CLOSE;
    if (framing->body == H1_BODY_LENGTH)
        framing->length = r->head->length;
    r->head->ends_here = framing->body == H1_BODY_NONE;
}

/* What a 101 says of the connection is told as it came: to which protocol it goes over is more than
 * one connection's matter (RFC 9110 7.8). One that closes goes nowhere. */
static void settle_switch(struct reader *r)
{
    bool closes = saw(r, H1_SEEN_CLOSE);
    r->framing->switches = !closes && saw(r, H1_SEEN_CONNECTION_UPGRADE) && saw(r, H1_SEEN_UPGRADE);
    headers_remove_hop_by_hop_of_switch(&r->head->fields);
    if (closes)
        headers_remove(&r->head->fields, SPAN("Connection"));
}

static bool settle(struct reader *r)
{
    struct h1_framing *framing = r->framing;
    if (!settle_length(r))
        return false;
    settle_body(r);
    if (saw(r, H1_SEEN_BARE_LF))
        framing->is_lenient = true;
    bool wants_more =
        !saw(r, H1_SEEN_CLOSE) && (!saw(r, H1_SEEN_HTTP10) || saw(r, H1_SEEN_KEEP_ALIVE));
    framing->keep_alive = wants_more && !framing->is_lenient && r->head->status != 101 &&
                          framing->body != H1_BODY_UNTIL_CLOSE;
    if (r->head->status == 101)
        settle_switch(r);
    else if (saw(r, H1_SEEN_TO_REMOVE))
        headers_remove_hop_by_hop(&r->head->fields, false);
    return true;
}

static enum h1_verdict read_line(struct reader *r, struct span line, size_t at)
{
    if (span_ends(line, SPAN("\r")))
        line.len--;
    else
        r->parser->seen |= H1_SEEN_BARE_LF;
    if (!r->parser->has_start)
        return read_status_line(r, line) ? H1_MORE : H1_BAD;
    if (line.len > 0)
        return read_field_line(r, line, at) ? H1_MORE : H1_BAD;
    if (!finish_field(r))
        return H1_BAD;
    r->parser->used = r->parser->line;
    return settle(r) ? H1_DONE : H1_BAD;
}

enum h1_verdict h1_parse_response(struct h1_parser *parser, struct span bytes,
                                  struct response_head *head, struct h1_framing *framing,
                                  struct error *err)
{
    struct reader r = {parser, head, framing, bytes, err};
    if (!parser->has_start) {
        *framing = (struct h1_framing){.length = LENGTH_UNKNOWN};
        head->length = LENGTH_UNKNOWN;
        head->ends_here = false;
    }
    for (;;) {
        struct span line;
        size_t at = parser->line;
        enum h1_line next = h1_next_line(parser, bytes, &line);
        if (next == H1_LINE_MORE)
            return H1_MORE;
        if (next != H1_LINE_READY) {
            (void)error_set(err, ERROR_LIMIT, 0, "the head of the answer is above %zu bytes",
                            next == H1_LINE_TOO_LONG ? parser->limits->line_max
                                                     : parser->limits->head_max);
            return H1_BAD;
        }
        enum h1_verdict verdict = read_line(&r, line, at);
        if (verdict != H1_MORE)
            return verdict;
    }
}
