/* Lines "HOST PATH-EXPRESSION", each a rule: whatever is told of them is so, and a rule that is
 * said to get no request gets none of the requests that the lines themselves come to. */
#include "culvert/ingress/prove.h"

#include "culvert/base/encode.h"

enum { RULES_MOST = 40 };

static struct doc *rule_of(struct span line, size_t index)
{
    struct buf service = BUF_LIMIT(64);
    struct span host = span_first(line, span_find(line, ' '));
    struct doc *rule = doc_object();
    bool ok =
        doc_put_text(rule, "hostname", host) &&
        doc_put_text(rule, "path", span_skip(line, host.len + 1)) &&
        buf_printf(&service, index % 3 ? "http://h:%zu" : "http_status:4%02zu", index % 99 + 1) &&
        doc_put_text(rule, "service", buf_span(&service));
    buf_release(&service);
    if (ok)
        return rule;
    doc_free(rule);
    return NULL;
}

static struct rules *make(struct span text)
{
    struct doc *list = doc_array();
    struct doc *root = doc_object();
    struct span line;
    bool ok = true;
    size_t count = 0;
    while (ok && count < RULES_MOST && span_cut(&text, '\n', &line)) {
        ok = doc_append(list, rule_of(line, count));
        count++;
    }
    struct doc *last = doc_object();
    ok = doc_put_text(last, "service", SPAN("http://last:1")) && ok;
    ok = doc_append(list, last) && ok;
    ok = doc_put(root, "ingress", list) && ok;
    struct ingress_spec *spec = ok ? ingress_spec_read(value_of_doc(root), NULL, NULL) : NULL;
    struct rules *rules = spec ? rules_new(spec, NULL, NULL) : NULL;
    ingress_spec_free(spec);
    doc_free(root);
    return rules;
}

static bool is_said_to_get_nothing(const struct prove_report *report, size_t rule)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->all[i].kind == PROVE_NEVER_MATCHES && report->all[i].rule == rule)
            return true;
    return false;
}

/* The line's own texts as a request; a star is in no host name. */
static void ask(const struct rules *rules, const struct prove_report *report, struct span line)
{
    struct buf target = BUF_LIMIT(1 << 20);
    struct rules_verdict verdict;
    struct span host = span_first(line, span_find(line, ' '));
    if (!span_starts(host, SPAN("*")) && buf_put_char(&target, '/') &&
        percent_encode(span_skip(line, host.len + 1), &target) &&
        rules_match(rules, host, buf_span(&target), &verdict) &&
        is_said_to_get_nothing(report, verdict.index))
        abort();
    buf_release(&target);
}

static void check(const struct rules *rules, const struct prove_finding *finding)
{
    size_t rule = SIZE_MAX;
    if (finding->kind == PROVE_UNDECIDED)
        return;
    bool matched = prove_url_rule(rules, span_of(finding->url), &rule);
    if (!matched ||
        rule != (finding->kind == PROVE_WITHOUT_ACCESS ? finding->rule : finding->other))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_make(data, size);
    struct span line;
    struct prove_report report = {0};
    struct error err = {0};
    struct rules *rules = size < 4096 ? make(rest) : NULL;
    if (!rules)
        return 0;
    if (!prove_rules(rules, &report, &err))
        abort();
    for (size_t i = 0; i < report.count; i++)
        check(rules, &report.all[i]);
    while (span_cut(&rest, '\n', &line))
        ask(rules, &report, line);
    prove_report_release(&report);
    rules_free(rules);
    return 0;
}
