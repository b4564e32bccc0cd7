/* `tunnel ingress validate` and `rule`: what the rules of a file are worth, without running. */
#include "commands.h"
#include "culvert/base/url.h"
#include "culvert/ingress/rules.h"
#include "session.h"

enum { URL_MAX = 64 * 1024 };

static const struct setting options[] = {
    {.name = "json",
     .aliases = {"j"},
     .variables = {"TUNNEL_INGRESS_VALIDATE_JSON"},
     .kind = SETTING_TEXT,
     .argument = "JSON",
     .help = "judge this configuration, in the form that an edge pushes, instead of a file"},
};

static const char *const settings[] = {"config", NULL};

/* ---- validate ---- */

/* The specification of --json. NULL: `err`. */
static struct ingress_spec *read_json(const char *text, struct notes *notes, struct error *err)
{
    struct doc *root = doc_parse_last(span_of(text), err);
    struct ingress_spec *spec =
        root ? ingress_spec_read_flag(value_of_doc(root), notes, err) : NULL;
    doc_free(root);
    return spec;
}

static void print_notes(FILE *out, struct notes *notes)
{
    notes_sort(notes);
    for (size_t i = 0; i < notes->count; i++) {
        const struct note *note = &notes->all[i];
        fprintf(out, "Warning: line %d: %s%s%s%s\n", note->place.line,
                note->kind == NOTE_ADVICE ? "" : "nothing reads the key ", note->text,
                note->hint[0] ? "; " : "", note->hint);
    }
    if (notes->left_out > 0)
        fprintf(out, "Warning: %zu more\n", notes->left_out);
}

static bool has_unused_keys(const struct notes *notes)
{
    for (size_t i = 0; i < notes->count; i++)
        if (notes->all[i].kind == NOTE_UNUSED_KEY)
            return true;
    return false;
}

/* A second origin beside the rules would be ignored without a word. */
static bool check_url(struct cli_call *call, struct error *err)
{
    char where[SOURCES_PLACE_MAX];
    if (!sources_is_set(call->sources, "url"))
        return true;
    sources_describe(call->sources, "url", where, sizeof where);
    return error_set(err, ERROR_INVALID, 0,
                     "%s: a URL cannot stand beside ingress rules: it would not be used", where);
}

static int judge(struct cli_call *call, const struct ingress_spec *spec, struct notes *notes)
{
    struct error err = {0};
    struct rules *rules = rules_new(spec, notes, &err);
    if (!rules) {
        fprintf(call->world->err, "Validation failed: %s\n", err.text);
        /* What is missing may stand there under another name. */
        print_notes(call->world->err, notes);
        return CLI_FAILED;
    }
    rules_free(rules);
    if (!check_url(call, &err))
        return cli_fail(call, &err);
    print_notes(call->world->out, notes);
    if (!has_unused_keys(notes))
        fputs("OK\n", call->world->out);
    return CLI_OK;
}

static bool require_file(const struct cli_config *config, struct error *err)
{
    if (config->path && !config->is_empty)
        return true;
    if (!config->path)
        return error_set(err, ERROR_INVALID, 0,
                         "no configuration file was found; name one with --config");
    return error_set(err, ERROR_INVALID, 0, "%s: the configuration file is empty", config->path);
}

static int run_validate(struct cli_call *call)
{
    struct cli_config config = {0};
    struct ingress_spec *spec = NULL;
    struct error err = {0};
    int status = CLI_FAILED;
    const char *json = sources_text(call->sources, "json");
    if (!cli_config_load(call, &config, &err)) {
        cli_fail(call, &err);
        print_notes(call->world->err, &config.notes);
    } else if (sources_is_set(call->sources, "json")) {
        fputs("Validating rules from cmdline flag --json\n", call->world->out);
        spec = read_json(json, &config.notes, &err);
        status = spec ? judge(call, spec, &config.notes) : cli_fail(call, &err);
    } else if (!require_file(&config, &err)) {
        cli_fail(call, &err);
    } else {
        fprintf(call->world->out, "Validating rules from %s\n", config.path);
        status = judge(call, config.spec, &config.notes);
    }
    ingress_spec_free(spec);
    cli_config_release(&config);
    return status;
}

const struct cli_command cli_tunnel_ingress_validate = {
    .path = "tunnel ingress validate",
    .summary = "judge the ingress rules of a file",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .settings = settings,
    .operands_max = CLI_OPERANDS_ANY,
    .run = run_validate,
};

/* ---- rule ---- */

static bool parse_url(const char *text, struct url *url, struct error *err)
{
    if (!url_parse(span_of(text), url, err))
        return error_wrap(err, "\"%.80s\" is not a URL", text);
    if (url->scheme.len == 0 && url->host.len == 0)
        return error_set(err, ERROR_INVALID, 0,
                         "\"%.80s\" has neither scheme nor host; a URL begins with https://", text);
    return true;
}

static void print_rule(FILE *out, const struct rule *rule, size_t index)
{
    fprintf(out, "Matched rule #%zu\n", index);
    if (rule->hostname[0])
        fprintf(out, "\thostname: %s\n", rule->hostname);
    if (rule->path[0])
        fprintf(out, "\tpath: %s\n", rule->path);
    fprintf(out, "\tservice: %s\n", rule->service.text);
}

static int match(struct cli_call *call, const struct rules *rules, const struct url *url)
{
    struct buf host = BUF_LIMIT(URL_MAX);
    struct rules_verdict verdict;
    struct error err = {0};
    /* Without "//" there is neither host nor path, only text behind a scheme. */
    struct span path = url->has_authority ? url->path : SPAN("");
    if (!url_decode_host(url, &host)) {
        error_memory(&err);
        return cli_fail(call, &err);
    }
    bool matched = rules_match(rules, buf_span(&host), path, &verdict);
    print_rule(call->world->out, rules_at(rules, verdict.index), verdict.index);
    if (!matched)
        fprintf(call->world->out, "Such a request is refused with %d: %s\n", verdict.status,
                verdict.why);
    buf_release(&host);
    return CLI_OK;
}

static int run_rule(struct cli_call *call)
{
    struct cli_config config = {0};
    struct url url;
    struct error err = {0};
    struct rules *rules = NULL;
    int status = CLI_FAILED;
    bool ok = cli_config_load(call, &config, &err);
    if (ok && call->operand_count == 0)
        ok = error_set(&err, ERROR_INVALID, 0, "\"culvert tunnel ingress rule\" takes a URL");
    ok = ok && parse_url(call->operands[0], &url, &err);
    if (!ok) {
        cli_fail(call, &err);
    } else if (!config.path) {
        error_set(&err, ERROR_INVALID, 0,
                  "there are no ingress rules: no configuration file was "
                  "found; name one with --config");
        cli_fail(call, &err);
    } else {
        fprintf(call->world->out, "Using rules from %s\n", config.path);
        rules = rules_new(config.spec, NULL, &err);
        if (rules)
            status = match(call, rules, &url);
        else
            fprintf(call->world->err, "Validation failed: %s\n", err.text);
    }
    rules_free(rules);
    cli_config_release(&config);
    return status;
}

const struct cli_command cli_tunnel_ingress_rule = {
    .path = "tunnel ingress rule",
    .summary = "say which ingress rule takes a URL",
    .operands = "URL",
    .settings = settings,
    .operands_max = CLI_OPERANDS_ANY,
    .run = run_rule,
};
