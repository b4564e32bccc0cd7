/* Line by line, so that the verdict does not depend on how the bytes were cut: a line is judged
 * when it is whole, limits are judged on what is there. */
#include "culvert/http/h1_parse.h"

#include "chars.h"
#include "h1_lines.h"

enum {
    LINE_MAX_BYTES = 16 * 1024,         /* as much as browsers and servers agree on, twice */
    REQUEST_HEAD_MAX_BYTES = 64 * 1024, /* cookies of a whole domain fit */
    REQUEST_FIELDS_MAX = 200,
};

const struct h1_limits h1_request_limits = {LINE_MAX_BYTES, REQUEST_HEAD_MAX_BYTES,
                                            REQUEST_FIELDS_MAX};
const struct h1_limits h1_response_limits = {LINE_MAX_BYTES, ANSWER_HEAD_MAX, HEADERS_COUNT_MAX};

void h1_parser_reset(struct h1_parser *parser, const struct h1_limits *limits)
{
    *parser = (struct h1_parser){.limits = limits};
}

enum h1_line h1_next_line(struct h1_parser *parser, struct span bytes, struct span *line)
{
    struct span fresh = span_skip(bytes, parser->scanned);
    const char *lf = fresh.len ? memchr(fresh.data, '\n', fresh.len) : NULL;
    size_t end = lf ? (size_t)(lf - bytes.data) + 1 : bytes.len;
    if (!parser->has_start && end - parser->line > parser->limits->line_max)
        return H1_LINE_TOO_LONG;
    if (end > parser->limits->head_max)
        return H1_LINE_HEAD_TOO_LONG;
    parser->scanned = end;
    if (!lf)
        return H1_LINE_MORE;
    *line = span_make(bytes.data + parser->line, end - 1 - parser->line);
    parser->line = end;
    return H1_LINE_READY;
}

bool h1_cut_field(struct span line, struct header *field)
{
    size_t colon = span_find(line, ':');
    if (colon == line.len)
        return false;
    field->name = span_first(line, colon);
    field->value = span_trim(span_skip(line, colon + 1));
    return true;
}

/* Connection must not take away what says where the message ends or whom it is for. */
static bool is_framing_name(struct span name)
{
    return span_equal_nocase(name, SPAN("Content-Length")) ||
           span_equal_nocase(name, SPAN("Transfer-Encoding")) ||
           span_equal_nocase(name, SPAN("Host"));
}

bool h1_note_connection(struct h1_parser *parser, struct span value, bool strict)
{
    static const struct {
        struct span token;
        unsigned seen;
    } known[] = {
        {SPAN_INIT("keep-alive"), H1_SEEN_KEEP_ALIVE},
        {SPAN_INIT("close"), H1_SEEN_CLOSE},
        {SPAN_INIT("upgrade"), H1_SEEN_CONNECTION_UPGRADE},
        {SPAN_INIT("te"), 0},
    };
    struct span rest = value;
    struct span member;
    for (size_t n = 0; span_cut(&rest, ',', &member); n++) {
        member = span_trim(member);
        if (n == H1_CONNECTION_MEMBERS_MAX)
            return false;
        if (member.len == 0)
            continue;
        if (strict && (!header_name_is_valid(member) || is_framing_name(member)))
            return false;
        size_t i = 0;
        while (i < ARRAY_LEN(known) && !span_equal_nocase(member, known[i].token))
            i++;
        parser->seen |= i < ARRAY_LEN(known) ? known[i].seen : H1_SEEN_TO_REMOVE;
    }
    return true;
}

void h1_note_upgrade(struct h1_parser *parser, struct span value, struct h1_framing *framing)
{
    bool is_second = (parser->seen & H1_SEEN_UPGRADE) != 0;
    parser->seen |= H1_SEEN_UPGRADE;
    framing->upgrade[0] = '\0';
    if (is_second || value.len >= H1_UPGRADE_MAX || memchr(value.data, ',', value.len))
        return;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        framing->upgrade[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    framing->upgrade[value.len] = '\0';
}
