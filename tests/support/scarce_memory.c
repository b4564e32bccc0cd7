/* See the header. */
#include "support/scarce_memory.h"

#include <stdlib.h>

/* The names are the linker's (--wrap). NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static _Thread_local bool is_armed;
static _Thread_local bool has_failed;
static _Thread_local size_t left;

static bool fails(void)
{
    if (!is_armed || has_failed)
        return false;
    if (left > 0) {
        left--;
        return false;
    }
    has_failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}
/* NOLINTEND(bugprone-reserved-identifier) */

void scarce_memory_begin(size_t n)
{
    is_armed = true;
    has_failed = false;
    left = n;
}

bool scarce_memory_end(void)
{
    is_armed = false;
    return has_failed;
}
