/* Bytes going one way, in blocks that exist only while they hold bytes. */
#include "culvert/net/channel.h"

#include "channel_internal.h"

#include <assert.h>

struct channel {
    struct block *first, *last;
    size_t len;
    uint64_t total;
    uint32_t low, limit; /* a stream has two channels, of which each byte counts */
    struct gate *reader;
    struct budget *budget;
    const struct channel_events *taker;
    void *taker_arg;
    void (*drained)(void *arg, size_t bytes);
    void *drained_arg;
    bool ended, broken;
    struct reap reap;
};

/* Beside BLOCK_TINY, which an answer of a few words fits in: one of a few lines. */
enum { BLOCK_SMALL = 1024 - sizeof(struct block) };

static unsigned size_for(size_t len)
{
    if (len <= BLOCK_TINY)
        return BLOCK_TINY;
    return len <= BLOCK_SMALL ? BLOCK_SMALL : CHANNEL_BLOCK;
}

static struct loop *loop_of(const struct channel *ch)
{
    return ch->budget ? ch->budget->loop : NULL;
}

static uint32_t bound(size_t bytes)
{
    assert(bytes <= UINT32_MAX);
    return (uint32_t)bytes;
}

struct channel *channel_new(size_t low, size_t limit, struct gate *reader, struct budget *budget)
{
    struct channel *ch = calloc(1, sizeof *ch);
    if (!ch)
        return NULL;
    ch->low = bound(low);
    ch->limit = bound(limit);
    ch->reader = reader;
    ch->budget = budget;
    return ch;
}

static struct block *unlink_first(struct channel *ch)
{
    struct block *block = ch->first;
    ch->first = block->next;
    if (!ch->first)
        ch->last = NULL;
    return block;
}

static void drop_first(struct channel *ch)
{
    block_free(loop_of(ch), unlink_first(ch));
}

void channel_free(struct channel *ch)
{
    if (!ch)
        return;
    if (ch->budget)
        ch->budget->used -= ch->len;
    while (ch->first)
        drop_first(ch);
    free(ch);
}

static void destroy(void *object)
{
    channel_free(object);
}

void channel_close(struct channel *ch, struct loop *loop)
{
    if (!ch)
        return;
    if (ch->budget)
        ch->budget->used -= ch->len;
    ch->budget = NULL;
    ch->reader = NULL;
    ch->taker = NULL;
    ch->drained = NULL;
    loop_reap(loop, &ch->reap, destroy, ch);
}

void channel_set_limit(struct channel *ch, size_t limit)
{
    ch->limit = bound(limit);
}

void channel_set_reader(struct channel *ch, struct gate *reader)
{
    ch->reader = reader;
}

/* The block to put into: the last one with room, or a new one sized for what comes. */
static struct block *writable(struct channel *ch, size_t len)
{
    if (ch->last && ch->last->end < ch->last->size)
        return ch->last;
    unsigned size = ch->last && len <= BLOCK_SMALL ? BLOCK_SMALL : size_for(len);
    struct block *block = block_new(loop_of(ch), size);
    if (!block)
        return NULL;
    if (ch->last)
        ch->last->next = block;
    else
        ch->first = block;
    ch->last = block;
    return block;
}

/* While the worker holds too much, who can rest does so early. A channel without a gate is an
 * HTTP/2 stream's: its peer was promised the room. */
static bool is_squeezed(const struct channel *ch)
{
    return ch->reader && ch->budget && ch->budget->used > ch->budget->limit &&
           ch->limit > CHANNEL_SQUEEZED;
}

static size_t limit_of(const struct channel *ch)
{
    return is_squeezed(ch) ? (size_t)CHANNEL_SQUEEZED : ch->limit;
}

static size_t low_of(const struct channel *ch)
{
    return is_squeezed(ch) ? (size_t)CHANNEL_SQUEEZED / 2 : ch->low;
}

size_t channel_put(struct channel *ch, const void *data, size_t len)
{
    const char *from = data;
    size_t room = channel_room(ch);
    size_t want = len < room ? len : room;
    size_t put = 0;
    bool was_empty = ch->len == 0;
    while (put < want) {
        struct block *block = writable(ch, want - put);
        if (!block) {
            ch->broken = true;
            break;
        }
        size_t n = block->size - block->end;
        if (n > want - put)
            n = want - put;
        memcpy(block->bytes + block->end, from + put, n);
        block->end += (unsigned)n;
        put += n;
    }
    ch->len += put;
    ch->total += put;
    if (ch->budget)
        ch->budget->used += put;
    if (ch->reader && (put < len || ch->len >= limit_of(ch)))
        gate_hold(ch->reader, HOLD_CHANNEL);
    if (was_empty && put > 0 && ch->taker)
        ch->taker->on_filled(ch->taker_arg);
    return put;
}

void channel_end(struct channel *ch)
{
    if (ch->ended)
        return;
    ch->ended = true;
    if (ch->taker)
        ch->taker->on_filled(ch->taker_arg);
}

void channel_set_taker(struct channel *ch, const struct channel_events *events, void *arg)
{
    ch->taker = events;
    ch->taker_arg = arg;
}

void channel_set_drained(struct channel *ch, void (*drained)(void *arg, size_t bytes), void *arg)
{
    ch->drained = drained;
    ch->drained_arg = arg;
}

struct span channel_peek(const struct channel *ch)
{
    if (!ch->first)
        return SPAN_NONE;
    return span_make(ch->first->bytes + ch->first->start, ch->first->end - ch->first->start);
}

/* `n` bytes are not here any more. */
static void note_taken(struct channel *ch, size_t n)
{
    ch->len -= n;
    if (ch->budget)
        ch->budget->used -= n;
    if (ch->reader && ch->len <= low_of(ch))
        gate_release(ch->reader, HOLD_CHANNEL);
    if (n > 0 && ch->drained)
        ch->drained(ch->drained_arg, n);
}

void channel_drop(struct channel *ch, size_t n)
{
    size_t left = n;
    while (left > 0) {
        struct block *block = ch->first;
        size_t here = block->end - block->start;
        if (here > left) {
            block->start += (unsigned)left;
            break;
        }
        left -= here;
        drop_first(ch);
    }
    note_taken(ch, n);
}

struct block *channel_take_block(struct channel *ch)
{
    struct block *block = unlink_first(ch);
    note_taken(ch, block_len(block));
    return block;
}

size_t channel_take(struct channel *ch, void *to, size_t len)
{
    char *out = to;
    size_t taken = 0;
    while (taken < len) {
        struct span head = span_first(channel_peek(ch), len - taken);
        if (head.len == 0)
            break;
        memcpy(out + taken, head.data, head.len);
        taken += head.len;
        channel_drop(ch, head.len);
    }
    return taken;
}

size_t channel_len(const struct channel *ch)
{
    return ch->len;
}

void channel_rest(struct channel *ch)
{
    if (ch->reader)
        gate_hold(ch->reader, HOLD_CHANNEL);
}

size_t channel_room(const struct channel *ch)
{
    size_t limit = limit_of(ch);
    return ch->len < limit ? limit - ch->len : 0;
}

size_t channel_read_size(struct channel *ch)
{
    if (ch->len == 0 && ch->total >= CHANNEL_BULK_AFTER)
        ch->limit = CHANNEL_BULK;
    else if (ch->len > 0 && ch->len <= CHANNEL_LOW)
        ch->limit = CHANNEL_LIMIT;
    size_t room = channel_room(ch);
    if (room < CHANNEL_SQUEEZED && ch->len > 0)
        channel_rest(ch);
    return room;
}

bool channel_is_ended(const struct channel *ch)
{
    return ch->ended;
}

bool channel_is_done(const struct channel *ch)
{
    return ch->ended && ch->len == 0;
}

bool channel_is_broken(const struct channel *ch)
{
    return ch->broken;
}

uint64_t channel_total(const struct channel *ch)
{
    return ch->total;
}
