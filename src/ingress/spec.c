/* The shape of the typed part: tunnel, ingress, originRequest, warp-routing. */
#include "culvert/ingress/spec.h"

#include "culvert/config/settings.h"

#define SECONDS(n) (INT64_C(1000000000) * (n))

struct warp_routing warp_routing_default(void)
{
    return (struct warp_routing){SECONDS(5), SECONDS(30), 0};
}

static const char *rule_key(size_t index)
{
    static const char *const names[] = {"hostname", "path", "service", "originRequest", NULL};
    return names[index];
}

static const char *warp_key(size_t index)
{
    static const char *const names[] = {"connectTimeout", "tcpKeepAlive", "maxActiveFlows", NULL};
    return names[index];
}

static const char *file_key(size_t index)
{
    static const char *const names[] = {"tunnel", "ingress", "originRequest", "warp-routing", NULL};
    return names[index];
}

static const struct value_keys rule_keys = {
    .name_at = rule_key, .below_at = origin_request_key, .below = "originRequest"};
static const struct value_keys warp_keys = {.name_at = warp_key};

/* ---- keys of the file that nobody reads ---- */

static const char *setting_key(size_t index)
{
    return index < settings_count() ? settings_at(index)->name : NULL;
}

/* A key that is a setting's name, but not that of one which may stand in a file. */
static bool note_flag(struct span key, struct notes *notes)
{
    const struct setting *setting = settings_find(key);
    if (!setting)
        return false;
    if (setting->traits & SETTING_FILE)
        notes_hint(notes, "in a file it is called %s", setting->name);
    else
        notes_hint(notes, "--%s is no key of a file", setting->name);
    return true;
}

static void note_unknown(struct span key, struct place place, struct notes *notes)
{
    const struct setting *setting = settings_find(key);
    struct nearest nearest = {.meant = key};
    struct nearest below = nearest;
    bool is_setting =
        setting && (setting->traits & SETTING_FILE) && span_equal(key, span_of(setting->name));
    if (is_setting || value_keys_have(file_key, &nearest))
        return;
    notes_add(notes, NOTE_UNKNOWN_KEY, place, "%.*s", SPAN_ARG(key));
    if (note_flag(key, notes))
        return;
    if (value_keys_have(origin_request_key, &below)) {
        notes_hint(notes, "it belongs below originRequest");
        return;
    }
    (void)value_keys_have(setting_key, &nearest);
    if (nearest.word)
        notes_hint(notes, "did you mean %s?", nearest.word);
}

static void note_unknown_keys(struct value root, struct notes *notes)
{
    for (size_t i = 0; root.yml && yml_kind(root.yml) == YML_MAP && i < yml_count(root.yml); i++) {
        const struct yml_node *key = yml_key(root.yml, i);
        note_unknown(yml_text(key), (struct place){yml_line(key), yml_column(key)}, notes);
    }
}

/* ---- the typed part ---- */

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
    value_note_unused(block, &rule_keys, notes);
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
    value_note_unused(block, &warp_keys, notes);
    return value_duration(value_member(block, "connectTimeout"), &warp->connect_timeout_ns,
                          &present, err) &&
           value_duration(value_member(block, "tcpKeepAlive"), &warp->tcp_keep_alive_ns, &present,
                          err) &&
           value_uint(value_member(block, "maxActiveFlows"), &warp->max_active_flows, &present,
                      err);
}

static struct ingress_spec *read_spec(struct value root, const char *warp_key, struct notes *notes,
                                      struct error *err)
{
    struct ingress_spec *spec = calloc(1, sizeof *spec);
    struct place ignored;
    /* In JSON the tunnel is known already, and the key is nobody's. */
    const struct value nothing = {.key = "tunnel"};
    if (!spec) {
        error_memory(err);
        return NULL;
    }
    origin_request_init(&spec->defaults);
    spec->warp = warp_routing_default();
    spec->name = span_dup(span_of(root.yml ? yml_name(root.yml) : ""));
    bool ok = spec->name != NULL || error_memory(err);
    ok = ok && value_is_map(root, err) &&
         read_text(root.yml ? value_member(root, "tunnel") : nothing, &spec->tunnel, &ignored,
                   err) &&
         read_defaults(value_member(root, "originRequest"), &spec->defaults, notes, err) &&
         read_rules(value_member(root, "ingress"), spec, notes, err) &&
         read_warp(value_member(root, warp_key), &spec->warp, notes, err);
    note_unknown_keys(root, notes);
    if (ok)
        return spec;
    ingress_spec_free(spec);
    return NULL;
}

struct ingress_spec *ingress_spec_read(struct value root, struct notes *notes, struct error *err)
{
    return read_spec(root, "warp-routing", notes, err);
}

struct ingress_spec *ingress_spec_read_flag(struct value root, struct notes *notes,
                                            struct error *err)
{
    return read_spec(root, "WarpRouting", notes, err);
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
