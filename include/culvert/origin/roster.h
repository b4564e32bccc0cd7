/* The addresses of one service as one worker knows them, and which of them takes the next request.
 * No clock and no connection of its own. */
#ifndef CULVERT_ORIGIN_ROSTER_H
#define CULVERT_ORIGIN_ROSTER_H

#include "culvert/base/error.h"
#include "culvert/origin/health_board.h"

#include <stdint.h>

enum {
    ROSTER_FAILURES_MAX = 3,         /* in a row, then an address is put aside */
    ROSTER_ASIDE_MS = 5 * 1000,      /* for less than this; each time that it fails again, */
    ROSTER_ASIDE_MAX_MS = 60 * 1000, /* for up to twice as long, but not longer than this */
};

#define ROSTER_NONE SIZE_MAX

struct roster;

/* A request in hand. */
struct roster_turn {
    size_t index;   /* of the address */
    unsigned round; /* how often the address had been put aside before */
    bool is_trial;  /* one request finds out whether it is well again */
};

/* `board` is borrowed and outlives it; NULL: nobody checks. `count` > 0. The caller owns it. NULL:
 * memory. */
struct roster *roster_new(size_t count, const struct health_board *board, struct error *err);
void roster_free(struct roster *roster); /* NULL is allowed */

/* The address with the fewest requests in hand; among equals they take turns. One that was put
 * aside gets a single request when its time is over, before all others. One that is put aside, or
 * not well by its checks, gets none else, unless there is no better one: then all count as well.
 * `except` (ROSTER_NONE: none) is only taken if it is alone. */
struct roster_turn roster_pick(struct roster *roster, uint64_t now_ms, size_t except);

/* What became of it, at most once each: an answer began; it could not be connected, or broke before
 * an answer began. True: that brought the address back; that put it aside, for *aside_ms. */
bool roster_worked(struct roster *roster, const struct roster_turn *turn);
bool roster_failed(struct roster *roster, const struct roster_turn *turn, uint64_t now_ms,
                   uint64_t *aside_ms);

/* It is over. */
void roster_leave(struct roster *roster, const struct roster_turn *turn);

/* How many are put aside. */
size_t roster_aside(const struct roster *roster);

#endif
