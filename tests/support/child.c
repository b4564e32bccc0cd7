/* See the header. */
#include "support/child.h"

#include "culvert/base/buf.h"
#include "culvert/base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOG_MAX = 64 * 1024 * 1024, LAST_BYTES = 16 * 1024 };

static void become(const char *home, const char *log, const char *const *words)
{
    static const char *const foreign[] = {"TUNNEL_TOKEN",   "TUNNEL_ORIGIN_CERT", "TUNNEL_API_URL",
                                          "TUNNEL_EDGE",    "TUNNEL_METRICS",     "NOTIFY_SOCKET",
                                          "TUNNEL_WORKERS", "CULVERT_WORKERS"};
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int in = open("/dev/null", O_RDONLY);
    if (out == -1 || in == -1 || dup2(in, 0) == -1 || dup2(out, 1) == -1 || dup2(out, 2) == -1)
        _exit(126);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        (void)unsetenv(foreign[i]);
    (void)setenv("HOME", home, 1);
    (void)setenv("TMPDIR", home, 1);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)execv(words[0], (char *const *)(uintptr_t)words);
    _exit(127);
}

void child_start(struct child *child, const char *home, const char *log, const char *const *words)
{
    *child = (struct child){0};
    (void)snprintf(child->log, sizeof child->log, "%s", log);
    (void)fflush(NULL);
    child->pid = fork();
    if (child->pid == -1)
        abort();
    if (child->pid == 0)
        become(home, log, words);
}

static bool reap(struct child *child, int flags)
{
    if (child->pid > 0 && waitpid(child->pid, &child->status, flags) == child->pid)
        child->pid = 0;
    return child->pid == 0;
}

bool child_has_ended(struct child *child)
{
    return reap(child, WNOHANG);
}

bool child_did_well(const struct child *child)
{
    return child->pid == 0 && WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0;
}

void child_signal(const struct child *child, int number)
{
    if (child->pid > 0)
        (void)kill(child->pid, number);
}

void child_kill(struct child *child)
{
    child_signal(child, SIGKILL);
    (void)reap(child, 0);
}

void child_print_log(const struct child *child)
{
    struct buf text = BUF_LIMIT(LOG_MAX);
    if (file_read(child->log, &text, NULL)) {
        struct span rest = buf_span(&text);
        struct span line;
        rest = span_skip(rest, rest.len > LAST_BYTES ? rest.len - LAST_BYTES : 0);
        while (span_cut(&rest, '\n', &line))
            printf("#   %.*s\n", SPAN_ARG(line));
    }
    buf_release(&text);
}
