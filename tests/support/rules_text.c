/* See the header. */
#include "support/rules_text.h"

#include "culvert/config/yaml.h"

struct rules *rules_of_text(const char *yaml, struct notes *notes, struct error *err)
{
    struct yml *file = yml_parse(span_of(yaml), "config.yml", err);
    struct ingress_spec *spec =
        file ? ingress_spec_read(value_of_yml(yml_root(file)), notes, err) : NULL;
    struct rules *rules = spec ? rules_new(spec, notes, err) : NULL;
    ingress_spec_free(spec);
    yml_free(file);
    return rules;
}

struct snapshot *snapshot_of_text(const char *yaml, struct error *err)
{
    struct warp_routing warp = warp_routing_default();
    struct rules *rules = rules_of_text(yaml, NULL, err);
    return rules ? snapshot_new(rules, &warp, SNAPSHOT_LOCAL, err) : NULL;
}
