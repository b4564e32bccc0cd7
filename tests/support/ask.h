/* A request to an opener, and what came of it. */
#ifndef CULVERT_TESTS_SUPPORT_ASK_H
#define CULVERT_TESTS_SUPPORT_ASK_H

#include "culvert/proxy/opener.h"

struct ask {
    struct request_head head; /* change it before ask_send */
    struct body body;
    bool holds;        /* leaves the answer's body in its channel */
    bool closes_first; /* closes the outbound from within on_answer */
    bool upgrades;     /* takes the answer for an accepted upgrade; one of 101 is */
    struct outbound *out;
    /* What came: */
    size_t informs, halves; /* halves: one direction of an upgrade ended */
    int inform_status;
    int status;               /* 0: no head */
    struct response_head got; /* of it */
    struct body *from;        /* the answer's body; NULL: none */
    struct buf text;          /* what was taken out of it */
    struct headers trailers;
    bool done, failed;
    struct error why;
    size_t ends; /* on_done and on_failed together: never more than one */
};

/* Without a body and with the authority "app.test". */
void ask_init(struct ask *ask, const char *method, const char *target);
void ask_field(struct ask *ask, const char *name, const char *value);

/* A body follows; LENGTH_UNKNOWN is allowed. */
void ask_announce(struct ask *ask, int64_t length);
/* Puts bytes of the body, all of which must fit; then perhaps ends it. */
void ask_put(struct ask *ask, struct span bytes);
void ask_end(struct ask *ask);

/* False: it was not opened, ask->why says why. */
bool ask_send(struct ask *ask, struct opener *opener);

/* Closes the outbound, if open. What came stays. */
void ask_close(struct ask *ask);

/* Takes what lies in the answer's body. */
void ask_take(struct ask *ask);

/* Closes, and frees everything. Let the loop turn once more before it goes. */
void ask_release(struct ask *ask);

#endif
