/* First match over a list; docs/protocol.md, chapter 14. */
#include "culvert/ingress/rules.h"

#include "host_index.h"

/* Longest path that is matched: the longest target there is, and replacement characters of three
 * bytes for single bytes in it. */
enum { PATH_MAX_BYTES = 3 * 64 * 1024 };

struct rules {
    struct rule *all;
    size_t count;
    bool has_paths; /* some rule looks at the path */
    bool is_unavailable;
    struct host_index *by_host;
    struct origin_request defaults; /* of all rules, for reports */
};

static struct rules *allocate(size_t count, struct error *err)
{
    struct rules *rules = calloc(1, sizeof *rules);
    if (rules)
        rules->all = calloc(count, sizeof *rules->all);
    if (rules && rules->all)
        return rules;
    error_memory(err);
    rules_free(rules);
    return NULL;
}

static struct rules *finish(struct rules *rules, const struct origin_request *defaults,
                            struct error *err)
{
    rules->by_host = host_index_new(rules->all, rules->count, err);
    if (rules->by_host && origin_request_set_defaults(&rules->defaults, err) &&
        (!defaults || origin_request_inherit(&rules->defaults, defaults, err)))
        return rules;
    rules_free(rules);
    return NULL;
}

struct rules *rules_new(const struct ingress_spec *spec, struct notes *notes, struct error *err)
{
    if (spec->count == 0) {
        error_set(err, ERROR_INVALID, 0, "%s%sthere are no ingress rules", spec->name,
                  spec->name[0] ? ": " : "");
        return NULL;
    }
    struct rules *rules = allocate(spec->count, err);
    if (!rules)
        return NULL;
    for (size_t i = 0; i < spec->count; i++) {
        if (!rule_init(&rules->all[i], spec, i, notes, err)) {
            rules_free(rules);
            return NULL;
        }
        rules->count++;
        rules->has_paths = rules->has_paths || rules->all[i].path_pattern;
    }
    return finish(rules, &spec->defaults, err);
}

struct rules *rules_new_single(struct service *service, struct origin_request *origin,
                               struct error *err)
{
    struct rules *rules = allocate(1, err);
    if (!rules) {
        service_release(service);
        origin_request_release(origin);
        return NULL;
    }
    if (!rule_init_single(&rules->all[0], service, origin, err)) {
        rules_free(rules);
        return NULL;
    }
    rules->count = 1;
    return finish(rules, &rules->all[0].origin, err);
}

struct rules *rules_new_unavailable(const struct origin_request *flags, struct error *err)
{
    struct service service = {0};
    struct origin_request origin;
    origin_request_init(&origin);
    if (origin_request_set_defaults(&origin, err) &&
        (!flags || origin_request_inherit(&origin, flags, err)) &&
        service_parse(SPAN("http_status:503"), 0, &service, err)) {
        struct rules *rules = rules_new_single(&service, &origin, err);
        if (rules)
            rules->is_unavailable = true;
        return rules;
    }
    origin_request_release(&origin);
    return NULL;
}

bool rules_are_unavailable(const struct rules *rules)
{
    return rules->is_unavailable;
}

void rules_free(struct rules *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < rules->count; i++)
        rule_release(&rules->all[i]);
    free(rules->all);
    host_index_free(rules->by_host);
    origin_request_release(&rules->defaults);
    free(rules);
}

size_t rules_count(const struct rules *rules)
{
    return rules->count;
}

const struct rule *rules_at(const struct rules *rules, size_t index)
{
    return &rules->all[index];
}

static bool refuse(struct rules_verdict *verdict, int status, const char *why)
{
    verdict->status = status;
    (void)snprintf(verdict->why, sizeof verdict->why, "%s", why);
    return false;
}

/* The first match for a normalised host and a decoded path. False: an expression gave up. */
static bool find(const struct rules *rules, struct span host, struct span path, size_t *index)
{
    struct host_walk walk;
    host_walk_begin(&walk, rules->by_host, host);
    while (host_walk_next(&walk, index)) {
        const struct rule *rule = &rules->all[*index];
        enum path_match match =
            rule->path_pattern ? path_pattern_match(rule->path_pattern, path) : PATH_MATCHES;
        if (match != PATH_DIFFERS)
            return match == PATH_MATCHES;
    }
    *index = rules->count - 1;
    return true;
}

static bool find_or_refuse(const struct rules *rules, struct span host, struct span path,
                           struct rules_verdict *verdict)
{
    if (find(rules, host, path, &verdict->index))
        return true;
    verdict->status = 400;
    (void)snprintf(verdict->why, sizeof verdict->why,
                   "the path expression of rule #%zu takes too long to decide for this path",
                   verdict->index);
    return false;
}

/* Would the path be another rule's after an origin resolved its dot segments? Servers differ in
 * whether "//" is one slash before that, so both readings must agree. */
static bool check_dots(const struct rules *rules, struct span host, struct span path,
                       struct rules_verdict *verdict)
{
    struct buf resolved = BUF_LIMIT(PATH_MAX_BYTES);
    bool changed = true;
    bool ok = true;
    for (int merge = 0; ok && changed && merge < 2; merge++) {
        struct rules_verdict other;
        buf_clear(&resolved);
        if (!path_resolve_dots(path, merge == 1, &resolved, &changed)) {
            ok = refuse(verdict, 502, "out of memory while the path was looked at");
        } else if (changed && !find_or_refuse(rules, host, buf_span(&resolved), &other)) {
            ok = refuse(verdict, 400, other.why);
        } else if (changed &&
                   !rule_serves_alike(&rules->all[verdict->index], &rules->all[other.index])) {
            verdict->status = 400;
            (void)snprintf(verdict->why, sizeof verdict->why,
                           "the path matches rule #%zu, but with its dot segments resolved rule "
                           "#%zu, which has another service or Access requirement",
                           verdict->index, other.index);
            ok = false;
        }
    }
    buf_release(&resolved);
    return ok;
}

/* Nearly every path is what it decodes to, and has no dot segment: no copies are made of it. */
static bool is_plain(struct span path)
{
    bool after_slash = false;
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.data[i];
        if (c == '%' || c >= 0x80 || (after_slash && c == '.'))
            return false;
        after_slash = c == '/';
    }
    return path.len <= PATH_MAX_BYTES;
}

bool rules_match(const struct rules *rules, struct span authority, struct span target,
                 struct rules_verdict *verdict)
{
    char host_text[HOST_MAX];
    struct span host = span_make(host_text, host_normalise(authority, host_text));
    struct span raw = span_first(target, span_find(target, '?'));
    verdict->index = rules->count - 1;
    verdict->status = 0;
    verdict->why[0] = '\0';
    if (!rules->has_paths)
        return find_or_refuse(rules, host, SPAN(""), verdict);
    if (is_plain(raw))
        return find_or_refuse(rules, host, raw, verdict);
    struct buf path = BUF_LIMIT(PATH_MAX_BYTES);
    struct error err = {0};
    bool ok = path_decode(raw, &path, &err) ||
              refuse(verdict, err.kind == ERROR_SYSTEM ? 502 : 400, err.text);
    ok = ok && find_or_refuse(rules, host, buf_span(&path), verdict) &&
         check_dots(rules, host, buf_span(&path), verdict);
    buf_release(&path);
    return ok;
}

const struct origin_request *rules_defaults(const struct rules *rules)
{
    return &rules->defaults;
}
