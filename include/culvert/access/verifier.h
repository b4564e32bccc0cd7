/* Judges requests by their application tokens, on the loop of one worker. Keys come from the key
 * store on the head's loop, by messages; a set is immutable and shared, so that most requests are
 * judged at once. Those that must wait for keys are counted. */
#ifndef CULVERT_ACCESS_VERIFIER_H
#define CULVERT_ACCESS_VERIFIER_H

#include "culvert/access/key_store.h"
#include "culvert/access/terms.h"
#include "culvert/http/headers.h"
#include "culvert/net/worker.h"

/* The field that carries a token, as an edge sets it. */
#define ACCESS_TOKEN_FIELD "cf-access-jwt-assertion"

enum {
    VERIFIER_HELD_MS = 60 * 1000, /* then the store is asked whether the keys are still the ones */
    VERIFIER_CHECKS_MAX = 512,    /* requests of a worker that wait for keys of one issuer */
    VERIFIER_ISSUERS_MAX = 256,   /* key sets that a worker holds; as the store */
};

struct verifier;

/* All is borrowed and outlives it. */
struct verifier_options {
    struct worker *worker;  /* whose loop it lives on */
    struct worker *home;    /* of the store */
    struct key_store *keys; /* touched on the home's loop only */
};

/* A request that is judged. Embedded in who asks. */
struct access_check {
    struct link link;
    struct list *in; /* NULL: it does not wait */
    struct verifier *verifier;
    const struct access_requirement *requirement;
    const struct headers *fields;
    enum access_finding finding;
    /* Once, after ACCESS_WAITS: it waits no more. */
    void (*decided)(struct access_check *check, enum access_finding finding,
                    const struct error *why);
};

/* The caller owns it. NULL: memory. */
struct verifier *verifier_new(const struct verifier_options *options);

/* Is there a token among `fields` that meets the requirement? It stands in Cf-Access-Jwt-Assertion,
 * the first of them; without such a field in the cookie CF_Authorization. `check->decided` is set
 * by the caller; the rest is kept until the decision. WAITS: it follows. Anything else is the
 * decision; `why` says more when it is neither VALID nor NO_TOKEN, and never quotes the token. */
enum access_finding verifier_judge(struct verifier *verifier, struct access_check *check,
                                   const struct access_requirement *requirement,
                                   const struct headers *fields, struct error *why);

/* Nobody wants the decision any more. Twice is fine. */
void verifier_forget(struct access_check *check);

/* No message of it is under way: it may be freed. */
bool verifier_is_idle(const struct verifier *verifier);

/* No check may wait any more. NULL is allowed. */
void verifier_free(struct verifier *verifier);

#endif
