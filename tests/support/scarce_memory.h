/* Lets allocations of this thread fail: those of our own code and of the tests, whose malloc,
 * calloc, realloc, reallocarray and strdup the linker hands to this file, and those that nghttp2,
 * jansson and libevent make for us. The linker's seam needs no word of it in the program itself. */
#ifndef CULVERT_TESTS_SUPPORT_SCARCE_MEMORY_H
#define CULVERT_TESTS_SUPPORT_SCARCE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* The allocation number `n` from now on fails (0: the next one), once. */
void scarce_memory_begin(size_t n);

/* A famine: `count` of them fail, one after the other. */
void scarce_memory_begin_many(size_t n, size_t count);

/* From now on none fails. True: the first that should have failed did. */
bool scarce_memory_end(void);

/* In between, what is not the sufferer's neither counts nor fails. May be nested. */
void scarce_memory_pause(void);
void scarce_memory_go_on(void);

/* How many were asked for since the beginning, failed ones too. */
size_t scarce_memory_count(void);

#endif
