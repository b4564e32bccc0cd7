/* An origin in the test's own loop that takes raw bytes and follows a script for each request. */
#ifndef CULVERT_TESTS_SUPPORT_FAKE_ORIGIN_H
#define CULVERT_TESTS_SUPPORT_FAKE_ORIGIN_H

#include "culvert/base/buf.h"
#include "culvert/net/conn.h"
#include "support/memory_sockets.h"

enum {
    FAKE_REQUESTS_MAX = 64,
    FAKE_CONNECTIONS_MAX = 16,
    FAKE_STEPS_MAX = 12,
    FAKE_BYTES_MAX = 16 * 1024 * 1024,
};

enum fake_action {
    FAKE_END,    /* of the script; the connection stays as it is */
    FAKE_SEND,   /* text, `number` bytes a turn (0: all at once) */
    FAKE_STREAM, /* `number` bytes of the pattern, as fast as the connection takes them */
    FAKE_SLEEP,  /* `number` milliseconds */
    FAKE_AWAIT,  /* `number` bytes of the body, or `timeout_ms` (0: for ever) */
    FAKE_SUFFIX, /* the body ends with text */
    FAKE_ECHO,   /* what comes goes back, for `number` milliseconds; 0: until the other end ends */
    FAKE_HEAR,   /* the end of its side */
    FAKE_FINISH, /* ends our side, and goes on reading */
    FAKE_CLOSE,  /* after everything was sent */
    FAKE_DROP,   /* ends the connection under TLS without a word (no close_notify) */
    FAKE_RESET,  /* so that the other end reads ECONNRESET */
};

struct fake_step {
    enum fake_action action;
    struct span text; /* borrowed */
    uint64_t number;
    uint64_t timeout_ms;
};

struct fake_script {
    struct fake_step steps[FAKE_STEPS_MAX];
};

struct fake_request {
    size_t connection; /* which one it came over, from 0 */
    struct buf head;   /* exact bytes, with the empty line */
    struct buf body;   /* raw, chunk framing included */
};

struct fake_connection {
    struct fake_origin *origin;
    struct conn *conn; /* NULL: closed by us */
    struct buf input;
    struct fake_request *request; /* in hand */
    const struct fake_step *step; /* NULL: none */
    size_t sent;                  /* of the step */
    size_t echoed;                /* of the body */
    bool slept;                   /* the step's time is over */
    bool peer_closed;
    struct timer sleep;
    struct task run;
    struct task again; /* once this turn's output is out */
};

struct fake_origin {
    struct loop *loop;
    struct memory_sockets *memory;
    struct tls_context *tls;           /* borrowed; NULL: in clear */
    bool deaf;                         /* reads nothing */
    const struct fake_script *scripts; /* one for each request, the last one for all further */
    size_t script_count;
    struct fake_connection connections[FAKE_CONNECTIONS_MAX];
    size_t connection_count;
    struct fake_request requests[FAKE_REQUESTS_MAX];
    size_t request_count;
};

/* Serves the address or "unix:/path" in `memory` by `scripts` (borrowed). */
void fake_origin_open(struct fake_origin *origin, struct loop *loop, struct memory_sockets *memory,
                      const char *at);
void fake_origin_follow(struct fake_origin *origin, const struct fake_script *scripts,
                        size_t count);

/* The fake's own accept function, to be put at further addresses; `arg` is the fake. */
void fake_origin_accept(void *arg, int fd);

/* Closes its end of a connection now. */
void fake_origin_hang_up(struct fake_origin *origin, size_t connection);

/* The whole of a chunked body that was received raw; false: it is none. */
bool fake_request_dechunk(const struct fake_request *request, struct buf *out);

/* Closes everything; the loop must turn once more before it is freed. */
void fake_origin_close(struct fake_origin *origin);

#endif
