/* A TCP origin as the recordings had it: says "BANNER\n", answers what comes with "echo:" in front;
 * "quit" makes it close, "half" end its side. */
#ifndef CULVERT_TESTS_SUPPORT_BYTE_ORIGIN_H
#define CULVERT_TESTS_SUPPORT_BYTE_ORIGIN_H

#include "culvert/base/buf.h"
#include "culvert/net/conn.h"
#include "support/memory_sockets.h"

enum { BYTE_ORIGIN_MAX = 8 };

struct byte_origin;

struct byte_origin_end {
    struct byte_origin *origin;
    struct conn *conn; /* NULL: closed */
    bool half;         /* it ended its side */
};

struct byte_origin {
    struct loop *loop;
    struct byte_origin_end ends[BYTE_ORIGIN_MAX];
    size_t accepted, open;
    struct buf got; /* of all connections */
};

/* Serves `at` in memory. */
void byte_origin_open(struct byte_origin *origin, struct loop *loop, struct memory_sockets *memory,
                      const char *at);
void byte_origin_close(struct byte_origin *origin);

#endif
