/* Processes of a test: real binaries with a home of their own, whose words go to a file. */
#ifndef CULVERT_TESTS_SUPPORT_CHILD_H
#define CULVERT_TESTS_SUPPORT_CHILD_H

#include "culvert/base/span.h"

#include <sys/types.h>

enum { CHILD_PATH_MAX = 256 };

struct child {
    pid_t pid; /* 0: none, or it has ended */
    int status;
    char log[CHILD_PATH_MAX]; /* stdout and stderr */
};

/* Starts `words` (up to NULL, the program first) with HOME and TMPDIR set to `home` and without the
 * variables that set something for tunnels; what it says is appended to `log`. Aborts when that
 * cannot be. It does not outlive the test. */
void child_start(struct child *child, const char *home, const char *log, const char *const *words);

/* Has it ended? Does not wait. */
bool child_has_ended(struct child *child);

/* Did it end by itself with 0? Only after its end. */
bool child_did_well(const struct child *child);

void child_signal(const struct child *child, int number);

/* Ends it at once and waits for that. Nothing when it has ended. */
void child_kill(struct child *child);

/* Prints the end of what it said, as TAP comments. */
void child_print_log(const struct child *child);

#endif
