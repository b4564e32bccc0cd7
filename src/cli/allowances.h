/* Findings of `tunnel ingress prove` that are accepted, for that command only. */
#ifndef CULVERT_CLI_ALLOWANCES_H
#define CULVERT_CLI_ALLOWANCES_H

#include "culvert/config/sources.h"
#include "culvert/ingress/prove.h"

/* Embedded; all zero is empty. */
struct allowances {
    bool *accepted; /* for each finding of the report: an --allow names it */
    size_t accepted_count;
    bool *stale; /* for each --allow: no finding is called like that */
    size_t stale_count;
};

/* Could each --allow be the name of a finding? False: `err` says which is not, and what one is. */
bool allowances_check(const struct sources *sources, struct error *err) MUST_CHECK;

/* Holds each --allow against the report. When that is cut short none is said to be stale. False:
 * out of memory. Release it in every case. */
bool allowances_make(struct allowances *allowances, const struct sources *sources,
                     const struct rules *rules, const struct prove_report *report,
                     struct error *err) MUST_CHECK;
void allowances_release(struct allowances *allowances);

#endif
