/* What one worker serves of a visitor listener: HTTP/1.1 and HTTP/2, in clear (with prior
 * knowledge) or over TLS. The head accepts: see front_door. */
#ifndef CULVERT_EDGE_PUBLIC_SERVER_H
#define CULVERT_EDGE_PUBLIC_SERVER_H

#include "culvert/edge/handover.h"
#include "culvert/edge/visitor_request.h"
#include "culvert/http/h1_server.h"

struct public_server;

enum {
    /* Of one listener that did not begin to speak; then the oldest goes. Each worker has its part
     * of it. */
    PUBLIC_OPENING_MAX = 4000,
    PUBLIC_OPENING_SHARE_MIN = 1000, /* of each worker: one may serve the tunnel of all visitors */
    PUBLIC_SHED_LOOKS =
        64, /* busy connections that are passed over in the search for an idle one */
    PUBLIC_TLS_MS = 10 * 1000,
    PUBLIC_PREFACE_MS = 10 * 1000, /* for the bytes that tell HTTP/1.1 from HTTP/2 */
    PUBLIC_STREAMS_MAX = 128,      /* of one visitor's HTTP/2 connection */
    PUBLIC_HEAD_MAX = 64 * 1024,   /* bytes of a request head */
    PUBLIC_ABUSE_LOG_MS = 1000,    /* between two log lines about abuse */
};

struct public_server_options {
    struct edge_worker *worker; /* borrowed, as all of it */
    struct tls_context *tls;    /* NULL: in clear */
    struct h1_patience patience;
    /* One more than is allowed in total comes: lets an idle one go. False: all are busy, and the
     * new one goes. */
    bool (*give_way)(void *arg);
    /* A connection is gone, its requests too; not after public_server_close. */
    void (*on_over)(void *arg);
    /* A visitor ran into a limit on what it may cost; for counting. */
    void (*on_abuse)(void *arg, enum abuse abuse);
    void *arg;
};

/* The caller owns it. NULL: memory. */
struct public_server *public_server_new(const struct public_server_options *options);

/* Serves the connection, and gives it back when its descriptor is closed. */
void public_server_take(struct public_server *server, struct handover *handover);

/* Open connections end with the request in hand. */
void public_server_drain(struct public_server *server);

/* Ends the connection that is idle for the longest. False: all seem to be busy. */
bool public_server_shed(struct public_server *server);

/* Connections that are served. */
size_t public_server_open(const struct public_server *server);

/* Closes all; the memory goes at the end of the turn. NULL is allowed. */
void public_server_close(struct public_server *server);

#endif
