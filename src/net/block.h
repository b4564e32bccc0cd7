/* A piece of a channel or of an outqueue: bytes that wait. A block that is full enough moves from
 * the one to the other as it is. */
#ifndef CULVERT_NET_BLOCK_H
#define CULVERT_NET_BLOCK_H

#include "culvert/net/loop.h"

struct block {
    struct block *next;
    unsigned start, end; /* what it holds */
    unsigned size;
    char bytes[];
};

enum { BLOCK_TINY = LOOP_BLOCK - sizeof(struct block) };

/* Of `loop`, which may be NULL, if it is a tiny one. NULL: memory. */
struct block *block_new(struct loop *loop, unsigned size);
void block_free(struct loop *loop, struct block *block);

static inline unsigned block_len(const struct block *block)
{
    return block->end - block->start;
}

#endif
