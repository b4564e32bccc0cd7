/* A finding is accepted by its name, which holds the texts of both rules and not their numbers: it
 * stays when rules are moved, and fits nothing any more when one of them is changed. */
#include "allowances.h"

static bool names_kind(struct span name)
{
    static const enum prove_kind kinds[] = {PROVE_NEVER_MATCHES, PROVE_SLIPS_PAST,
                                            PROVE_WITHOUT_ACCESS};
    struct span kind = span_first(name, span_find(name, ':'));
    for (size_t i = 0; kind.len < name.len && i < ARRAY_LEN(kinds); i++)
        if (span_equal(kind, span_of(prove_kind_name(kinds[i]))))
            return true;
    return false;
}

bool allowances_check(const struct sources *sources, struct error *err)
{
    for (size_t i = 0; i < sources_list_count(sources, "allow"); i++) {
        const char *name = sources_list_at(sources, "allow", i);
        if (!names_kind(span_of(name)))
            return error_set(err, ERROR_INVALID, 0,
                             "--allow \"%.60s\" names no finding: it takes what \"ingress prove\" "
                             "prints, such as \"slips-past:app.example.com:^/admin -> *\"",
                             name);
    }
    return true;
}

static bool mark(struct allowances *allowances, const struct sources *sources, struct span name,
                 size_t finding)
{
    for (size_t i = 0; i < sources_list_count(sources, "allow"); i++) {
        if (!span_equal(name, span_of(sources_list_at(sources, "allow", i))))
            continue;
        allowances->stale[i] = false;
        allowances->accepted[finding] = true;
    }
    return allowances->accepted[finding];
}

bool allowances_make(struct allowances *allowances, const struct sources *sources,
                     const struct rules *rules, const struct prove_report *report,
                     struct error *err)
{
    struct buf name = BUF_LIMIT(PROVE_NAME_MAX);
    size_t count = sources_list_count(sources, "allow");
    allowances->accepted = calloc(report->count + 1, sizeof *allowances->accepted);
    allowances->stale = calloc(count + 1, sizeof *allowances->stale);
    if (!allowances->accepted || !allowances->stale)
        return error_memory(err);
    bool ok = true;
    for (size_t i = 0; i < count; i++)
        allowances->stale[i] = report->left_out == 0;
    for (size_t i = 0; ok && count > 0 && i < report->count; i++) {
        buf_clear(&name);
        ok = prove_finding_name(rules, &report->all[i], &name) || error_memory(err);
        if (ok && mark(allowances, sources, buf_span(&name), i))
            allowances->accepted_count++;
    }
    for (size_t i = 0; ok && i < count; i++)
        allowances->stale_count += allowances->stale[i];
    buf_release(&name);
    return ok;
}

void allowances_release(struct allowances *allowances)
{
    free(allowances->accepted);
    free(allowances->stale);
    *allowances = (struct allowances){0};
}
