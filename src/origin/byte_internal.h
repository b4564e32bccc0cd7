/* What byte_outbound.c and byte_socks.c share; nobody else includes it. */
#ifndef CULVERT_ORIGIN_BYTE_INTERNAL_H
#define CULVERT_ORIGIN_BYTE_INTERNAL_H

#include "byte_outbound.h"
#include "culvert/http/ws_link.h"
#include "culvert/origin/socks.h"

enum byte_state {
    BYTE_DIALING,
    BYTE_GREETING,
    BYTE_DIALING_ASKED,
    BYTE_JOINED,
    BYTE_ENDED,
    BYTE_CLOSED,
    BYTE_STATES
};

struct byte_approach; /* of byte_outbound.c */

struct byte_outbound {
    struct outbound out;
    const struct byte_route *route;
    enum byte_state state;
    bool has_accept;
    bool is_head; /* HEAD: there is no body to carry bytes */
    bool client_ended, origin_ended;
    char accept[WS_ACCEPT_SIZE];
    struct channel *in;             /* the request's body */
    struct body answer;             /* what goes to the client */
    struct socks_server *socks;     /* NULL: the client does not greet, or did */
    struct byte_approach *approach; /* NULL: connected, or nothing is dialed yet */
    struct conn *conn;
    struct timer quiet;      /* one side said its last word, or the client still greets */
    uint64_t moved;          /* when the timer was started */
    struct task tell;        /* the end, or in the beginning the answer of SOCKS */
    const struct error *why; /* kept; NULL: a good end */
    struct reap reap;
    struct ws_link link[]; /* one, but none for raw bytes */
};

/* byte_outbound.c */
void byte_enter(struct byte_outbound *call, enum byte_state next);
/* Dials as its route says, when its turn comes; on_connected or byte_socks_fail follows. `head`:
 * whose visitor may be named; NULL: nobody is. */
bool byte_dial(struct byte_outbound *call, const char *host, uint16_t port,
               const struct request_head *head, struct error *err) MUST_CHECK;
/* The end: a failure, or all that was said was given on or is on its way. */
void byte_fail(struct byte_outbound *call, const struct error *why);
void byte_finish(struct byte_outbound *call, enum ws_code code);
/* The origin's failure, of which the client was told, or is by `code`. */
void byte_finish_failed(struct byte_outbound *call, const struct error *why, enum ws_code code);

/* byte_socks.c, in BYTE_GREETING and BYTE_DIALING_ASKED */
void byte_socks_take(struct byte_outbound *call, const void *data, size_t len);
/* What was asked for is connected, or was not. */
void byte_socks_join(struct byte_outbound *call);
void byte_socks_fail(struct byte_outbound *call, const struct error *why);

#endif
