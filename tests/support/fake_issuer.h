/* An issuer of tokens whose keys are fetched without a network: it says at once, or when the test
 * says so, which keys there are. */
#ifndef CULVERT_TESTS_SUPPORT_FAKE_ISSUER_H
#define CULVERT_TESTS_SUPPORT_FAKE_ISSUER_H

#include "culvert/access/key_fetcher.h"

enum { FAKE_FETCHES_MAX = 512 };

struct fake_issuer {
    struct key_fetcher fetcher;
    struct loop *loop;
    const char *const *keys; /* names in tests/vectors/token; ends with NULL */
    const char *text;        /* served in place of a set of them; NULL: none */
    bool is_down;            /* every fetch fails */
    bool is_slow;            /* nothing comes before fake_issuer_answer */
    bool refuses;            /* a fetch cannot even begin */
    size_t fetches;
    char last_url[256];
    struct key_request *pending[FAKE_FETCHES_MAX]; /* in their order */
    size_t pending_count;
    struct task task;
};

/* Serves the key "k1". */
void fake_issuer_init(struct fake_issuer *issuer, struct loop *loop);

/* Answers all that wait. */
void fake_issuer_answer(struct fake_issuer *issuer);

void fake_issuer_release(struct fake_issuer *issuer);

#endif
