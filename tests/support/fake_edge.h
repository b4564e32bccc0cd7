/* An edge in the test's own loop that answers registrations by a script: the second party for what
 * a connector does when the edge is not kind. */
#ifndef CULVERT_TESTS_SUPPORT_FAKE_EDGE_H
#define CULVERT_TESTS_SUPPORT_FAKE_EDGE_H

#include "culvert/http/h2_session.h"
#include "culvert/proxy/opener.h"
#include "culvert/rpc/registration_server.h"
#include "support/memory_sockets.h"
#include "support/rpc_faults.h"

enum { FAKE_EDGE_CONNECTIONS_MAX = 64 };

enum fake_edge_kind {
    FAKE_EDGE_ACCEPT,
    FAKE_EDGE_REFUSE,
    FAKE_EDGE_IGNORE,     /* never answers the call */
    FAKE_EDGE_NO_CONTROL, /* never opens the control stream */
    FAKE_EDGE_CLOSE,      /* closes at once */
    FAKE_EDGE_HOLD,       /* keeps the connection and says nothing, or `text` only */
};

struct fake_edge_answer {
    enum fake_edge_kind kind;
    const char *cause;
    bool should_retry;
    uint64_t retry_after_ms;
    const struct rpc_fault *fault; /* said on the control stream; NULL: none */
    bool fault_first;              /* as soon as it is open, else behind the registration */
    bool deaf;                     /* reads nothing of the control stream */
    const char *text;              /* in place of HTTP/2 */
};

struct fake_edge_connection {
    struct fake_edge *edge;
    struct h2_session *session; /* NULL: over */
    struct conn *held;          /* of FAKE_EDGE_HOLD */
    struct outbound *control;
    struct registration_server *rpc;
    struct body out;
    struct body *in;
    const struct fake_edge_answer *answer;
    uint64_t came_ms; /* when it was accepted */
    uint8_t index, attempts;
    bool asked; /* it asked to register */
    bool registered, unregistered, configured;
    bool heard_goaway;
    bool over;
    struct opener opener; /* opens streams on it */
};

struct fake_edge {
    struct loop *loop;
    struct memory_sockets *memory;
    const struct fake_edge_answer *answers; /* one a registration, the last for all further */
    size_t answer_count;
    bool manages;    /* says so to who registers: it will push the rules */
    bool keeps_open; /* does not close connections that unregistered */
    struct fake_edge_connection connections[FAKE_EDGE_CONNECTIONS_MAX];
    size_t count;
};

/* Serves `at` in memory by `answers` (borrowed). */
void fake_edge_open(struct fake_edge *edge, struct loop *loop, struct memory_sockets *memory,
                    const char *at);
/* Serves `at` again, after something else did. */
void fake_edge_serve(struct fake_edge *edge, const char *at);
void fake_edge_follow(struct fake_edge *edge, const struct fake_edge_answer *answers, size_t count);

/* How many are registered and not over. */
size_t fake_edge_registered(const struct fake_edge *edge);

void fake_edge_goaway(struct fake_edge *edge, size_t connection);
void fake_edge_end_control(struct fake_edge *edge, size_t connection);
void fake_edge_drop(struct fake_edge *edge, size_t connection);

/* Closes everything; turn the loop once more before it is freed. */
void fake_edge_close(struct fake_edge *edge);

#endif
