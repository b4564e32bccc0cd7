/* What the files of an HTTP/1.1 server share; nobody else includes it. */
#ifndef CULVERT_HTTP_H1_SERVER_INTERNAL_H
#define CULVERT_HTTP_H1_SERVER_INTERNAL_H

#include "culvert/http/h1_body.h"
#include "culvert/http/h1_request.h"
#include "culvert/http/h1_server.h"

#include "h1_pump.h"

enum h1_server_state { H1_SERVER_IDLE, H1_SERVER_HEAD, H1_SERVER_REQUEST, H1_SERVER_OVER };

struct h1_server {
    struct conn *conn; /* NULL: closed */
    struct loop *loop;
    enum h1_server_state state;
    struct h1_server_options options;
    const struct h1_server_events *events;
    void *arg;
    bool held;       /* the owner did not close the request yet */
    bool told;       /* its last event was told */
    bool answering;  /* its head was sent */
    bool refused;    /* its body was broken, and a last answer of ours says so */
    bool answered;   /* its whole answer was handed to the conn */
    bool upgraded;   /* it was answered 101: the connection is bytes both ways */
    bool keep_alive; /* another request may follow */
    bool draining;
    struct inbound in;
    struct h1_parser parser;
    struct h1_framing framing;
    struct h1_body reader;
    struct body body;
    struct h1_pump pump;
    struct timer limit;    /* head, idle or body */
    bool spoke;            /* a head began once */
    uint64_t window_ms;    /* of waiting for the body, in steps of the looks after it */
    uint64_t window_bytes; /* that came in it */
    struct task tell;      /* on_answered or on_aborted */
    struct task end;       /* on_closed */
    struct error why;
    struct reap reap;
};

static inline bool h1_server_body_is_whole(const struct h1_server *server)
{
    return channel_is_ended(server->body.bytes);
}

/* What follows its head is not its body, until 101 says so. */
static inline bool h1_server_awaits_upgrade(const struct h1_server *server)
{
    return server->in.head.is_websocket && !server->answering;
}

/* Of an upgrade: the visitor has not said all yet, though it may have got all. */
static inline bool h1_server_goes_on(const struct h1_server *server)
{
    return server->upgraded && !h1_server_body_is_whole(server);
}

/* h1_server.c */

/* The connection serves no more; its owner hears it when no request is open. */
void h1_server_over(struct h1_server *server);
/* The request in hand cannot go on. */
void h1_server_abort(struct h1_server *server, const struct error *why);
/* Frees a server whose connection is gone and whose request was let go, at the end of the turn. */
void h1_server_destroy(struct h1_server *server);

/* h1_server_limits.c */

/* Answers `status` and ends; the owner hears it first. */
void h1_server_refuse(struct h1_server *server, int status, const char *text);
/* The body's framing is broken, or memory ran out. */
void h1_server_refuse_body(struct h1_server *server, const struct error *why);
/* Something has to come in `ms`. */
void h1_server_limit(struct h1_server *server, uint64_t ms);
/* Looks after the visitor until its body is whole. */
void h1_server_watch_body(struct h1_server *server);
/* The timer fired. */
void h1_server_late(void *arg);

/* h1_server_answer.c */

extern const struct inbound_ops h1_server_inbound_ops;
/* For the pump: the whole answer was handed to the connection. */
void h1_server_sent(void *arg);

#endif
