/* The keys of all issuers that rules name, on one loop for the whole process: fetched when they are
 * first named, again every hour, and out of turn when a token asks for a key that is not there, but
 * then no more often than KEY_STORE_INTERVAL_MS, a few times excepted. When the issuer cannot be
 * reached the last keys go on to serve, up to an age. */
#ifndef CULVERT_ACCESS_KEY_STORE_H
#define CULVERT_ACCESS_KEY_STORE_H

#include "culvert/access/key_fetcher.h"
#include "culvert/base/list.h"
#include "culvert/token/jwks.h"

enum {
    KEY_STORE_ISSUERS_MAX = 256,             /* key sets; the one least used goes for a new one */
    KEY_STORE_INTERVAL_MS = 10 * 1000,       /* from one fetch of an issuer's keys to the next: */
    KEY_STORE_SPARE_MAX = 5,                 /* quiet intervals that are kept for later, when */
    KEY_STORE_GAP_MS = 1000,                 /* a fetch follows one that went well so soon */
    KEY_STORE_RETRY_MS = 30 * 1000,          /* after a failure, when nobody waits */
    KEY_STORE_FRESH_MS = 60 * 60 * 1000,     /* then keys are fetched again; a key that was taken
                                             * back may serve as long */
    KEY_STORE_AGE_MAX_MS = 24 * 3600 * 1000, /* while the issuer cannot be reached */
    KEY_STORE_WAIT_MS = 8 * 1000, /* for a fetch, then who waits is told that it failed */
};

struct key_store;

/* A question. Embedded in who asks, whose it is again with the answer. */
struct key_ask {
    struct link link;
    const char *url;   /* where the keys are; kept until the answer */
    uint64_t version;  /* of the keys that the asker has; 0: none */
    bool wants_newer;  /* what it has will not do */
    struct jwks *keys; /* the answer: a reference for the asker; NULL: there are none */
    struct error why;  /* kind NONE: they are what the issuer publishes; else they could not be
                          * fetched anew */
    void (*answered)(struct key_ask *ask); /* may ask again */
};

/* `fetcher` is borrowed and outlives it. The caller owns it. NULL: memory. */
struct key_store *key_store_new(struct loop *loop, struct key_fetcher *fetcher);

/* These are the issuers of the rules that new requests are served by: their keys are fetched before
 * anybody asks, and kept fresh. Begin, then each; what is not named any more rests. */
void key_store_begin_wants(struct key_store *store);
void key_store_want(struct key_store *store, const char *url);

/* True: answered. False: `answered` follows, within KEY_STORE_INTERVAL_MS and KEY_STORE_WAIT_MS. */
bool key_store_ask(struct key_store *store, struct key_ask *ask) MUST_CHECK;

/* Answers who waits with an error, and everybody from now on; nothing is fetched any more. */
void key_store_stop(struct key_store *store);

/* After key_store_stop. NULL is allowed. */
void key_store_free(struct key_store *store);

#endif
