/* Directories for tests. */
#include "place.h"

#include <ftw.h>
#include <sys/stat.h>

enum { OPEN_DIRECTORIES = 8 };

struct test_place place_make(void)
{
    struct test_place place = {"/tmp/culvert-test-XXXXXX", ""};
    if (!mkdtemp(place.directory))
        abort();
    return place;
}

const char *place_path(struct test_place *place, const char *name)
{
    (void)snprintf(place->path, sizeof place->path, "%s/%s", place->directory, name);
    return place->path;
}

static int remove_one(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    return remove(path);
}

void place_remove(struct test_place *place)
{
    if (nftw(place->directory, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS) != 0)
        abort();
}

/* nftw gives its callback no argument. */
static _Thread_local size_t files_seen;

static int count_one(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)path;
    (void)facts;
    (void)walk;
    files_seen += kind == FTW_F || kind == FTW_SL ? 1 : 0;
    return 0;
}

size_t place_count(const struct test_place *place)
{
    files_seen = 0;
    if (nftw(place->directory, count_one, OPEN_DIRECTORIES, FTW_PHYS) != 0)
        abort();
    return files_seen;
}

mode_t place_mode(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0 ? facts.st_mode & 07777 : 0;
}
