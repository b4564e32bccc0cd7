/* What h2_session.c and h2_stream.c share; nobody else includes it. */
#ifndef CULVERT_HTTP_H2_INTERNAL_H
#define CULVERT_HTTP_H2_INTERNAL_H

#include "culvert/http/h2_guard.h"
#include "culvert/http/h2_life.h"
#include "culvert/http/h2_rules.h"

#include "h2_sieve.h"

#include <nghttp2/nghttp2.h>

/* How long a window's worth of bytes takes. */
struct h2_epoch {
    uint64_t since_ms;
    size_t bytes; /* that passed since then */
};

struct h2_session {
    struct conn *conn;
    struct loop *loop;
    nghttp2_session *ng;
    struct h2_options options;
    uint32_t head_max; /* that was announced; options.head_max is what is taken */
    const struct h2_session_events *events;
    void *arg;
    struct list streams; /* all that nghttp2 knows and that are ours */
    size_t open;
    bool wants_idle; /* on_idle is due when at most `idle_level` streams are open */
    size_t idle_level;
    bool closed; /* h2_session_close was called, or the end was told */
    bool said_goaway, heard_goaway;
    uint32_t requests; /* client role: opened so far */
    bool heard_settings;
    bool peer_takes_interim; /* it said so: it is of ours */
    bool in_library;         /* inside nghttp2: nothing may be sent */
    bool broken;             /* nghttp2 gave up in the middle: it is fed and asked no more */
    size_t fresh;            /* requests begun in this turn */
    uint32_t turns;          /* of the loop, in which it did something */
    bool rests;              /* they were enough for it */
    uint64_t heard_ms;       /* when the last bytes came */
    size_t credit_owed;      /* connection credit held back while the budget is exceeded */
    void (*alive)(void *arg);
    bool asked;            /* a PING waits for a sign of life */
    bool asked_behind;     /* and when it was sent, other bytes did for the peer to take them */
    uint64_t taken;        /* bytes that the peer had taken then */
    struct timer life;     /* silence, or the wait for a sign */
    struct timer doubt;    /* since a request was opened, or the wait for a sign */
    bool doubts;           /* it is the wait */
    uint64_t opened_ms;    /* client role: when the last request was */
    struct timer squeeze;  /* looks after the budget while it is exceeded */
    struct timer stall;    /* looks for streams that stand still */
    size_t window;         /* of the connection, our side */
    struct h2_epoch epoch; /* of bytes that were credited */
    uint64_t rtt_ms; /* a round trip, as last measured; 0: not known, or below a millisecond */
    uint64_t rtt_asked_ms, rtt_told_ms;
    bool rtt_asked; /* a PING that measures is under way */
    uint64_t sent;  /* bytes of bodies that left */
    struct h2_sieve sieve;
    struct h2_guard guard;
    size_t heads_held;      /* bytes of requests' heads */
    size_t long_heads;      /* bytes of those above H2_FIELD_MAX, either way */
    size_t informs;         /* interim answers that did not leave yet */
    size_t unborn;          /* streams that there was no memory for, and whose reset is due */
    size_t scanned;         /* bytes that the guard has seen and the library has not */
    uint64_t idle_since_ms; /* while no stream is open */
    struct timer watch;     /* what is unfinished, and idleness */
    struct timer calm;      /* while nothing is read */
    struct task flush;
    struct task idle;
    struct task used_up; /* client role: it takes no more requests */
    struct task end;     /* tells on_closed */
    struct error why;
    enum abuse abuse; /* what ended it, when that was abuse */
    struct reap reap;
};

enum { FIELD_OVERHEAD = 32 /* what a field counts besides its bytes (RFC 9113 6.5.2) */ };

/* How far something had moved when it was first seen waiting, and when that was; 0: it is not. */
struct h2_pace {
    uint64_t since_ms, mark;
};

/* One stream, an inbound or an outbound by the session's role. Two parties hold it: nghttp2 (`id`)
 * and its owner (`held`); it goes when both let go. */
struct h2_stream {
    struct h2_session *session; /* NULL: the session is over */
    struct link link;
    int32_t id;        /* 0: closed in the library */
    uint32_t turn;     /* of the session, in which it began */
    bool held;         /* the owner did not close it yet */
    bool told;         /* the last event was told */
    bool head_done;    /* the peer's final head came */
    bool head_too_big; /* it broke a limit; answered or failed when it is whole */
    bool head_is_lost; /* the same, but for lack of memory */
    bool host_differs; /* from :authority: answered when the head is whole */
    bool reset_here;   /* RST_STREAM of ours left */
    bool reset_asked;  /* by its owner or its pace: not for a fault of its frames */
    bool refused;      /* it is answered here; nobody ever holds it */
    bool said_go_on;   /* 100 was said */
    bool peer_ended;   /* END_STREAM came */
    bool sent_head;
    bool sent_end;  /* END_STREAM left */
    bool upgraded;  /* bytes go both ways, and it is over when both END_STREAM have passed */
    bool told_half; /* of these one passed, and that was told */
    bool deferred;  /* nothing to send at the moment: the library waits */
    bool is_head_request;
    bool asks_websocket;   /* by CONNECT (RFC 8441) */
    struct h2_rules rules; /* of options.judges_itself */
    struct inbound in;
    struct outbound out;
    struct response_head answer; /* client role: being read */
    struct headers trailers_in;  /* being read */
    struct buf cookie;           /* joined while the head is read */
    struct body body;            /* what the peer sends us */
    struct channel *sending;     /* what we send, borrowed; NULL: nothing */
    const struct headers *after; /* its trailers, borrowed with it */
    size_t head_held;            /* of its request's head */
    size_t long_held, long_owed; /* of long_heads: the request's; one that is to be sent */
    size_t informs;              /* interim answers that did not leave yet, */
    size_t inform_bytes;         /* and what was said since there were none */
    size_t head_seen;            /* bytes of heads that came, also those not kept */
    uint64_t drained_ms;         /* when its channel last moved */
    uint64_t sent;               /* bytes of our body that left */
    int64_t promised;            /* how many our request's head said; LENGTH_UNKNOWN */
    struct h2_pace own_pace, shared_pace, body_pace;
    size_t window;           /* of our side: its channel's limit */
    struct h2_epoch epoch;   /* of bytes that were drained */
    size_t stayed;           /* the least that lay in the channel in this epoch */
    struct task done;        /* tells the end outside of the library */
    const struct error *why; /* kept; NULL: a good end */
    struct reap reap;
};

/* h2_head.c */
/* A field of the head that is being read; false: the stream is to be reset. */
bool h2_stream_field(struct h2_stream *stream, struct span name, struct span value);
void h2_stream_head_done(struct h2_stream *stream, bool ends, bool is_trailer);

/* h2_stream.c */
struct h2_stream *h2_stream_new(struct h2_session *session);
/* What its owner will be told as its end. */
void h2_stream_blame(struct h2_stream *stream, const struct error *why);
/* Gives it up with an HTTP/2 error code; what was to be sent is forgotten. */
void h2_stream_reset(struct h2_stream *stream, uint32_t code);
/* The same for a fault of the peer's: PROTOCOL_ERROR, its owner is told `what` (static). */
void h2_stream_fault(struct h2_stream *stream, const char *what);
void h2_stream_data(struct h2_stream *stream, const void *data, size_t len);
void h2_stream_peer_ended(struct h2_stream *stream);
/* END_STREAM of ours left. */
void h2_stream_sent_end(struct h2_stream *stream);
/* The library closed it with an HTTP/2 error code, or the session is over (`why` not NULL). */
void h2_stream_closed(struct h2_stream *stream, uint32_t code, const struct error *why);
void h2_stream_detach(struct h2_stream *stream);
/* The answer with nothing but a status, for heads that broke a limit. */
void h2_stream_refuse(struct h2_stream *stream, int status);
ssize_t h2_stream_read(nghttp2_session *ng, int32_t id, uint8_t *buf, size_t length,
                       uint32_t *flags, nghttp2_data_source *source, void *arg);

/* h2_session.c */
void h2_session_flush_soon(struct h2_session *session);
/* A timer that cannot be armed ends the session. */
void h2_session_arm(struct h2_session *session, struct timer *timer, uint64_t after_ms);
/* What the library was to note, and its answer: if it had no memory for that, nobody would ever
 * hear of it, so the session fails. */
void h2_session_need(struct h2_session *session, int code);
/* The session cannot go on; on_closed follows in a task. */
void h2_session_fail(struct h2_session *session, const struct error *why);
/* The peer ran into a limit: GOAWAY ENHANCE_YOUR_CALM, then the same. */
void h2_session_cut_off(struct h2_session *session, enum abuse abuse);

/* The same for what the library said when it gave up. */
void h2_session_fail_code(struct h2_session *session, const char *doing, int code);

/* How long a name or value and a whole list of fields (with 32 for each) may be that are sent. */
struct h2_room {
    size_t field, list;
};

/* h2_settings.c */
struct h2_room h2_settings_room(const struct h2_session *session);
/* Our first word: SETTINGS, and the window of the connection. False: memory. */
bool h2_settings_say(struct h2_session *session) MUST_CHECK;
void h2_settings_read(struct h2_session *session, const nghttp2_settings *settings);

/* h2_io.c */
extern const struct conn_events h2_io_events;
/* All that is to be said and the connection takes, now. */
void h2_io_flush(struct h2_session *session);
/* The same at the end of a turn, in which so many requests came that the rest of them waits. */
void h2_io_turn_ends(void *arg);

/* h2_life.c */
void h2_life_init(struct h2_session *session);
/* Client role: a request was opened. */
void h2_life_opened(struct h2_session *session);
/* The peer has some time to greet. False: memory. */
bool h2_life_start(struct h2_session *session) MUST_CHECK;
void h2_life_stop(struct h2_session *session);
/* Bytes came. */
void h2_life_sign(struct h2_session *session);

/* h2_pace.c */
void h2_pace_init(struct h2_session *session);
void h2_pace_stop(struct h2_session *session);
/* `len` bytes were received: gives the connection's credit back, now or when the budget allows. */
void h2_session_credit(struct h2_session *session, size_t len);
/* `bytes` left the stream's channel: its window may be what slows it down. */
void h2_pace_drained(struct h2_stream *stream, size_t bytes);
/* The answer to a PING came. */
void h2_pace_pong(struct h2_session *session, const uint8_t opaque[8]);

/* h2_defence.c: without a guard only what waits to be sent is bounded. */
void h2_defence_init(struct h2_session *session);
void h2_defence_stop(struct h2_session *session);
/* What `len` bytes cost, before the library gets them; then how many of them it took. */
void h2_defence_read(struct h2_session *session, const unsigned char *data, size_t len);
void h2_defence_taken(struct h2_session *session, size_t len, size_t taken);
/* All was said that the connection takes for now. */
void h2_defence_flushed(struct h2_session *session);
/* DATA left; `is_cut`: the peer's window kept the rest of it back. */
void h2_defence_sent(struct h2_session *session, size_t len, bool is_cut);
/* RST_STREAM left; NULL: for a stream that was never ours. */
void h2_defence_reset(struct h2_session *session, const struct h2_stream *stream);
/* A stream is closed, its owner does not know yet. */
void h2_defence_closed(struct h2_stream *stream);
/* What came was read: may more come at once? */
void h2_defence_rest(struct h2_session *session);
/* A field of `len` bytes came out of a head; false: that was the last one. */
bool h2_defence_field(struct h2_stream *stream, size_t len);
/* The request's head counts among those that are held until its stream is gone; false: they are too
 * many bytes, and it is refused. */
bool h2_defence_hold(struct h2_stream *stream);
void h2_defence_release(struct h2_stream *stream);
/* A head of `len` bytes is to be sent, and waits for that; false: so many wait that it must not. */
bool h2_defence_owe(struct h2_stream *stream, size_t len, struct error *err) MUST_CHECK;
/* A head of the stream was sent. */
void h2_defence_paid(struct h2_stream *stream);
/* An interim answer of `len` bytes is to be sent; false: enough of them wait, it is left out. */
bool h2_defence_inform(struct h2_stream *stream, size_t len);
/* What it is when the library ends the session with `code` and without a GOAWAY. */
enum abuse h2_defence_of_code(int code);
/* An abuse that costs the peer a stream, not the session. */
void h2_defence_told(struct h2_session *session, enum abuse abuse);

/* h2_fields.c: heads to the library's form, when the peer has room for them. */
struct h2_fields {
    nghttp2_nv *nv;
    size_t count;
    size_t size; /* as the list is counted (RFC 9113 6.5.2) */
    char status[SPAN_U64_SIZE];
    char length[SPAN_U64_SIZE];
};
bool h2_fields_of_request(struct h2_fields *fields, const struct request_head *head,
                          struct h2_room room, struct error *err) MUST_CHECK;
bool h2_fields_of_response(struct h2_fields *fields, const struct response_head *head,
                           struct h2_room room, struct error *err) MUST_CHECK;
bool h2_fields_of_trailers(struct h2_fields *fields, const struct headers *trailers,
                           struct h2_room room, struct error *err) MUST_CHECK;
void h2_fields_release(struct h2_fields *fields);

#endif
