/* Files as a whole: read one of bounded size, replace one so that a crash leaves the old or the
 * new. */
#ifndef CULVERT_BASE_FILE_H
#define CULVERT_BASE_FILE_H

#include "culvert/base/buf.h"

#include <sys/types.h>

/* Appends the whole file to `out`, at most out->limit bytes in all. False: `err` names the path,
 * kind LIMIT when too large, SYSTEM with cause errno when it cannot be read (a directory too). */
bool file_read(const char *path, struct buf *out, struct error *err) MUST_CHECK;

/* As file_read for a file that holds a secret: follows links, then refuses (DENIED) what group or
 * others may write, and what they may read only by a warning of the caller: *readable says so
 * (NULL: not asked). */
bool file_read_secret(const char *path, struct buf *out, bool *readable,
                      struct error *err) MUST_CHECK;

/* Writes a new file beside `path`, fsyncs it, renames it over `path`, fsyncs the directory. A link
 * at `path` is followed, so that its target is replaced. The mode is exact, whatever the umask. */
bool file_replace(const char *path, struct span content, mode_t mode, struct error *err) MUST_CHECK;

/* As file_replace, but refuses (INVALID, cause EEXIST) when something exists at `path`. */
bool file_create(const char *path, struct span content, mode_t mode, struct error *err) MUST_CHECK;

/* Makes the directory and its missing parents with `mode`; fine when it exists. */
bool file_make_directory(const char *path, mode_t mode, struct error *err) MUST_CHECK;

/* Takes an exclusive lock on `path` (made 0600 when missing) without waiting. Returns the
 * descriptor, closing it releases the lock; -1: `err` has kind DENIED when another process holds
 * it. */
int file_lock(const char *path, struct error *err) MUST_CHECK;

/* Can it be opened for reading? */
bool file_exists(const char *path);

#endif
