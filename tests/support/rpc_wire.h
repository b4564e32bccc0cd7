/* One direction of a control stream in memory: bytes go in, or messages to be encoded; messages
 * come out. */
#ifndef CULVERT_TESTS_SUPPORT_RPC_WIRE_H
#define CULVERT_TESTS_SUPPORT_RPC_WIRE_H

#include "culvert/rpc/frame.h"
#include "culvert/rpc/message.h"

struct rpc_wire {
    struct buf bytes; /* all that was ever put in */
    size_t taken;     /* so many of them were taken out */
    struct frame frame;
    struct capnp_message reader;
};

void rpc_wire_init(struct rpc_wire *wire);
void rpc_wire_release(struct rpc_wire *wire);

/* Both fail the test when it cannot be. */
void rpc_wire_put(struct rpc_wire *wire, struct span bytes);
void rpc_wire_put_message(struct rpc_wire *wire, const struct rpc_message *message);
/* The bytes of a recorded message. */
void rpc_wire_put_vector(struct rpc_wire *wire, const char *name);

/* The bytes not taken yet (at most `most` of them), now taken. Borrowed until the next put. */
struct span rpc_wire_take(struct rpc_wire *wire);
struct span rpc_wire_take_some(struct rpc_wire *wire, size_t most);

/* The next message, borrowed until the next call; its kind is RPC_OTHER when there is none. */
struct rpc_message rpc_wire_next(struct rpc_wire *wire);

/* Are all messages taken? */
bool rpc_wire_is_empty(const struct rpc_wire *wire);

#endif
