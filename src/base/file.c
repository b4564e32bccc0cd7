/* Whole files. A replacement is complete on the disk before it takes the name, so that a crash at
 * any instant leaves the old file or the new one, never a part. */
#include "culvert/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_STEP = 16 * 1024,
    LINKS_MAX = 16, /* symbolic links in a row; more is a loop */
};

static int open_for_reading(const char *path, struct stat *facts, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd == -1) {
        error_errno(err, "%s", path);
        return -1;
    }
    if (fstat(fd, facts) == -1) {
        error_errno(err, "%s", path);
        close(fd);
        return -1;
    }
    return fd;
}

/* Says whether the file goes on behind what the buffer may hold. */
static bool has_more(int fd)
{
    char byte;
    ssize_t n;
    do
        n = read(fd, &byte, 1);
    while (n == -1 && errno == EINTR);
    return n != 0;
}

static bool read_all(int fd, const char *path, struct buf *out, struct error *err)
{
    for (;;) {
        size_t want = out->limit - out->len < READ_STEP ? out->limit - out->len : READ_STEP;
        if (want == 0)
            return !has_more(fd) ||
                   error_set(err, ERROR_LIMIT, 0, "%s: larger than %zu bytes", path, out->limit);
        char *to = buf_room(out, want);
        if (!to)
            return error_memory(err);
        ssize_t n = read(fd, to, want);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return error_errno(err, "%s", path);
        if (n == 0)
            return true;
        buf_added(out, (size_t)n);
    }
}

/* Reads all of `fd`, closes it; `out` is as before when that fails. */
static bool read_and_close(int fd, const char *path, struct buf *out, struct error *err)
{
    size_t before = out->len;
    bool ok = read_all(fd, path, out, err);
    if (!ok && out->data) {
        explicit_bzero(out->data + before, out->len - before); /* ends the text there, too */
        out->len = before;
    }
    close(fd);
    return ok;
}

bool file_read(const char *path, struct buf *out, struct error *err)
{
    struct stat facts;
    int fd = open_for_reading(path, &facts, err);
    return fd != -1 && read_and_close(fd, path, out, err);
}

bool file_read_secret(const char *path, struct buf *out, bool *readable, struct error *err)
{
    struct stat facts;
    int fd = open_for_reading(path, &facts, err);
    if (fd == -1)
        return false;
    /* A pipe or a terminal holds nothing that others could have written before. */
    mode_t mode = S_ISREG(facts.st_mode) ? facts.st_mode & 07777 : 0;
    if (mode & (S_IWGRP | S_IWOTH)) {
        close(fd);
        return error_set(err, ERROR_DENIED, 0,
                         "%s: others may write it (mode %04o); run chmod 600 on it if you trust "
                         "what it holds",
                         path, (unsigned)mode);
    }
    if (readable)
        *readable = (mode & (S_IRGRP | S_IROTH)) != 0;
    return read_and_close(fd, path, out, err);
}

/* The name that is written in the end: `path` with its symbolic links followed. */
static bool follow_links(const char *path, char target[PATH_MAX], struct error *err)
{
    char link[PATH_MAX];
    if ((size_t)snprintf(target, PATH_MAX, "%s", path) >= PATH_MAX)
        return error_set(err, ERROR_INVALID, ENAMETOOLONG, "%s: the name is too long", path);
    for (int i = 0; i < LINKS_MAX; i++) {
        ssize_t n = readlink(target, link, sizeof link - 1);
        if (n == -1)
            return true; /* no link, or nothing there: the next step will tell */
        link[n] = '\0';
        char *slash = link[0] == '/' ? NULL : strrchr(target, '/');
        size_t keep = slash ? (size_t)(slash - target) + 1 : 0;
        if (keep + (size_t)n >= PATH_MAX)
            return error_set(err, ERROR_INVALID, ENAMETOOLONG, "%s: the name is too long", path);
        memcpy(target + keep, link, (size_t)n + 1);
    }
    return error_set(err, ERROR_INVALID, ELOOP, "%s: too many symbolic links", path);
}

/* The directory of `path`: "." when it has none. */
static void directory_of(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        (void)snprintf(out, PATH_MAX, ".");
    else
        (void)snprintf(out, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static bool sync_directory(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return error_errno(err, "%s", path);
    /* Some network file systems cannot sync a directory and say EINVAL. */
    bool ok = fsync(fd) == 0 || errno == EINVAL || error_errno(err, "sync %s", path);
    close(fd);
    return ok;
}

static bool write_all(int fd, struct span content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.data, content.len);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return false;
        content = span_skip(content, (size_t)n);
    }
    return true;
}

/* A complete and synced file in `directory`; its name goes to `temporary`. */
static bool write_beside(const char *directory, struct span content, mode_t mode,
                         char temporary[PATH_MAX], struct error *err)
{
    if ((size_t)snprintf(temporary, PATH_MAX, "%s/.culvert-XXXXXX", directory) >= PATH_MAX)
        return error_set(err, ERROR_INVALID, ENAMETOOLONG, "%s: the name is too long", directory);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd == -1)
        return error_errno(err, "%s: make a file in it", directory);
    bool ok = write_all(fd, content) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    if (!ok)
        error_errno(err, "%s", temporary);
    if (close(fd) == -1 && ok)
        ok = error_errno(err, "%s", temporary);
    if (!ok)
        (void)unlink(temporary);
    return ok;
}

bool file_replace(const char *path, struct span content, mode_t mode, struct error *err)
{
    char target[PATH_MAX];
    char directory[PATH_MAX];
    char temporary[PATH_MAX];
    if (!follow_links(path, target, err))
        return false;
    directory_of(target, directory);
    if (!write_beside(directory, content, mode, temporary, err))
        return false;
    if (rename(temporary, target) == -1) {
        error_errno(err, "%s", target);
        (void)unlink(temporary);
        return false;
    }
    return sync_directory(directory, err);
}

/* Gives `from` the name `to`, which must be free: by one system call, so that of two that try one
 * loses. File systems without that call take a second link. */
static bool rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (link(from, to) == -1)
        return false;
    (void)unlink(from);
    return true;
}

bool file_create(const char *path, struct span content, mode_t mode, struct error *err)
{
    char directory[PATH_MAX];
    char temporary[PATH_MAX];
    struct stat facts;
    if (strlen(path) >= PATH_MAX)
        return error_set(err, ERROR_INVALID, ENAMETOOLONG, "%s: the name is too long", path);
    if (lstat(path, &facts) == 0)
        return error_set(err, ERROR_INVALID, EEXIST, "%s: exists already", path);
    directory_of(path, directory);
    if (!write_beside(directory, content, mode, temporary, err))
        return false;
    if (!rename_new(temporary, path)) {
        if (errno == EEXIST)
            error_set(err, ERROR_INVALID, EEXIST, "%s: exists already", path);
        else
            error_errno(err, "%s", path);
        (void)unlink(temporary);
        return false;
    }
    return sync_directory(directory, err);
}

/* One directory whose parent exists. */
static bool make_one(const char *path, mode_t mode, struct error *err)
{
    struct stat facts;
    if (mkdir(path, mode) == 0)
        return true;
    if (errno == EEXIST && stat(path, &facts) == 0) {
        if (S_ISDIR(facts.st_mode))
            return true;
        errno = ENOTDIR;
    }
    return error_errno(err, "%s", path);
}

bool file_make_directory(const char *path, mode_t mode, struct error *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part)
        return error_set(err, ERROR_INVALID, ENAMETOOLONG, "%s: not a name of a directory", path);
    memcpy(part, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (part[i] != '/')
            continue;
        part[i] = '\0';
        if (!make_one(part, mode, err))
            return false;
        part[i] = '/';
    }
    return make_one(part, mode, err);
}

int file_lock(const char *path, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd == -1) {
        error_errno(err, "%s", path);
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        error_set(err, ERROR_DENIED, errno, "%s: another process holds the lock", path);
    else
        error_errno(err, "%s", path);
    close(fd);
    return -1;
}

bool file_exists(const char *path)
{
    return faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0;
}
