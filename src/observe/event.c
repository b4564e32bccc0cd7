/* Fields in the order of their names. */
#include "event.h"

#include <stdint.h>

size_t event_text_cap(size_t round)
{
    static const size_t caps[EVENT_ROUNDS] = {SIZE_MAX, 512, 64, 0};
    return caps[round];
}

size_t event_sorted_fields(const struct log_line *line,
                           const struct log_field *sorted[LOG_FIELDS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < LOG_FIELDS_MAX && line->fields[i].kind != LOG_KIND_END; i++) {
        const struct log_field *field = &line->fields[i];
        size_t at = count;
        while (at > 0 && strcmp(sorted[at - 1]->key, field->key) > 0)
            at--;
        if (at > 0 && strcmp(sorted[at - 1]->key, field->key) == 0) {
            sorted[at - 1] = field;
            continue;
        }
        memmove(&sorted[at + 1], &sorted[at], (count - at) * sizeof *sorted);
        sorted[at] = field;
        count++;
    }
    return count;
}
