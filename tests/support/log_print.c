/* See the header. */
#include "support/log_print.h"

static void print_event(void *arg, enum log_level level, int64_t unix_ms,
                        const struct log_line *line)
{
    (void)arg;
    printf("# %lld %s %s", (long long)unix_ms, log_level_name(level), line->message);
    for (size_t i = 0; i < LOG_FIELDS_MAX && line->fields[i].kind != LOG_KIND_END; i++) {
        const struct log_field *field = &line->fields[i];
        if (field->kind == LOG_KIND_TEXT)
            printf(" %s=%.*s", field->key, SPAN_ARG(field->text));
        else
            printf(" %s=%lld", field->key, (long long)field->number);
    }
    printf("\n");
}

void log_print_if_asked(struct log *log)
{
    if (getenv("TEST_LOG"))
        log->sinks[log->sink_count++] = (struct log_sink){print_event, NULL};
}
