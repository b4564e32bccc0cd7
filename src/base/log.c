/* Hands each event to the sinks. */
#include "culvert/base/log.h"

static const char *const level_names[] = {
    [LEVEL_DEBUG] = "debug", [LEVEL_INFO] = "info",   [LEVEL_WARN] = "warn",
    [LEVEL_ERROR] = "error", [LEVEL_FATAL] = "fatal",
};

void log_write(const struct log *log, enum log_level level, const struct log_line *line)
{
    int64_t now = log->clock->unix_ms(log->clock);
    for (size_t i = 0; i < log->sink_count; i++)
        log->sinks[i].write(log->sinks[i].arg, level, now, line);
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_parse(struct span name, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (span_equal(name, span_of(level_names[i]))) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}
