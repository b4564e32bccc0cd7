/* A recorded line taken apart into what a sink is given. */
#include "support/event_fields.h"

#include <time.h>

static bool read_time(struct span text, int64_t *unix_ms)
{
    char copy[CLOCK_TEXT_SIZE];
    struct tm parts = {0};
    (void)snprintf(copy, sizeof copy, "%.*s", SPAN_ARG(text));
    const char *end = strptime(copy, "%Y-%m-%dT%H:%M:%SZ", &parts);
    *unix_ms = (int64_t)timegm(&parts) * 1000;
    return end && *end == '\0';
}

static bool read_field(const struct doc *value, const char *key, struct log_field *field)
{
    bool truth = false;
    struct span text = SPAN_NONE;
    int64_t number = 0;
    if (doc_as_bool(value, &truth))
        *field = LOG_BOOL(key, truth);
    else if (doc_as_int(value, &number))
        *field = LOG_INT(key, number);
    else if (doc_as_text(value, &text))
        *field = LOG_SPAN(key, text);
    return doc_kind(value) != DOC_ARRAY && doc_kind(value) != DOC_OBJECT;
}

/* One member of the object: a fixed key or a field. */
static bool read_member(struct recorded_event *event, const char *key, const struct doc *value,
                        size_t *count)
{
    struct span text;
    if (strcmp(key, "level") == 0)
        return doc_as_text(value, &text) && log_level_parse(text, &event->level);
    if (strcmp(key, "time") == 0)
        return doc_as_text(value, &text) && read_time(text, &event->unix_ms);
    if (strcmp(key, "message") == 0) {
        bool ok = doc_as_text(value, &text) && text.len < sizeof event->message;
        (void)snprintf(event->message, sizeof event->message, "%.*s", SPAN_ARG(text));
        return ok;
    }
    return *count < LOG_FIELDS_MAX && read_field(value, key, &event->line.fields[(*count)++]);
}

bool recorded_event_read(struct recorded_event *event, struct span jsonl, struct buf *raw)
{
    struct doc *record = doc_parse(jsonl, NULL);
    struct span text;
    bool is_raw = record && doc_as_text(doc_get(record, "raw"), &text) && buf_put_span(raw, text);
    doc_free(record);
    *event = (struct recorded_event){.doc = is_raw ? doc_parse(buf_span(raw), NULL) : NULL};
    bool ok = event->doc != NULL;
    size_t count = 0;
    /* Backwards, so that it is the sink that sorts. */
    for (size_t i = doc_count(event->doc); ok && i > 0; i--) {
        const char *key;
        const struct doc *value = doc_member(event->doc, i - 1, &key);
        ok = read_member(event, key, value, &count);
    }
    event->line.message = event->message;
    if (!ok)
        recorded_event_release(event);
    return ok;
}

void recorded_event_release(struct recorded_event *event)
{
    doc_free(event->doc);
    event->doc = NULL;
}
