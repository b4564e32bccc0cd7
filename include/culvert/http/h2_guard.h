/* What a peer's HTTP/2 frames cost us, counted before the library sees them: each kind has an
 * allowance that fills up with time and is earned by honest use. A pure function of bytes and time:
 * no I/O, no log. See RFC 9113 10.5, and docs/security.md for each value's reason. */
#ifndef CULVERT_HTTP_H2_GUARD_H
#define CULVERT_HTTP_H2_GUARD_H

#include "culvert/base/span.h"
#include "culvert/http/abuse.h"

enum {
    H2_FRAME_HEAD_SIZE = 9,
    H2_CONTINUATIONS_MAX = 32,            /* frames of one head behind its first */
    H2_LONG_FRAMES_MAX = 1100,            /* likewise from a peer who is known: full ones hold */
    H2_LONG_BLOCK_MAX = 16 * 1024 * 1024, /* these bytes of one head, as it travels */
    H2_FRAME_LIMIT_MS = 15 * 1000, /* from the first byte of a head, or of a frame that is not
                                         DATA, to its last */
    H2_CRUMB_MAX = 256,            /* DATA cut so short by the peer's window costs more than it
                                         carries */
    H2_REST_MAX_MS = 2000,         /* nothing is read for so long at a time, of a peer that gives
                                      up too many requests */
};

enum h2_cost {
    H2_COST_RESET,    /* RST_STREAM from the peer, or for what never became a request */
    H2_COST_FAULT,    /* RST_STREAM that it made us say to a request under way */
    H2_COST_GIVEN_UP, /* either, before an answer began and when the request had left already: who
                         has no more of it rests, and each one costs more resets */
    H2_COST_SETTINGS,
    H2_COST_PING,
    H2_COST_PRIORITY,
    H2_COST_GOAWAY,
    H2_COST_UNKNOWN, /* a frame of a type that RFC 9113 does not know */
    H2_COST_EMPTY,   /* DATA without a byte that does not end its stream */
    H2_COST_WINDOW_UPDATE,
    H2_COST_CRUMB, /* DATA of ours that the peer's window cut short */
    H2_COSTS
};

/* What one kind may cost: `burst` at once and `per_second` for ever; honest use earns more. */
struct h2_allowance {
    enum abuse abuse;
    unsigned burst, most, per_second;
    unsigned per_head;   /* earned by each head that begins */
    unsigned per_answer; /* by each request that was answered in full */
    unsigned per_data;   /* by each DATA frame of ours that is no crumb */
};

/* The table, for who tells of it. Static. */
const struct h2_allowance *h2_allowance_of(enum h2_cost cost);

/* Embedded; set up by h2_guard_init. */
struct h2_guard {
    bool is_server;
    size_t frames_max;      /* of one head behind its first */
    size_t block_max;       /* encoded bytes of one head */
    int64_t left[H2_COSTS]; /* thousandths of what it may still cost */
    uint64_t filled_ms;     /* when the allowances last filled up */
    size_t preface_left;    /* bytes before the first frame */
    unsigned char head[H2_FRAME_HEAD_SIZE];
    size_t head_len;     /* of the frame that begins */
    size_t payload_left; /* of the frame in hand */
    bool is_data;        /* it is DATA */
    bool wants_padding;  /* its first byte says how much of it is padding */
    bool in_block;       /* CONTINUATION must follow */
    size_t block_frames, block_bytes;
    uint64_t begun_ms; /* when what is unfinished began */
    bool is_unfinished;
};

/* `is_server`: the peer begins with the preface. `head_max`: decoded bytes of a head that we take;
 * twice that may come encoded, so that one that is too large can still be answered. */
void h2_guard_init(struct h2_guard *guard, bool is_server, size_t head_max, uint64_t now_ms);

/* The peer is known: its heads may be long from now on. */
void h2_guard_trust(struct h2_guard *guard);

/* Bytes that came, in order, each once. Returns the limit that they break, then nothing
 * more may be read; ABUSE_NONE: none. */
enum abuse h2_guard_read(struct h2_guard *guard, struct span bytes, uint64_t now_ms);

/* Something else that the peer made us do. Returns as h2_guard_read. */
enum abuse h2_guard_spend(struct h2_guard *guard, enum h2_cost cost, uint64_t now_ms);

/* It gave a request up that others work on already. Returns as h2_guard_read. */
enum abuse h2_guard_gave_up(struct h2_guard *guard, uint64_t now_ms);

/* Nothing more should be read of it for so long, at most H2_REST_MAX_MS; 0: go on. */
uint64_t h2_guard_rest_ms(struct h2_guard *guard, uint64_t now_ms);

/* A DATA frame of ours left; `is_cut`: more was there, and only the peer's window kept it back. */
enum abuse h2_guard_sent(struct h2_guard *guard, size_t len, bool is_cut, uint64_t now_ms);

/* A request was answered in full. */
void h2_guard_answered(struct h2_guard *guard);

/* When what is unfinished (a head, or a frame that is not DATA) began; UINT64_MAX: nothing is. Who
 * has the guard gives it time, as a rule H2_FRAME_LIMIT_MS. */
uint64_t h2_guard_unfinished_ms(const struct h2_guard *guard);

#endif
