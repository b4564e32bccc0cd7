/* A directory of one test's own, removed with all it holds. */
#ifndef CULVERT_TESTS_SUPPORT_PLACE_H
#define CULVERT_TESTS_SUPPORT_PLACE_H

#include "culvert/base/span.h"

struct place {
    char directory[64];
    char path[160];
};

struct place place_make(void);
/* The path of `name` inside of it, valid until the next call. */
const char *place_path(struct place *place, const char *name);
void place_remove(struct place *place);

#endif
