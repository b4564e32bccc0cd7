/* What both ends of a control stream do alike: cut the stream into messages, answer unknown kinds,
 * abort when the other side breaks the protocol. Used by registration_client and _server. */
#ifndef CULVERT_RPC_PEER_H
#define CULVERT_RPC_PEER_H

#include "culvert/rpc/frame.h"
#include "culvert/rpc/message.h"

struct peer_events {
    void (*send)(void *arg, struct span bytes);
    /* A message of a kind that we know, borrowed for the call. False: give the stream up. */
    bool (*on_message)(void *arg, const struct rpc_message *message, struct error *err);
};

struct peer {
    struct frame frame;
    const struct peer_events *events;
    void *arg;
    bool is_over; /* nothing is read or sent any more */
};

/* `events` and `arg` are borrowed until the release. */
void peer_init(struct peer *peer, const struct peer_events *events, void *arg);

/* Handles every whole message in what has come so far. False: an Abort was sent and the peer is
 * over. */
bool peer_feed(struct peer *peer, struct span bytes, struct error *err) MUST_CHECK;

/* Sends one message; nothing once the peer is over. False: it is over the limit or memory is out.
 */
bool peer_send(struct peer *peer, const struct rpc_message *message, struct error *err) MUST_CHECK;

/* Answers a question with an exception in our words. */
bool peer_send_exception(struct peer *peer, uint32_t question, struct rpc_exception exception,
                         struct error *err) MUST_CHECK;

/* Says that a message was not understood. */
bool peer_send_unimplemented(struct peer *peer, struct rpc_unknown unknown,
                             struct error *err) MUST_CHECK;

/* Sends an Abort, if nothing is in its way, and is over. May be called from inside of peer_feed. */
void peer_abort(struct peer *peer, struct span reason);

void peer_release(struct peer *peer);

#endif
