/* proc(5): stat, limits, fd and net/netstat of this process, and the time the machine started. */
#include "culvert/observe/process_metrics.h"

#include "culvert/base/buf.h"
#include "culvert/base/file.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

enum { PROC_FILE_MAX = 256 * 1024 }; /* stat of a machine with many interrupts is the largest */

static const struct metric_desc cpu_seconds = {"process_cpu_seconds_total",
                                               "Total user and system CPU time spent in seconds.",
                                               METRIC_COUNTER};
static const struct metric_desc max_fds = {
    "process_max_fds", "Maximum number of open file descriptors.", METRIC_GAUGE};
static const struct metric_desc open_fds = {"process_open_fds", "Number of open file descriptors.",
                                            METRIC_GAUGE};
static const struct metric_desc received = {
    "process_network_receive_bytes_total",
    "Number of bytes received over the network, in the network namespace of the process.",
    METRIC_COUNTER};
static const struct metric_desc sent = {
    "process_network_transmit_bytes_total",
    "Number of bytes sent over the network, in the network namespace of the process.",
    METRIC_COUNTER};
static const struct metric_desc resident = {"process_resident_memory_bytes",
                                            "Resident memory size in bytes.", METRIC_GAUGE};
static const struct metric_desc start_time = {
    "process_start_time_seconds", "Start time of the process since unix epoch in seconds.",
    METRIC_GAUGE};
static const struct metric_desc virtual_memory = {"process_virtual_memory_bytes",
                                                  "Virtual memory size in bytes.", METRIC_GAUGE};
static const struct metric_desc virtual_max = {
    "process_virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes.",
    METRIC_GAUGE};
static const struct metric_desc build_info = {"build_info",
                                              "Build and version information",
                                              METRIC_GAUGE,
                                              {"goversion", "revision", "type", "version"}};

/* Reads proc/`name` into `text`; the span is empty when that fails. */
static struct span read_proc(const char *proc, const char *name, struct buf *text)
{
    char path[256];
    buf_clear(text);
    (void)snprintf(path, sizeof path, "%s/%s", proc, name);
    return file_read(path, text, NULL) ? buf_span(text) : SPAN_NONE;
}

/* Takes blanks and then the word behind them from the front of `rest`. */
static bool next_word(struct span *rest, struct span *word)
{
    *rest = span_trim(*rest);
    return rest->len > 0 && span_cut(rest, ' ', word);
}

/* The `index`th blank-separated number of `text`, counted from 0. */
static bool number_at(struct span text, size_t index, uint64_t *value)
{
    struct span word = SPAN_NONE;
    for (size_t i = 0; i <= index; i++)
        if (!next_word(&text, &word))
            return false;
    return span_to_u64(word, UINT64_MAX, value);
}

/* The rest of the line of `text` that begins with `start`; the `nth` such line, counted from 0. */
static bool line_after(struct span text, struct span start, size_t nth, struct span *rest)
{
    struct span line;
    while (span_cut(&text, '\n', &line)) {
        if (!span_starts(line, start) || nth-- > 0)
            continue;
        *rest = span_skip(line, start.len);
        return true;
    }
    return false;
}

/* Columns of proc_pid_stat(5), counted from the state, which is the first behind the name. */
enum { STAT_UTIME = 11, STAT_STIME = 12, STAT_START = 19, STAT_VSIZE = 20, STAT_RSS = 21 };

static void update_stat(struct metrics *metrics, const char *proc, struct buf *text)
{
    struct span stat = read_proc(proc, "self/stat", text);
    /* The name is in parentheses and may hold some itself. */
    size_t end = stat.len;
    while (end > 0 && stat.data[end - 1] != ')')
        end--;
    stat = span_skip(stat, end);
    uint64_t user, system, start, virtual_bytes, pages;
    if (!number_at(stat, STAT_UTIME, &user) || !number_at(stat, STAT_STIME, &system) ||
        !number_at(stat, STAT_START, &start) || !number_at(stat, STAT_VSIZE, &virtual_bytes) ||
        !number_at(stat, STAT_RSS, &pages))
        return;
    double ticks = (double)sysconf(_SC_CLK_TCK);
    metric_set(metrics_single(metrics, &cpu_seconds), (double)(user + system) / ticks);
    metric_set(metrics_single(metrics, &virtual_memory), (double)virtual_bytes);
    metric_set(metrics_single(metrics, &resident), (double)pages * (double)sysconf(_SC_PAGESIZE));

    struct span boot;
    uint64_t booted;
    if (line_after(read_proc(proc, "stat", text), SPAN("btime "), 0, &boot) &&
        span_to_u64(boot, UINT64_MAX, &booted))
        metric_set(metrics_single(metrics, &start_time), (double)booted + (double)start / ticks);
}

static void update_limit(struct metrics *metrics, const struct metric_desc *desc, struct span text,
                         struct span name)
{
    struct span rest, word;
    uint64_t value;
    if (!line_after(text, name, 0, &rest) || !next_word(&rest, &word))
        return;
    if (span_equal(word, SPAN("unlimited")))
        metric_set(metrics_single(metrics, desc), (double)UINT64_MAX);
    else if (span_to_u64(word, UINT64_MAX, &value))
        metric_set(metrics_single(metrics, desc), (double)value);
}

static void update_descriptors(struct metrics *metrics, const char *proc)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/self/fd", proc);
    DIR *directory = opendir(path);
    if (!directory)
        return;
    double count = 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
        if (entry->d_name[0] != '.')
            count++;
    closedir(directory);
    /* The one that read the directory is gone by now. */
    metric_set(metrics_single(metrics, &open_fds), count > 0 ? count - 1 : 0);
}

/* net/netstat: a line of names and a line of numbers for each group. */
static void update_network(struct metrics *metrics, const char *proc, struct buf *text)
{
    static const struct {
        struct span name;
        const struct metric_desc *desc;
    } columns[] = {{SPAN_INIT("InOctets"), &received}, {SPAN_INIT("OutOctets"), &sent}};
    struct span netstat = read_proc(proc, "self/net/netstat", text);
    struct span names, numbers, name, number;
    if (!line_after(netstat, SPAN("IpExt: "), 0, &names) ||
        !line_after(netstat, SPAN("IpExt: "), 1, &numbers))
        return;
    while (next_word(&names, &name) && next_word(&numbers, &number)) {
        uint64_t value;
        for (size_t i = 0; i < ARRAY_LEN(columns); i++)
            if (span_equal(name, columns[i].name) && span_to_u64(number, UINT64_MAX, &value))
                metric_set(metrics_single(metrics, columns[i].desc), (double)value);
    }
}

void process_metrics_update(struct metrics *metrics, const char *proc)
{
    struct buf text = BUF_LIMIT(PROC_FILE_MAX);
    update_stat(metrics, proc, &text);
    struct span limits = read_proc(proc, "self/limits", &text);
    update_limit(metrics, &max_fds, limits, SPAN("Max open files"));
    update_limit(metrics, &virtual_max, limits, SPAN("Max address space"));
    update_network(metrics, proc, &text);
    update_descriptors(metrics, proc);
    buf_release(&text);
}

void process_metrics_build_info(struct metrics *metrics, const char *version)
{
    const struct span values[] = {SPAN(""), SPAN("unknown"), SPAN(""), span_of(version)};
    metric_set(metric_with(metrics_family(metrics, &build_info), values), 1);
}
