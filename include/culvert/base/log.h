/* Levels, fields and the sink interface. Events, not prose: a constant message, then fields.
 * No sink lives here; sinks are in observe. */
#ifndef CULVERT_BASE_LOG_H
#define CULVERT_BASE_LOG_H

#include "culvert/base/clock.h"
#include "culvert/base/span.h"

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR, LEVEL_FATAL };

enum log_kind { LOG_KIND_END, LOG_KIND_TEXT, LOG_KIND_INT, LOG_KIND_BOOL };

struct log_field {
    const char *key; /* camelCase as the peer has it: connIndex, ingressRule */
    enum log_kind kind;
    struct span text;
    int64_t number;
};

enum { LOG_FIELDS_MAX = 16 };

struct log_line {
    const char *message;
    struct log_field fields[LOG_FIELDS_MAX]; /* ends at the first LOG_KIND_END */
};

struct log_sink {
    /* Writes one event; must not keep `line`. */
    void (*write)(void *arg, enum log_level level, int64_t unix_ms, const struct log_line *line);
    void *arg;
};

enum { LOG_SINKS_MAX = 4 };

struct log {
    enum log_level level; /* below it nothing is written */
    const struct clock *clock;
    struct log_sink sinks[LOG_SINKS_MAX];
    size_t sink_count;
};

#define LOG_TEXT(key, value) ((struct log_field){(key), LOG_KIND_TEXT, span_of(value), 0})
#define LOG_SPAN(key, value) ((struct log_field){(key), LOG_KIND_TEXT, (value), 0})
#define LOG_INT(key, value)  ((struct log_field){(key), LOG_KIND_INT, SPAN_NONE, (int64_t)(value)})
#define LOG_BOOL(key, value) ((struct log_field){(key), LOG_KIND_BOOL, SPAN_NONE, (value) ? 1 : 0})
#define LOG_ERROR(err)       LOG_TEXT("error", (err)->text)

/* A NULL log is silent. Borrowed: the log outlives all that hold it. */
static inline bool log_enabled(const struct log *log, enum log_level level)
{
    return log && level >= log->level;
}

/* Hands the event to every sink, whatever its level: the macros below ask first. */
void log_write(const struct log *log, enum log_level level, const struct log_line *line);

/* log_info(log, "Registered tunnel connection", LOG_INT("connIndex", 0), LOG_TEXT("ip", ip)); */
#define log_event(log, level, ...)                                                                 \
    (log_enabled(log, level) ? log_write(log, level, &(const struct log_line){__VA_ARGS__})        \
                             : (void)0)
#define log_debug(log, ...) log_event(log, LEVEL_DEBUG, __VA_ARGS__)
#define log_info(log, ...)  log_event(log, LEVEL_INFO, __VA_ARGS__)
#define log_warn(log, ...)  log_event(log, LEVEL_WARN, __VA_ARGS__)
#define log_error(log, ...) log_event(log, LEVEL_ERROR, __VA_ARGS__)

/* "debug" ... "fatal"; static text. */
const char *log_level_name(enum log_level level);

/* False: not one of the five names. */
bool log_level_parse(struct span name, enum log_level *level) MUST_CHECK;

#endif
