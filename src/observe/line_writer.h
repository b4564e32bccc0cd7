/* Whole lines to a descriptor: one write(2) each, and a reader who has stopped reading costs lines,
 * not the loop. */
#ifndef CULVERT_SRC_OBSERVE_LINE_WRITER_H
#define CULVERT_SRC_OBSERVE_LINE_WRITER_H

#include "culvert/base/log.h"

/* No line is longer, newline included: a pipe takes so much at once or not at all (pipe(7)). */
enum { LINE_MAX_BYTES = 4096 };

struct line_writer {
    int fd;           /* borrowed */
    bool stuck;       /* the last line found no room */
    uint64_t dropped; /* lines that were never written */
    uint64_t untold;  /* those of them that no line has told of yet */
};

/* Writes `line`. False: it was dropped and counted. */
bool line_writer_put(struct line_writer *writer, struct span line);

/* Counts a line that could not even be put together. */
void line_writer_drop(struct line_writer *writer);

/* The event that tells of dropped lines, when some are untold; then they count as told. */
bool line_writer_report(struct line_writer *writer, struct log_line *report);

#endif
