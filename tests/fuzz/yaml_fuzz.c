/* A configuration file: parsed, its typed part read, its rules judged. */
#include "culvert/ingress/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    struct notes notes = {0};
    struct yml *file = yml_parse(span_make(data, size), "config.yml", &err);
    struct ingress_spec *spec =
        file ? ingress_spec_read(value_of_yml(yml_root(file)), &notes, &err) : NULL;
    struct rules *rules = spec ? rules_new(spec, &notes, &err) : NULL;
    if (!rules && err.text[0] == '\0')
        abort(); /* a refusal without words */
    rules_free(rules);
    ingress_spec_free(spec);
    yml_free(file);
    notes_release(&notes);
    return 0;
}
