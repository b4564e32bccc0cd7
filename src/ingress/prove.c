/* Requests are made from the rules' own texts and put to rules_match: what it says is the proof.
 * That a rule gets no request at all is told from the patterns, since no number of requests shows
 * it. */
#include "culvert/ingress/prove.h"

#include "culvert/base/map.h"
#include "culvert/base/url.h"
#include "host_index.h"
#include "pattern_example.h"
#include "pattern_shape.h"
#include "prove_ways.h"

#include <stdio.h>

enum {
    EXAMPLE_MAX = 600,
    ORIGIN_MAX = 1024,
    GUARDED_MAX = 6500 * 1000, /* RULES_MAX times the origins of one */
};

#define NO_RULE SIZE_MAX

struct prover {
    const struct rules *rules;
    struct host_index *by_host;
    struct pattern_shape *shapes; /* one for each rule */
    struct prove_report *report;
    struct error *err;
    size_t rule;     /* that is looked at */
    size_t cover;    /* an earlier rule that takes all of its requests; NO_RULE: none is known */
    bool is_reached; /* some request goes to it */
    bool is_told;    /* a witness was found for what is looked for */
    unsigned told;   /* bits of the ways that were told for it */
    struct sample reached; /* a request that goes to it */
};

static const struct rule *rule_of(const struct prover *p, size_t index)
{
    return rules_at(p->rules, index);
}

/* ---- the report ---- */

const char *prove_kind_name(enum prove_kind kind)
{
    static const char *const names[] = {
        [PROVE_NEVER_MATCHES] = "never-matches",
        [PROVE_SLIPS_PAST] = "slips-past",
        [PROVE_WITHOUT_ACCESS] = "without-access",
        [PROVE_UNDECIDED] = "undecided",
    };
    return names[kind];
}

static bool put_rule_name(struct buf *out, const struct rule *rule)
{
    return buf_put_span(out, span_of(rule->hostname[0] ? rule->hostname : "*")) &&
           (!rule->path[0] || (buf_put_char(out, ':') && buf_put_span(out, span_of(rule->path))));
}

bool prove_finding_name(const struct rules *rules, const struct prove_finding *finding,
                        struct buf *out)
{
    return buf_printf(out, "%s:", prove_kind_name(finding->kind)) &&
           put_rule_name(out, rules_at(rules, finding->rule)) && buf_put_span(out, SPAN(" -> ")) &&
           put_rule_name(out, rules_at(rules, finding->other));
}

static struct prove_finding *add(struct prover *p, enum prove_kind kind, size_t other)
{
    struct prove_report *report = p->report;
    if (report->count == PROVE_FINDINGS_MAX) {
        report->left_out++;
        return NULL;
    }
    struct prove_finding *all = realloc(report->all, (report->count + 1) * sizeof *all);
    if (!all) {
        report->left_out++;
        return NULL;
    }
    report->all = all;
    report->undecided += kind == PROVE_UNDECIDED;
    struct prove_finding *finding = &all[report->count++];
    *finding = (struct prove_finding){.kind = kind, .rule = p->rule, .other = other};
    return finding;
}

void prove_report_release(struct prove_report *report)
{
    free(report->all);
    *report = (struct prove_report){0};
}

/* ---- putting requests ---- */

bool prove_url_rule(const struct rules *rules, struct span text, size_t *rule)
{
    struct url url;
    struct rules_verdict verdict;
    if (!url_parse(text, &url, NULL) || !url.has_authority)
        return false;
    /* All between the slashes: a port and brackets belong to what a visitor sends. */
    struct span rest = span_skip(text, url.scheme.len + 3);
    struct span authority = span_first(rest, span_find(rest, '/'));
    bool matched = rules_match(rules, authority, span_skip(rest, authority.len), &verdict);
    *rule = verdict.index;
    return matched;
}

static bool goes_to(const struct prover *p, const struct sample *sample, size_t *rule)
{
    char url[PROVE_URL_MAX];
    sample_url(sample, url);
    return prove_url_rule(p->rules, span_of(url), rule);
}

/* Is it what the rule was written for? */
static bool is_of_rule(const struct rule *rule, const struct sample *sample)
{
    char text[HOST_MAX];
    struct buf path = BUF_LIMIT(SAMPLE_PATH_SIZE * 3);
    struct span host = span_make(text, host_normalise(span_of(sample->host), text));
    bool fits = host_pattern_matches(rule->host_pattern, host) &&
                path_decode(span_of(sample->path), &path, NULL) &&
                (!rule->path_pattern ||
                 path_pattern_match(rule->path_pattern, buf_span(&path)) == PATH_MATCHES);
    buf_release(&path);
    return fits;
}

/* ---- requests of a rule ---- */

/* Calls `each` with paths for the rule. */
static void try_paths(struct prover *p, struct sample *sample,
                      void (*each)(struct prover *p, const struct sample *sample))
{
    const struct rule *rule = rule_of(p, p->rule);
    static const char *const plain[] = {"/", "/x"};
    if (!rule->path_pattern) {
        for (size_t i = 0; i < ARRAY_LEN(plain); i++)
            if (sample_set_path(sample, span_of(plain[i])))
                each(p, sample);
        return;
    }
    for (unsigned way = 0; way < PATTERN_EXAMPLES; way++) {
        struct buf path = BUF_LIMIT(EXAMPLE_MAX);
        if (pattern_example(span_of(rule->path), way, &path) &&
            sample_set_path(sample, buf_span(&path)))
            each(p, sample);
        buf_release(&path);
    }
}

/* With a host name that the pattern means; `front` stands in place of a star. */
static void try_host(struct prover *p, const struct host_pattern *pattern, const char *front,
                     void (*each)(struct prover *p, const struct sample *sample))
{
    struct sample sample;
    struct span texts[HOST_TEXTS_MAX];
    size_t count = host_pattern_texts(pattern, texts);
    if (count == 0)
        return;
    struct span text = texts[count - 1]; /* its A-labels, if it has them */
    int len = snprintf(sample.host, sizeof sample.host, "%s%.*s",
                       host_pattern_is_wildcard(pattern) ? front : "", SPAN_ARG(text));
    if (len > 0 && (size_t)len < sizeof sample.host)
        try_paths(p, &sample, each);
}

/* A rule for every host is tried with the names of those below it: there its requests would go. */
static void try_any_host(struct prover *p,
                         void (*each)(struct prover *p, const struct sample *sample))
{
    struct sample sample = {.host = "any-host.invalid"};
    size_t tried = 0;
    try_paths(p, &sample, each);
    for (size_t i = p->rule + 1; i < rules_count(p->rules) && tried < PROVE_HOSTS_MAX; i++) {
        const struct host_pattern *pattern = rule_of(p, i)->host_pattern;
        if (host_pattern_is_any(pattern))
            continue;
        try_host(p, pattern, "any-name", each);
        tried++;
    }
}

static void try_requests(struct prover *p,
                         void (*each)(struct prover *p, const struct sample *sample))
{
    static const char *const fronts[] = {"any-name", "www", "a.b"};
    const struct host_pattern *pattern = rule_of(p, p->rule)->host_pattern;
    bool is_wildcard = host_pattern_is_wildcard(pattern);
    if (host_pattern_is_any(pattern))
        try_any_host(p, each);
    else
        for (size_t i = 0; i < (is_wildcard ? ARRAY_LEN(fronts) : 1); i++)
            try_host(p, pattern, fronts[i], each);
}

/* ---- rules that never match ---- */

/* The first earlier rule that takes every request of the rule for the hosts of `text`. */
static size_t find_cover(struct prover *p, struct span text, bool is_wildcard)
{
    struct host_walk walk;
    size_t earlier;
    host_walk_begin(&walk, p->by_host, text);
    for (size_t n = 0; n < PROVE_EARLIER_MAX && host_walk_next(&walk, &earlier); n++) {
        const struct rule *other = rule_of(p, earlier);
        if (earlier >= p->rule)
            break;
        /* A name takes only one of the hosts that a wildcard stands for. */
        if (is_wildcard && !host_pattern_is_wildcard(other->host_pattern) &&
            !host_pattern_is_any(other->host_pattern))
            continue;
        if (strcmp(other->path, rule_of(p, p->rule)->path) == 0 || !other->path_pattern ||
            pattern_shape_covers(&p->shapes[earlier], &p->shapes[p->rule]))
            return earlier;
    }
    return NO_RULE;
}

/* Each of the names that the pattern stands for must be covered; by which rule, does not matter. */
static size_t find_cover_of_all(struct prover *p)
{
    const struct host_pattern *pattern = rule_of(p, p->rule)->host_pattern;
    struct span texts[HOST_TEXTS_MAX] = {SPAN_NONE};
    size_t count = host_pattern_texts(pattern, texts);
    size_t cover = NO_RULE;
    /* A walk for no name at all meets the rules for every host only. */
    if (host_pattern_is_any(pattern))
        return find_cover(p, SPAN("\n"), true);
    for (size_t i = 0; i < count; i++) {
        cover = find_cover(p, texts[i], host_pattern_is_wildcard(pattern));
        if (cover == NO_RULE)
            return NO_RULE;
    }
    return cover;
}

static void tell_never(struct prover *p, const struct sample *sample)
{
    size_t taker;
    const struct rule *rule = rule_of(p, p->rule);
    bool is_vain =
        host_pattern_is_vain(rule->host_pattern) || pattern_shape_is_vain(&p->shapes[p->rule]);
    if (p->is_told || !goes_to(p, sample, &taker) || taker == p->rule ||
        (!is_vain && !is_of_rule(rule, sample)))
        return;
    p->is_told = true;
    struct prove_finding *finding = add(p, PROVE_NEVER_MATCHES, taker);
    if (!finding)
        return;
    sample_url(sample, finding->url);
    if (host_pattern_is_vain(rule->host_pattern))
        (void)snprintf(finding->why, sizeof finding->why,
                       "no host is called like that: a wildcard is written *.example.com");
    else if (is_vain)
        (void)snprintf(finding->why, sizeof finding->why,
                       "every path begins with a slash, this expression asks for another begin");
    else
        (void)snprintf(finding->why, sizeof finding->why,
                       "all of its requests match rule #%zu, which stands before it", p->cover);
}

/* A host that looks like "*foo.example" without its star. */
static void try_vain_host(struct prover *p)
{
    struct sample sample;
    const char *name = rule_of(p, p->rule)->hostname;
    (void)snprintf(sample.host, sizeof sample.host, "any-name%.200s", name + strspn(name, "*"));
    try_paths(p, &sample, tell_never);
}

static bool look_for_cover(struct prover *p)
{
    const struct rule *rule = rule_of(p, p->rule);
    bool is_vain = host_pattern_is_vain(rule->host_pattern);
    p->cover = is_vain ? NO_RULE : find_cover_of_all(p);
    if (!is_vain && p->cover == NO_RULE && !pattern_shape_is_vain(&p->shapes[p->rule]))
        return false;
    p->is_told = false;
    if (is_vain)
        try_vain_host(p);
    else
        try_requests(p, tell_never);
    return p->is_told;
}

/* ---- rules that a request slips past ---- */

/* An error page is nothing to slip to. */
static bool is_harmless(const struct rule *rule)
{
    return rule->service.kind == SERVICE_STATUS && rule->service.status >= 400;
}

static void try_way(struct prover *p, const struct sample *sample, size_t index)
{
    const struct way *way = way_at(index);
    struct sample other;
    size_t taker;
    if ((p->told & BIT(index)) || !way->write(sample, &other) || !goes_to(p, &other, &taker) ||
        taker <= p->rule || is_harmless(rule_of(p, taker)) ||
        rule_serves_alike(rule_of(p, p->rule), rule_of(p, taker)))
        return;
    p->told |= BIT(index);
    struct prove_finding *finding = add(p, PROVE_SLIPS_PAST, taker);
    if (!finding)
        return;
    sample_url(&other, finding->url);
    (void)snprintf(finding->why, sizeof finding->why,
                   "a request of it that is written with %s goes to rule #%zu", way->name, taker);
}

static void look_for_slips(struct prover *p, const struct sample *sample)
{
    size_t taker;
    if (!goes_to(p, sample, &taker) || taker != p->rule)
        return;
    if (!p->is_reached)
        p->reached = *sample;
    p->is_reached = true;
    for (size_t i = 0; way_at(i); i++)
        if (way_at(i)->is_of_host || rule_of(p, p->rule)->path_pattern)
            try_way(p, sample, i);
}

static void tell_undecided(struct prover *p)
{
    struct prove_finding *finding = add(p, PROVE_UNDECIDED, p->rule);
    if (finding)
        (void)snprintf(finding->why, sizeof finding->why,
                       "no request that it takes was found, and not that there is none");
}

/* ---- origins with and without Access ---- */

/* HOST:PORT in one spelling for what is the same place. */
static void spell_place(const char *host, uint16_t port, char out[ORIGIN_MAX])
{
    static const char *const here[] = {"localhost", "127.0.0.1", "::1"};
    for (size_t i = 0; i < ARRAY_LEN(here); i++)
        if (strcasecmp(host, here[i]) == 0)
            host = here[0];
    (void)snprintf(out, ORIGIN_MAX, "%s:%u", host, (unsigned)port);
    for (char *c = out; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
}

/* The `index`th origin of a rule: its service, then its addresses; "" for what is no origin. False:
 * there are no more. */
static bool spell_origin(const struct rule *rule, size_t index, char out[ORIGIN_MAX])
{
    const struct service *service = &rule->service;
    const struct origin_addresses *further = &rule->origin.addresses;
    out[0] = '\0';
    if (index > further->count)
        return false;
    if (index > 0) {
        const struct origin_address *address = &further->all[index - 1];
        spell_place(address->host, address->port ? address->port : service->port, out);
    } else if (service->kind == SERVICE_UNIX) {
        (void)snprintf(out, ORIGIN_MAX, "unix:%s", service->path);
    } else if (service->kind == SERVICE_HTTP || service->kind == SERVICE_TCP) {
        spell_place(service->host, service->port, out);
    } else if (service->kind == SERVICE_BASTION || service->kind == SERVICE_SOCKS) {
        (void)snprintf(out, ORIGIN_MAX, "%s", service->text);
    }
    return true;
}

static void look_for_gap(struct prover *p, const struct map *guarded)
{
    char origin[ORIGIN_MAX];
    const struct rule *rule = rule_of(p, p->rule);
    const struct rule *other = NULL;
    if (!p->is_reached || rule->origin.access.required)
        return;
    for (size_t i = 0; !other && spell_origin(rule, i, origin); i++)
        other = origin[0] ? map_find(guarded, span_of(origin)) : NULL;
    if (!other)
        return;
    struct prove_finding *finding = add(p, PROVE_WITHOUT_ACCESS, (size_t)(other - rule_of(p, 0)));
    if (!finding)
        return;
    sample_url(&p->reached, finding->url);
    (void)snprintf(finding->why, sizeof finding->why,
                   "without Access it leads to %.60s, where rule #%zu leads, which requires Access",
                   origin, finding->other);
}

/* Notes the origins of a rule that no earlier one noted. */
static bool note_origins(struct map *guarded, const struct rule *rule)
{
    char origin[ORIGIN_MAX];
    for (size_t i = 0; spell_origin(rule, i, origin); i++)
        if (origin[0] && !map_find(guarded, span_of(origin)) &&
            !map_put(guarded, span_of(origin), (void *)(uintptr_t)rule, NULL))
            return false;
    return true;
}

/* The first rule that asks for Access, by each of its origins. NULL: out of memory. */
static struct map *find_guarded(const struct prover *p)
{
    struct map *guarded = map_new(GUARDED_MAX);
    for (size_t i = 0; guarded && i < rules_count(p->rules); i++) {
        const struct rule *rule = rule_of(p, i);
        if (rule->origin.access.required && !note_origins(guarded, rule)) {
            map_free(guarded, NULL);
            return NULL;
        }
    }
    return guarded;
}

/* ---- all rules ---- */

static void look_at(struct prover *p, const struct map *guarded)
{
    bool is_last = p->rule + 1 == rules_count(p->rules);
    p->is_reached = false;
    p->told = 0;
    if (!is_last && look_for_cover(p))
        return;
    try_requests(p, look_for_slips);
    if (!p->is_reached && !is_last)
        tell_undecided(p);
    look_for_gap(p, guarded);
}

static bool make_shapes(struct prover *p)
{
    size_t count = rules_count(p->rules);
    p->shapes = calloc(count, sizeof *p->shapes);
    if (!p->shapes)
        return error_memory(p->err);
    for (size_t i = 0; i < count; i++)
        if (!pattern_shape_init(&p->shapes[i], span_of(rule_of(p, i)->path), p->err))
            return false;
    return true;
}

static void release(struct prover *p)
{
    for (size_t i = 0; p->shapes && i < rules_count(p->rules); i++)
        pattern_shape_release(&p->shapes[i]);
    free(p->shapes);
    host_index_free(p->by_host);
}

bool prove_rules(const struct rules *rules, struct prove_report *report, struct error *err)
{
    struct prover prover = {.rules = rules, .report = report, .err = err};
    struct map *guarded = NULL;
    bool ok = make_shapes(&prover);
    if (ok)
        prover.by_host = host_index_new(rules_at(rules, 0), rules_count(rules), err);
    ok = ok && prover.by_host;
    if (ok)
        guarded = find_guarded(&prover);
    if (ok && !guarded)
        ok = error_memory(err);
    for (size_t i = 0; ok && i < rules_count(rules); i++) {
        prover.rule = i;
        look_at(&prover, guarded);
    }
    map_free(guarded, NULL);
    release(&prover);
    return ok;
}
