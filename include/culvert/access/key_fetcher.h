/* Brings what lies behind a URL, for keys of issuers: by libcurl on threads, or by what a test puts
 * in its place. */
#ifndef CULVERT_ACCESS_KEY_FETCHER_H
#define CULVERT_ACCESS_KEY_FETCHER_H

#include "culvert/base/span.h"
#include "culvert/net/loop.h"

enum {
    KEY_FETCH_MS = 5000,   /* for the whole request with its redirects */
    KEY_FETCH_THREADS = 2, /* so that an issuer that hangs does not keep all others waiting */
};

/* Embedded in who asks. */
struct key_request {
    const char *url; /* kept until the end */
    /* Once, on the loop, in a later turn than the start: the body (borrowed) of an answer 200, or
     * `why`. */
    void (*done)(struct key_request *request, struct span body, const struct error *why);
    void *work; /* the fetcher's */
};

struct key_fetcher;

struct key_fetcher_ops {
    /* False: `err`, and `done` will not be called. */
    bool (*start)(struct key_fetcher *fetcher, struct key_request *request, struct error *err);
    /* `done` will not be called any more. */
    void (*cancel)(struct key_fetcher *fetcher, struct key_request *request);
};

/* Embedded by the implementations. */
struct key_fetcher {
    const struct key_fetcher_ops *ops;
};

static inline bool MUST_CHECK key_fetcher_start(struct key_fetcher *fetcher,
                                                struct key_request *request, struct error *err)
{
    return fetcher->ops->start(fetcher, request, err);
}

static inline void key_fetcher_cancel(struct key_fetcher *fetcher, struct key_request *request)
{
    fetcher->ops->cancel(fetcher, request);
}

/* The one over net/fetch: through the proxies of the environment, trusting the machine's
 * certificates. Threads and libcurl come with the first request. The caller owns it. NULL: memory.
 */
struct key_fetcher *key_fetcher_new(struct loop *loop);

/* Every request must be done or cancelled; waits about a second at most for what still runs. NULL
 * is allowed. */
void key_fetcher_free(struct key_fetcher *fetcher);

#endif
