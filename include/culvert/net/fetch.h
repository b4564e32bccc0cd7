/* One request as a client of the public Internet, over libcurl. It blocks: for commands, never for
 * a loop. */
#ifndef CULVERT_NET_FETCH_H
#define CULVERT_NET_FETCH_H

#include "culvert/base/buf.h"

#include <stdatomic.h>

enum {
    FETCH_TIMEOUT_MS = 15000,         /* for the whole request with its redirects */
    FETCH_REDIRECTS_MAX = 10,         /* as browsers and the field have it, about */
    FETCH_BODY_MAX = 8 * 1024 * 1024, /* of an answer: a thousand tunnels fit ten times */
    FETCH_MEDIA_TYPE_SIZE = 64,       /* "application/json" and a NUL */
};

struct fetch_field {
    const char *name;
    struct span value;
};

/* All borrowed. */
struct fetch_request {
    const char *method; /* "GET" ... */
    const char *url;    /* http or https */
    const struct fetch_field *fields;
    size_t field_count;
    struct span body;    /* data NULL: none */
    struct span ca_pem;  /* trusted beside the machine's certificates; empty: none */
    const char *ca_file; /* the same as a file; NULL: none */
    uint64_t timeout_ms; /* 0: FETCH_TIMEOUT_MS */
    size_t body_max;     /* of an answer; 0: FETCH_BODY_MAX */
    /* Looked at about once a second: true ends the request. NULL: nobody stops it. */
    const atomic_bool *stop;
};

struct fetch_response {
    int status;                             /* of the last answer: 200 ... */
    char media_type[FETCH_MEDIA_TYPE_SIZE]; /* lower case without parameters; "" when there is none
                                             */
    struct buf body;                        /* decompressed */
};

/* Sends it and fills `response`, which the caller releases in every case. Any status is a success.
 * Redirects are followed: 301, 302 and 303 by GET, 307 and 308 as they were, from https to https
 * only; Authorization and Cookie go along to the same host only. The proxies of the environment
 * are used, except for this machine itself. False: `err` names the URL; kind TIMEOUT, NETWORK,
 * LIMIT (the body), PROTOCOL or INVALID (the request). */
bool fetch_run(const struct fetch_request *request, struct fetch_response *response,
               struct error *err) MUST_CHECK;

/* Wipes and frees the body. */
void fetch_response_release(struct fetch_response *response);

#endif
