/* All attacks by name. */
#ifndef CULVERT_TESTS_SUPPORT_ATTACKS_H
#define CULVERT_TESTS_SUPPORT_ATTACKS_H

#include "support/attacker.h"

/* The `index`th of all; NULL: there are no more. */
const struct attack *attacks_at(size_t index);

/* NULL: none has that name. */
const struct attack *attacks_find(const char *name);

#endif
