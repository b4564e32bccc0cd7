/* A visitor of the play for faults: one request, over HTTP/1.1 or HTTP/2, and what came of it. */
#ifndef CULVERT_TESTS_SUPPORT_FAULT_GUEST_H
#define CULVERT_TESTS_SUPPORT_FAULT_GUEST_H

#include "culvert/http/h2_session.h"
#include "support/split_ends.h"

struct fault_request {
    const char *place, *host, *method, *path;
    size_t posted; /* bytes of the pattern */
    bool over_h2;
    bool is_websocket;  /* what is posted comes back behind 101 */
    const char *cookie; /* NULL: none; over HTTP/1.1 only */
};

struct fault_guest {
    const struct fault_request *request;
    struct loop *loop;
    bool ended; /* the other side, or what was to come */
    int status; /* 0: no whole head */
    bool whole; /* the answer */
    struct buf body;
    /* Over HTTP/1.1: */
    struct conn *conn;
    struct buf got;
    /* Over HTTP/2: */
    struct h2_session *session;
    struct outbound *out;
    struct body posted, *answer;
};

/* Sends the request. False: nobody listens there. */
bool fault_guest_open(struct fault_guest *guest, struct split_ends *ends,
                      const struct fault_request *request);

/* Reads what came. True: it is whole, or no more will come. For split_ends_until. */
bool fault_guest_is_over(void *guest);

/* Leaves; turn the loop once more before the guest goes. */
void fault_guest_close(struct fault_guest *guest);

#endif
