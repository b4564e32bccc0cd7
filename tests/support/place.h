/* A directory of a test's own below /tmp. */
#ifndef CULVERT_TESTS_SUPPORT_PLACE_H
#define CULVERT_TESTS_SUPPORT_PLACE_H

#include "culvert/base/span.h"

#include <sys/types.h>

struct test_place {
    char directory[64];
    char path[192];
};

/* Makes the directory; aborts when it cannot. */
struct test_place place_make(void);

/* The path of `name` inside of it, until the next call. */
const char *place_path(struct test_place *place, const char *name);

/* How many files and links lie in it, at any depth. */
size_t place_count(const struct test_place *place);

/* Removes it with all that is in it. */
void place_remove(struct test_place *place);

/* The permissions of what is at `path`, no link followed; 0 when there is nothing. */
mode_t place_mode(const char *path);

#endif
