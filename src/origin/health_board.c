/* A mark for each address; nothing else hangs on it, so no order of memory is asked for. */
#include "culvert/origin/health_board.h"

#include <stdlib.h>

struct health_board {
    size_t count;
    atomic_uint marks[];
};

struct health_board *health_board_new(size_t count)
{
    struct health_board *board = calloc(1, sizeof *board + count * sizeof board->marks[0]);
    if (!board)
        return NULL;
    board->count = count;
    for (size_t i = 0; i < count; i++)
        atomic_init(&board->marks[i], 0);
    return board;
}

void health_board_free(struct health_board *board)
{
    free(board);
}

unsigned health_board_mark(const struct health_board *board, size_t index)
{
    return atomic_load_explicit(&board->marks[index], memory_order_relaxed);
}

void health_board_set(struct health_board *board, size_t index, bool is_well)
{
    if (health_mark_is_well(health_board_mark(board, index)) == is_well)
        return;
    unsigned before = atomic_fetch_add_explicit(&board->marks[index], 1, memory_order_relaxed);
    (void)before;
}
