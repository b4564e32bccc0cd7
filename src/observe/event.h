/* One event as the sinks of this room hand it around. */
#ifndef CULVERT_SRC_OBSERVE_EVENT_H
#define CULVERT_SRC_OBSERVE_EVENT_H

#include "culvert/base/log.h"

struct event_view {
    enum log_level level;
    int64_t unix_ms;
    const struct log_line *line;
};

/* The fields of `line` sorted by key; of fields with the same key the last one stays. Returns how
 * many. The pointers lie in `line`. */
size_t event_sorted_fields(const struct log_line *line,
                           const struct log_field *sorted[LOG_FIELDS_MAX]);

/* How many bytes of a text a line may carry; the next round is tried when one did not fit. */
enum { EVENT_ROUNDS = 4 };
size_t event_text_cap(size_t round);

/* What stands where a text was cut: U+2026. */
#define EVENT_CUT_MARK "\xe2\x80\xa6"

#endif
