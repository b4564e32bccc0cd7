/* The visitor listeners: HTTP/1.1 and HTTP/2, in clear (with prior knowledge) and over TLS. */
#ifndef CULVERT_EDGE_PUBLIC_SERVER_H
#define CULVERT_EDGE_PUBLIC_SERVER_H

#include "culvert/edge/admission.h"
#include "culvert/edge/visitor_request.h"
#include "culvert/http/h1_server.h"
#include "culvert/net/listener.h"

struct public_server;

enum {
    PUBLIC_ACCEPTED_MAX = 1000 * 1000, /* the admission is asked first */
    PUBLIC_OPENING_MAX = 4000,         /* that did not begin to speak; then the oldest goes */
    PUBLIC_SHED_LOOKS =
        64, /* busy connections that are passed over in the search for an idle one */
    PUBLIC_TLS_MS = 10 * 1000,
    PUBLIC_PREFACE_MS = 10 * 1000, /* for the bytes that tell HTTP/1.1 from HTTP/2 */
    PUBLIC_STREAMS_MAX = 128,      /* of one visitor's HTTP/2 connection */
    PUBLIC_HEAD_MAX = 64 * 1024,   /* bytes of a request head */
    PUBLIC_ABUSE_LOG_MS = 1000,    /* between two log lines about abuse */
};

struct public_server_options {
    struct loop *loop;
    const struct ip_address *at;
    struct tls_context *tls;           /* borrowed; NULL: in clear */
    struct visitor_requests *requests; /* borrowed */
    struct budget *budget;
    struct h1_patience patience;
    struct admission *admission; /* shared by all listeners of visitors */
    /* One more than is allowed in total was let in: lets an idle one go. False: all are busy, and
     * the new one goes. */
    bool (*give_way)(void *arg);
    /* A connection is gone, its requests too; not after public_server_close. */
    void (*on_over)(void *arg);
    /* A visitor ran into a limit on what it may cost; for counting. */
    void (*on_abuse)(void *arg, enum abuse abuse);
    void *arg;
};

/* Listens at once. The caller owns it. NULL: `err`. */
struct public_server *public_server_new(const struct public_server_options *options,
                                        struct error *err);
void public_server_address(const struct public_server *server, struct ip_address *at);

/* No new connections; open ones end with the request in hand. */
void public_server_drain(struct public_server *server);

/* Ends the connection that is idle for the longest. False: all seem to be busy. */
bool public_server_shed(struct public_server *server);

/* Connections that are served. */
size_t public_server_open(const struct public_server *server);

/* Closes all; the memory goes at the end of the turn. NULL is allowed. */
void public_server_close(struct public_server *server);

#endif
