/* The recorded control stream messages of tests/vectors/rpc: their bytes, and the messages that the
 * JSON beside them describes. */
#ifndef CULVERT_TESTS_SUPPORT_RPC_VECTOR_H
#define CULVERT_TESTS_SUPPORT_RPC_VECTOR_H

#include "culvert/base/buf.h"
#include "culvert/rpc/message.h"
#include "culvert/rpc/registration.h"

struct doc;

struct rpc_vector {
    struct buf bytes; /* of NAME.hex */
    struct doc *doc;  /* of NAME.json; `message` borrows from it */
    struct rpc_message message;
    struct registration_params params;
    struct registration_result result;
    struct span json;
    struct buf secret;
    struct buf local_ip;
};

/* The names of all single messages, without their endings. Ends with NULL. */
extern const char *const rpc_vector_names[];

/* Loads "03-register.connector". False after a failed check. Release it in every case. */
bool rpc_vector_load(struct rpc_vector *vector, const char *name);
void rpc_vector_release(struct rpc_vector *vector);

/* Appends the bytes of tests/vectors/rpc/NAME.hex. */
bool rpc_vector_bytes(const char *name, struct buf *bytes);

#endif
