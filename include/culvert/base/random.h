/* Bytes from the kernel, uniform numbers, jitter. */
#ifndef CULVERT_BASE_RANDOM_H
#define CULVERT_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills `out` from getrandom(2). It cannot fail on a running system: it aborts if it does. */
void random_bytes(void *out, size_t len);

/* Uniform in [0, below); below > 0. */
uint64_t random_below(uint64_t below);

#endif
