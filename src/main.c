/* The process: what holds for all of it, the command, the exit status. It behaves the same under
 * any name it is started by. */
#include "culvert/cli/command.h"
#include "culvert/cli/words.h"
#include "culvert/service/descriptors.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Tunnel secrets and tokens lie in memory: they must not land in core files, nor be read by other
 * processes of the user. */
static void keep_memory_private(void)
{
    static const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* What a transfer frees at the end of the heap it takes again in the next turn: given back to the
 * kernel each time, its pages were a third of the cost of an upload. */
static void keep_some_memory(void)
{
    enum { SPARE = 4 * 1024 * 1024 };
    (void)mallopt(M_TRIM_THRESHOLD, SPARE);
}

/* A file that gets the number of a stream that was closed would be read, or written to, as that
 * stream. */
static void keep_streams_open(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

int main(int argc, char **argv)
{
    const struct cli_world world = {
        .environment = environment_process(), .out = stdout, .err = stderr};
    struct cli_words words;
    int status = CLI_FAILED;
    /* A peer that went away is an error of the write, not the end of the process. */
    (void)signal(SIGPIPE, SIG_IGN);
    /* So is a file that may not grow (RLIMIT_FSIZE): a log or a store that is full. */
    (void)signal(SIGXFSZ, SIG_IGN);
    keep_streams_open();
    keep_memory_private();
    keep_some_memory();
    (void)descriptors_raise();
    if (cli_words_take(&words, argc, argv))
        status = cli_run(&world, argc, (const char *const *)(void *)words.at);
    else
        fputs("out of memory\n", stderr);
    cli_words_release(&words);
    return status;
}
