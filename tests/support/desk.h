/* Where requests arrive in a test: it notes them and answers as it is told. */
#ifndef CULVERT_TESTS_SUPPORT_DESK_H
#define CULVERT_TESTS_SUPPORT_DESK_H

#include "culvert/http/inbound.h"

enum { DESK_REQUESTS_MAX = 64 };

struct desk;

struct desk_request {
    struct desk *desk;
    struct inbound *in;       /* NULL: let go */
    struct request_head head; /* a copy */
    struct buf body;          /* what was taken of the request's body */
    bool body_ended;
    struct headers trailers; /* of the request, once its body ended */
    struct body answer;      /* ours; bytes NULL: none was begun */
    size_t answered, aborted;
    size_t after; /* callbacks that came after it was let go or reset */
    bool over;    /* let go or reset */
    struct error why;
};

struct desk {
    struct desk_request requests[DESK_REQUESTS_MAX];
    size_t count;
    size_t lost;                 /* requests beyond DESK_REQUESTS_MAX: reset at once */
    const struct header *fields; /* of each answer; their end has an empty name; NULL: none */
    bool is_plain;               /* answers have no x-desk */
    bool holds;                  /* leaves the requests' bodies in their channels */
    bool upgrades;               /* its answers accept upgrades; those of 101 do anyway */
    bool keeps;                  /* does not let go of a request by itself when it is over */
    /* Called last in each callback: q a request came, f its body moved, a answered, x aborted. */
    void (*act)(struct desk_request *request, char letter);
    void *arg;
};

void desk_init(struct desk *desk);
/* Lets go of what is open and frees what was noted. */
void desk_release(struct desk *desk);

/* A server's on_request: takes `in` over. */
void desk_take(struct desk *desk, struct inbound *in);

/* Takes what lies in the request's body. */
void desk_read(struct desk_request *request);

/* Answers with a text whose length is said, or with no body when `text` is NULL. */
void desk_answer(struct desk_request *request, int status, const char *text);
/* Begins an answer of `length` (LENGTH_UNKNOWN is allowed); bytes follow. */
void desk_begin(struct desk_request *request, int status, int64_t length);
/* Returns how many bytes the answer's channel took. */
size_t desk_put(struct desk_request *request, struct span bytes);
/* A trailer of the answer, before its end. */
void desk_trailer(struct desk_request *request, const char *name, const char *value);
void desk_end(struct desk_request *request);
void desk_reset(struct desk_request *request);
void desk_close(struct desk_request *request);

#endif
