/* An edge that speaks HTTP/2 by hand over one HA connection: it says what no library would, and
 * notes each frame that comes back. It opens a control stream only if asked to. */
#ifndef CULVERT_TESTS_SUPPORT_RAW_EDGE_H
#define CULVERT_TESTS_SUPPORT_RAW_EDGE_H

#include "culvert/http/headers.h"
#include "culvert/net/conn.h"
#include "support/h2_wire.h"
#include "support/memory_sockets.h"

struct nghttp2_hd_inflater;
struct registration_server;

enum { RAW_ANSWERS_MAX = 192, RAW_BYTES_MAX = 16 * 1024 * 1024 };

/* What came on one stream. */
struct raw_answer {
    uint32_t stream;
    struct headers
        heads[3];        /* HEADERS frames in their order, trailers too; further ones are lost */
    uint64_t head_ms[3]; /* when each came */
    size_t head_count;
    struct buf data;
    uint64_t first_data_ms; /* 0: none came */
    bool ended;             /* END_STREAM */
    bool reset;             /* RST_STREAM */
    uint64_t over_ms;       /* when it ended or was reset */
    uint32_t code;          /* of the reset, the first one */
    /* Toward the connector: */
    struct buf queue; /* bytes of the body that wait for a window */
    int64_t window;
    bool ends; /* behind the queue */
};

struct raw_edge {
    struct loop *loop;
    struct conn *conn; /* NULL: nobody came, or over */
    struct nghttp2_hd_inflater *inflater;
    struct buf block; /* of a head that is not whole yet */
    bool goaway;      /* heard */
    int64_t window;
    int64_t first_window;            /* of a new stream */
    struct registration_server *rpc; /* NULL: no control stream */
    struct raw_answer *control;
    struct raw_answer answers[RAW_ANSWERS_MAX];
    size_t count;
};

/* Serves `at` in memory; the first connection is kept, others are closed at once. */
void raw_edge_open(struct raw_edge *edge, struct loop *loop, struct memory_sockets *memory,
                   const char *at);

/* Opens a control stream and accepts the registration that comes over it: without one a connector
 * gives the connection up after some seconds. Once, before any request. */
void raw_edge_register(struct raw_edge *edge);

/* Sends a head of any bytes; `ends`: with END_STREAM. The answer lives as long as the edge. */
struct raw_answer *raw_edge_ask(struct raw_edge *edge, const struct headers *fields, bool ends);

/* Bytes of the body, as the windows allow; then perhaps END_STREAM, for which `trailers` (NULL:
 * none) may stand. */
void raw_edge_put(struct raw_edge *edge, struct raw_answer *answer, struct span bytes, bool ends);
void raw_edge_trailers(struct raw_edge *edge, struct raw_answer *answer,
                       const struct headers *trailers);
void raw_edge_reset(struct raw_edge *edge, struct raw_answer *answer, uint32_t code);

void raw_edge_close(struct raw_edge *edge);

#endif
