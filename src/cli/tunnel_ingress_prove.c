/* `tunnel ingress prove`: what the rules of a file do not do although it looks as if they did. For
 * people, and for a pipeline that shall stop at it. */
#include "allowances.h"
#include "commands.h"
#include "culvert/cli/output.h"
#include "culvert/ingress/prove.h"
#include "session.h"

enum { DOC_TEXT_MAX = 32 * 1024 * 1024 };

static const struct setting options[] = {
    {.name = "json", .kind = SETTING_BOOL, .help = "print the findings as JSON"},
    {.name = "allow",
     .kind = SETTING_LIST,
     .argument = "FINDING",
     .help = "accept this one, by the name that it is printed with; may be repeated"},
};

static const char *const settings[] = {"config", NULL};

struct proof {
    struct cli_call *call;
    struct cli_config config;
    struct rules *rules;
    struct prove_report report;
    struct allowances allowances;
};

static const struct rule_spec *spec_of(const struct proof *proof, size_t rule)
{
    return &proof->config.spec->rules[rule];
}

/* ---- for people ---- */

static void print_rule(FILE *out, const struct proof *proof, const struct prove_finding *finding)
{
    const struct rule *rule = rules_at(proof->rules, finding->rule);
    const struct place *place = &spec_of(proof, finding->rule)->place;
    fprintf(out, "%s:%d:%d: rule #%zu (", proof->config.path, place->line, place->column,
            finding->rule);
    if (rule->hostname[0])
        fprintf(out, "hostname %s, ", rule->hostname);
    if (rule->path[0])
        fprintf(out, "path %s, ", rule->path);
    fprintf(out, "service %s) ", rule->service.text);
}

static void print_finding(FILE *out, const struct proof *proof, const struct prove_finding *finding)
{
    static const char *const words[] = {
        [PROVE_NEVER_MATCHES] = "never matches",
        [PROVE_SLIPS_PAST] = "can be slipped past",
        [PROVE_WITHOUT_ACCESS] = "leads around Access",
        [PROVE_UNDECIDED] = "is undecided",
    };
    print_rule(out, proof, finding);
    fprintf(out, "%s: %s\n", words[finding->kind], finding->why);
    if (finding->url[0] && finding->kind == PROVE_WITHOUT_ACCESS)
        fprintf(out, "\t%s\n", finding->url);
    else if (finding->url[0])
        fprintf(out, "\t%s -> rule #%zu, %s\n", finding->url, finding->other,
                rules_at(proof->rules, finding->other)->service.text);
}

/* In quotes as a shell wants them. */
static bool put_quoted(struct buf *out, struct span text)
{
    bool ok = buf_put_char(out, '\'');
    for (size_t i = 0; ok && i < text.len; i++)
        ok = text.data[i] == '\'' ? buf_put_span(out, SPAN("'\\''"))
                                  : buf_put_char(out, text.data[i]);
    return ok && buf_put_char(out, '\'');
}

static void print_way_out(FILE *out, const struct proof *proof, size_t index)
{
    struct buf name = BUF_LIMIT(PROVE_NAME_MAX);
    struct buf quoted = BUF_LIMIT(PROVE_NAME_MAX * 4);
    if (proof->report.all[index].kind == PROVE_UNDECIDED)
        return;
    if (proof->allowances.accepted[index])
        fputs("\taccepted\n", out);
    else if (prove_finding_name(proof->rules, &proof->report.all[index], &name) &&
             put_quoted(&quoted, buf_span(&name)))
        fprintf(out, "\tto accept it: --allow %s\n", buf_text(&quoted));
    buf_release(&name);
    buf_release(&quoted);
}

static void print_stale(FILE *out, const struct proof *proof)
{
    const struct sources *sources = proof->call->sources;
    for (size_t i = 0; i < sources_list_count(sources, "allow"); i++)
        if (proof->allowances.stale[i])
            fprintf(out, "--allow \"%s\": there is no such finding, the exception can go\n",
                    sources_list_at(sources, "allow", i));
}

/* Those that are not accepted. */
static size_t count_findings(const struct proof *proof)
{
    const struct prove_report *report = &proof->report;
    return report->count - report->undecided + report->left_out - proof->allowances.accepted_count;
}

static void print_report(FILE *out, const struct proof *proof)
{
    const struct prove_report *report = &proof->report;
    size_t findings = count_findings(proof);
    fprintf(out, "Proving rules from %s\n", proof->config.path);
    for (size_t i = 0; i < report->count; i++) {
        print_finding(out, proof, &report->all[i]);
        print_way_out(out, proof, i);
    }
    if (report->left_out > 0)
        fprintf(out, "%zu more are not shown\n", report->left_out);
    print_stale(out, proof);
    if (proof->allowances.accepted_count > 0)
        fprintf(out, "%zu accepted\n", proof->allowances.accepted_count);
    if (findings > 0)
        fprintf(out, "%zu finding%s in %zu rules\n", findings, findings == 1 ? "" : "s",
                rules_count(proof->rules));
    else if (proof->allowances.stale_count == 0)
        fputs("OK\n", out);
}

/* ---- for machines ---- */

static bool put_name(struct doc *object, const struct proof *proof,
                     const struct prove_finding *finding)
{
    struct buf name = BUF_LIMIT(PROVE_NAME_MAX);
    bool ok = prove_finding_name(proof->rules, finding, &name) &&
              doc_put_text(object, "name", buf_span(&name));
    buf_release(&name);
    return ok;
}

static struct doc *finding_to_doc(const struct proof *proof, size_t index)
{
    const struct prove_finding *finding = &proof->report.all[index];
    const struct place *place = &spec_of(proof, finding->rule)->place;
    bool is_undecided = finding->kind == PROVE_UNDECIDED;
    struct doc *object = doc_object();
    bool ok =
        object && doc_put_text(object, "kind", span_of(prove_kind_name(finding->kind))) &&
        doc_put_int(object, "rule", (int64_t)finding->rule) &&
        doc_put_int(object, "line", place->line) && doc_put_int(object, "column", place->column) &&
        doc_put(object, "other", is_undecided ? doc_null() : doc_int((int64_t)finding->other)) &&
        doc_put(object, "url", is_undecided ? doc_null() : doc_text(span_of(finding->url))) &&
        doc_put_text(object, "why", span_of(finding->why)) &&
        doc_put_bool(object, "accepted", proof->allowances.accepted[index]) &&
        (is_undecided || put_name(object, proof, finding));
    if (ok)
        return object;
    doc_free(object);
    return NULL;
}

static struct doc *stale_to_doc(const struct proof *proof)
{
    const struct sources *sources = proof->call->sources;
    struct doc *list = doc_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < sources_list_count(sources, "allow"); i++)
        if (proof->allowances.stale[i])
            ok = doc_append(list, doc_text(span_of(sources_list_at(sources, "allow", i))));
    if (ok)
        return list;
    doc_free(list);
    return NULL;
}

static struct doc *report_to_doc(const struct proof *proof)
{
    const struct prove_report *report = &proof->report;
    struct doc *root = doc_object();
    struct doc *list = doc_array();
    bool ok = root && list;
    for (size_t i = 0; ok && i < report->count; i++)
        ok = doc_append(list, finding_to_doc(proof, i));
    ok = ok && doc_put_text(root, "config", span_of(proof->config.path)) &&
         doc_put_int(root, "rules", (int64_t)rules_count(proof->rules));
    ok = doc_put(root, "findings", list) && ok;
    ok = ok && doc_put_int(root, "leftOut", (int64_t)report->left_out) &&
         doc_put(root, "stale", stale_to_doc(proof));
    if (ok)
        return root;
    doc_free(root);
    return NULL;
}

static bool print_json(const struct proof *proof, struct error *err)
{
    struct buf text = BUF_LIMIT(DOC_TEXT_MAX);
    struct doc *root = report_to_doc(proof);
    bool ok = root && output_put_doc(&text, root, OUTPUT_JSON);
    if (ok)
        fputs(buf_text(&text), proof->call->world->out);
    doc_free(root);
    buf_release(&text);
    return ok || error_memory(err);
}

/* ---- the command ---- */

static bool prepare(struct proof *proof, struct error *err)
{
    if (!cli_config_load(proof->call, &proof->config, err))
        return false;
    if (!proof->config.path)
        return error_set(err, ERROR_INVALID, 0,
                         "there are no ingress rules: no configuration file was found; name one "
                         "with --config");
    proof->rules = rules_new(proof->config.spec, NULL, err);
    return proof->rules && prove_rules(proof->rules, &proof->report, err) &&
           allowances_make(&proof->allowances, proof->call->sources, proof->rules, &proof->report,
                           err);
}

static int run(struct cli_call *call)
{
    struct proof proof = {.call = call};
    struct error err = {0};
    int status = CLI_FAILED;
    if (!allowances_check(call->sources, &err)) {
        cli_fail(call, &err);
        return CLI_USAGE;
    }
    bool is_ready = prepare(&proof, &err);
    bool wants_json = sources_bool(call->sources, "json");
    if (!is_ready || (wants_json && !print_json(&proof, &err)))
        cli_fail(call, &err);
    else if (count_findings(&proof) == 0 && proof.allowances.stale_count == 0)
        status = CLI_OK;
    if (is_ready && !wants_json)
        print_report(call->world->out, &proof);
    allowances_release(&proof.allowances);
    prove_report_release(&proof.report);
    rules_free(proof.rules);
    cli_config_release(&proof.config);
    return status;
}

const struct cli_command cli_tunnel_ingress_prove = {
    .path = "tunnel ingress prove",
    .summary = "list ingress rules that are not what they seem",
    .details = "Listed are rules that never match, rules that a request slips past which is\n"
               "only written differently, and rules that lead without Access to an origin that\n"
               "another rule guards with it; each with a URL that shows it. It ends with 1 if\n"
               "there is any that --allow does not accept, or an --allow without its finding.\n",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .settings = settings,
    .run = run,
};
