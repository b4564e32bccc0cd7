/* --stdin-control: commands in lines of standard input. They are for tests of what happens when a
 * connection breaks. */
#ifndef CULVERT_CONNECTOR_STDIN_CONTROL_H
#define CULVERT_CONNECTOR_STDIN_CONTROL_H

#include "culvert/net/loop.h"

struct stdin_control;

enum {
    CONTROL_LINE_MAX = 256,            /* a longer line is no command: it is passed over */
    CONTROL_DELAY_MAX_MS = 3600 * 1000 /* that may be asked for */
};

/* Reads `fd` (borrowed) as it comes: a pipe, a terminal or a file. `reconnect` is called for each
 * such command. The end of the input, or an error, silently ends the reading. What is no command is
 * told to the log, with what there is. The caller frees it. NULL: `err`. */
struct stdin_control *stdin_control_new(struct loop *loop, int fd,
                                        void (*reconnect)(void *arg, uint64_t delay_ms), void *arg,
                                        struct error *err);
void stdin_control_free(struct stdin_control *control); /* NULL is allowed */

#endif
