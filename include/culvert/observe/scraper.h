/* The figures of a process whose workers count apart: asks each of them for a copy by a call, and
 * adds the copies up. A scraper lives on the loop of its home; no worker waits for another. */
#ifndef CULVERT_OBSERVE_SCRAPER_H
#define CULVERT_OBSERVE_SCRAPER_H

#include "culvert/net/worker.h"
#include "culvert/observe/metrics.h"

struct scraper;

enum { SCRAPE_LIMIT_MS = 1000 }; /* for every worker to answer */

/* One registry and where it lives; the home's own, too. All borrowed. */
struct scrape_source {
    struct worker *worker;
    /* On the worker's loop: brings up to date what is counted elsewhere and returns the registry,
     * which is copied before the function's thread does anything else. NULL: it has none. */
    const struct metrics *(*figures)(void *arg);
    void *arg;
};

/* `sources` is copied; at most WORKERS_MAX + 1. The caller owns the scraper. NULL: memory. */
struct scraper *scraper_new(struct worker *home, const struct scrape_source *sources, size_t count,
                            struct error *err);

/* Cancels what waits. The last of its memory goes with the calls that are under way: free the
 * sources' workers after this, and the home after those. NULL is allowed. */
void scraper_close(struct scraper *scraper);

/* One who waits for the sum. Embedded; all zero waits for nothing. */
struct scrape {
    struct link link;
    struct list *in; /* where the link is */
    struct scraper *scraper;
    struct timer limit;
    void (*done)(void *arg, const struct metrics *sum, const struct error *why);
    void *arg;
};

/* Asks for the sum as of now. `done` is called once, in a later turn of the home's loop: with the
 * sum, borrowed for the call, or with NULL when a worker did not answer within SCRAPE_LIMIT_MS
 * (`why` TIMEOUT) or does not even take the question (LIMIT). Several may wait at the same time.
 * False: memory, nothing follows. */
bool scraper_ask(struct scraper *scraper, struct scrape *scrape,
                 void (*done)(void *arg, const struct metrics *sum, const struct error *why),
                 void *arg, struct error *err) MUST_CHECK;

/* No call follows. Twice is fine, all zero too. */
void scrape_cancel(struct scrape *scrape);

#endif
