/* An authority, and behind the first line end a target, against rules that guard a path. What is
 * let through must stay with its service when an origin resolves the dots. */
#include "culvert/ingress/rules.h"

#include "culvert/base/encode.h"

static const char text[] =
    "ingress:\n"
    "  - {hostname: a.example.com, path: ^/admin/, service: 'http://h:1'}\n"
    "  - {hostname: a.example.com, service: 'http://h:2'}\n"
    "  - {hostname: '*.example.com', path: '\\.php$', service: 'http://h:3'}\n"
    "  - {hostname: 'b\xC3\xBC.example', service: 'http://h:4'}\n"
    "  - {path: '^/(a|b)*/x', service: 'http://h:5'}\n"
    "  - {service: 'http_status:404'}\n";

static struct rules *make(void)
{
    struct yml *file = yml_parse(span_of(text), "config.yml", NULL);
    struct ingress_spec *spec = ingress_spec_read(value_of_yml(yml_root(file)), NULL, NULL);
    struct rules *rules = rules_new(spec, NULL, NULL);
    ingress_spec_free(spec);
    yml_free(file);
    return rules;
}

/* The same request as an origin would see it after resolving. */
static void check(const struct rules *rules, struct span authority, struct span target,
                  size_t index)
{
    struct buf path = BUF_LIMIT(1 << 20);
    struct buf resolved = BUF_LIMIT(1 << 20);
    struct buf encoded = BUF_LIMIT(1 << 22);
    struct rules_verdict verdict;
    bool changed = false;
    bool ok = path_decode(span_first(target, span_find(target, '?')), &path, NULL) &&
              path_resolve_dots(buf_span(&path), false, &resolved, &changed) &&
              percent_encode(buf_span(&resolved), &encoded);
    if (ok && changed && rules_match(rules, authority, buf_span(&encoded), &verdict) &&
        verdict.index != index)
        abort();
    buf_release(&path);
    buf_release(&resolved);
    buf_release(&encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rules *rules; /* made once: the target is about matching */
    struct span rest = span_make(data, size);
    struct span authority = span_first(rest, span_find(rest, '\n'));
    struct span target = span_skip(rest, authority.len + 1);
    struct rules_verdict verdict;
    if (!rules)
        rules = make();
    bool matched = rules_match(rules, authority, target, &verdict);
    if (verdict.index >= rules_count(rules) || matched == (verdict.why[0] != '\0'))
        abort();
    if (matched)
        check(rules, authority, target, verdict.index);
    return 0;
}
