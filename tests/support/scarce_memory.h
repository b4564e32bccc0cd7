/* Lets one allocation of this thread fail. The linker hands malloc, calloc and realloc of our own
 * code and of the tests to this file; libraries keep theirs. */
#ifndef CULVERT_TESTS_SUPPORT_SCARCE_MEMORY_H
#define CULVERT_TESTS_SUPPORT_SCARCE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* The allocation number `n` from now on fails (0: the next one), once. */
void scarce_memory_begin(size_t n);

/* From now on none fails. True: the one that should have failed did. */
bool scarce_memory_end(void);

#endif
