/* The control stream of one HA connection: registers, sends the local configuration, unregisters.
 */
#ifndef CULVERT_CONNECTOR_CONTROL_STREAM_H
#define CULVERT_CONNECTOR_CONTROL_STREAM_H

#include "culvert/http/inbound.h"
#include "culvert/net/loop.h"
#include "culvert/observe/tunnel_metrics.h"
#include "culvert/rpc/registration_client.h"

struct control_stream;

struct control_stream_options {
    const struct registration_params *params; /* borrowed for the call */
    struct span local_configuration; /* JSON, borrowed as long as the stream; empty: none is sent */
    uint64_t rpc_timeout_ms;         /* register, update of the local configuration */
    struct tunnel_metrics *metrics;  /* borrowed */
};

struct control_stream_events {
    void (*on_registered)(void *arg, const struct connection_details *details);
    void (*on_refused)(void *arg, const struct registration_refusal *refusal);
    /* The edge knows that we leave (or did not say so in time). */
    void (*on_unregistered)(void *arg);
    /* The stream is over, by whatever cause but a refusal, also after on_unregistered; the last
     * event. */
    void (*on_ended)(void *arg, const struct error *why);
};

/* Takes `in` over in every case, answers it and sends the registration. Events come in later turns.
 * NULL: `err`. */
struct control_stream *control_stream_start(struct loop *loop, struct inbound *in,
                                            const struct control_stream_options *options,
                                            const struct control_stream_events *events, void *arg,
                                            struct error *err);

/* Tells the edge that we leave; on_unregistered follows, after `limit_ms` at the latest. */
void control_stream_unregister(struct control_stream *control, uint64_t limit_ms);

/* Takes leave and lets go; no event follows. NULL is allowed. */
void control_stream_close(struct control_stream *control);

#endif
