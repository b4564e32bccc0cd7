/* One JSON object a line on a console or a pipe. */
#include "culvert/observe/json_sink.h"

#include "json_line.h"
#include "line_writer.h"

struct json_sink {
    struct line_writer writer;
    struct buf line;
};

static bool write_line(struct json_sink *sink, const struct event_view *event)
{
    if (json_line_format(event, JSON_LINE_CONSOLE, &sink->line))
        return line_writer_put(&sink->writer, buf_span(&sink->line));
    line_writer_drop(&sink->writer);
    return false;
}

static void on_event(void *arg, enum log_level level, int64_t unix_ms, const struct log_line *line)
{
    struct json_sink *sink = arg;
    struct log_line report;
    if (write_line(sink, &(struct event_view){level, unix_ms, line}) &&
        line_writer_report(&sink->writer, &report))
        (void)write_line(sink, &(struct event_view){LEVEL_WARN, unix_ms, &report});
}

struct json_sink *json_sink_new(int fd, struct error *err)
{
    struct json_sink *sink = calloc(1, sizeof *sink);
    if (!sink) {
        (void)error_memory(err);
        return NULL;
    }
    sink->writer.fd = fd;
    sink->line.limit = LINE_MAX_BYTES;
    return sink;
}

struct log_sink json_sink_log(struct json_sink *sink)
{
    return (struct log_sink){on_event, sink};
}

uint64_t json_sink_dropped(const struct json_sink *sink)
{
    return sink->writer.dropped;
}

void json_sink_free(struct json_sink *sink)
{
    if (!sink)
        return;
    buf_release(&sink->line);
    free(sink);
}
