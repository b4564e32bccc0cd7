/* Bytes that wait to leave a connection, in blocks of one TLS record each, so that what was put in
 * pieces leaves in few records and system calls. */
#ifndef CULVERT_NET_OUTQUEUE_H
#define CULVERT_NET_OUTQUEUE_H

#include "culvert/base/span.h"

#include "block.h"

#include <sys/uio.h>

enum { OUT_BLOCK = 16 * 1024 };

/* `loop`, below: whose spare blocks are used, or NULL. */
struct outqueue {
    struct block *first, *last;
    size_t len;
};

/* False: memory; then a part may have been queued. */
bool outqueue_put(struct outqueue *queue, struct loop *loop, const void *data,
                  size_t len) MUST_CHECK;

/* Takes the block over, behind all others. It must not be empty. */
void outqueue_put_block(struct outqueue *queue, struct block *block);
/* Is that better than a copy of `len` bytes? */
bool outqueue_wants(const struct outqueue *queue, size_t len);

/* The first block's bytes. */
struct span outqueue_peek(const struct outqueue *queue);

/* Fills up to `max` vectors from the front; returns how many. */
int outqueue_vectors(const struct outqueue *queue, struct iovec *vectors, int max);
void outqueue_drop(struct outqueue *queue, struct loop *loop, size_t n);
void outqueue_release(struct outqueue *queue, struct loop *loop);

#endif
