/* The messages of the Cap'n Proto RPC protocol that we speak (capnproto.org/rpc.html, level 1
 * without capabilities in parameters), as plain structs. What is decoded borrows from the bytes. */
#ifndef CULVERT_RPC_MESSAGE_H
#define CULVERT_RPC_MESSAGE_H

#include "culvert/rpc/capnp_read.h"
#include "culvert/rpc/capnp_write.h"

/* The tags of the wire. */
enum rpc_kind {
    RPC_UNIMPLEMENTED = 0,
    RPC_ABORT = 1,
    RPC_CALL = 2,
    RPC_RETURN = 3,
    RPC_FINISH = 4,
    RPC_RELEASE = 6,
    RPC_BOOTSTRAP = 8,
    RPC_OTHER = 1 << 16, /* any other tag; decoded only */
};

enum rpc_exception_type {
    RPC_EXCEPTION_FAILED = 0,
    RPC_EXCEPTION_OVERLOADED = 1,
    RPC_EXCEPTION_DISCONNECTED = 2,
    RPC_EXCEPTION_UNIMPLEMENTED = 3,
};

struct rpc_exception {
    uint16_t type; /* enum rpc_exception_type, or a number we do not know */
    struct span reason;
};

enum rpc_target_kind {
    RPC_TARGET_CAPABILITY = 0, /* importedCap: a capability that the receiver exports */
    RPC_TARGET_ANSWER = 1,     /* promisedAnswer: what a question will return */
};

struct rpc_target {
    uint16_t kind;      /* enum rpc_target_kind, or a number we do not know */
    uint32_t id;        /* the receiver's export, or the sender's question */
    bool has_transform; /* meant is a part of the answer, not all of it; decoded only */
};

/* Parameters or results: a struct, or one capability that the sender hosts. */
struct rpc_payload {
    bool is_capability;
    uint32_t capability; /* the sender's export */
    /* Decoded: the struct, and how many capabilities came with it. */
    struct capnp_struct content;
    size_t capability_count;
    /* Encoded: `write` puts the struct made from `value` into pointer field 0 of `payload`. */
    void (*write)(struct capnp_writer *writer, struct capnp_place payload, const void *value);
    const void *value;
};

struct rpc_call {
    uint32_t question;
    struct rpc_target target;
    uint64_t interface_id;
    uint16_t method;
    uint16_t results_to; /* 0: the caller, the only place we know */
    struct rpc_payload params;
};

enum rpc_outcome { RPC_RESULTS = 0, RPC_EXCEPTION = 1, RPC_CANCELED = 2 };

struct rpc_return {
    uint32_t answer;
    bool release_params;            /* the caller's capabilities in the parameters are let go */
    uint16_t outcome;               /* enum rpc_outcome, or a number we do not know */
    struct rpc_payload results;     /* of RPC_RESULTS */
    struct rpc_exception exception; /* of RPC_EXCEPTION */
};

/* What is told of a message that was not understood: enough for its sender to know it again. */
struct rpc_unknown {
    uint16_t tag;
    uint32_t id; /* the first number of its body: most kinds have their question there */
};

struct rpc_message {
    enum rpc_kind kind;
    union {
        struct rpc_unknown unimplemented; /* that of the other side, sent back to it */
        struct rpc_exception abort;
        struct rpc_call call;
        struct rpc_return ret;
        struct {
            uint32_t question;
            bool release_results;
        } finish;
        struct {
            uint32_t id;
            uint32_t count;
        } release;
        struct {
            uint32_t question;
        } bootstrap;
        struct rpc_unknown other;
    };
};

/* Decodes one whole message with its framing. `message` borrows from `bytes` and `reader`. False
 * (ERROR_PROTOCOL): not a message; a kind that we do not know is no error. */
bool rpc_message_decode(struct span bytes, struct capnp_message *reader,
                        struct rpc_message *message, struct error *err) MUST_CHECK;

/* Encodes with framing. `bytes` is borrowed from `writer`, which the caller releases in every
 * case. False: over FRAME_MESSAGE_MAX (ERROR_LIMIT) or out of memory. */
bool rpc_message_encode(const struct rpc_message *message, struct capnp_writer *writer,
                        struct span *bytes, struct error *err) MUST_CHECK;

#endif
