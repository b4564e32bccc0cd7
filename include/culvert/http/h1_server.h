/* Inbounds from one conn that speaks HTTP/1.1 (RFC 9112): one at a time, pipelined requests in
 * order. Slow heads, bodies and readers are given up.
 *
 * A request for a WebSocket has an empty body that did not end. What follows its head is left alone
 * until it is answered: with 101, which is written as RFC 6455 4.2.2 has it, the connection is
 * bytes both ways from there on, each way with its own end; with anything else the body ends empty
 * and what follows is the next request. */
#ifndef CULVERT_HTTP_H1_SERVER_H
#define CULVERT_HTTP_H1_SERVER_H

#include "culvert/http/abuse.h"
#include "culvert/http/inbound.h"
#include "culvert/net/conn.h"

struct h1_server;

enum {
    H1_HEAD_LIMIT_MS = 15 * 1000,  /* for a head's first byte, and from there to its end */
    H1_IDLE_LIMIT_MS = 75 * 1000,  /* between requests */
    H1_BODY_WINDOW_MS = 60 * 1000, /* in each, H1_BODY_MIN bytes of a body that we would read; one
                                      byte if its length is not known; none for gRPC, and once the
                                      answer has begun */
    H1_BODY_MIN = 512,
    H1_LOOK_MS = 10 * 1000,      /* between looks after a visitor whose body has not come */
    H1_STALL_MS = 60 * 1000,     /* in each, CONN_DRAIN_MIN of an answer are taken */
    H1_PIPELINE_MAX = 16 * 1024, /* bytes of requests that wait behind the one in hand */
};

/* The limits of time; one that is 0 is the constant above. */
struct h1_patience {
    uint64_t head_ms, idle_ms, body_ms, stall_ms;
};

/* Each as `wanted`, or the constant. */
struct h1_patience h1_server_patience(const struct h1_patience *wanted);

struct h1_server_options {
    const char *scheme;    /* what the head's scheme becomes: "http" or "https"; static */
    struct budget *budget; /* borrowed; NULL: not counted */
    struct h1_patience patience;
};

struct h1_server_events {
    /* The callee owns the request: answer, reset or close. */
    void (*on_request)(void *arg, struct inbound *in);
    /* Before a refusal is answered here (400, 408, 414, ...), or the connection is ended without
     * one (status 0): for counting. */
    void (*on_refused)(void *arg, int status, enum abuse abuse, const char *why);
    /* The connection is over; no request is open. h1_server_close it. The last callback. */
    void (*on_closed)(void *arg);
};

/* Takes `conn` in every case. NULL: `err`. */
struct h1_server *h1_server_new(struct conn *conn, const struct h1_server_options *options,
                                const struct h1_server_events *events, void *arg,
                                struct error *err);

/* No further request after the one in hand; an idle connection ends now (on_closed). */
void h1_server_drain(struct h1_server *server);

/* Is no request open? Its head may be on its way. */
bool h1_server_is_idle(const struct h1_server *server);

/* Ends the connection; an open request is told (on_aborted) in a later turn. NULL is allowed. */
void h1_server_close(struct h1_server *server);

#endif
