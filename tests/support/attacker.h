/* A visitor that means harm, for tests/attack (does the edge end it?) and tests/bench (what does it
 * cost the others?). An attack is a table entry: what it says first, what it says whenever there is
 * room, what it does with what it hears. Lists of attacks: support/h2_attacks.h.
 *
 * In a loop of one's own: attacker_begin, turn the loop until attacker_is_ended, attacker_end. The
 * program `culvert-attack NAME ADDRESS [SECONDS [CONNECTIONS]]` (tests/attack/attack.c) does that
 * against anything that listens. */
#ifndef CULVERT_TESTS_SUPPORT_ATTACKER_H
#define CULVERT_TESTS_SUPPORT_ATTACKER_H

#include "culvert/base/buf.h"
#include "culvert/net/conn.h"
#include "support/h2_wire.h"

struct attacker;

struct attack {
    const char *name;
    const char *limit; /* the name of the counter that ends it; NULL: none is counted */
    bool h2;           /* begins with HTTP/2's preface and an empty SETTINGS */
    bool deaf;         /* reads nothing */
    bool is_slow;      /* it is ended by time: begin it before others, look after it later */
    unsigned number;   /* for `begin` and `more`: what makes one of several alike */
    /* Appends to attacker->out what is said once, in the beginning; NULL: nothing. */
    void (*begin)(struct attacker *attacker);
    /* Appends to attacker->out what is said next, a few KiB; called whenever what was said has left
     * and there is room. Appends nothing: it waits. NULL: nothing is said after the beginning. */
    void (*more)(struct attacker *attacker);
    /* A whole frame came (h2), or bytes did (else); may append to attacker->out. NULL: ignored. */
    void (*on_frame)(struct attacker *attacker, const struct wire_frame *frame);
    void (*on_bytes)(struct attacker *attacker, struct span bytes);
};

struct attacker_options {
    struct ip_address at;
    const char *authority;   /* whom it asks for */
    struct tls_context *tls; /* NULL: in clear */
    struct ip_address from;  /* len 0: any */
};

struct attacker {
    const struct attack *attack;
    struct attacker_options options;
    struct loop *loop;
    struct conn *conn;
    struct task say;
    struct buf out; /* said at the end of the turn */
    struct buf got; /* the beginning of a frame */
    uint64_t round; /* for `more`: how often it was called */
    uint32_t stream;
    uint64_t state; /* for the attack's own use */
    /* What came of it: */
    bool begun;           /* it is connected, and its handshake is done */
    bool ended;           /* the other side closed the connection */
    bool heard_goaway;    /* h2 */
    uint32_t goaway_code; /* of the last one */
    uint64_t resets, answers, pings, acks, data_bytes;
    struct buf text; /* what came, not h2; its beginning */
    uint64_t begun_ms, ended_ms;
};

/* Connects and begins. `attacker` must not move. Aborts when there is no descriptor. */
void attacker_begin(struct attacker *attacker, struct loop *loop, const struct attack *attack,
                    const struct attacker_options *options);

/* Has the other side ended the connection? Looks also when the attack is deaf. */
bool attacker_is_ended(struct attacker *attacker);

/* Something was appended to `out` outside of the attack's functions: it is said soon. */
void attacker_say(struct attacker *attacker);

/* Closes; the loop must turn once more before it is freed. */
void attacker_end(struct attacker *attacker);

/* For attacks: the next request of a stream of its own, GET `path`, its fields as literals. Returns
 * the stream. `flags`: WIRE_END_STREAM or 0. */
uint32_t attacker_asks(struct attacker *attacker, const char *path, uint8_t flags);

#endif
