/* The kinds of streams and their marks. */
#include "culvert/tunnel/stream_kind.h"

static const struct {
    const char *name;
    struct span mark; /* value of the upgrade field; "" if it does not mark this kind */
} kinds[] = {
    [STREAM_CONFIGURATION] = {"configuration", SPAN_INIT("update-configuration")},
    [STREAM_WEBSOCKET] = {"websocket", SPAN_INIT("websocket")},
    [STREAM_TCP] = {"tcp", SPAN_INIT("")},
    [STREAM_CONTROL] = {"control", SPAN_INIT("control-stream")},
    [STREAM_HTTP] = {"http", SPAN_INIT("")},
};

enum stream_kind stream_kind_of(const struct request_head *head)
{
    struct span mark = SPAN_NONE;
    struct span source = SPAN_NONE;
    (void)headers_find(&head->fields, SPAN(STREAM_UPGRADE_FIELD), &mark);
    if (span_equal(mark, kinds[STREAM_CONFIGURATION].mark))
        return STREAM_CONFIGURATION;
    if (span_equal(mark, kinds[STREAM_WEBSOCKET].mark))
        return STREAM_WEBSOCKET;
    (void)headers_find(&head->fields, SPAN(STREAM_SOURCE_FIELD), &source);
    if (source.len > 0)
        return STREAM_TCP;
    return span_equal(mark, kinds[STREAM_CONTROL].mark) ? STREAM_CONTROL : STREAM_HTTP;
}

bool stream_kind_mark(struct request_head *head, enum stream_kind kind, struct span source,
                      struct error *err)
{
    if (kind == STREAM_TCP)
        return headers_set(&head->fields, SPAN(STREAM_SOURCE_FIELD), source, err);
    if (kinds[kind].mark.len == 0)
        return true;
    return headers_set(&head->fields, SPAN(STREAM_UPGRADE_FIELD), kinds[kind].mark, err);
}

bool stream_is_upgraded(int status, const struct headers *fields)
{
    return status == 200 && headers_has_token(fields, SPAN("Upgrade"), SPAN("websocket"));
}

void stream_kind_strip(struct request_head *head)
{
    headers_remove(&head->fields, SPAN(STREAM_UPGRADE_FIELD));
    headers_remove(&head->fields, SPAN(STREAM_TRACE_FIELD));
}

const char *stream_kind_name(enum stream_kind kind)
{
    return kinds[kind].name;
}
