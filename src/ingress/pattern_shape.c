/* Literal, anchors, and whether there is more. Whatever is not surely a literal character ends the
 * literal: then less is known, never something wrong. */
#include "pattern_shape.h"

#include <string.h>

static bool is_special(char c)
{
    return strchr("\\^$.|?*+()[]{}", c) != NULL;
}

/* A character that stands for itself, with its backslash if it has one; 0: none is in front. */
static size_t literal_len(struct span rest)
{
    if (rest.len == 0)
        return 0;
    char c = rest.data[0];
    if (c == '\\') {
        bool is_mark = rest.len > 1 && (unsigned char)rest.data[1] < 0x80 &&
                       strchr("!\"#%&',-/:;<=>@_`~ ", rest.data[1]) != NULL;
        return rest.len > 1 && (is_mark || is_special(rest.data[1])) ? 2 : 0;
    }
    if (is_special(c))
        return 0;
    size_t len = 1;
    while (len < rest.len && ((unsigned char)rest.data[len] & 0xC0) == 0x80)
        len++;
    return len;
}

/* Does a repetition follow that lets the character before it be absent, or be another number? */
static bool is_repeated(struct span rest)
{
    return rest.len > 0 && strchr("*?{", rest.data[0]) != NULL;
}

static size_t class_len(struct span rest)
{
    size_t i = 1;
    if (i < rest.len && rest.data[i] == '^')
        i++;
    if (i < rest.len && rest.data[i] == ']')
        i++;
    for (; i < rest.len && rest.data[i] != ']'; i++) {
        if (rest.data[i] == '\\')
            i++;
        else if (span_starts(span_skip(rest, i), SPAN("[:")))
            while (i + 1 < rest.len && !span_starts(span_skip(rest, i + 1), SPAN(":]")))
                i++;
    }
    return i < rest.len ? i + 1 : rest.len;
}

/* Is there a choice outside of all groups? */
static bool has_choice(struct span expression)
{
    size_t depth = 0;
    struct span rest = expression;
    while (rest.len > 0) {
        size_t len = 1;
        if (span_starts(rest, SPAN("\\Q")))
            return true; /* nobody writes it: not worth a look */
        if (rest.data[0] == '\\')
            len = 2;
        else if (rest.data[0] == '[')
            len = class_len(rest);
        else if (rest.data[0] == '(')
            depth++;
        else if (rest.data[0] == ')')
            depth -= depth > 0;
        else if (rest.data[0] == '|' && depth == 0)
            return true;
        rest = span_skip(rest, len);
    }
    return false;
}

static bool read_literal(struct pattern_shape *shape, struct span *rest)
{
    for (size_t len; (len = literal_len(*rest)) > 0;) {
        struct span sign = span_first(*rest, len);
        struct span behind = span_skip(*rest, len);
        if (is_repeated(behind))
            break;
        if (!buf_put_span(&shape->literal, sign.data[0] == '\\' ? span_skip(sign, 1) : sign))
            return false;
        *rest = behind;
    }
    return true;
}

bool pattern_shape_init(struct pattern_shape *shape, struct span expression, struct error *err)
{
    struct span rest = expression;
    *shape = (struct pattern_shape){.literal = BUF_LIMIT(PATH_EXPRESSION_MAX)};
    if (has_choice(expression))
        return true;
    shape->is_anchored = span_starts(rest, SPAN("^"));
    /* A search begins anywhere, so ".*" in front asks for nothing. */
    if (shape->is_anchored)
        rest = span_skip(rest, 1);
    else if (span_starts(rest, SPAN(".*")) && !span_starts(rest, SPAN(".*?")))
        rest = span_skip(rest, 2);
    if (!read_literal(shape, &rest))
        return error_memory(err);
    shape->is_closed = span_equal(rest, SPAN("$"));
    shape->is_pure = rest.len == 0 || shape->is_closed || span_equal(rest, SPAN(".*"));
    return true;
}

void pattern_shape_release(struct pattern_shape *shape)
{
    buf_release(&shape->literal);
}

bool pattern_shape_is_vain(const struct pattern_shape *shape)
{
    struct span literal = buf_span(&shape->literal);
    bool is_empty_only = literal.len == 0 && shape->is_closed;
    /* "OPTIONS *" asks for the path "*". */
    bool is_elsewhere = literal.len > 0 && literal.data[0] != '/' && literal.data[0] != '*';
    return shape->is_anchored && (is_empty_only || is_elsewhere);
}

static bool holds(struct span text, struct span part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (span_starts(span_skip(text, i), part))
            return true;
    return false;
}

bool pattern_shape_covers(const struct pattern_shape *outer, const struct pattern_shape *inner)
{
    struct span wanted = buf_span(&outer->literal);
    struct span sure = buf_span(&inner->literal);
    if (!outer->is_pure)
        return false;
    if (outer->is_anchored && outer->is_closed)
        return inner->is_pure && inner->is_anchored && inner->is_closed && span_equal(sure, wanted);
    if (outer->is_closed) /* what ends in it */
        return wanted.len == 0 || (inner->is_closed && span_ends(sure, wanted));
    if (outer->is_anchored) /* what begins with it */
        return span_starts(SPAN("/"), wanted) || (inner->is_anchored && span_starts(sure, wanted));
    return span_starts(SPAN("/"), wanted) || holds(sure, wanted);
}
