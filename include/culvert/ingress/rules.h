/* The routing list: the first rule that matches a request takes it, the last one takes what is
 * left. Immutable once made. */
#ifndef CULVERT_INGRESS_RULES_H
#define CULVERT_INGRESS_RULES_H

#include "culvert/ingress/rule.h"

struct rules;

/* Judges a specification. The caller frees the list. NULL: there is no rule, or one is wrong; `err`
 * begins with "file:line:column: rule #N: ". Oddities become notes (NULL: nobody asks). */
struct rules *rules_new(const struct ingress_spec *spec, struct notes *notes, struct error *err);

/* A list of one rule for every request; takes `service` and `origin` over, also when it fails.
 * NULL: `err`, as rule_init_single. */
struct rules *rules_new_single(struct service *service, struct origin_request *origin,
                               struct error *err);

/* The list for when nothing is configured: 503 for every request. `flags` (NULL: none) is what they
 * say about origins, for reports. NULL: out of memory. */
struct rules *rules_new_unavailable(const struct origin_request *flags, struct error *err);

/* Is it that list? */
bool rules_are_unavailable(const struct rules *rules);

void rules_free(struct rules *rules); /* NULL is allowed */

size_t rules_count(const struct rules *rules);

/* The `index`th rule; index < rules_count. Lives as long as the list. */
const struct rule *rules_at(const struct rules *rules, size_t index);

struct rules_verdict {
    size_t index;             /* of the rule that matches the request as it came */
    int status;               /* of a refusal: 400, or 502 when it is not the request's fault */
    char why[ERROR_TEXT_MAX]; /* of a refusal */
};

/* Chooses the rule for a request by its authority and target (path and query, as received).
 * False: the request is to be answered with verdict->status and verdict->why logged: 400, because
 * its path, once its dot segments are resolved (plain or percent-encoded, an encoded slash being a
 * slash), belongs to a rule with another service or another Access requirement, because an escape
 * is broken, or because an expression could not be decided within its bounds; 502 for memory. */
bool rules_match(const struct rules *rules, struct span authority, struct span target,
                 struct rules_verdict *verdict) MUST_CHECK;

/* What holds for every rule that does not say otherwise: the file's originRequest, then the
 * defaults. Lives as long as the list. */
const struct origin_request *rules_defaults(const struct rules *rules);

#endif
