/* The part of an RPC connection that has no opinion on what is called. */
#include "peer.h"

void peer_init(struct peer *peer, const struct peer_events *events, void *arg)
{
    *peer = (struct peer){.events = events, .arg = arg};
    frame_init(&peer->frame);
}

static bool handle(struct peer *peer, struct span bytes, struct error *err)
{
    struct capnp_message reader;
    struct rpc_message message;
    if (!rpc_message_decode(bytes, &reader, &message, err))
        return false;
    if (message.kind == RPC_OTHER)
        return peer_send_unimplemented(peer, message.other, err);
    return peer->events->on_message(peer->arg, &message, err);
}

bool peer_feed(struct peer *peer, struct span bytes, struct error *err)
{
    enum frame_result result = FRAME_MESSAGE;
    struct span message;
    bool ok = true;
    while (ok && result == FRAME_MESSAGE && !peer->is_over) {
        result = frame_take(&peer->frame, &bytes, &message, err);
        ok = result != FRAME_BROKEN;
        if (result == FRAME_MESSAGE)
            ok = handle(peer, message, err);
    }
    if (!ok)
        peer_abort(peer, err ? span_of(err->text) : SPAN_NONE);
    if (peer->is_over)
        frame_release(&peer->frame);
    return ok;
}

bool peer_send(struct peer *peer, const struct rpc_message *message, struct error *err)
{
    if (peer->is_over)
        return true;
    struct capnp_writer writer;
    struct span bytes;
    bool ok = rpc_message_encode(message, &writer, &bytes, err);
    if (ok)
        peer->events->send(peer->arg, bytes);
    capnp_write_release(&writer);
    return ok;
}

bool peer_send_exception(struct peer *peer, uint32_t question, struct rpc_exception exception,
                         struct error *err)
{
    struct rpc_message message = {
        .kind = RPC_RETURN,
        .ret = {.answer = question, .outcome = RPC_EXCEPTION, .exception = exception},
    };
    return peer_send(peer, &message, err);
}

bool peer_send_unimplemented(struct peer *peer, struct rpc_unknown unknown, struct error *err)
{
    struct rpc_message message = {.kind = RPC_UNIMPLEMENTED, .unimplemented = unknown};
    return peer_send(peer, &message, err);
}

void peer_abort(struct peer *peer, struct span reason)
{
    struct rpc_message message = {.kind = RPC_ABORT, .abort = {.reason = reason}};
    /* The stream ends anyway; that the last word could not be said changes nothing. */
    (void)!peer_send(peer, &message, NULL);
    peer->is_over = true;
}

void peer_release(struct peer *peer)
{
    frame_release(&peer->frame);
}
