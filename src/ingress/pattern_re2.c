/* One pass over the expression that refuses what RE2 refuses and writes each piece anew, escaped so
 * that PCRE2 sees no construct of its own. Groups become non-capturing, since only "found or not"
 * is asked. Syntax: https://github.com/google/re2/wiki/Syntax. */
#include "pattern_scan.h"

#include "culvert/base/utf8.h"

/* The last atom is over; its counts go up to the group it stands in. */
static void fold_atom(struct scanner *s)
{
    if (s->has_atom && s->atom_size > s->sizes[s->depth])
        s->sizes[s->depth] = s->atom_size;
}

static void begin_atom(struct scanner *s)
{
    fold_atom(s);
    s->has_atom = true;
    s->is_repeated = false;
    s->atom_size = 1;
}

static void begin_branch(struct scanner *s)
{
    fold_atom(s);
    s->has_atom = false;
    s->is_repeated = false;
}

/* Behind "(?": (?P<name>, (?<name>, (?flags), (?flags:. *opens: a group begins. */
static bool take_group_kind(struct scanner *s, bool *opens)
{
    struct span name = span_skip(s->rest, scan_peek(s, 0) == 'P' ? 2 : 1);
    if (scan_peek(s, 0) == '<' || (scan_peek(s, 0) == 'P' && scan_peek(s, 1) == '<')) {
        size_t len = 0;
        while (len < name.len && (is_ascii_alnum(name.data[len]) || name.data[len] == '_'))
            len++;
        if (len == 0 || len == name.len || name.data[len] != '>')
            return scan_refuse(s, "look-behind and odd group names are not supported");
        scan_skip(s, (size_t)(name.data - s->rest.data) + len + 1);
        *opens = true;
        return scan_put(s, "(");
    }
    char flags[16] = "(?";
    size_t len = 2;
    bool minus = false;
    bool dangling = false;
    for (; s->rest.len > 0 && len < sizeof flags - 2; scan_skip(s, 1)) {
        char c = scan_peek(s, 0);
        if (c == ')' || c == ':')
            break;
        if (c == '-' ? minus : strchr("imsU", c) == NULL)
            return scan_refuse(
                s, "of (? only (?:, (?P<name>, (?<name> and the flags imsU are supported");
        minus = minus || c == '-';
        dangling = c == '-';
        flags[len++] = c;
    }
    *opens = scan_peek(s, 0) == ':';
    if (dangling || (scan_peek(s, 0) != ':' && scan_peek(s, 0) != ')'))
        return scan_refuse(s, "the flags of a group do not end");
    flags[len++] = scan_peek(s, 0);
    flags[len] = '\0';
    scan_skip(s, 1);
    return scan_put(s, *opens && len == 3 ? "(" : flags);
}

static bool take_open(struct scanner *s)
{
    bool opens = true;
    scan_skip(s, 1);
    if (scan_peek(s, 0) == '?') {
        scan_skip(s, 1);
        if (!take_group_kind(s, &opens))
            return false;
    } else if (!scan_put(s, "(")) {
        return false;
    }
    begin_branch(s);
    if (!opens)
        return true;
    if (s->depth == RE2_NEST_MAX)
        return scan_refuse(s, "groups are nested too deeply");
    s->sizes[++s->depth] = 1;
    return true;
}

static bool take_close(struct scanner *s)
{
    scan_skip(s, 1);
    if (s->depth == 0)
        return scan_refuse(s, "a ) without its (");
    fold_atom(s);
    unsigned size = s->sizes[s->depth--];
    s->has_atom = true;
    s->is_repeated = false;
    s->atom_size = size;
    return scan_put(s, ")");
}

/* A count; -1: too large. False: no digits, or a leading zero. */
static bool take_count(struct span *rest, int *count)
{
    size_t len = 0;
    *count = 0;
    while (len < rest->len && is_ascii_digit(rest->data[len])) {
        if (*count >= 0)
            *count = *count * 10 + (rest->data[len] - '0');
        if (*count > RE2_REPEAT_MAX)
            *count = -1;
        len++;
    }
    if (len == 0 || (len > 1 && rest->data[0] == '0'))
        return false;
    *rest = span_skip(*rest, len);
    return true;
}

/* {2}, {2,}, {2,5}. False: it is none, so the brace is a plain character. */
static bool parse_counts(struct span *rest, int *min, int *max)
{
    struct span at = span_skip(*rest, 1);
    if (!take_count(&at, min))
        return false;
    *max = *min;
    if (span_starts(at, SPAN(","))) {
        at = span_skip(at, 1);
        *max = INT32_MAX;
        if (!span_starts(at, SPAN("}")) && !take_count(&at, max))
            return false;
    }
    if (!span_starts(at, SPAN("}")))
        return false;
    *rest = span_skip(at, 1);
    return true;
}

static bool take_repetition(struct scanner *s, struct span rest, int min, int max)
{
    if (!s->has_atom)
        return scan_refuse(s, "a repetition of nothing");
    if (s->is_repeated)
        return scan_refuse(s, "a repetition of a repetition");
    if (min < 0 || max < 0 || max < min)
        return scan_refuse(s, "a repetition count beyond 1000, or in the wrong order");
    unsigned count = max == INT32_MAX ? (unsigned)min : (unsigned)max;
    if (count == 0)
        s->atom_size = max == 0 ? 1 : s->atom_size;
    else
        s->atom_size *= count;
    if (s->atom_size > RE2_REPEAT_MAX)
        return scan_refuse(s, "nested repetition counts beyond 1000 in all");
    size_t used = s->rest.len - rest.len;
    if (span_starts(rest, SPAN("?")))
        used++;
    if (!buf_put_span(s->out, span_first(s->rest, used)))
        return scan_refuse(s, "the expression is too large");
    scan_skip(s, used);
    s->is_repeated = true;
    return true;
}

static bool take_literal(struct scanner *s)
{
    begin_atom(s);
    return scan_put_rune(s, scan_rune(s));
}

/* \Q ... \E: all characters between are plain. */
static bool take_quoted(struct scanner *s)
{
    scan_skip(s, 2);
    while (s->rest.len > 0 && !(scan_peek(s, 0) == '\\' && scan_peek(s, 1) == 'E'))
        if (!take_literal(s))
            return false;
    scan_skip(s, 2);
    return true;
}

static bool take_backslash(struct scanner *s)
{
    char c = scan_peek(s, 1);
    if (c == 'Q')
        return take_quoted(s);
    begin_atom(s);
    if (c == 'p' || c == 'P')
        return scan_unicode_class(s, true);
    const char *members = scan_perl_class(c);
    if (members) {
        scan_skip(s, 2);
        return scan_put(s, "[") && scan_put(s, members) && scan_put(s, "]");
    }
    if (c == 'A' || c == 'z' || c == 'b' || c == 'B') {
        const char text[] = {'(', '\\', c, ')', '\0'};
        scan_skip(s, 2);
        return scan_put(s, text);
    }
    unsigned rune;
    if (!scan_escape(s, &rune))
        return false;
    /* Half of a surrogate pair is fine, and in no path. */
    bool is_half = rune >= 0xD800 && rune <= 0xDFFF;
    return is_half ? scan_put(s, "[^\\x{0}-\\x{10FFFF}]") : scan_put_rune(s, rune);
}

/* In a group of their own, so that a repetition may follow as in RE2. */
static bool take_anchor(struct scanner *s)
{
    begin_atom(s);
    const char *text = scan_peek(s, 0) == '^' ? "(^)" : "($)";
    scan_skip(s, 1);
    return scan_put(s, text);
}

static bool take_one(struct scanner *s)
{
    struct span rest = span_skip(s->rest, 1);
    int min, max;
    switch (scan_peek(s, 0)) {
    case '(':
        return take_open(s);
    case ')':
        return take_close(s);
    case '|':
        begin_branch(s);
        scan_skip(s, 1);
        return scan_put(s, "|");
    case '[':
        begin_atom(s);
        return scan_class(s);
    case '.':
        begin_atom(s);
        scan_skip(s, 1);
        return scan_put(s, ".");
    case '^':
    case '$':
        return take_anchor(s);
    case '\\':
        return take_backslash(s);
    case '*':
        return take_repetition(s, rest, 0, INT32_MAX);
    case '+':
        return take_repetition(s, rest, 1, INT32_MAX);
    case '?':
        return take_repetition(s, rest, 0, 1);
    case '{':
        rest = s->rest;
        if (parse_counts(&rest, &min, &max))
            return take_repetition(s, rest, min, max);
        return take_literal(s);
    default:
        return take_literal(s);
    }
}

bool re2_translate(struct span expression, struct buf *out, struct error *err)
{
    struct scanner s = {.rest = expression, .out = out, .err = err, .atom_size = 1};
    s.sizes[0] = 1;
    if (span_find(expression, '\0') < expression.len)
        return scan_refuse(&s, "a NUL in the expression");
    if (!utf8_is_valid(expression))
        return scan_refuse(&s, "the expression is no UTF-8");
    while (s.rest.len > 0)
        if (!take_one(&s))
            return false;
    return s.depth == 0 || scan_refuse(&s, "a ( without its )");
}
