/* Log files: JSON lines, `level` first, then the fields in the order of the call, `time` and
 * `message` last. One file that grows, or a directory whose file is rotated. */
#ifndef CULVERT_OBSERVE_FILE_SINK_H
#define CULVERT_OBSERVE_FILE_SINK_H

#include "culvert/base/log.h"

struct file_sink;

/* Appends to the file at `path`; makes it (0644) and missing directories (0744). The caller owns
 * the sink. NULL: `err` names what could not be opened. */
struct file_sink *file_sink_open(const char *path, struct error *err);

/* As file_sink_open for cloudflared.log in `directory`. At 1 MiB the file is renamed to
 * cloudflared-2026-11-20T09-06-16.123.log (UTC) and a new one begun; five old ones are kept. */
struct file_sink *file_sink_open_directory(const char *directory, struct error *err);

/* For struct log; valid until file_sink_close. A line that cannot be written (the disk is full) is
 * dropped, counted and told of later. */
struct log_sink file_sink_log(struct file_sink *sink);

/* Opens the path anew, after somebody else has renamed the file. False: the old one is kept. */
bool file_sink_reopen(struct file_sink *sink, struct error *err) MUST_CHECK;

/* How many lines were dropped so far. */
uint64_t file_sink_dropped(const struct file_sink *sink);

/* Closes the file and frees the sink. NULL is allowed. */
void file_sink_close(struct file_sink *sink);

#endif
