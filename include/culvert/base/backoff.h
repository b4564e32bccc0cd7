/* How long to wait before the next attempt: twice as long each time, with full jitter. */
#ifndef CULVERT_BASE_BACKOFF_H
#define CULVERT_BASE_BACKOFF_H

#include <stdint.h>

/* Embed it and set the two bounds: struct backoff b = {.first_ms = 1000, .cap_ms = 30000}; */
struct backoff {
    uint64_t first_ms; /* the first wait is below this; > 0 */
    uint64_t cap_ms;   /* no wait is longer; >= first_ms */
    unsigned attempt;  /* waits since the last reset */
};

/* The next wait in milliseconds: uniform from a fifth of first_ms up to first_ms, then up to twice,
 * four times ... as much, at most cap_ms. */
uint64_t backoff_next_ms(struct backoff *backoff);

/* The next wait is a first one again: call it once the attempt has proved good. */
void backoff_reset(struct backoff *backoff);

#endif
