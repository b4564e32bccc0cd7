/* Bytes to lines, lines to orders. */
#include "culvert/connector/stdin_control.h"

#include "culvert/base/duration.h"
#include "culvert/net/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 1024 }; /* in a turn */

struct stdin_control {
    struct loop *loop;
    int fd;
    struct watch watch; /* of what the kernel tells about */
    struct task more;   /* of a file, which it does not */
    bool is_too_long;   /* the line in hand */
    size_t len;
    char line[CONTROL_LINE_MAX];
    void (*reconnect)(void *arg, uint64_t delay_ms);
    void *arg;
};

/* ---- lines ---- */

static void say_help(const struct stdin_control *control)
{
    log_info(loop_log(control->loop), "Supported command: reconnect [delay], which restarts one "
                                      "randomly chosen connection after that time, as in 2s");
}

/* None is no delay. */
static bool parse_delay(struct span text, uint64_t *delay_ms)
{
    int64_t nanoseconds = 0;
    if (text.len > 0 && (!duration_parse(text, &nanoseconds) || nanoseconds < 0))
        return false;
    int64_t ms = duration_ms(nanoseconds);
    *delay_ms = (uint64_t)ms;
    return ms <= CONTROL_DELAY_MAX_MS;
}

static void take_line(const struct stdin_control *control, struct span line)
{
    const struct log *log = loop_log(control->loop);
    bool has_cr = span_ends(line, SPAN("\r"));
    struct span rest = span_trim(span_first(line, line.len - has_cr));
    struct span command;
    uint64_t delay_ms;
    if (rest.len == 0)
        return;
    (void)span_cut(&rest, ' ', &command);
    struct span delay = span_trim(rest);
    if (span_equal(command, SPAN("help"))) {
        say_help(control);
    } else if (!span_equal(command, SPAN("reconnect"))) {
        log_info(log, "Unknown command", LOG_SPAN("command", command));
        say_help(control);
    } else if (!parse_delay(delay, &delay_ms)) {
        log_error(log, "The delay is no duration such as 2s, or more than an hour",
                  LOG_SPAN("delay", delay));
    } else {
        log_info(log, "Sending reconnect signal");
        control->reconnect(control->arg, delay_ms);
    }
}

static void end_line(struct stdin_control *control)
{
    if (control->is_too_long)
        log_info(loop_log(control->loop), "A line is too long for a command",
                 LOG_INT("most", CONTROL_LINE_MAX));
    else
        take_line(control, span_make(control->line, control->len));
    control->len = 0;
    control->is_too_long = false;
}

static void take_bytes(struct stdin_control *control, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n')
            end_line(control);
        else if (control->len == sizeof control->line)
            control->is_too_long = true;
        else
            control->line[control->len++] = bytes[i];
    }
}

/* ---- reading ---- */

/* The last line may lack its end. */
static void end_reading(struct stdin_control *control)
{
    watch_release(&control->watch);
    if (control->len > 0)
        end_line(control);
}

/* Once, and never waiting: what tells that there is something may only have told of the end. */
static bool read_some(struct stdin_control *control)
{
    char bytes[READ_SIZE];
    ssize_t got = read(control->fd, bytes, sizeof bytes);
    if (got == -1 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (got <= 0) {
        end_reading(control);
        return false;
    }
    take_bytes(control, bytes, (size_t)got);
    return true;
}

static void on_ready(void *arg, unsigned events)
{
    (void)events;
    (void)read_some(arg);
}

static void on_turn(void *arg)
{
    struct stdin_control *control = arg;
    if (read_some(control))
        task_post(&control->more);
}

/* ---- life ---- */

static bool start(struct stdin_control *control, struct error *err)
{
    struct stat about;
    if (fstat(control->fd, &about) == -1)
        return true; /* there is no input */
    if (S_ISREG(about.st_mode)) {
        task_post(&control->more);
        return true;
    }
    if (S_ISCHR(about.st_mode) && isatty(control->fd) == 0)
        return true; /* /dev/null: the kernel does not tell about it, and there is nothing */
    return (watch_init(&control->watch, control->loop, control->fd, on_ready, control) &&
            watch_set(&control->watch, WATCH_READ)) ||
           error_set(err, ERROR_SYSTEM, 0, "standard input cannot be watched");
}

struct stdin_control *stdin_control_new(struct loop *loop, int fd,
                                        void (*reconnect)(void *arg, uint64_t delay_ms), void *arg,
                                        struct error *err)
{
    struct stdin_control *control = calloc(1, sizeof *control);
    if (!control) {
        (void)error_memory(err);
        return NULL;
    }
    control->loop = loop;
    control->fd = fd;
    control->reconnect = reconnect;
    control->arg = arg;
    task_init(&control->more, loop, TASK_SOON, on_turn, control);
    if (start(control, err))
        return control;
    stdin_control_free(control);
    return NULL;
}

void stdin_control_free(struct stdin_control *control)
{
    if (!control)
        return;
    task_cancel(&control->more);
    watch_release(&control->watch);
    free(control);
}
