/* What a test's own machinery cannot do without: when it fails, there is nothing to judge. */
#ifndef CULVERT_TESTS_SUPPORT_MUST_H
#define CULVERT_TESTS_SUPPORT_MUST_H

#include "culvert/base/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static inline void must(bool ok)
{
    if (!ok)
        abort();
}

/* The same, and says what it was; `err` may be NULL. */
static inline void must_for(bool ok, const char *what, const struct error *err)
{
    if (ok)
        return;
    printf("# %s: %s\n", what, err ? err->text : "");
    abort();
}

#endif
