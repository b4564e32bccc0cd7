/* Runs the connector: credentials, rules and settings are all judged before anything is started. */
#include "commands.h"
#include "culvert/ingress/single_origin.h"
#include "run_credentials.h"
#include "run_options.h"

enum { SETTINGS_LINE_MAX = 8192 /* of the log; more settings take more lines */ };

static const char *const settings[] = {"config",
                                       "credentials-file",
                                       "credentials-contents",
                                       "token",
                                       "token-file",
                                       "edge",
                                       "cacert",
                                       "region",
                                       "url",
                                       "hello-world",
                                       "unix-socket",
                                       "bastion",
                                       "socks5",
                                       "http-host-header",
                                       "origin-server-name",
                                       "origin-ca-pool",
                                       "no-tls-verify",
                                       "no-chunked-encoding",
                                       "http2-origin",
                                       "proxy-connect-timeout",
                                       "proxy-tls-timeout",
                                       "proxy-tcp-keepalive",
                                       "proxy-no-happy-eyeballs",
                                       "proxy-keepalive-connections",
                                       "proxy-keepalive-timeout",
                                       "max-active-flows",
                                       "write-stream-timeout",
                                       "dns-resolver-addrs",
                                       "metrics",
                                       "pidfile",
                                       "grace-period",
                                       "edge-ip-version",
                                       "edge-bind-address",
                                       "protocol",
                                       "post-quantum",
                                       "retries",
                                       "ha-connections",
                                       "workers",
                                       "watch",
                                       "rpc-timeout",
                                       "tag",
                                       "features",
                                       "origincert",
                                       "api-url",
                                       "loglevel",
                                       "output",
                                       "logfile",
                                       "log-directory",
                                       NULL};

struct run {
    struct cli_call *call;
    struct cli_config config;
    struct cli_log log;
    struct credentials *creds;
    struct snapshot *snapshot;
    struct run_options options;
    bool has_origin;                      /* rules, or a single origin */
    unsigned char last_read[SHA256_SIZE]; /* digest of the file; the reading thread's */
};

/* ---- rules ---- */

static void log_notes(const struct run *run, const struct cli_config *config)
{
    for (size_t i = 0; i < config->notes.count; i++) {
        const struct note *note = &config->notes.all[i];
        bool is_key = note->kind != NOTE_ADVICE;
        log_warn(&run->log.log,
                 is_key ? "Nothing reads a key of the configuration"
                        : "The configuration has an oddity",
                 LOG_TEXT(is_key ? "key" : "detail", note->text), LOG_TEXT("file", config->path),
                 LOG_INT("line", note->place.line), LOG_INT("column", note->place.column),
                 note->hint[0] ? LOG_TEXT("hint", note->hint) : (struct log_field){0});
    }
}

static struct rules *make_rules(const struct run *run, struct cli_config *config, bool *has_origin,
                                struct error *err)
{
    const struct ingress_spec *spec = config->spec;
    if (!spec || spec->count == 0)
        return single_origin_rules(run->call->sources, spec, has_origin, err);
    *has_origin = true;
    if (sources_text(run->call->sources, "url")[0])
        log_warn(&run->log.log, "The url is not used: the configuration has ingress rules");
    return rules_new(spec, &config->notes, err);
}

static struct snapshot *make_snapshot(const struct run *run, struct cli_config *config,
                                      bool *has_origin, struct error *err)
{
    struct warp_routing warp = config->spec ? config->spec->warp : warp_routing_default();
    struct rules *rules = make_rules(run, config, has_origin, err);
    log_notes(run, config);
    if (!rules)
        return NULL;
    return snapshot_new(rules, &warp, SNAPSHOT_LOCAL, err);
}

static bool was_read_before(struct run *run, const struct cli_config *again)
{
    bool same = memcmp(run->last_read, again->digest, sizeof run->last_read) == 0;
    memcpy(run->last_read, again->digest, sizeof run->last_read);
    return same;
}

/* On another thread: what the run holds does not change any more, but for what was read last. */
static bool read_rules(void *arg, bool only_if_changed, struct snapshot **snapshot,
                       struct error *err)
{
    struct run *run = arg;
    struct cli_config again = {0};
    bool has_origin = false;
    bool ok = cli_config_read_again(&run->config, &again, err);
    *snapshot = NULL;
    if (was_read_before(run, &again) && only_if_changed)
        ok = true; /* what is wrong with it was told when it came */
    else if (ok)
        ok = (*snapshot = make_snapshot(run, &again, &has_origin, err)) != NULL;
    /* Half of a file may be a whole one without rules. */
    if (*snapshot && !has_origin && run->has_origin) {
        snapshot_unref(*snapshot);
        *snapshot = NULL;
        ok =
            error_set(err, ERROR_INVALID, 0, "%s: there are no ingress rules any more", again.path);
    }
    cli_config_release(&again);
    return ok;
}

/* ---- what the log says before the start ---- */

/* The log blackens the user information of what it can see to be a URL. Flags take URLs without
 * "://", too. */
static bool put_url(struct buf *out, struct span url)
{
    size_t at = 0;
    for (size_t i = 0; i < url.len && !strchr("/?#", url.data[i]); i++)
        if (url.data[i] == '@')
            at = i;
    return (at == 0 || buf_put_span(out, SPAN(REDACTED))) && buf_put_span(out, span_skip(url, at));
}

static bool put_value(const struct sources *sources, size_t index, struct buf *out)
{
    const struct setting *setting = settings_at(index);
    if (setting->traits & SETTING_SECRET)
        return buf_put_span(out, SPAN(REDACTED));
    if (setting->kind == SETTING_TEXT && setting->argument && strcmp(setting->argument, "URL") == 0)
        return put_url(out, span_of(sources_common_text(sources, setting->name)));
    return sources_spell(sources, index, out);
}

/* "loglevel:debug (TUNNEL_LOGLEVEL)". False: no room, or no memory. */
static bool spell(const struct sources *sources, size_t index, struct buf *out)
{
    const struct setting *setting = settings_at(index);
    char where[SOURCES_PLACE_MAX];
    sources_describe(sources, setting->name, where, sizeof where);
    buf_clear(out);
    return buf_printf(out, "%s:", setting->name) && put_value(sources, index, out) &&
           buf_printf(out, " (%s)", where);
}

static void log_given(const struct run *run, struct buf *text)
{
    if (text->len > 0)
        log_info(&run->log.log, "Settings", LOG_SPAN("given", buf_span(text)));
    buf_clear(text);
}

/* Each with where it comes from, in as many lines as it takes. */
static void log_settings(const struct run *run)
{
    const struct sources *sources = run->call->sources;
    struct buf text = BUF_LIMIT(SETTINGS_LINE_MAX);
    struct buf one = BUF_LIMIT(SETTINGS_LINE_MAX);
    for (size_t i = 0; i < settings_count(); i++) {
        if (!sources_is_set(sources, settings_at(i)->name) || !spell(sources, i, &one))
            continue;
        if (text.len + 1 + one.len > SETTINGS_LINE_MAX)
            log_given(run, &text);
        if ((text.len > 0 && !buf_put_char(&text, ' ')) || !buf_put_span(&text, buf_span(&one)))
            buf_clear(&text);
    }
    log_given(run, &text);
    buf_release(&text);
    buf_release(&one);
}

/* What was given and is not used. */
static void log_idle(const struct run *run)
{
    const struct sources *sources = run->call->sources;
    for (size_t i = 0; i < settings_count(); i++) {
        const struct setting *setting = settings_at(i);
        const char *since = setting_why_idle(setting);
        char where[SOURCES_PLACE_MAX];
        if (!since || !sources_is_set(sources, setting->name))
            continue;
        sources_describe(sources, setting->name, where, sizeof where);
        log_warn(&run->log.log, "A setting is not used", LOG_TEXT("setting", setting->name),
                 LOG_TEXT("from", where), LOG_TEXT("reason", since));
    }
}

static void log_variable(void *arg, struct span name, const char *meant)
{
    log_warn(arg, "Nothing reads a variable", LOG_SPAN("variable", name), LOG_TEXT("hint", meant));
}

static void announce(struct run *run)
{
    const struct log *log = &run->log.log;
    const struct sources *sources = run->call->sources;
    const char *protocol = sources_text(sources, "protocol");
    char id[UUID_TEXT_SIZE];
    uuid_format(&run->creds->tunnel_id, id);
    log_info(log, "Starting tunnel", LOG_TEXT("tunnelID", id));
    if (!run->config.path && !run_credentials_has_token(run->call))
        log_info(log, "No configuration file was found");
    else if (run->config.is_empty)
        log_error(log, "The configuration file is empty", LOG_TEXT("file", run->config.path));
    log_info(log, "Version", LOG_TEXT("version", CULVERT_VERSION));
    log_settings(run);
    log_idle(run);
    sources_suspect_variables(sources, run->call->world->environment, log_variable, &run->log.log);
    if (strcmp(protocol, "h2mux") == 0 || strcmp(protocol, "quic") == 0)
        log_warn(log, "The protocol is not supported by this version: http2 is used",
                 LOG_TEXT("protocol", protocol));
    if (!run->has_origin && run_credentials_has_token(run->call))
        log_info(log, "There are no ingress rules and no --url: requests wait for those that the "
                      "edge sends, and are answered 503 when none come");
    else if (!run->has_origin)
        log_warn(log, "There are no ingress rules and no --url: every request is answered 503");
}

/* ---- the run ---- */

static bool prepare(struct run *run, int *status, struct error *err)
{
    *status = CLI_FAILED;
    if (!cli_config_load(run->call, &run->config, err) || !cli_log_open(run->call, &run->log, err))
        return false;
    run->creds = run_credentials_find(run->call, &run->config, &run->log.log, status, err);
    if (!run->creds)
        return false;
    *status = CLI_FAILED;
    run->snapshot = make_snapshot(run, &run->config, &run->has_origin, err);
    return run->snapshot && run_options_fill(run->call, run->creds, &run->options, err) &&
           run_options_report(run->call, run->snapshot, &run->options, err);
}

static void release(struct run *run)
{
    run_options_release(&run->options);
    snapshot_unref(run->snapshot);
    credentials_free(run->creds);
    cli_log_release(&run->log);
    cli_config_release(&run->config);
}

static int run_tunnel(struct cli_call *call)
{
    struct run run = {.call = call};
    struct error err = {0};
    int status;
    bool ok = prepare(&run, &status, &err);
    if (ok) {
        announce(&run);
        run.options.connector.snapshot = run.snapshot;
        run.options.connector.log = &run.log.log;
        run.options.connector.read_rules = run.config.path ? read_rules : NULL;
        run.options.connector.read_rules_arg = &run;
        memcpy(run.last_read, run.config.digest, sizeof run.last_read);
        if (sources_bool(call->sources, "watch"))
            run.options.connector.watched = run.config.path;
        run.options.connector.management_hostname =
            sources_text(call->sources, "management-hostname");
        ok = connector_run(&run.options.connector, &err);
        status = ok ? CLI_OK : CLI_FAILED;
    }
    if (!ok)
        (void)cli_fail(call, &err);
    if (status == CLI_USAGE)
        fputs("See 'culvert tunnel run --help'.\n", call->world->err);
    release(&run);
    return status;
}

const struct cli_command cli_tunnel_run = {
    .path = "tunnel run",
    .summary = "run the connector of a tunnel",
    .operands = "[TUNNEL]",
    .details = "TUNNEL is a name or a UUID; without it the configuration file or a token says\n"
               "which. It runs until SIGTERM or SIGINT, finishes open requests and ends. SIGHUP\n"
               "reads the ingress rules of the configuration file again; with --watch that\n"
               "happens by itself.\n",
    .settings = settings,
    .operands_max = 1,
    .run = run_tunnel,
};
