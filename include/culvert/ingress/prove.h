/* What a list of rules does not do although it looks as if it did: rules that never match, rules
 * that a request slips past which only is written differently, origins of which one way asks for
 * Access and another does not. Each with a URL that was put to rules_match. Nothing is guessed:
 * what could not be decided is said to be so. */
#ifndef CULVERT_INGRESS_PROVE_H
#define CULVERT_INGRESS_PROVE_H

#include "culvert/ingress/rules.h"

enum {
    PROVE_URL_MAX = 1024,
    PROVE_WHY_MAX = 192,
    PROVE_FINDINGS_MAX = 10 * 1000,   /* more are counted only */
    PROVE_EARLIER_MAX = 2000,         /* rules before one that are held against it */
    PROVE_NAME_MAX = 9 * 1024 * 1024, /* two rules of a file that is as large as one may be */
    PROVE_HOSTS_MAX = 32,             /* host names that are tried for a rule without one */
};

enum prove_kind {
    PROVE_NEVER_MATCHES,  /* `rule` gets no request; `url` looks like its own and goes to `other` */
    PROVE_SLIPS_PAST,     /* `url` is one of `rule`'s, written differently: it goes to `other` */
    PROVE_WITHOUT_ACCESS, /* `url` goes to `rule`, which does not ask; `other` does, same origin */
    PROVE_UNDECIDED,      /* no request was found for `rule`; `url` is empty */
};

struct prove_finding {
    enum prove_kind kind;
    size_t rule, other;
    char url[PROVE_URL_MAX];
    char why[PROVE_WHY_MAX];
};

/* Embedded; all zero is empty. In the order of the rules. */
struct prove_report {
    struct prove_finding *all;
    size_t count;
    size_t left_out; /* beyond PROVE_FINDINGS_MAX */
    size_t undecided;
};

/* The kind in a word, for machines: "never-matches". Static text. */
const char *prove_kind_name(enum prove_kind kind);

/* Appends what a finding is called, whatever the numbers of its rules: "KIND:RULE -> OTHER", each
 * rule by its hostname ("*": every one) and, behind a colon, its path. False: `out` is full. */
bool prove_finding_name(const struct rules *rules, const struct prove_finding *finding,
                        struct buf *out) MUST_CHECK;

/* Looks at every rule. False: out of memory. Release the report in every case. */
bool prove_rules(const struct rules *rules, struct prove_report *report,
                 struct error *err) MUST_CHECK;
void prove_report_release(struct prove_report *report);

/* Which rule takes a request for `url`, as a visitor's browser would send it: for reports and their
 * tests. False: it is no URL with a host, or the request is refused. */
bool prove_url_rule(const struct rules *rules, struct span url, size_t *rule) MUST_CHECK;

#endif
