/* Lines for people: `2026-11-20T09:00:25Z INF Message key=value`, fields sorted, `error` first. */
#ifndef CULVERT_OBSERVE_CONSOLE_SINK_H
#define CULVERT_OBSERVE_CONSOLE_SINK_H

#include "culvert/base/log.h"

struct console_sink;

/* Writes to `fd` (borrowed; stderr), with colours when asked. The caller owns the sink. NULL: out
 * of memory. */
struct console_sink *console_sink_new(int fd, bool colour, struct error *err);

/* For struct log; valid until console_sink_free. Each line is one write(2) of at most 4096 bytes,
 * longer values are cut. Lines that find no room are dropped, counted and told of later. */
struct log_sink console_sink_log(struct console_sink *sink);

/* How many lines were dropped so far. */
uint64_t console_sink_dropped(const struct console_sink *sink);
void console_sink_free(struct console_sink *sink); /* NULL is allowed */

#endif
