/* A log file on a local disk: writes are not waited for by a loop that has better to do than lose
 * its log, so they are plain, and one each line. */
#include "culvert/observe/file_sink.h"

#include "culvert/base/file.h"
#include "json_line.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINE_LIMIT = 16 * 1024,     /* for a file there is no atomic size to keep */
    ROTATE_BYTES = 1024 * 1024, /* as the peer does */
    KEPT_FILES = 5,             /* old ones, as the peer does */
    PATH_LIMIT = 4096,
    DIRECTORY_MODE = 0744, /* as the peer makes them; the umask takes away more */
    FILE_MODE = 0644,
};

struct file_sink {
    char *path;
    bool rotates;
    int fd;
    uint64_t size; /* of the file, as far as we know */
    bool torn;     /* the last line was written in part */
    uint64_t dropped;
    uint64_t untold;
    struct buf line;
};

static int open_log(const char *path, uint64_t *size, struct error *err)
{
    /* O_NONBLOCK so that a FIFO without a reader is an error and no standstill. */
    int fd =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
    struct stat facts;
    if (fd == -1 || fstat(fd, &facts) == -1) {
        (void)error_errno(err, "log file %s", path);
        if (fd != -1)
            close(fd);
        return -1;
    }
    *size = (uint64_t)facts.st_size;
    return fd;
}

bool file_sink_reopen(struct file_sink *sink, struct error *err)
{
    uint64_t size;
    int fd = open_log(sink->path, &size, err);
    if (fd == -1)
        return false;
    if (sink->fd != -1)
        close(sink->fd);
    sink->fd = fd;
    sink->size = size;
    return true;
}

/* "cloudflared-2026-11-20T09-06-16.123.log", the form of rotated names. */
static bool is_old_name(const char *name)
{
    static const char form[] = "cloudflared-0000-00-00T00-00-00.000.log";
    if (strlen(name) != sizeof form - 1)
        return false;
    for (size_t i = 0; i < sizeof form - 1; i++)
        if (form[i] == '0' ? name[i] < '0' || name[i] > '9' : name[i] != form[i])
            return false;
    return true;
}

static int is_old_entry(const struct dirent *entry)
{
    return is_old_name(entry->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static size_t directory_len(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Removes the oldest of the rotated files; their names sort by time. */
static void prune(const struct file_sink *sink)
{
    char path[PATH_LIMIT];
    (void)snprintf(path, sizeof path, "%.*s", (int)directory_len(sink->path), sink->path);
    struct dirent **names = NULL;
    int count = scandir(path, &names, is_old_entry, by_name);
    for (int i = 0; i < count; i++) {
        (void)snprintf(path, sizeof path, "%.*s%s", (int)directory_len(sink->path), sink->path,
                       names[i]->d_name);
        if (i < count - KEPT_FILES)
            (void)unlink(path);
        free(names[i]);
    }
    free(names);
}

/* Gives the file its name of the past and starts a new one. What fails is tried again after as many
 * bytes more: the log goes on in the file that is open. */
static void rotate(struct file_sink *sink, int64_t unix_ms)
{
    char old[PATH_LIMIT];
    do {
        char when[CLOCK_TEXT_SIZE];
        clock_format(unix_ms++, 1, when);
        for (char *c = when; *c; c++)
            if (*c == ':')
                *c = '-';
        /* Without the Z. */
        (void)snprintf(old, sizeof old, "%.*scloudflared-%.23s.log", (int)directory_len(sink->path),
                       sink->path, when);
    } while (access(old, F_OK) == 0);
    sink->size = 0;
    if (rename(sink->path, old) == -1)
        return;
    if (file_sink_reopen(sink, NULL))
        prune(sink);
}

static bool write_all(struct file_sink *sink, struct span bytes)
{
    ssize_t n;
    do
        n = write(sink->fd, bytes.data, bytes.len);
    while (n == -1 && errno == EINTR);
    if (n > 0)
        sink->size += (uint64_t)n;
    if (n > 0 && (size_t)n < bytes.len)
        sink->torn = true;
    return n >= 0 && (size_t)n == bytes.len;
}

static bool write_line(struct file_sink *sink, const struct event_view *event)
{
    if (sink->rotates && sink->size >= ROTATE_BYTES)
        rotate(sink, event->unix_ms);
    bool ok = json_line_format(event, JSON_LINE_FILE, &sink->line);
    if (ok && sink->torn) {
        sink->torn = false;
        ok = write_all(sink, SPAN("\n"));
    }
    ok = ok && write_all(sink, buf_span(&sink->line));
    if (!ok) {
        sink->dropped++;
        sink->untold++;
    }
    return ok;
}

static void on_event(void *arg, enum log_level level, int64_t unix_ms, const struct log_line *line)
{
    struct file_sink *sink = arg;
    if (!write_line(sink, &(struct event_view){level, unix_ms, line}) || sink->untold == 0)
        return;
    struct log_line report = {"Log lines could not be written to the log file",
                              LOG_INT("count", sink->untold)};
    sink->untold = 0;
    (void)write_line(sink, &(struct event_view){LEVEL_WARN, unix_ms, &report});
}

static bool make_directories(const char *path, struct error *err)
{
    char directory[PATH_LIMIT];
    size_t len = directory_len(path);
    if (len >= sizeof directory)
        return error_set(err, ERROR_INVALID, 0, "log file: the path is too long");
    (void)snprintf(directory, sizeof directory, "%.*s", (int)len, path);
    return len == 0 || file_make_directory(directory, DIRECTORY_MODE, err);
}

struct file_sink *file_sink_open(const char *path, struct error *err)
{
    if (!make_directories(path, err))
        return NULL;
    struct file_sink *sink = calloc(1, sizeof *sink);
    if (!sink) {
        (void)error_memory(err);
        return NULL;
    }
    sink->fd = -1;
    sink->line.limit = LINE_LIMIT;
    sink->path = span_dup(span_of(path));
    if (!sink->path) {
        (void)error_memory(err);
        goto fail;
    }
    if (!file_sink_reopen(sink, err))
        goto fail;
    return sink;

fail:
    file_sink_close(sink);
    return NULL;
}

struct file_sink *file_sink_open_directory(const char *directory, struct error *err)
{
    struct buf path = BUF_LIMIT(PATH_LIMIT - 64); /* room for the names of rotated files */
    struct file_sink *sink = NULL;
    if (buf_printf(&path, "%s/cloudflared.log", directory))
        sink = file_sink_open(buf_text(&path), err);
    else
        (void)error_set(err, ERROR_INVALID, 0, "log directory: the path is too long");
    if (sink)
        sink->rotates = true;
    buf_release(&path);
    return sink;
}

struct log_sink file_sink_log(struct file_sink *sink)
{
    return (struct log_sink){on_event, sink};
}

uint64_t file_sink_dropped(const struct file_sink *sink)
{
    return sink->dropped;
}

void file_sink_close(struct file_sink *sink)
{
    if (!sink)
        return;
    if (sink->fd != -1)
        close(sink->fd);
    buf_release(&sink->line);
    free(sink->path);
    free(sink);
}
