/* Whether a session's peer is still there, and what becomes of requests when that is in doubt. */
#ifndef CULVERT_HTTP_H2_LIFE_H
#define CULVERT_HTTP_H2_LIFE_H

#include "culvert/http/h2_session.h"

enum {
    H2_DOUBT_AFTER_MS = 5 * 1000, /* silence behind a new request before one is asked for */
    H2_DOUBT_MS = 2 * 1000,       /* and until the connection is in doubt, if none comes */
};

/* Asks the peer for a sign of life now; no answer within `limit_ms` ends the session (on_closed
 * with kind TIMEOUT); any byte counts, and that it takes some of those which wait for it. `alive`
 * (NULL: none) is called when a sign came. */
bool h2_session_ping(struct h2_session *session, uint64_t limit_ms, void (*alive)(void *arg),
                     struct error *err) MUST_CHECK;

/* Nothing was heard of the peer for H2_DOUBT_AFTER_MS. */
bool h2_session_is_silent(const struct h2_session *session);

/* Asks a silent peer for a sign of life, unless it was asked already. */
void h2_session_probe(struct h2_session *session);

/* Fails, with kind NETWORK, requests that came since the peer was last heard and that move_on. */
void h2_session_move_on(struct h2_session *session);

#endif
