/* Finding, opening and closing, in the order in which commands complain. */
#include "session.h"

#include "culvert/base/file.h"
#include "culvert/config/search.h"

#include <errno.h>
#include <unistd.h>

int cli_fail(const struct cli_call *call, const struct error *err)
{
    /* Of a service it ends up in a log: a URL that is refused may have a password. */
    struct buf clean = BUF_LIMIT(2 * sizeof err->text);
    bool is_clean = redact_text(span_of(err->text), &clean);
    fprintf(call->world->err, "%s\n", is_clean ? buf_text(&clean) : REDACTED);
    buf_release(&clean);
    return CLI_FAILED;
}

const char *cli_home(const struct cli_call *call)
{
    return environment_get(call->world->environment, "HOME");
}

/* ---- the configuration file ---- */

/* *path stays NULL when there is none. */
static bool find_config(struct cli_call *call, char **path, struct error *err)
{
    struct buf found = BUF_LIMIT(SEARCH_PATH_MAX);
    const char *given = sources_text(call->sources, "config");
    if (sources_is_set(call->sources, "config"))
        *path = given[0] ? span_dup(span_of(given)) : NULL;
    else if (search_config(cli_home(call), &found))
        *path = span_dup(buf_span(&found));
    bool missing = !*path && (found.len > 0 || given[0]);
    buf_release(&found);
    return !missing || error_memory(err);
}

/* A file with a secret in it is held to the rules of secrets: nobody else may write it. */
static bool secrets_are_safe(const struct cli_config *config, const struct yml_node *root,
                             struct error *err)
{
    struct buf text = BUF_LIMIT(YML_BYTES_MAX);
    if (!root || (!yml_get(root, "token") && !yml_get(root, "credentials-contents")))
        return true;
    bool ok = file_read_secret(config->path, &text, NULL, err);
    buf_wipe(&text);
    return ok;
}

static bool read_rules(struct cli_config *config, struct error *err)
{
    struct buf text = BUF_LIMIT(YML_BYTES_MAX);
    bool ok = file_read(config->path, &text, err) &&
              (digest_sha256(buf_span(&text), config->digest) || error_memory(err));
    if (ok)
        config->file = yml_parse(buf_span(&text), config->path, err);
    buf_wipe(&text); /* a token may stand in it */
    if (!config->file)
        return false;
    const struct yml_node *root = yml_root(config->file);
    config->is_empty = root == NULL;
    config->spec = ingress_spec_read(value_of_yml(root), &config->notes, err);
    return config->spec && secrets_are_safe(config, root, err);
}

/* Settings of those commands only that run a tunnel or look for its credentials: whatever others
 * find in the file is not theirs to judge. */
static const char *const of_runs[] = {"token", "token-file", "credentials-contents", "features"};

static void list_unread(const struct cli_command *command, const char **unread)
{
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(of_runs); i++) {
        bool is_heeded = false;
        for (size_t s = 0; command->settings && command->settings[s]; s++)
            is_heeded = is_heeded || strcmp(command->settings[s], of_runs[i]) == 0;
        if (!is_heeded)
            unread[count++] = of_runs[i];
    }
    unread[count] = NULL;
}

static bool read_config(struct cli_call *call, struct cli_config *config, struct error *err)
{
    if (!read_rules(config, err))
        return false;
    const struct yml_node *root = yml_root(config->file);
    const char *unread[ARRAY_LEN(of_runs) + 1];
    list_unread(call->command, unread);
    return !root || yml_kind(root) != YML_MAP ||
           sources_read_file(call->sources, root, unread, err);
}

bool cli_config_read_again(const struct cli_config *config, struct cli_config *again,
                           struct error *err)
{
    again->path = span_dup(span_of(config->path));
    if (!again->path)
        return error_memory(err);
    if (!read_rules(again, err))
        return false;
    return !again->is_empty ||
           error_set(err, ERROR_INVALID, 0, "%s: the file is empty", again->path);
}

bool cli_config_load(struct cli_call *call, struct cli_config *config, struct error *err)
{
    if (!find_config(call, &config->path, err))
        return false;
    return !config->path || read_config(call, config, err);
}

void cli_config_release(struct cli_config *config)
{
    ingress_spec_free(config->spec);
    yml_free(config->file);
    notes_release(&config->notes);
    free(config->path);
    *config = (struct cli_config){0};
}

/* ---- the log ---- */

static bool add_sink(struct cli_log *log, struct log_sink sink, struct error *err)
{
    return redact_add(log->redact, sink) || error_memory(err);
}

static bool open_console(struct cli_call *call, struct cli_log *log, struct error *err)
{
    const char *format = sources_common_text(call->sources, "output");
    if (strcmp(format, "json") == 0) {
        log->json = json_sink_new(STDERR_FILENO, err);
        return log->json && add_sink(log, json_sink_log(log->json), err);
    }
    log->console = console_sink_new(STDERR_FILENO, isatty(STDERR_FILENO) == 1, err);
    return log->console && add_sink(log, console_sink_log(log->console), err);
}

static bool open_file(struct cli_call *call, struct cli_log *log, struct error *err)
{
    const char *path = sources_text(call->sources, "logfile");
    const char *directory = sources_text(call->sources, "log-directory");
    if (path[0])
        log->file = file_sink_open(path, err);
    else if (directory[0])
        log->file = file_sink_open_directory(directory, err);
    else
        return true;
    return log->file && add_sink(log, file_sink_log(log->file), err);
}

/* Commands that print have formats of their own under the same name. */
static void warn_of_format(const struct cli_call *call, const struct log *log)
{
    static const char *const known[] = {"", "default", "json", "yaml"};
    const char *format = sources_common_text(call->sources, "output");
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(format, known[i]) == 0)
            return;
    log_error(log, "The output is neither default nor json: default is used",
              LOG_TEXT("output", format));
}

bool cli_log_open(struct cli_call *call, struct cli_log *log, struct error *err)
{
    const char *level = sources_text(call->sources, "loglevel");
    log->log.clock = clock_system();
    log->log.level = LEVEL_INFO;
    bool known = level[0] == '\0' || log_level_parse(span_of(level), &log->log.level);
    log->redact = redact_new(err);
    if (!log->redact || !open_console(call, log, err) || !open_file(call, log, err))
        return false;
    log->log.sinks[log->log.sink_count++] = redact_sink(log->redact);
    if (!known)
        log_error(&log->log,
                  "The loglevel is none of debug, info, warn, error, fatal: info is used",
                  LOG_TEXT("loglevel", level));
    warn_of_format(call, &log->log);
    if (sources_text(call->sources, "logfile")[0] &&
        sources_text(call->sources, "log-directory")[0])
        log_error(&log->log, "Both logfile and log-directory are given: logfile is used");
    return true;
}

void cli_log_release(struct cli_log *log)
{
    redact_free(log->redact);
    console_sink_free(log->console);
    json_sink_free(log->json);
    file_sink_close(log->file);
    *log = (struct cli_log){0};
}

/* ---- the account ---- */

bool cli_account_find(struct cli_call *call, struct cli_account *account, struct error *err)
{
    struct buf path = BUF_LIMIT(SEARCH_PATH_MAX);
    const char *given = sources_text(call->sources, "origincert");
    bool found = true;
    bool ok = true;
    if (!given[0])
        found = search_file(cli_home(call), "cert.pem", &path);
    else if (!search_expand_home(cli_home(call), span_of(given), &path))
        ok =
            error_set(err, ERROR_INVALID, 0, "the path of the certificate, %s, has no home", given);
    if (ok && found) {
        account->cert_path = span_dup(buf_span(&path));
        ok = account->cert_path || error_memory(err);
    }
    buf_release(&path);
    return ok;
}

bool cli_account_open(struct cli_call *call, struct cli_account *account, struct error *err)
{
    const char *ca = sources_text(call->sources, "cacert");
    const char *url = sources_text(call->sources, "api-url");
    if (!account->cert_path && !cli_account_find(call, account, err))
        return false;
    if (!account->cert_path)
        return error_set(err, ERROR_INVALID, 0,
                         "no account certificate: cert.pem is in none of the usual directories; "
                         "\"culvert edge cert\" makes one for an edge of your own, --origincert "
                         "names another place");
    if (sources_where(call->sources, "api-url") == SOURCE_FLAG && url[0] == '\0')
        return error_set(err, ERROR_INVALID, 0, "--api-url is empty");
    account->cert = origin_cert_load(account->cert_path, NULL, err);
    if (!account->cert)
        return false;
    const struct api_client_options options = {
        .url = url[0] ? url : NULL, .ca_file = ca[0] ? ca : NULL, .cert = account->cert};
    account->client = api_client_new(&options, err);
    return account->client != NULL;
}

void cli_account_release(struct cli_account *account)
{
    api_client_free(account->client);
    origin_cert_free(account->cert);
    free(account->cert_path);
    *account = (struct cli_account){0};
}
