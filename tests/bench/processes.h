/* What processes of this machine used: processor time and resident memory. */
#ifndef BENCH_PROCESSES_H
#define BENCH_PROCESSES_H

#include "culvert/base/span.h"

#include <sys/types.h>

enum { PROCESS_PIDS_MAX = 16 };

/* One name for some processes: a proxy and its workers. */
struct process {
    char name[32];
    pid_t pids[PROCESS_PIDS_MAX];
    size_t count;
    double cpu_before;
};

/* Reads "NAME=PID,PID". */
bool process_parse(const char *text, struct process *process) MUST_CHECK;

/* The window begins: its CPU and its memory peak count from here. */
void process_begin(struct process *process);

/* Seconds of CPU since process_begin; what a process that is gone used is lost. */
double process_cpu(const struct process *process);

/* KiB now, and at the most since process_begin; sums over the processes. */
uint64_t process_rss(const struct process *process);
uint64_t process_peak(const struct process *process);

#endif
