/* See the header. */
#include "support/place.h"

#include <assert.h>
#include <ftw.h>
#include <unistd.h>

struct place place_make(void)
{
    struct place place = {"/tmp/culvert-test-XXXXXX", ""};
    assert(mkdtemp(place.directory));
    return place;
}

const char *place_path(struct place *place, const char *name)
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

void place_remove(struct place *place)
{
    assert(nftw(place->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}
