/* One pass over the expression: of each choice one branch is written, of each class one member, and
 * repetitions are taken once or not at all. */
#include "pattern_example.h"

#include <stdlib.h>
#include <string.h>

enum { GROUPS_MAX = 32, REPEATS_MAX = 8, EXAMPLE_MAX = 512 };

struct group {
    size_t start;    /* where its text begins */
    unsigned branch; /* that is being read */
    bool is_muted;   /* branches behind the chosen one are not written */
};

struct maker {
    struct span rest;
    struct buf text;
    unsigned way;
    size_t atom; /* where the text of the last atom begins */
    size_t depth;
    struct group groups[GROUPS_MAX];
};

static struct group *top(struct maker *maker)
{
    return &maker->groups[maker->depth];
}

static void put(struct maker *maker, struct span text)
{
    maker->atom = maker->text.len;
    /* A full text is a guess that fails. */
    if (!top(maker)->is_muted && !buf_put_span(&maker->text, text))
        maker->rest = SPAN("");
}

static void cut_to(struct maker *maker, size_t len)
{
    maker->text.len = len;
    if (maker->text.data)
        maker->text.data[len] = '\0';
}

/* ---- groups ---- */

static void open_group(struct maker *maker)
{
    struct span rest = span_skip(maker->rest, 1);
    bool is_muted = top(maker)->is_muted;
    if (span_starts(rest, SPAN("?"))) {
        size_t name = span_find(rest, '>');
        size_t colon = span_find(rest, ':');
        size_t end = span_find(rest, ')');
        if (end < name && end < colon) { /* only flags: they hold from here on */
            maker->rest = span_skip(rest, end + 1);
            return;
        }
        rest = span_skip(rest, (name < colon ? name : colon) + 1);
    }
    maker->rest = rest;
    if (maker->depth + 1 == GROUPS_MAX) {
        maker->rest = SPAN("");
        return;
    }
    maker->depth++;
    *top(maker) = (struct group){maker->text.len, 0, is_muted};
}

static void next_branch(struct maker *maker)
{
    struct group *group = top(maker);
    bool outer_is_muted = maker->depth > 0 && maker->groups[maker->depth - 1].is_muted;
    unsigned wanted = maker->way % 4;
    maker->rest = span_skip(maker->rest, 1);
    if (outer_is_muted)
        return;
    group->is_muted = group->branch >= wanted;
    group->branch++;
    if (!group->is_muted)
        cut_to(maker, group->start);
}

static void close_group(struct maker *maker)
{
    maker->rest = span_skip(maker->rest, 1);
    if (maker->depth == 0)
        return;
    maker->atom = top(maker)->start;
    maker->depth--;
}

/* ---- atoms ---- */

static void take_class(struct maker *maker)
{
    static const char *const others[] = {"a", "0", "z", "-", "A", "/", "%", " "};
    struct span rest = span_skip(maker->rest, 1);
    bool is_negated = span_starts(rest, SPAN("^"));
    if (is_negated)
        rest = span_skip(rest, 1);
    struct span first = span_first(rest, 1);
    if (span_starts(rest, SPAN("[:")))
        first = span_starts(rest, SPAN("[:digit")) ? SPAN("0") : SPAN("a");
    else if (span_starts(rest, SPAN("\\d")))
        first = SPAN("0");
    else if (span_starts(rest, SPAN("\\w")))
        first = SPAN("a");
    else if (span_starts(rest, SPAN("\\")))
        first = span_first(span_skip(rest, 1), 1);
    if (rest.len > 0)
        rest = span_skip(rest, 1);
    while (rest.len > 0 && rest.data[0] != ']')
        rest = span_skip(rest, rest.data[0] == '\\'            ? 2
                               : span_starts(rest, SPAN("[:")) ? span_find(rest, ']') + 1
                                                               : 1);
    maker->rest = span_skip(rest, 1);
    put(maker, is_negated ? span_of(others[maker->way % ARRAY_LEN(others)]) : first);
}

static void take_escape(struct maker *maker)
{
    static const struct {
        char letter;
        struct span text;
    } letters[] = {
        {'d', SPAN_INIT("0")}, {'w', SPAN_INIT("a")},  {'s', SPAN_INIT(" ")},
        {'D', SPAN_INIT("a")}, {'W', SPAN_INIT("-")},  {'S', SPAN_INIT("a")},
        {'A', SPAN_INIT("")},  {'z', SPAN_INIT("")},   {'b', SPAN_INIT("")},
        {'B', SPAN_INIT("")},  {'n', SPAN_INIT("\n")}, {'t', SPAN_INIT("\t")},
        {'p', SPAN_INIT("a")}, {'P', SPAN_INIT("0")},
    };
    struct span rest = span_skip(maker->rest, 1);
    struct span sign = span_first(rest, 1);
    rest = span_skip(rest, 1);
    for (size_t i = 0; sign.len > 0 && i < ARRAY_LEN(letters); i++)
        if (letters[i].letter == sign.data[0]) {
            bool has_name = (sign.data[0] == 'p' || sign.data[0] == 'P') && rest.len > 0;
            if (has_name)
                rest = span_skip(rest, rest.data[0] == '{' ? span_find(rest, '}') + 1 : 1);
            sign = letters[i].text;
            break;
        }
    maker->rest = rest;
    put(maker, sign);
}

/* ---- repetitions ---- */

/* The least number of "{2,3}"; SIZE_MAX: it is no repetition. */
static size_t least_of(struct span rest, size_t *len)
{
    size_t number = 0;
    size_t i = 1;
    for (; i < rest.len && rest.data[i] >= '0' && rest.data[i] <= '9'; i++)
        number = number > REPEATS_MAX ? number : number * 10 + (size_t)(rest.data[i] - '0');
    bool has_digits = i > 1;
    while (i < rest.len && strchr(",0123456789", rest.data[i]))
        i++;
    *len = i + 1;
    return has_digits && i < rest.len && rest.data[i] == '}' ? number : SIZE_MAX;
}

static void repeat(struct maker *maker, size_t times)
{
    struct span atom = span_skip(buf_span(&maker->text), maker->atom);
    size_t start = maker->atom;
    char *copy = span_dup(atom);
    for (size_t i = 1; copy && i < times && i < REPEATS_MAX; i++)
        put(maker, span_make(copy, atom.len));
    free(copy);
    maker->atom = start;
}

/* False: nothing of the kind stands in front. */
static bool take_repetition(struct maker *maker)
{
    bool is_absent = (maker->way & 1) != 0;
    size_t len = 1;
    size_t times = 1;
    char c = maker->rest.data[0];
    if (c == '*' || c == '?')
        times = is_absent ? 0 : 1;
    else if (c == '{')
        times = least_of(maker->rest, &len);
    else if (c != '+')
        return false;
    if (times == SIZE_MAX)
        return false;
    maker->rest = span_skip(maker->rest, len);
    if (span_starts(maker->rest, SPAN("?"))) /* as few as possible: of no interest here */
        maker->rest = span_skip(maker->rest, 1);
    if (top(maker)->is_muted)
        return true;
    if (times == 0)
        cut_to(maker, maker->atom);
    else
        repeat(maker, times);
    return true;
}

/* ---- all of it ---- */

static void take(struct maker *maker)
{
    if (take_repetition(maker))
        return;
    char c = maker->rest.data[0];
    if (c == '(') {
        open_group(maker);
    } else if (c == ')') {
        close_group(maker);
    } else if (c == '|') {
        next_branch(maker);
    } else if (c == '[') {
        take_class(maker);
    } else if (c == '\\') {
        take_escape(maker);
    } else {
        struct span sign = span_first(maker->rest, 1);
        maker->rest = span_skip(maker->rest, 1);
        put(maker, c == '.' ? SPAN("a") : c == '^' || c == '$' ? SPAN("") : sign);
    }
}

bool pattern_example(struct span expression, unsigned way, struct buf *out)
{
    struct maker maker = {.rest = expression, .way = way, .text = BUF_LIMIT(EXAMPLE_MAX)};
    while (maker.rest.len > 0)
        take(&maker);
    bool ok = (span_starts(buf_span(&maker.text), SPAN("/")) || buf_put_char(out, '/')) &&
              buf_put_span(out, buf_span(&maker.text));
    buf_release(&maker.text);
    return ok;
}
