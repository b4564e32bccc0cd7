/* The console's format, as readers of the peer's logs know it: UTC and seconds, a level
 * of three letters, the message, then the fields. */
#include "culvert/observe/console_sink.h"

#include "culvert/base/buf.h"
#include "culvert/base/utf8.h"
#include "event.h"
#include "line_writer.h"

#include <inttypes.h>

struct console_sink {
    struct line_writer writer;
    bool colour;
    struct buf line;
};

static const struct {
    const char *name;
    const char *colour; /* ECMA-48, select graphic rendition */
} levels[] = {
    [LEVEL_DEBUG] = {"DBG", "90"}, [LEVEL_INFO] = {"INF", "32"},    [LEVEL_WARN] = {"WRN", "33"},
    [LEVEL_ERROR] = {"ERR", "31"}, [LEVEL_FATAL] = {"FTL", "1;31"},
};
#define COLOUR_TIME  "90"
#define COLOUR_KEY   "36"
#define COLOUR_ERROR "31"

static bool put_coloured(struct console_sink *sink, const char *colour, struct span text)
{
    if (!sink->colour)
        return buf_put_span(&sink->line, text);
    return buf_printf(&sink->line, "\033[%sm%.*s\033[0m", colour, SPAN_ARG(text));
}

/* Characters that a reader of the line could not tell from its own marks. */
static bool needs_quotes(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c > '~' || c == '"' || c == '\\')
            return true;
    }
    return false;
}

static const char *short_escape(unsigned char c)
{
    static const char *const from_bell[] = {"\\a", "\\b", "\\t", "\\n", "\\v", "\\f", "\\r"};
    if (c >= '\a' && c <= '\r')
        return from_bell[c - '\a'];
    return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : NULL;
}

/* One character inside quotes; what does not print is spelled out. */
static bool put_escaped(struct buf *out, struct span character, bool in_quotes)
{
    unsigned char c = (unsigned char)character.data[0];
    const char *escape = in_quotes || c < ' ' ? short_escape(c) : NULL;
    if (escape)
        return buf_put_span(out, span_of(escape));
    if (c < ' ' || c == 0x7f)
        return buf_printf(out, "\\x%02x", c);
    /* U+0080 to U+009F are control characters too. */
    if (c == 0xc2 && (unsigned char)character.data[1] < 0xa0)
        return buf_printf(out, "\\u%04x", (unsigned char)character.data[1]);
    return buf_put_span(out, character);
}

static bool put_text(struct buf *out, struct span text, size_t cap, bool in_quotes)
{
    size_t taken = 0;
    while (taken < text.len) {
        struct span rest = span_skip(text, taken);
        size_t len = utf8_first(rest);
        if (taken + (len ? len : 1) > cap)
            return buf_put_span(out, SPAN(EVENT_CUT_MARK));
        bool ok = len ? put_escaped(out, span_first(rest, len), in_quotes)
                      : buf_printf(out, "\\x%02x", (unsigned char)rest.data[0]);
        if (!ok)
            return false;
        taken += len ? len : 1;
    }
    return true;
}

static bool put_value(struct buf *out, const struct log_field *field, size_t cap)
{
    if (field->kind == LOG_KIND_INT)
        return buf_printf(out, "%" PRId64, field->number);
    if (field->kind == LOG_KIND_BOOL)
        return buf_put_span(out, field->number ? SPAN("true") : SPAN("false"));
    if (!needs_quotes(field->text))
        return put_text(out, field->text, cap, false);
    return buf_put_char(out, '"') && put_text(out, field->text, cap, true) &&
           buf_put_char(out, '"');
}

static bool put_field(struct console_sink *sink, const struct log_field *field, size_t cap)
{
    bool is_error = strcmp(field->key, "error") == 0;
    struct buf *out = &sink->line;
    if (!buf_put_char(out, ' '))
        return false;
    if (!sink->colour)
        return buf_printf(out, "%s=", field->key) && put_value(out, field, cap);
    return buf_printf(out, "\033[%sm%s=\033[0m", is_error ? COLOUR_ERROR : COLOUR_KEY,
                      field->key) &&
           put_value(out, field, cap);
}

static bool put_line(struct console_sink *sink, const struct event_view *event, size_t cap)
{
    char when[CLOCK_TEXT_SIZE];
    clock_format(event->unix_ms, 0, when);
    const struct log_field *sorted[LOG_FIELDS_MAX];
    size_t count = event_sorted_fields(event->line, sorted);

    buf_clear(&sink->line);
    if (!put_coloured(sink, COLOUR_TIME, span_of(when)) || !buf_put_char(&sink->line, ' ') ||
        !put_coloured(sink, levels[event->level].colour, span_of(levels[event->level].name)) ||
        !buf_put_char(&sink->line, ' ') ||
        !put_text(&sink->line, span_of(event->line->message), cap, false))
        return false;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < count; i++)
            if ((strcmp(sorted[i]->key, "error") == 0) == (pass == 0) &&
                !put_field(sink, sorted[i], cap))
                return false;
    return buf_put_char(&sink->line, '\n');
}

static bool write_line(struct console_sink *sink, const struct event_view *event)
{
    for (size_t round = 0; round < EVENT_ROUNDS; round++)
        if (put_line(sink, event, event_text_cap(round)))
            return line_writer_put(&sink->writer, buf_span(&sink->line));
    line_writer_drop(&sink->writer);
    return false;
}

static void on_event(void *arg, enum log_level level, int64_t unix_ms, const struct log_line *line)
{
    struct console_sink *sink = arg;
    struct log_line report;
    if (write_line(sink, &(struct event_view){level, unix_ms, line}) &&
        line_writer_report(&sink->writer, &report))
        (void)write_line(sink, &(struct event_view){LEVEL_WARN, unix_ms, &report});
}

struct console_sink *console_sink_new(int fd, bool colour, struct error *err)
{
    struct console_sink *sink = calloc(1, sizeof *sink);
    if (!sink) {
        (void)error_memory(err);
        return NULL;
    }
    sink->writer.fd = fd;
    sink->colour = colour;
    sink->line.limit = LINE_MAX_BYTES;
    return sink;
}

struct log_sink console_sink_log(struct console_sink *sink)
{
    return (struct log_sink){on_event, sink};
}

uint64_t console_sink_dropped(const struct console_sink *sink)
{
    return sink->writer.dropped;
}

void console_sink_free(struct console_sink *sink)
{
    if (!sink)
        return;
    buf_release(&sink->line);
    free(sink);
}
