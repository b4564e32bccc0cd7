/* A control stream without a stream. */
#include "support/rpc_wire.h"

#include "harness.h"
#include "support/rpc_vector.h"

void rpc_wire_init(struct rpc_wire *wire)
{
    *wire = (struct rpc_wire){.bytes = BUF_LIMIT(4 << 20)};
    frame_init(&wire->frame);
}

void rpc_wire_release(struct rpc_wire *wire)
{
    frame_release(&wire->frame);
    buf_release(&wire->bytes);
}

void rpc_wire_put(struct rpc_wire *wire, struct span bytes)
{
    CHECK(buf_put_span(&wire->bytes, bytes));
}

void rpc_wire_put_message(struct rpc_wire *wire, const struct rpc_message *message)
{
    struct capnp_writer writer;
    struct span bytes = SPAN_NONE;
    CHECK(rpc_message_encode(message, &writer, &bytes, NULL));
    rpc_wire_put(wire, bytes);
    capnp_write_release(&writer);
}

void rpc_wire_put_vector(struct rpc_wire *wire, const char *name)
{
    CHECK_CASE(rpc_vector_bytes(name, &wire->bytes), "no vector %s", name);
}

struct span rpc_wire_take_some(struct rpc_wire *wire, size_t most)
{
    struct span bytes = span_first(span_skip(buf_span(&wire->bytes), wire->taken), most);
    wire->taken += bytes.len;
    return bytes;
}

struct span rpc_wire_take(struct rpc_wire *wire)
{
    return rpc_wire_take_some(wire, SIZE_MAX);
}

struct rpc_message rpc_wire_next(struct rpc_wire *wire)
{
    struct rpc_message message = {.kind = RPC_OTHER};
    struct span rest = span_skip(buf_span(&wire->bytes), wire->taken);
    struct span bytes;
    if (frame_take(&wire->frame, &rest, &bytes, NULL) == FRAME_MESSAGE)
        CHECK(rpc_message_decode(bytes, &wire->reader, &message, NULL));
    wire->taken = wire->bytes.len - rest.len;
    return message;
}

bool rpc_wire_is_empty(const struct rpc_wire *wire)
{
    return wire->taken == wire->bytes.len;
}
