/* The shape of the typed part: tunnel, ingress, originRequest, warp-routing. */
#include "culvert/ingress/spec.h"

#define SECONDS(n) (INT64_C(1000000000) * (n))

struct warp_routing warp_routing_default(void)
{
    return (struct warp_routing){SECONDS(5), SECONDS(30), 0};
}

static bool is_one_of(struct span key, const char *const *names)
{
    for (; *names; names++)
        if (span_equal(key, span_of(*names)))
            return true;
    return false;
}

static bool is_rule_key(struct span key)
{
    static const char *const names[] = {"hostname", "path", "service", "originRequest", NULL};
    return is_one_of(key, names);
}

static bool is_warp_key(struct span key)
{
    static const char *const names[] = {"connectTimeout", "tcpKeepAlive", "maxActiveFlows", NULL};
    return is_one_of(key, names);
}

/* A text that is never NULL. */
static bool read_text(struct value value, char **out, struct place *place, struct error *err)
{
    bool present;
    *place = value_place(value);
    *out = span_dup(SPAN(""));
    if (!*out)
        return error_memory(err);
    return value_text(value, out, &present, err);
}

static bool read_rule(struct value block, struct rule_spec *rule, struct notes *notes,
                      struct error *err)
{
    rule->place = value_place(block);
    origin_request_init(&rule->origin);
    if (!value_is_map(block, err) ||
        !read_text(value_member(block, "hostname"), &rule->hostname, &rule->hostname_place, err) ||
        !read_text(value_member(block, "path"), &rule->path, &rule->path_place, err) ||
        !read_text(value_member(block, "service"), &rule->service, &rule->service_place, err) ||
        !origin_request_read(value_member(block, "originRequest"), &rule->origin, notes, err))
        return false;
    value_note_unused(block, is_rule_key, notes);
    return true;
}

/* Places of one service cannot be those of every other one. */
static bool read_defaults(struct value block, struct origin_request *defaults, struct notes *notes,
                          struct error *err)
{
    if (!origin_request_read(block, defaults, notes, err))
        return false;
    return defaults->addresses.count == 0 ||
           value_fail(value_member(block, "addresses"), err,
                      "addresses belong to the originRequest of a rule");
}

static bool read_rules(struct value list, struct ingress_spec *spec, struct notes *notes,
                       struct error *err)
{
    size_t count = value_count(list);
    if (!value_is_list(list, err))
        return false;
    if (count > RULES_MAX)
        return value_fail(list, err, "more than %d rules", RULES_MAX);
    spec->rules = calloc(count + 1, sizeof *spec->rules);
    if (!spec->rules)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct value block = value_at(list, i);
        /* YAML drops an empty element; in JSON it is a rule without a service. */
        if (value_is_absent(block) && block.yml)
            continue;
        if (!read_rule(block, &spec->rules[spec->count++], notes, err))
            return false;
    }
    return true;
}

static bool read_warp(struct value block, struct warp_routing *warp, struct notes *notes,
                      struct error *err)
{
    bool present;
    if (!value_is_map(block, err))
        return false;
    value_note_unused(block, is_warp_key, notes);
    return value_duration(value_member(block, "connectTimeout"), &warp->connect_timeout_ns,
                          &present, err) &&
           value_duration(value_member(block, "tcpKeepAlive"), &warp->tcp_keep_alive_ns, &present,
                          err) &&
           value_uint(value_member(block, "maxActiveFlows"), &warp->max_active_flows, &present,
                      err);
}

struct ingress_spec *ingress_spec_read(struct value root, struct notes *notes, struct error *err)
{
    struct ingress_spec *spec = calloc(1, sizeof *spec);
    struct place ignored;
    if (!spec) {
        error_memory(err);
        return NULL;
    }
    origin_request_init(&spec->defaults);
    spec->warp = warp_routing_default();
    spec->name = span_dup(span_of(root.yml ? yml_name(root.yml) : ""));
    bool ok = spec->name != NULL || error_memory(err);
    ok = ok && value_is_map(root, err) &&
         read_text(value_member(root, "tunnel"), &spec->tunnel, &ignored, err) &&
         read_defaults(value_member(root, "originRequest"), &spec->defaults, notes, err) &&
         read_rules(value_member(root, "ingress"), spec, notes, err) &&
         read_warp(value_member(root, "warp-routing"), &spec->warp, notes, err);
    if (ok)
        return spec;
    ingress_spec_free(spec);
    return NULL;
}

void ingress_spec_free(struct ingress_spec *spec)
{
    if (!spec)
        return;
    for (size_t i = 0; i < spec->count; i++) {
        struct rule_spec *rule = &spec->rules[i];
        free(rule->hostname);
        free(rule->path);
        free(rule->service);
        origin_request_release(&rule->origin);
    }
    free(spec->rules);
    origin_request_release(&spec->defaults);
    free(spec->tunnel);
    free(spec->name);
    free(spec);
}
