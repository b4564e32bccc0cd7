/* Output blocks: a small one for small talk, then whole records. */
#include "outqueue.h"

#include <assert.h>

/* Sizes of the first block: a request's head or an answer to it, a few of them, a record. */
static const unsigned sizes[] = {BLOCK_TINY, 2048, OUT_BLOCK};

static unsigned size_for(size_t len)
{
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(sizes) && sizes[i] < len)
        i++;
    return sizes[i];
}

/* The small talk turned out to be the beginning of more: else it would be a record of its own. */
static struct block *grow(struct outqueue *queue, size_t len)
{
    unsigned size = size_for(queue->first->end + len);
    struct block *block = realloc(queue->first, sizeof *block + size);
    if (!block)
        return NULL;
    block->size = size;
    queue->first = queue->last = block;
    return block;
}

static void append(struct outqueue *queue, struct block *block)
{
    if (queue->last)
        queue->last->next = block;
    else
        queue->first = block;
    queue->last = block;
}

static struct block *writable(struct outqueue *queue, struct loop *loop, size_t len)
{
    struct block *last = queue->last;
    if (last && last == queue->first && last->size < OUT_BLOCK && len > last->size - last->end)
        return grow(queue, len);
    if (last && last->end < last->size)
        return last;
    struct block *block = block_new(loop, last ? (unsigned)OUT_BLOCK : size_for(len));
    if (block)
        append(queue, block);
    return block;
}

bool outqueue_put(struct outqueue *queue, struct loop *loop, const void *data, size_t len)
{
    const char *from = data;
    while (len > 0) {
        struct block *block = writable(queue, loop, len);
        if (!block)
            return false;
        size_t n = block->size - block->end;
        if (n > len)
            n = len;
        memcpy(block->bytes + block->end, from, n);
        block->end += (unsigned)n;
        queue->len += n;
        from += n;
        len -= n;
    }
    return true;
}

/* Behind others a block with little in it would be memory that nobody counts. */
bool outqueue_wants(const struct outqueue *queue, size_t len)
{
    return queue->len == 0 || len >= OUT_BLOCK / 2;
}

void outqueue_put_block(struct outqueue *queue, struct block *block)
{
    block->next = NULL;
    queue->len += block_len(block);
    append(queue, block);
}

struct span outqueue_peek(const struct outqueue *queue)
{
    const struct block *block = queue->first;
    return block ? span_make(block->bytes + block->start, block->end - block->start) : SPAN_NONE;
}

int outqueue_vectors(const struct outqueue *queue, struct iovec *vectors, int max)
{
    int n = 0;
    for (struct block *block = queue->first; block && n < max; block = block->next)
        vectors[n++] = (struct iovec){block->bytes + block->start, block->end - block->start};
    return n;
}

void outqueue_drop(struct outqueue *queue, struct loop *loop, size_t n)
{
    queue->len -= n;
    while (n > 0) {
        struct block *block = queue->first;
        assert(block);
        size_t here = block->end - block->start;
        if (here > n) {
            block->start += (unsigned)n;
            return;
        }
        n -= here;
        queue->first = block->next;
        if (!queue->first)
            queue->last = NULL;
        block_free(loop, block);
    }
}

void outqueue_release(struct outqueue *queue, struct loop *loop)
{
    outqueue_drop(queue, loop, queue->len);
}
