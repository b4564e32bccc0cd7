/* Watching a file's own inode would miss every file that takes its place. So each directory that
 * the path leads through is watched, for the one name that the path takes there; after each change
 * the path is walked anew. Network file systems tell nothing of what other machines do. */
#include "culvert/net/file_watch.h"

#include "culvert/base/buf.h"
#include "culvert/net/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PLACES_MAX = 64, /* directories on one path, links included */
    LINKS_MAX = 40,  /* followed on one path, as the kernel does */
    EVENTS_SIZE = 8192,
    WANTED = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
    LOST = IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF,
};

/* What is looked for in one directory. */
struct place {
    int wd;
    char name[NAME_MAX + 1];
    char *directory;
};

struct file_watch {
    struct loop *loop;
    char *path; /* absolute */
    void (*changed)(void *arg);
    void *arg;
    struct watch watch; /* of the inotify descriptor */
    struct timer quiet;
    uint64_t first_ms; /* of the changes that were not told yet; 0: none */
    struct place places[PLACES_MAX];
    size_t count;
};

/* ---- walking the path ---- */

struct walk {
    struct file_watch *watch;
    int fd;
    struct buf at;   /* the directory, "" for the root */
    struct buf rest; /* what follows, beginning with "/" */
    int links;
    bool is_told; /* the kernel tells of the last directory that exists */
};

static bool out_of_path(struct error *err)
{
    return error_set(err, ERROR_LIMIT, ENAMETOOLONG, "the path is too long");
}

static void watch_place(struct walk *walk, struct span name)
{
    struct file_watch *watch = walk->watch;
    const char *directory = walk->at.len > 0 ? buf_text(&walk->at) : "/";
    int wd = inotify_add_watch(walk->fd, directory, WANTED);
    walk->is_told = wd >= 0 && watch->count < PLACES_MAX && name.len <= NAME_MAX;
    if (!walk->is_told)
        return;
    struct place *place = &watch->places[watch->count];
    place->directory = span_dup(span_of(directory));
    if (!place->directory) {
        walk->is_told = false;
        return;
    }
    place->wd = wd;
    span_copy(name, place->name, sizeof place->name);
    watch->count++;
}

/* The link's target takes its place in front of the rest. */
static bool follow(struct walk *walk, const char *link, struct error *err)
{
    char target[PATH_MAX];
    struct buf rest = BUF_LIMIT(PATH_MAX);
    ssize_t len = readlink(link, target, sizeof target);
    if (len <= 0 || ++walk->links > LINKS_MAX)
        return error_set(err, ERROR_INVALID, ELOOP, "%s: too many links", link);
    if (target[0] == '/')
        buf_clear(&walk->at);
    bool ok = (target[0] == '/' || buf_put_char(&rest, '/')) &&
              buf_put(&rest, target, (size_t)len) && buf_put_span(&rest, buf_span(&walk->rest));
    buf_release(&walk->rest);
    walk->rest = rest;
    return ok || out_of_path(err);
}

/* One name of the rest. *over: it was the last one, or is not there. */
static bool step(struct walk *walk, bool *over, struct error *err)
{
    struct stat st;
    struct buf entry = BUF_LIMIT(PATH_MAX);
    struct span rest = buf_span(&walk->rest);
    while (span_starts(rest, SPAN("/")))
        rest = span_skip(rest, 1);
    struct span name = span_first(rest, span_find(rest, '/'));
    *over = name.len == 0;
    if (*over)
        return true;
    bool ok = buf_put_span(&entry, buf_span(&walk->at)) && buf_put_char(&entry, '/') &&
              buf_put_span(&entry, name);
    if (ok)
        watch_place(walk, name);
    buf_drop(&walk->rest, walk->rest.len - rest.len + name.len);
    if (!ok) {
        ok = out_of_path(err);
    } else if (lstat(buf_text(&entry), &st) != 0) {
        *over = true;
    } else if (S_ISLNK(st.st_mode)) {
        ok = follow(walk, buf_text(&entry), err);
    } else {
        buf_clear(&walk->at);
        ok = buf_put_span(&walk->at, buf_span(&entry)) || out_of_path(err);
    }
    buf_release(&entry);
    return ok;
}

static void forget_places(struct file_watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        free(watch->places[i].directory);
    watch->count = 0;
}

static void on_events(void *arg, unsigned events);

/* Takes a new descriptor, so that the kernel forgets the old places. What happened until now is
 * looked at after it. False: it does not tell, or not of all. */
static bool arm(struct file_watch *watch, struct error *err)
{
    struct walk walk = {.watch = watch, .at = BUF_LIMIT(PATH_MAX), .rest = BUF_LIMIT(PATH_MAX)};
    bool over = false;
    int old = watch->watch.fd;
    bool had = watch->watch.event != NULL;
    walk.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (walk.fd < 0)
        return error_set(err, ERROR_SYSTEM, errno, "inotify: %s", strerror(errno));
    watch_release(&watch->watch);
    if (had)
        (void)close(old);
    forget_places(watch);
    bool ok = buf_put_span(&walk.rest, span_of(watch->path)) || error_memory(err);
    while (ok && !over)
        ok = step(&walk, &over, err);
    if (ok && !walk.is_told)
        ok = error_set(err, ERROR_SYSTEM, errno, "%s cannot be watched",
                       walk.at.len > 0 ? buf_text(&walk.at) : "/");
    if (!watch_init(&watch->watch, watch->loop, walk.fd, on_events, watch))
        (void)close(walk.fd);
    if (!watch->watch.event || !watch_set(&watch->watch, WATCH_READ))
        ok = error_memory(err);
    buf_release(&walk.at);
    buf_release(&walk.rest);
    return ok;
}

/* ---- what the kernel tells ---- */

/* A new file is of interest once its writer closed it; a link is whole at once. */
static bool is_whole(const struct place *place)
{
    struct stat st;
    struct buf path = BUF_LIMIT(PATH_MAX);
    bool whole = true;
    if (buf_printf(&path, "%s/%s", place->directory, place->name) &&
        lstat(buf_text(&path), &st) == 0)
        whole = !S_ISREG(st.st_mode) || st.st_nlink > 1;
    buf_release(&path);
    return whole;
}

static bool concerns_us(const struct file_watch *watch, const struct inotify_event *event)
{
    if (event->mask & LOST)
        return true;
    for (size_t i = 0; i < watch->count; i++) {
        const struct place *place = &watch->places[i];
        if (place->wd == event->wd && event->len > 0 && strcmp(place->name, event->name) == 0)
            return !(event->mask & IN_CREATE) || is_whole(place);
    }
    return false;
}

static void start_waiting(struct file_watch *watch)
{
    uint64_t now = loop_now_ms(watch->loop);
    if (watch->first_ms == 0)
        watch->first_ms = now > 0 ? now : 1;
    uint64_t latest = watch->first_ms + FILE_WATCH_MOST_MS;
    uint64_t left = latest > now ? latest - now : 0;
    if (!timer_start(&watch->quiet, left < FILE_WATCH_QUIET_MS ? left : FILE_WATCH_QUIET_MS))
        watch->first_ms = 0; /* the next change tries again */
}

static void on_events(void *arg, unsigned events)
{
    struct file_watch *watch = arg;
    _Alignas(struct inotify_event) char room[EVENTS_SIZE];
    bool ours = false;
    ssize_t got;
    (void)events;
    while ((got = read(watch->watch.fd, room, sizeof room)) > 0) {
        for (size_t at = 0; at + sizeof(struct inotify_event) <= (size_t)got;) {
            const struct inotify_event *event = (const void *)(room + at);
            ours = concerns_us(watch, event) || ours;
            at += sizeof *event + event->len;
        }
    }
    if (ours)
        start_waiting(watch);
}

static void on_quiet(void *arg)
{
    struct file_watch *watch = arg;
    struct error err;
    watch->first_ms = 0;
    if (!arm(watch, &err) && !timer_start(&watch->quiet, FILE_WATCH_AGAIN_MS))
        log_warn(loop_log(watch->loop), "A file is not watched any more", LOG_ERROR(&err));
    watch->changed(watch->arg);
}

/* ---- life ---- */

static char *absolute(const char *path)
{
    char here[PATH_MAX];
    struct buf whole = BUF_LIMIT(PATH_MAX);
    if (path[0] == '/')
        return span_dup(span_of(path));
    bool ok = getcwd(here, sizeof here) && buf_printf(&whole, "%s/%s", here, path);
    char *result = ok ? span_dup(buf_span(&whole)) : NULL;
    buf_release(&whole);
    return result;
}

struct file_watch *file_watch_new(struct loop *loop, const char *path, void (*changed)(void *arg),
                                  void *arg, struct error *err)
{
    struct file_watch *watch = calloc(1, sizeof *watch);
    if (watch)
        watch->path = absolute(path);
    if (!watch || !watch->path) {
        free(watch);
        error_memory(err);
        return NULL;
    }
    watch->loop = loop;
    watch->changed = changed;
    watch->arg = arg;
    watch->watch.fd = -1;
    timer_init(&watch->quiet, loop, on_quiet, watch);
    if (arm(watch, err))
        return watch;
    log_warn(loop_log(loop), "The kernel does not tell of a file: it is looked at now and then",
             LOG_ERROR(err), LOG_TEXT("file", path));
    if (timer_start(&watch->quiet, FILE_WATCH_AGAIN_MS))
        return watch;
    file_watch_free(watch);
    error_memory(err);
    return NULL;
}

void file_watch_free(struct file_watch *watch)
{
    if (!watch)
        return;
    bool has_fd = watch->watch.event != NULL;
    int fd = watch->watch.fd;
    timer_stop(&watch->quiet);
    watch_release(&watch->watch);
    if (has_fd)
        (void)close(fd);
    forget_places(watch);
    free(watch->path);
    free(watch);
}
