/* Metrics as text: the Prometheus format 0.0.4. */
#ifndef CULVERT_OBSERVE_EXPOSITION_H
#define CULVERT_OBSERVE_EXPOSITION_H

#include "culvert/base/buf.h"
#include "culvert/observe/metrics.h"

/* The Content-Type of the text. */
#define EXPOSITION_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Appends all families that have series, with HELP and TYPE, sorted by name and label values.
 * False: `out` is full or memory ran out. */
bool exposition_write(const struct metrics *metrics, struct buf *out) MUST_CHECK;

#endif
