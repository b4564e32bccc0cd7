/* What a rule's `access` asks of a token besides its signature: who issued it, for whom, and when
 * it holds; and where the issuer's keys are. Pure. */
#ifndef CULVERT_ACCESS_TERMS_H
#define CULVERT_ACCESS_TERMS_H

#include "culvert/config/origin_request.h"
#include "culvert/token/jwt.h"

enum {
    ACCESS_URL_MAX = 1024,          /* an issuer, and where its keys are */
    ACCESS_EARLY_MS = 5 * 60 * 1000 /* a token's beginning may lie ahead: clocks differ */
};

/* What came of looking at a request. */
enum access_finding {
    ACCESS_VALID,
    ACCESS_WAITS,       /* nothing yet: keys are being asked for */
    ACCESS_NO_TOKEN,    /* none, or an empty one */
    ACCESS_MALFORMED,   /* not a token */
    ACCESS_ALGORITHM,   /* not RS256 */
    ACCESS_ISSUER,      /* of another issuer, or of none */
    ACCESS_EXPIRED,     /* or without an end */
    ACCESS_EARLY,       /* it does not hold yet */
    ACCESS_AUDIENCE,    /* for another application */
    ACCESS_UNKNOWN_KEY, /* signed by a key that the issuer does not publish */
    ACCESS_SIGNATURE,   /* not signed by the issuer */
    ACCESS_NO_KEYS,     /* cannot be told: the issuer's keys cannot be had */
    ACCESS_NO_MEMORY,   /* cannot be told */
    ACCESS_FINDINGS
};

/* "no_token", for logs and metrics. Static text. */
const char *access_finding_name(enum access_finding finding);

/* The status for the visitor: 403 for what is wrong with the token, 502 for what is not its fault.
 * Not for the first two. */
int access_finding_status(enum access_finding finding);

struct access_terms {
    char issuer[ACCESS_URL_MAX + 1];
    char keys_url[ACCESS_URL_MAX + 1];
};

/* False: nobody can meet the requirement: it names no issuer, or one that is too long. */
bool access_terms_make(const struct access_requirement *requirement,
                       struct access_terms *terms) MUST_CHECK;

/* Judges all but the signature. VALID, or what is wrong. */
enum access_finding access_terms_judge(const struct access_terms *terms,
                                       const struct access_requirement *requirement,
                                       const struct jwt *jwt, int64_t now_unix_ms);

#endif
