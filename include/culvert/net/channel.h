/* Bytes going one way, bounded, with a low mark: the only place where bytes between two peers lie.
 *
 * One side puts (it reads from a peer through `reader`, the gate), the other side takes. The
 * channel holds memory only while it holds bytes: blocks of CHANNEL_BLOCK, so that ten thousand
 * idle streams cost ten thousand small structs. */
#ifndef CULVERT_NET_CHANNEL_H
#define CULVERT_NET_CHANNEL_H

#include "culvert/base/span.h"
#include "culvert/net/gate.h"
#include "culvert/net/loop.h"

struct channel;

enum {
    CHANNEL_BLOCK = 16 * 1024,
    CHANNEL_LIMIT = 64 * 1024, /* a stream's first limit */
    CHANNEL_LOW = 32 * 1024,
    CHANNEL_SQUEEZED = 4 * 1024, /* what a gated channel takes while the budget is exceeded */
    CHANNEL_BULK_AFTER = 4 * 1024 * 1024, /* bytes that passed */
    CHANNEL_BULK = 4 * CHANNEL_LIMIT,
};

/* The worker's account of undrained bytes; all zero with a limit is empty. Embedded in the worker.
 */
struct budget {
    size_t used;
    size_t limit;
    struct loop *loop; /* whose spare blocks are used; NULL: none */
};

/* What the taking side is told; `arg` is its own. Both may be NULL. */
struct channel_events {
    void (*on_filled)(void *arg); /* bytes were put into an empty channel, or it was ended or cut */
};

/* `reader` is borrowed and may be NULL; `budget` is borrowed, may be NULL, and counts what lies
 * here. The caller owns the channel. NULL: memory. */
struct channel *channel_new(size_t low, size_t limit, struct gate *reader, struct budget *budget);
void channel_free(struct channel *ch);

/* The putting side lets go: what lies there counts no more, no gate is opened and nothing is told.
 * The memory goes at the end of the turn, so that the taker may still take itself away. NULL is
 * allowed. */
void channel_close(struct channel *ch, struct loop *loop);

/* Changes the limit; what lies above a smaller one stays. */
void channel_set_limit(struct channel *ch, size_t limit);

/* Another gate, or NULL when the reader is gone before what it read. */
void channel_set_reader(struct channel *ch, struct gate *reader);

/* Takes up to the free room; returns how many bytes were taken. Fewer than `len` means the gate is
 * now held with HOLD_CHANNEL (or that memory ran out: then channel_is_broken). Not after the end.
 */
size_t channel_put(struct channel *ch, const void *data, size_t len);

/* No more bytes will come: the message is whole. */
void channel_end(struct channel *ch);

/* The taking side's callbacks; NULL takes them away. If something lies there already, on_filled is
 * not called for it: look first. */
void channel_set_taker(struct channel *ch, const struct channel_events *events, void *arg);

/* What the putting side is told: `drained` bytes left the channel (for window updates). It must
 * only note it: a put may drain what it puts before it returns. */
void channel_set_drained(struct channel *ch, void (*drained)(void *arg, size_t bytes), void *arg);

/* The first contiguous bytes, valid until the next put or drop; empty when nothing lies there. */
struct span channel_peek(const struct channel *ch);

/* Removes `n` bytes (n <= channel_len) and opens the gate at the low mark. */
void channel_drop(struct channel *ch, size_t n);

/* Copies out up to `len` bytes and drops them; returns how many. */
size_t channel_take(struct channel *ch, void *to, size_t len);

/* How many bytes lie in it, how many more it takes. */
size_t channel_len(const struct channel *ch);
size_t channel_room(const struct channel *ch);
/* There is no room, perhaps since others hold too much: the reader rests until this one drained. */
void channel_rest(struct channel *ch);
bool channel_is_ended(const struct channel *ch);  /* ended; bytes may still lie there */
bool channel_is_done(const struct channel *ch);   /* ended and drained */
bool channel_is_broken(const struct channel *ch); /* memory ran out while putting */

/* How much a reader should bring at once. Behind CHANNEL_BULK_AFTER a channel whose taker keeps up
 * holds CHANNEL_BULK, so that the same bytes pass in fewer turns; who lags behind has CHANNEL_LIMIT
 * again. The reader rests where a read would bring more than fits, which a taker that keeps up does
 * not notice: it would be kept a second time. */
size_t channel_read_size(struct channel *ch);

/* All bytes ever put. */
uint64_t channel_total(const struct channel *ch);

#endif
