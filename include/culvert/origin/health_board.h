/* What the checks found of one service's addresses: written in one place, read by every worker.
 * All addresses begin well. */
#ifndef CULVERT_ORIGIN_HEALTH_BOARD_H
#define CULVERT_ORIGIN_HEALTH_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct health_board;

/* The caller owns it and lets nobody read it any more when it frees it. NULL: memory. */
struct health_board *health_board_new(size_t count);
void health_board_free(struct health_board *board); /* NULL is allowed */

/* How often the address changed: even, it is well; odd, it is not. Any thread. */
unsigned health_board_mark(const struct health_board *board, size_t index);

static inline bool health_mark_is_well(unsigned mark)
{
    return mark % 2 == 0;
}

/* Only by whom the checks belong to. */
void health_board_set(struct health_board *board, size_t index, bool is_well);

#endif
