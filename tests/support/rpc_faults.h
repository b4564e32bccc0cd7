/* What a hostile peer may say on a control stream: whole messages that have no business there, and
 * bytes that are none. Both ends are held against all of it. */
#ifndef CULVERT_TESTS_SUPPORT_RPC_FAULTS_H
#define CULVERT_TESTS_SUPPORT_RPC_FAULTS_H

#include "culvert/base/buf.h"

struct rpc_fault {
    const char *name;
    void (*write)(struct buf *out, uint32_t number); /* one message; NULL: `bytes` */
    struct span bytes;
    uint32_t times;
    bool ends_connector; /* the connector gives the stream up; else it goes on as if nothing was */
    bool ends_edge;      /* likewise the edge */
    bool unregisters;    /* behind a registration the edge takes it for a farewell */
};

enum { RPC_FAULT_BYTES_MAX = 8 * 1024 * 1024 };

/* All of them, ending with a NULL name. */
extern const struct rpc_fault rpc_faults[];

/* Bytes of one message of it. */
size_t rpc_fault_size(const struct rpc_fault *fault);

/* Appends what the fault says, `times` times. */
void rpc_fault_write(const struct rpc_fault *fault, struct buf *out);

#endif
