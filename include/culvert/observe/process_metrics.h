/* What the kernel knows of this process, and which program it is. */
#ifndef CULVERT_OBSERVE_PROCESS_METRICS_H
#define CULVERT_OBSERVE_PROCESS_METRICS_H

#include "culvert/observe/metrics.h"

/* Reads the figures of proc(5) below `proc` ("/proc") and sets process_*; what cannot be read keeps
 * its value. Called before each scrape: it reads six small files. */
void process_metrics_update(struct metrics *metrics, const char *proc);

/* Sets build_info to 1 for this version. */
void process_metrics_build_info(struct metrics *metrics, const char *version);

#endif
