/* Allowances per kind of frame, and a reader of frame heads that feeds them. */
#include "culvert/http/h2_guard.h"

enum {
    PREFACE_SIZE = 24,
    GIVEN_UP_COST = 2, /* more resets, of one that is given up beyond its allowance */
    UNIT = 1000, /* allowances are kept in thousandths: whole numbers fill up each millisecond */
    PADDED = 0x8,
    END_STREAM = 0x1,
    END_HEADERS = 0x4,
    WINDOW_EARNED = 512, /* bytes of ours for which a WINDOW_UPDATE may come: readers of a KiB at a
                            time say two, one for the stream and one for the connection */
};

enum type {
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION,
};

/* `burst` is there in the beginning and fills up with time, `most` is as far as it is earned. */
static const struct h2_allowance costs[H2_COSTS] = {
    [H2_COST_RESET] = {ABUSE_H2_RESETS, 1000, 2000, 50, .per_answer = 1},
    [H2_COST_FAULT] = {ABUSE_H2_FAULTS, 20, 20, 1},
    [H2_COST_GIVEN_UP] = {ABUSE_H2_RESETS, 200, 2000, 50, .per_answer = 1},
    [H2_COST_SETTINGS] = {ABUSE_H2_SETTINGS, 100, 100, 1},
    [H2_COST_PING] = {ABUSE_H2_PINGS, 1000, 10000, 20, .per_data = 1},
    [H2_COST_PRIORITY] = {ABUSE_H2_PRIORITIES, 1000, 2000, 20, .per_head = 10},
    [H2_COST_GOAWAY] = {ABUSE_H2_GOAWAYS, 20, 20, 0},
    [H2_COST_UNKNOWN] = {ABUSE_H2_UNKNOWN_FRAMES, 1000, 2000, 20, .per_head = 10},
    [H2_COST_EMPTY] = {ABUSE_H2_EMPTY_FRAMES, 200, 400, 10, .per_head = 2},
    [H2_COST_WINDOW_UPDATE] = {ABUSE_H2_WINDOW_UPDATES, 1000, 100000, 100, .per_head = 4,
                               .per_data = 8},
    [H2_COST_CRUMB] = {ABUSE_H2_TINY_WINDOWS, 500, 2000, 50, .per_data = 1},
};

/* ---- allowances ---- */

const struct h2_allowance *h2_allowance_of(enum h2_cost cost)
{
    return &costs[cost];
}

static void fill_up(struct h2_guard *guard, uint64_t now_ms)
{
    uint64_t passed = now_ms - guard->filled_ms;
    if (passed == 0)
        return;
    guard->filled_ms = now_ms;
    passed = passed < 3600 * 1000 ? passed : 3600 * 1000;
    for (size_t i = 0; i < H2_COSTS; i++) {
        int64_t full = (int64_t)costs[i].burst * UNIT;
        int64_t more = (int64_t)passed * costs[i].per_second;
        if (guard->left[i] < full)
            guard->left[i] = guard->left[i] + more < full ? guard->left[i] + more : full;
    }
}

static void earn(struct h2_guard *guard, enum h2_cost cost, size_t count)
{
    int64_t most = (int64_t)costs[cost].most * UNIT;
    int64_t sum = guard->left[cost] + (int64_t)count * UNIT;
    guard->left[cost] = sum < most ? sum : most;
}

enum abuse h2_guard_spend(struct h2_guard *guard, enum h2_cost cost, uint64_t now_ms)
{
    fill_up(guard, now_ms);
    if (guard->left[cost] < UNIT)
        return costs[cost].abuse;
    guard->left[cost] -= UNIT;
    return ABUSE_NONE;
}

enum abuse h2_guard_gave_up(struct h2_guard *guard, uint64_t now_ms)
{
    enum abuse abuse = ABUSE_NONE;
    fill_up(guard, now_ms);
    guard->left[H2_COST_GIVEN_UP] -= UNIT;
    if (guard->left[H2_COST_GIVEN_UP] >= 0)
        return ABUSE_NONE;
    for (int i = 0; i < GIVEN_UP_COST && abuse == ABUSE_NONE; i++)
        abuse = h2_guard_spend(guard, H2_COST_RESET, now_ms);
    return abuse;
}

uint64_t h2_guard_rest_ms(struct h2_guard *guard, uint64_t now_ms)
{
    fill_up(guard, now_ms);
    int64_t left = guard->left[H2_COST_GIVEN_UP];
    if (left >= 0)
        return 0;
    uint64_t rest_ms = (uint64_t)-left / costs[H2_COST_GIVEN_UP].per_second + 1;
    return rest_ms < H2_REST_MAX_MS ? rest_ms : H2_REST_MAX_MS;
}

enum abuse h2_guard_sent(struct h2_guard *guard, size_t len, bool is_cut, uint64_t now_ms)
{
    if (is_cut && len < H2_CRUMB_MAX)
        return h2_guard_spend(guard, H2_COST_CRUMB, now_ms);
    for (enum h2_cost cost = 0; cost < H2_COSTS; cost++)
        earn(guard, cost, costs[cost].per_data);
    earn(guard, H2_COST_WINDOW_UPDATE, len / WINDOW_EARNED);
    return ABUSE_NONE;
}

void h2_guard_answered(struct h2_guard *guard)
{
    for (enum h2_cost cost = 0; cost < H2_COSTS; cost++)
        earn(guard, cost, costs[cost].per_answer);
}

/* ---- frames ---- */

/* A head is under way: its first frame, or one that goes on with it. */
static enum abuse read_block(struct h2_guard *guard, bool is_first, size_t len, unsigned flags)
{
    guard->block_frames = is_first ? 0 : guard->block_frames + 1;
    guard->block_bytes = len + (is_first ? 0 : guard->block_bytes);
    guard->in_block = (flags & END_HEADERS) == 0;
    for (enum h2_cost cost = 0; is_first && cost < H2_COSTS; cost++)
        earn(guard, cost, costs[cost].per_head);
    return guard->block_frames > guard->frames_max || guard->block_bytes > guard->block_max
               ? ABUSE_H2_CONTINUATIONS
               : ABUSE_NONE;
}

/* DATA whose padding is looked at when its first byte comes. */
static enum abuse read_data(struct h2_guard *guard, size_t len, unsigned flags, uint64_t now_ms)
{
    guard->is_data = true;
    guard->wants_padding = false;
    if (flags & END_STREAM)
        return ABUSE_NONE;
    if (len > 0 && flags & PADDED) {
        guard->wants_padding = true;
        return ABUSE_NONE;
    }
    return len == 0 ? h2_guard_spend(guard, H2_COST_EMPTY, now_ms) : ABUSE_NONE;
}

static enum abuse read_head(struct h2_guard *guard, uint64_t now_ms)
{
    const unsigned char *head = guard->head;
    size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    unsigned flags = head[4];
    guard->payload_left = len;
    guard->is_data = false;
    guard->wants_padding = false;
    switch (head[3]) {
    case DATA:
        return read_data(guard, len, flags, now_ms);
    case HEADERS:
    case PUSH_PROMISE:
        return read_block(guard, true, len, flags);
    case CONTINUATION:
        return read_block(guard, false, len, flags);
    case PRIORITY:
        return h2_guard_spend(guard, H2_COST_PRIORITY, now_ms);
    case RST_STREAM:
        /* A server resets what the client asked for itself. */
        return guard->is_server ? h2_guard_spend(guard, H2_COST_RESET, now_ms) : ABUSE_NONE;
    case SETTINGS:
        return h2_guard_spend(guard, H2_COST_SETTINGS, now_ms);
    case PING:
        return h2_guard_spend(guard, H2_COST_PING, now_ms);
    case GOAWAY:
        return h2_guard_spend(guard, H2_COST_GOAWAY, now_ms);
    case WINDOW_UPDATE:
        return h2_guard_spend(guard, H2_COST_WINDOW_UPDATE, now_ms);
    default:
        return h2_guard_spend(guard, H2_COST_UNKNOWN, now_ms);
    }
}

static enum abuse read_payload(struct h2_guard *guard, struct span bytes, uint64_t now_ms)
{
    bool is_empty =
        guard->wants_padding && (unsigned char)bytes.data[0] + 1u == guard->payload_left;
    guard->wants_padding = false;
    guard->payload_left -= bytes.len;
    return is_empty ? h2_guard_spend(guard, H2_COST_EMPTY, now_ms) : ABUSE_NONE;
}

/* A clock runs while a head, or a frame that is not DATA, is not whole. */
static void note_unfinished(struct h2_guard *guard, uint64_t now_ms)
{
    bool is = guard->in_block || guard->head_len > 0 ||
              (guard->payload_left > 0 && !guard->is_data) || guard->preface_left > 0;
    if (is && !guard->is_unfinished)
        guard->begun_ms = now_ms;
    guard->is_unfinished = is;
}

/* What was unfinished before is whole as soon as the next thing begins. */
static enum abuse read_next(struct h2_guard *guard, struct span *bytes, uint64_t now_ms)
{
    if (guard->preface_left > 0) {
        size_t n = span_first(*bytes, guard->preface_left).len;
        guard->preface_left -= n;
        *bytes = span_skip(*bytes, n);
        return ABUSE_NONE;
    }
    if (guard->payload_left > 0) {
        struct span part = span_first(*bytes, guard->payload_left);
        *bytes = span_skip(*bytes, part.len);
        return read_payload(guard, part, now_ms);
    }
    struct span part = span_first(*bytes, H2_FRAME_HEAD_SIZE - guard->head_len);
    memcpy(guard->head + guard->head_len, part.data, part.len);
    guard->head_len += part.len;
    *bytes = span_skip(*bytes, part.len);
    if (guard->head_len < H2_FRAME_HEAD_SIZE)
        return ABUSE_NONE;
    guard->head_len = 0;
    return read_head(guard, now_ms);
}

enum abuse h2_guard_read(struct h2_guard *guard, struct span bytes, uint64_t now_ms)
{
    enum abuse abuse = ABUSE_NONE;
    while (bytes.len > 0 && abuse == ABUSE_NONE) {
        abuse = read_next(guard, &bytes, now_ms);
        if (!guard->in_block && guard->payload_left == 0 && guard->head_len == 0)
            guard->is_unfinished = false;
    }
    note_unfinished(guard, now_ms);
    return abuse;
}

void h2_guard_trust(struct h2_guard *guard)
{
    guard->frames_max = H2_LONG_FRAMES_MAX;
    guard->block_max = H2_LONG_BLOCK_MAX;
}

uint64_t h2_guard_unfinished_ms(const struct h2_guard *guard)
{
    return guard->is_unfinished ? guard->begun_ms : UINT64_MAX;
}

void h2_guard_init(struct h2_guard *guard, bool is_server, size_t head_max, uint64_t now_ms)
{
    *guard = (struct h2_guard){
        .is_server = is_server,
        .frames_max = H2_CONTINUATIONS_MAX,
        .block_max = 2 * head_max,
        .filled_ms = now_ms,
        .preface_left = is_server ? PREFACE_SIZE : 0,
    };
    for (size_t i = 0; i < H2_COSTS; i++)
        guard->left[i] = (int64_t)costs[i].burst * UNIT;
}
