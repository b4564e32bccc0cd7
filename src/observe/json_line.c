/* JSON by hand: a log line needs no memory of its own and no tree. */
#include "json_line.h"

#include "culvert/base/utf8.h"

#include <inttypes.h>

/* The three keys that every line has; a field of the same name gives way. */
enum { FIXED_KEYS = 3, KEYS_MAX = LOG_FIELDS_MAX + FIXED_KEYS };

struct writer {
    struct buf *out;
    size_t cap;      /* bytes of a text before it is cut */
    bool html_safe;  /* escape what HTML would read */
    bool any_member; /* a comma is due */
};

static const char *short_escape(unsigned char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

static bool is_line_separator(struct span character)
{
    return span_equal(character, SPAN("\xe2\x80\xa8")) ||
           span_equal(character, SPAN("\xe2\x80\xa9"));
}

static bool put_character(struct writer *w, struct span character)
{
    unsigned char c = (unsigned char)character.data[0];
    const char *escape = short_escape(c);
    if (escape)
        return buf_put_span(w->out, span_of(escape));
    if (c < 0x20 || (w->html_safe && (c == '<' || c == '>' || c == '&')))
        return buf_printf(w->out, "\\u%04x", c);
    if (w->html_safe && is_line_separator(character))
        return buf_printf(w->out, "\\u20%02x", (unsigned char)character.data[2] - 0x80u);
    return buf_put_span(w->out, character);
}

static bool put_text(struct writer *w, struct span text)
{
    if (!buf_put_char(w->out, '"'))
        return false;
    size_t taken = 0;
    while (taken < text.len) {
        struct span rest = span_skip(text, taken);
        size_t len = utf8_first(rest);
        if (taken + (len ? len : 1) > w->cap) {
            if (!buf_put_span(w->out, SPAN(EVENT_CUT_MARK)))
                return false;
            break;
        }
        bool ok =
            len ? put_character(w, span_first(rest, len)) : buf_put_span(w->out, SPAN("\\ufffd"));
        if (!ok)
            return false;
        taken += len ? len : 1;
    }
    return buf_put_char(w->out, '"');
}

static bool put_key(struct writer *w, const char *key)
{
    size_t cap = w->cap;
    w->cap = SIZE_MAX; /* keys are our own words */
    bool ok = (!w->any_member || buf_put_char(w->out, ',')) && put_text(w, span_of(key)) &&
              buf_put_char(w->out, ':');
    w->cap = cap;
    w->any_member = true;
    return ok;
}

static bool put_member(struct writer *w, const struct log_field *field)
{
    if (!put_key(w, field->key))
        return false;
    if (field->kind == LOG_KIND_INT)
        return buf_printf(w->out, "%" PRId64, field->number);
    if (field->kind == LOG_KIND_BOOL)
        return buf_put_span(w->out, field->number ? SPAN("true") : SPAN("false"));
    return put_text(w, field->text);
}

static bool is_fixed_key(const char *key)
{
    return strcmp(key, "level") == 0 || strcmp(key, "message") == 0 || strcmp(key, "time") == 0;
}

/* Is there a field of the same name behind this one? */
static bool is_repeated_later(const struct log_line *line, size_t index)
{
    for (size_t i = index + 1; i < LOG_FIELDS_MAX && line->fields[i].kind != LOG_KIND_END; i++)
        if (strcmp(line->fields[i].key, line->fields[index].key) == 0)
            return true;
    return false;
}

/* Collects all members in the order of the style. */
static size_t members(const struct log_line *line, enum json_line_style style,
                      const struct log_field fixed[FIXED_KEYS],
                      const struct log_field *all[KEYS_MAX])
{
    size_t count = 0;
    all[count++] = &fixed[0];
    for (size_t i = 0; i < LOG_FIELDS_MAX && line->fields[i].kind != LOG_KIND_END; i++)
        if (!is_fixed_key(line->fields[i].key) && !is_repeated_later(line, i))
            all[count++] = &line->fields[i];
    all[count++] = &fixed[1];
    if (fixed[2].text.len > 0)
        all[count++] = &fixed[2];
    if (style == JSON_LINE_FILE)
        return count;
    for (size_t i = 1; i < count; i++) {
        const struct log_field *moved = all[i];
        size_t at = i;
        for (; at > 0 && strcmp(all[at - 1]->key, moved->key) > 0; at--)
            all[at] = all[at - 1];
        all[at] = moved;
    }
    return count;
}

bool json_line_format(const struct event_view *event, enum json_line_style style, struct buf *out)
{
    char when[CLOCK_TEXT_SIZE];
    clock_format(event->unix_ms, 0, when);
    const struct log_field fixed[FIXED_KEYS] = {
        LOG_TEXT("level", log_level_name(event->level)),
        LOG_TEXT("time", when),
        LOG_TEXT("message", event->line->message),
    };
    const struct log_field *all[KEYS_MAX];
    size_t count = members(event->line, style, fixed, all);

    for (size_t round = 0; round < EVENT_ROUNDS; round++) {
        struct writer w = {out, event_text_cap(round), style == JSON_LINE_CONSOLE, false};
        buf_clear(out);
        bool ok = buf_put_char(out, '{');
        for (size_t i = 0; ok && i < count; i++) {
            /* Level and time are never cut: they are short and others sort by them. */
            w.cap = all[i] == &fixed[0] || all[i] == &fixed[1] ? SIZE_MAX : event_text_cap(round);
            ok = put_member(&w, all[i]);
        }
        if (ok && buf_put_span(out, SPAN("}\n")))
            return true;
    }
    return false;
}
