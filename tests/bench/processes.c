/* The CPU clock of another process tells nanoseconds, /proc/PID/stat only 10 ms. */
#include "processes.h"

bool process_parse(const char *text, struct process *process)
{
    struct span rest = span_of(text);
    struct span part;
    *process = (struct process){0};
    if (!span_cut(&rest, '=', &part) || part.len == 0 || part.len >= sizeof process->name)
        return false;
    span_copy(part, process->name, sizeof process->name);
    while (span_cut(&rest, ',', &part)) {
        uint64_t pid;
        if (process->count == PROCESS_PIDS_MAX || !span_to_u64(part, INT32_MAX, &pid))
            return false;
        process->pids[process->count++] = (pid_t)pid;
    }
    return process->count > 0;
}

static double cpu_of(pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        return 0;
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static double cpu_of_all(const struct process *process)
{
    double sum = 0;
    for (size_t i = 0; i < process->count; i++)
        sum += cpu_of(process->pids[i]);
    return sum;
}

/* A line of /proc/PID/status in KiB. */
static uint64_t status_of(pid_t pid, const char *key)
{
    char path[64];
    char line[256];
    unsigned long value = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    while (value == 0 && fgets(line, sizeof line, file))
        if (span_starts(span_of(line), span_of(key)))
            value = strtoul(line + strlen(key), NULL, 10);
    (void)fclose(file);
    return value;
}

static uint64_t status_of_all(const struct process *process, const char *key)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < process->count; i++)
        sum += status_of(process->pids[i], key);
    return sum;
}

/* Lets the kernel forget the peak so far. */
static void forget_peak(pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)pid);
    FILE *file = fopen(path, "we");
    if (!file)
        return;
    (void)fputs("5", file);
    (void)fclose(file);
}

void process_begin(struct process *process)
{
    for (size_t i = 0; i < process->count; i++)
        forget_peak(process->pids[i]);
    process->cpu_before = cpu_of_all(process);
}

double process_cpu(const struct process *process)
{
    return cpu_of_all(process) - process->cpu_before;
}

uint64_t process_rss(const struct process *process)
{
    return status_of_all(process, "VmRSS:");
}

uint64_t process_peak(const struct process *process)
{
    return status_of_all(process, "VmHWM:");
}
