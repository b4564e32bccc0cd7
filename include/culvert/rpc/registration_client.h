/* The connector's side of a control stream: registers one HA connection at the edge, sends the
 * local configuration, unregisters. Pure: bytes in, bytes and events out; no timers, so deadlines
 * live in the caller, which ends them with registration_client_shutdown. */
#ifndef CULVERT_RPC_REGISTRATION_CLIENT_H
#define CULVERT_RPC_REGISTRATION_CLIENT_H

#include "culvert/rpc/registration.h"

struct registration_client;

/* None may free the client; all but `send` may call any other function of it. What they are given
 * is borrowed for the call. */
struct registration_client_events {
    /* Bytes for the stream, whole messages. They may hold the tunnel secret. */
    void (*send)(void *arg, struct span bytes);
    void (*on_registered)(void *arg, const struct connection_details *details);
    /* Exceptions, cancellations and answers that we do not know come here too, with should_retry
     * true and words of ours. Call shutdown next. `retry_after_ns` is never negative. */
    void (*on_refused)(void *arg, const struct registration_refusal *refusal);
    /* `err` is NULL when the edge took it; else it is only worth a log line. */
    void (*on_local_configuration_done)(void *arg, const struct error *err);
    /* The edge sends no new streams. `err`: it said something else than "done"; it is over anyway.
     */
    void (*on_unregistered)(void *arg, const struct error *err);
    /* The stream is to be given up: the edge sent an Abort (ERROR_NETWORK) or broke the protocol
     * (then an Abort was sent), or memory is out. The last event. */
    void (*on_failed)(void *arg, const struct error *err);
};

/* `events` and `arg` are borrowed until the free. NULL: out of memory. */
struct registration_client *registration_client_new(const struct registration_client_events *events,
                                                    void *arg);

/* What the edge sent, in pieces of any size. Nothing happens after shutdown or on_failed. */
void registration_client_feed(struct registration_client *client, struct span bytes);

/* Each sends a call whose end is an event. False: nothing was sent, since it is not the time for it
 * (ERROR_INVALID: register comes once and first, the others after on_registered, each once at a
 * time), or the message would be too large (ERROR_LIMIT), or memory is out. */
bool registration_client_register(struct registration_client *client,
                                  const struct registration_params *params,
                                  struct error *err) MUST_CHECK;
bool registration_client_update_local_configuration(struct registration_client *client,
                                                    struct span json, struct error *err) MUST_CHECK;
bool registration_client_unregister(struct registration_client *client,
                                    struct error *err) MUST_CHECK;

/* Gives up open questions and takes leave with an Abort (nothing if register was never called); no
 * event comes any more. The stream may be ended behind it. May be called twice, and from inside of
 * an event. */
void registration_client_shutdown(struct registration_client *client);

/* NULL is allowed. */
void registration_client_free(struct registration_client *client);

#endif
