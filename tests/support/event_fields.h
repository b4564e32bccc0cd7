/* Log events made from the JSON of a recorded line. */
#ifndef CULVERT_TESTS_SUPPORT_EVENT_FIELDS_H
#define CULVERT_TESTS_SUPPORT_EVENT_FIELDS_H

#include "culvert/base/doc.h"
#include "culvert/base/log.h"

struct recorded_event {
    struct doc *doc; /* the fields borrow from it */
    enum log_level level;
    int64_t unix_ms;
    char message[1024];
    struct log_line line;
};

/* Reads one line of a jsonl recording. False: it is no log line ("raw"), or it is one that holds
 * arrays or objects, or is torn. Release it when true. */
bool recorded_event_read(struct recorded_event *event, struct span jsonl, struct buf *raw);
void recorded_event_release(struct recorded_event *event);

#endif
