/* The edge's side of a control stream: takes the registration of one HA connection, its local
 * configuration and its unregistration, and leaves the decisions to its owner. Pure: bytes in,
 * bytes and events out; no timers. */
#ifndef CULVERT_RPC_REGISTRATION_SERVER_H
#define CULVERT_RPC_REGISTRATION_SERVER_H

#include "culvert/rpc/registration.h"

struct registration_server;

/* Bytes of one message before the registration is accepted: who is no one yet must not make us
 * hold much. A registration takes below 1 KiB. */
enum { REGISTRATION_STRANGER_MAX = 16 * 1024 };

/* None may free the server; all but `send` may call any other function of it. What they are given
 * is borrowed for the call. */
struct registration_server_events {
    /* Bytes for the stream, whole messages; what a connector can make us send is bounded by what
     * it sends, so the owner stops reading while its output is full. */
    void (*send)(void *arg, struct span bytes);
    /* A connection wants to register: answer with accept or refuse, now or later. Comes once. */
    void (*on_register)(void *arg, const struct registration_params *params);
    /* JSON of an accepted connection; it is answered when this returns. */
    void (*on_local_configuration)(void *arg, struct span json);
    /* Take the connection out of the routing, then call registration_server_unregistered. */
    void (*on_unregister)(void *arg);
    /* The connector took leave with an Abort, after unregistering or without. The last event. */
    void (*on_closed)(void *arg, struct span reason);
    /* The connector broke the protocol or memory is out; an Abort was sent. The last event. */
    void (*on_failed)(void *arg, const struct error *err);
};

/* `events` and `arg` are borrowed until the free. NULL: out of memory. */
struct registration_server *registration_server_new(const struct registration_server_events *events,
                                                    void *arg);

/* What the connector sent, in pieces of any size. Nothing happens after a last event or close. */
void registration_server_feed(struct registration_server *server, struct span bytes);

/* Answers. Without effect, and true, when the stream has ended meanwhile. False: there is nothing
 * to answer (ERROR_INVALID), or the answer could not be sent (LIMIT, SYSTEM): close the stream. */
bool registration_server_accept(struct registration_server *server,
                                const struct connection_details *details,
                                struct error *err) MUST_CHECK;
bool registration_server_refuse(struct registration_server *server,
                                const struct registration_refusal *refusal,
                                struct error *err) MUST_CHECK;
bool registration_server_unregistered(struct registration_server *server,
                                      struct error *err) MUST_CHECK;

/* Sends an Abort with that reason; no event comes any more. May be called twice, and from inside of
 * an event. */
void registration_server_close(struct registration_server *server, struct span reason);

/* NULL is allowed. */
void registration_server_free(struct registration_server *server);

#endif
