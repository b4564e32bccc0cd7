/* Lines for machines: one JSON object each, keys sorted, on the console. */
#ifndef CULVERT_OBSERVE_JSON_SINK_H
#define CULVERT_OBSERVE_JSON_SINK_H

#include "culvert/base/log.h"

struct json_sink;

/* Writes to `fd` (borrowed; stderr). The caller owns the sink. NULL: out of memory. */
struct json_sink *json_sink_new(int fd, struct error *err);

/* For struct log; valid until json_sink_free. Lines are bounded and dropped as those of the console
 * sink; texts are cut so that every line is whole JSON. */
struct log_sink json_sink_log(struct json_sink *sink);

/* How many lines were dropped so far. */
uint64_t json_sink_dropped(const struct json_sink *sink);
void json_sink_free(struct json_sink *sink); /* NULL is allowed */

#endif
