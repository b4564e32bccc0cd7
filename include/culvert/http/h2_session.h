/* An HTTP/2 session (RFC 9113) in either role on a conn. As the server it hands out inbounds, as
 * the client it opens outbounds. A stream's window is its channel's room; the connection's credit
 * is given back at receipt, so that one stuck stream never stalls its neighbours. */
#ifndef CULVERT_HTTP_H2_SESSION_H
#define CULVERT_HTTP_H2_SESSION_H

#include "culvert/http/abuse.h"
#include "culvert/http/inbound.h"
#include "culvert/http/outbound.h"
#include "culvert/net/conn.h"

struct h2_session;

enum {
    H2_STREAM_WINDOW = CHANNEL_LIMIT,        /* a stream's first window: its channel's limit */
    H2_STREAM_WINDOW_MAX = 16 * 1024 * 1024, /* as far as it grows with rate and distance */
    H2_CONN_WINDOW = 16 * 1024 * 1024,       /* a connection's first window: no stream uses it up */
    H2_CONN_WINDOW_MAX = 64 * 1024 * 1024,   /* and as far as it grows */
    H2_PING_AFTER_MS = 30 * 1000,            /* silence before we ask whether the peer lives */
    H2_PING_LIMIT_MS = 15 * 1000,            /* and how long that may take to come */
    H2_SETTINGS_LIMIT_MS = 10 * 1000,        /* for the peer's preface and first SETTINGS */
    H2_UNSENT_MAX = 1000, /* frames that a server's peer does not read, and two for each stream */
    H2_INFORMS_MAX = 16,  /* interim answers of one stream that wait to be sent */
    H2_HEADS_HELD_MAX = 1024 * 1024,      /* guarded: of all open requests of a session */
    H2_STRANGER_HEAD_MAX = 16 * 1024,     /* a head for a guarded client, before h2_session_trust */
    H2_FIELD_MAX = 64 * 1024,             /* a name or value for who may be nghttp2 */
    H2_LONG_HEADS_MAX = 32 * 1024 * 1024, /* heads above that, of open requests or yet unsent */
    H2_DRAIN_MIN = 4 * 1024,              /* of what waits for a stream, in each stall limit */
    H2_BODY_MIN = 512,                    /* of a request's body, likewise */
    H2_NEW_PER_TURN = 256, /* requests taken in one turn: what is reset goes at its end */
};

struct h2_options {
    bool is_server;
    uint32_t streams_max;  /* MAX_CONCURRENT_STREAMS that we announce */
    uint32_t peer_streams; /* client role: open at most before the peer's SETTINGS; 0: 100 */
    uint32_t requests_max; /* client role: no more in all; 0: 2^30, as many as have numbers */
    bool takes_websockets; /* server role: announces RFC 8441. Such a CONNECT is handed out as a GET
                            * that is_websocket; 101 is then written as 200, and an answer 2xx that
                            * is none cannot be written */
    bool judges_itself;    /* server role without RFC 8441: h2_rules judges, not the library; a body
                            * may end before its length */
    bool is_quiet;         /* a silent peer is not asked whether it lives, since servers of gRPC end
                            * the sessions that ask often: what TCP delivers is the sign */
    bool doubts;           /* client role: on_doubt is wanted, and the PING before it */
    uint32_t head_max;     /* bytes of a head we take: MAX_HEADER_LIST_SIZE */
    bool sends_long_fields; /* above H2_FIELD_MAX also to a peer that said no limit of its own */
    struct budget *budget;  /* borrowed; NULL: not counted */
    /* A stream is reset whose peer takes less than H2_DRAIN_MIN of what waits for it in `stall_ms`,
     * or sends less than H2_BODY_MIN of the body of an unanswered request in `body_ms` (nothing, if
     * its length is not known; gRPC may rest); 0: no limit. */
    uint64_t stall_ms, body_ms;
    /* Interim answers (but 100 to who expects it): a client says by a setting that it takes them; a
     * server gives them to everybody, or only to who said so. */
    bool takes_interim, interim_if_asked;
    bool is_guarded;   /* the peer's frames are counted (h2_guard): who overdoes it is cut off */
    uint64_t frame_ms; /* guarded: for a head, or a frame but DATA, and for the greeting when that
                          is shorter; 0: H2_FRAME_LIMIT_MS */
    uint64_t idle_ms; /* guarded: the session ends after so long without a stream; 0: it does not */
};

struct h2_session_events {
    /* Server role: a request. The callee owns it: answer, reset or close. */
    void (*on_request)(void *arg, struct inbound *in);
    /* The peer said GOAWAY: it opens (server role) or takes (client role) no new streams. Or we
     * opened the last one that there is a number for (NO_ERROR), which ends in the same. */
    void (*on_goaway)(void *arg, uint32_t code);
    /* Few enough streams are open: see h2_session_tell_idle. */
    void (*on_idle)(void *arg);
    /* The session is over and all its streams were told; h2_session_close it. The last callback. */
    void (*on_closed)(void *arg, const struct error *why);
    /* May be NULL. The peer ran into a limit on what it may cost; on_closed follows where that ends
     * the connection. For counting and logging: nothing of the session may be called here. */
    void (*on_abuse)(void *arg, enum abuse abuse);
    /* May be NULL. The peer's SETTINGS came, saying how many streams it takes: only note it. */
    void (*on_settings)(void *arg);
    /* May be NULL; see h2_life.h. Of who `doubts`: a request waits, and the silent peer was asked
     * by PING; again, with `waited`, each H2_DOUBT_MS in which no sign came. */
    void (*on_doubt)(void *arg, bool waited);
};

/* Takes `conn` in every case. Says its preface and SETTINGS in this turn. NULL: `err`. */
struct h2_session *h2_session_new(struct conn *conn, const struct h2_options *options,
                                  const struct h2_session_events *events, void *arg,
                                  struct error *err);

/* Sends what is queued, then closes the connection; streams that still run are told in a later turn
 * (on_aborted, on_failed), the session's events are not. Twice is fine, NULL is allowed. */
void h2_session_close(struct h2_session *session);

/* Guarded client: the peer has shown who it is, so its heads may be long from now on. */
void h2_session_trust(struct h2_session *session);

/* Graceful: GOAWAY NO_ERROR. Server role: no new streams are taken. Open ones go on. */
void h2_session_goaway(struct h2_session *session);

/* Client role: sends a request; `body` (borrowed) may still be filled. See outbound.h. on_failed
 * has kind LIMIT when the peer refused the stream without a look at it, NETWORK when stream or
 * connection were lost, PROTOCOL for an answer that we cannot take, INVALID for a body that ends
 * before its length. NULL: `err`, kind LIMIT when the peer's stream limit is reached or it said
 * GOAWAY, INVALID for a request that cannot be sent. */
struct outbound *h2_session_open(struct h2_session *session, const struct request_head *head,
                                 struct body *body, const struct outbound_events *events, void *arg,
                                 struct error *err);
bool h2_session_can_open(const struct h2_session *session);

/* on_idle follows, once, in a later turn, as soon as at most `level` streams are open. */
void h2_session_tell_idle(struct h2_session *session, size_t level);

/* Client role: streams that the peer takes at a time, as far as it said so. */
uint32_t h2_session_limit(const struct h2_session *session);

bool h2_session_is_lost(const struct h2_session *session); /* its end is near or was told */
/* Streams that are open now. */
size_t h2_session_streams(const struct h2_session *session);

/* The connection it speaks on, borrowed. */
struct conn *h2_session_conn(struct h2_session *session);

#endif
