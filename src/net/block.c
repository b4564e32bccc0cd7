/* Blocks of bytes that wait; the small ones are the loop's. */
#include "block.h"

#include <stdlib.h>

struct block *block_new(struct loop *loop, unsigned size)
{
    struct block *block = size == BLOCK_TINY ? loop_take_block(loop) : malloc(sizeof *block + size);
    if (block)
        *block = (struct block){.size = size};
    return block;
}

void block_free(struct loop *loop, struct block *block)
{
    if (block->size == BLOCK_TINY)
        loop_give_block(loop, block);
    else
        free(block);
}
