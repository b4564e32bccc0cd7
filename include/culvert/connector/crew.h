/* The workers of a connector. Each has on its own loop all that a request needs: HA connections,
 * the version of the configuration, openers with their pools, a registry, its share of the budget.
 * The head, who makes the crew, decides; calls go between the two, and nobody waits for the other
 * while requests are served. */
#ifndef CULVERT_CONNECTOR_CREW_H
#define CULVERT_CONNECTOR_CREW_H

#include "culvert/access/key_store.h"
#include "culvert/connector/config_push.h"
#include "culvert/connector/ha_connection.h"
#include "culvert/net/worker.h"
#include "culvert/observe/scraper.h"
#include "culvert/observe/tracker.h"
#include "culvert/origin/openers.h"

struct crew;

/* What is not copied is borrowed as long as the crew. */
struct crew_options {
    struct worker *home; /* the head's; the first worker is the same */
    size_t workers;      /* 1 ... WORKERS_MAX */
    bool one_thread;     /* all on the home's loop, for tests; else each further one has a thread */
    struct resolver *resolver;             /* of the home's loop; threads make their own */
    const struct ha_shared *shared;        /* what is the same for all: the rest is filled in */
    const struct openers_options *openers; /* likewise */
    size_t budget;                         /* bytes, of all together */
    const char *management_hostname;       /* NULL or "": none */
    struct blueprint *blueprint;           /* to begin with; gets references */
    struct key_store *keys;                /* of Access issuers, on the home's loop */
    struct tracker *tracker;               /* the head's: what becomes of HA connections */
    /* The edge pushed rules to a worker; see config_push.h. */
    void (*on_push)(void *arg, struct config_push *push);
    /* A worker could not be set up: what it was given to do fails. */
    void (*on_failed)(void *arg, const struct error *why);
    void *arg;
};

/* NULL: `err`, among others that an origin of the blueprint cannot be set up. */
struct crew *crew_new(const struct crew_options *options, struct error *err);

/* Gives `blueprint` to every worker: new requests use it, those that run keep theirs. False: `err`,
 * the first worker cannot use it and nothing changed anywhere. */
bool crew_reload(struct crew *crew, struct blueprint *blueprint, struct error *err) MUST_CHECK;

/* Ends all requests that run, once; 502 where nothing was sent yet, else a reset. */
void crew_cut(struct crew *crew);

/* One for each worker, in `sources` (WORKERS_MAX); returns how many. */
size_t crew_sources(struct crew *crew, struct scrape_source *sources);

/* Ends everything: requests are cut, what was said last may leave within `linger_ms`. Every
 * ha_handle must be closed and the key store stopped. Turns the home's loop until the workers are
 * done, so it must not be called from inside of it. NULL is allowed. */
void crew_free(struct crew *crew, uint64_t linger_ms);

#endif
