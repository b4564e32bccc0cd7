/* See the header. */
#include "support/rules_text.h"

#include "culvert/config/yaml.h"

static struct rules *read_rules(const char *yaml, struct warp_routing *warp, struct notes *notes,
                                struct error *err)
{
    struct yml *file = yml_parse(span_of(yaml), "config.yml", err);
    struct ingress_spec *spec =
        file ? ingress_spec_read(value_of_yml(yml_root(file)), notes, err) : NULL;
    struct rules *rules = spec ? rules_new(spec, notes, err) : NULL;
    if (spec)
        *warp = spec->warp;
    ingress_spec_free(spec);
    yml_free(file);
    return rules;
}

struct rules *rules_of_text(const char *yaml, struct notes *notes, struct error *err)
{
    struct warp_routing ignored;
    return read_rules(yaml, &ignored, notes, err);
}

struct snapshot *snapshot_of_text(const char *yaml, struct error *err)
{
    struct warp_routing warp;
    struct rules *rules = read_rules(yaml, &warp, NULL, err);
    return rules ? snapshot_new(rules, &warp, SNAPSHOT_LOCAL, err) : NULL;
}
