/* Output blocks: a small one for small talk, then whole records. */
#include "outqueue.h"

#include "culvert/net/loop.h"

#include <assert.h>

struct out_block {
    struct out_block *next;
    size_t start, end, size;
    char bytes[];
};

/* Sizes of the first block: a request's head or an answer to it, a few of them, a record. */
static const size_t sizes[] = {LOOP_BLOCK - sizeof(struct out_block), 2048, OUT_BLOCK};

static size_t size_for(size_t len)
{
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(sizes) && sizes[i] < len)
        i++;
    return sizes[i];
}

static struct out_block *new_block(struct loop *loop, size_t size)
{
    struct out_block *block =
        size == sizes[0] ? loop_take_block(loop) : malloc(sizeof *block + size);
    if (block)
        *block = (struct out_block){.size = size};
    return block;
}

static void free_block(struct loop *loop, struct out_block *block)
{
    if (block->size == sizes[0])
        loop_give_block(loop, block);
    else
        free(block);
}

/* The small talk turned out to be the beginning of more: else it would be a record of its own. */
static struct out_block *grow(struct outqueue *queue, size_t len)
{
    size_t size = size_for(queue->first->end + len);
    struct out_block *block = realloc(queue->first, sizeof *block + size);
    if (!block)
        return NULL;
    block->size = size;
    queue->first = queue->last = block;
    return block;
}

static struct out_block *writable(struct outqueue *queue, struct loop *loop, size_t len)
{
    struct out_block *last = queue->last;
    if (last && last == queue->first && last->size < OUT_BLOCK && len > last->size - last->end)
        return grow(queue, len);
    if (last && last->end < last->size)
        return last;
    struct out_block *block = new_block(loop, last ? (size_t)OUT_BLOCK : size_for(len));
    if (!block)
        return NULL;
    if (last)
        last->next = block;
    else
        queue->first = block;
    queue->last = block;
    return block;
}

bool outqueue_put(struct outqueue *queue, struct loop *loop, const void *data, size_t len)
{
    const char *from = data;
    while (len > 0) {
        struct out_block *block = writable(queue, loop, len);
        if (!block)
            return false;
        size_t n = block->size - block->end;
        if (n > len)
            n = len;
        memcpy(block->bytes + block->end, from, n);
        block->end += n;
        queue->len += n;
        from += n;
        len -= n;
    }
    return true;
}

struct span outqueue_peek(const struct outqueue *queue)
{
    const struct out_block *block = queue->first;
    return block ? span_make(block->bytes + block->start, block->end - block->start) : SPAN_NONE;
}

int outqueue_vectors(const struct outqueue *queue, struct iovec *vectors, int max)
{
    int n = 0;
    for (struct out_block *block = queue->first; block && n < max; block = block->next)
        vectors[n++] = (struct iovec){block->bytes + block->start, block->end - block->start};
    return n;
}

void outqueue_drop(struct outqueue *queue, struct loop *loop, size_t n)
{
    queue->len -= n;
    while (n > 0) {
        struct out_block *block = queue->first;
        assert(block);
        size_t here = block->end - block->start;
        if (here > n) {
            block->start += n;
            return;
        }
        n -= here;
        queue->first = block->next;
        if (!queue->first)
            queue->last = NULL;
        free_block(loop, block);
    }
}

void outqueue_release(struct outqueue *queue, struct loop *loop)
{
    outqueue_drop(queue, loop, queue->len);
}
