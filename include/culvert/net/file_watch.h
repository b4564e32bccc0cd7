/* Tells that a file may be another one than before, however it was written: in place, by renaming a
 * new one over it, by deleting and making it again, by turning a link anywhere on its path. What a
 * writer has not closed yet is not told. */
#ifndef CULVERT_NET_FILE_WATCH_H
#define CULVERT_NET_FILE_WATCH_H

#include "culvert/base/error.h"

struct loop;
struct file_watch;

enum {
    FILE_WATCH_QUIET_MS = 100,  /* nothing happened for so long: an editor is done */
    FILE_WATCH_MOST_MS = 1000,  /* so long after the first change at the latest */
    FILE_WATCH_AGAIN_MS = 5000, /* where the kernel does not tell, the file is looked at so often */
};

/* `changed` is called on the loop, and may be called when nothing changed in the end. `path` is
 * copied; a relative one is taken from the working directory of now. The file need not exist. The
 * caller frees it. NULL: out of memory. */
struct file_watch *file_watch_new(struct loop *loop, const char *path, void (*changed)(void *arg),
                                  void *arg, struct error *err);
void file_watch_free(struct file_watch *watch); /* not inside of `changed`; NULL is allowed */

#endif
