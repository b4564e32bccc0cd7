/* An event as one JSON object on one line. */
#ifndef CULVERT_SRC_OBSERVE_JSON_LINE_H
#define CULVERT_SRC_OBSERVE_JSON_LINE_H

#include "culvert/base/buf.h"
#include "event.h"

enum json_line_style {
    JSON_LINE_CONSOLE, /* keys sorted, <>& escaped */
    JSON_LINE_FILE,    /* level, the fields in the order of the call, time, message */
};

/* Replaces the content of `out` by the line with its newline. Texts that do not fit out->limit are
 * cut, so that the line is whole JSON in every case. False: out of memory, or not even the keys
 * fit. */
bool json_line_format(const struct event_view *event, enum json_line_style style,
                      struct buf *out) MUST_CHECK;

#endif
