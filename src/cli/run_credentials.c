/* A token says everything. Otherwise a tunnel is named, its id found, and its credentials are
 * looked for under that id. */
#include "run_credentials.h"

#include "culvert/base/file.h"
#include "culvert/config/search.h"
#include "select.h"

struct search {
    struct cli_call *call;
    const struct cli_config *config;
    const struct log *log;
    struct cli_account account;     /* opened when it is needed */
    struct credentials *configured; /* of --credentials-contents or --credentials-file */
    bool from_command;              /* they come from a flag or a variable */
};

bool run_credentials_has_token(const struct cli_call *call)
{
    return sources_text(call->sources, "token")[0] || sources_text(call->sources, "token-file")[0];
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct span trim(struct span text)
{
    while (text.len > 0 && is_space(text.data[0]))
        text = span_skip(text, 1);
    while (text.len > 0 && is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

/* *creds stays NULL when there is no token, or a file with nothing in it. */
static bool read_token(struct cli_call *call, const struct log *log, struct credentials **creds,
                       struct error *err)
{
    const char *token = sources_text(call->sources, "token");
    const char *path = sources_text(call->sources, "token-file");
    char where[SOURCES_PLACE_MAX];
    if (token[0]) {
        *creds = credentials_from_token(span_of(token), err);
        sources_describe(call->sources, "token", where, sizeof where);
        return *creds || error_wrap(err, "%s is no usable token", where);
    }
    if (!path[0])
        return true;
    struct buf text = BUF_LIMIT(CREDENTIALS_TOKEN_MAX);
    bool readable = false;
    bool ok = file_read_secret(path, &text, &readable, err);
    struct span content = ok ? trim(buf_span(&text)) : SPAN_NONE;
    if (ok && content.len > 0) {
        *creds = credentials_from_token(content, err);
        ok = *creds || error_wrap(err, "%s holds no usable token", path);
    }
    if (ok && readable)
        log_warn(log, "Others may read the token of the tunnel: chmod 0400 keeps them out",
                 LOG_TEXT("path", path));
    buf_wipe(&text);
    return ok ? true : error_wrap(err, "token file");
}

static bool ends_in_pem(const char *path)
{
    return span_ends(span_of(path), SPAN(".pem"));
}

/* `path` may begin with "~". NULL: `err`. */
static struct credentials *load(struct search *s, const char *path, struct error *err)
{
    struct buf whole = BUF_LIMIT(SEARCH_PATH_MAX);
    struct credentials *creds = NULL;
    bool readable = false;
    if (!search_expand_home(cli_home(s->call), span_of(path), &whole)) {
        error_set(err, ERROR_INVALID, 0, "credentials file %s: there is no home", path);
        buf_release(&whole);
        return NULL;
    }
    creds = credentials_load(buf_text(&whole), &readable, err);
    if (!creds && ends_in_pem(path))
        error_wrap(err, "a certificate is given as --origincert, not as --credentials-file");
    if (creds && readable)
        log_warn(s->log, "Others may read the credentials of the tunnel: chmod 0400 keeps them out",
                 LOG_TEXT("path", buf_text(&whole)));
    buf_release(&whole);
    return creds;
}

/* The credentials that are named, if any are. */
static bool load_configured(struct search *s, struct error *err)
{
    const char *contents = sources_text(s->call->sources, "credentials-contents");
    const char *path = sources_text(s->call->sources, "credentials-file");
    const char *name = contents[0] ? "credentials-contents" : "credentials-file";
    s->from_command = sources_where(s->call->sources, name) >= SOURCE_VARIABLE;
    if (contents[0]) {
        s->configured = credentials_parse(span_of(contents), err);
        return s->configured || error_wrap(err, "--credentials-contents");
    }
    if (!path[0])
        return true;
    s->configured = load(s, path, err);
    return s->configured != NULL;
}

/* A name is that of the configured credentials when they were given for this run, or stand beside
 * the name in the same file; every other name is the API's to know. */
static bool find_id(struct search *s, const char *word, struct uuid *id, struct error *err)
{
    if (uuid_parse(span_of(word), id))
        return true;
    bool is_theirs =
        s->from_command || (s->config->spec && strcmp(word, s->config->spec->tunnel) == 0);
    if (s->configured && !uuid_is_nil(&s->configured->tunnel_id) && is_theirs) {
        *id = s->configured->tunnel_id;
        return true;
    }
    return cli_select_tunnel(s->call, s->config, &s->account, word, id, err);
}

static struct credentials *load_found(struct search *s, const struct uuid *id, struct error *err)
{
    struct buf path = BUF_LIMIT(SEARCH_PATH_MAX);
    struct credentials *creds = NULL;
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    if (!s->account.cert_path && !cli_account_find(s->call, &s->account, err))
        return NULL;
    if (cli_find_credentials(s->call, &s->account, id, &path))
        creds = load(s, buf_text(&path), err);
    else
        error_set(
            err, ERROR_INVALID, 0,
            "no credentials of the tunnel %s were found: %s.json lies neither beside cert.pem "
            "nor in the usual directories; --credentials-file names another place",
            text, text);
    buf_release(&path);
    return creds;
}

/* Which tunnel: the operand, else the file's. */
static const char *find_word(const struct cli_call *call, const struct cli_config *config)
{
    if (call->operand_count > 0)
        return call->operands[0];
    return config->spec ? config->spec->tunnel : "";
}

struct credentials *run_credentials_find(struct cli_call *call, const struct cli_config *config,
                                         const struct log *log, int *status, struct error *err)
{
    struct search s = {.call = call, .config = config, .log = log};
    struct credentials *creds = NULL;
    struct uuid id;
    const char *word = find_word(call, config);
    *status = CLI_USAGE;
    if (!read_token(call, log, &creds, err) || creds)
        return creds;
    if (word[0] == '\0') {
        error_set(err, ERROR_INVALID, 0,
                  "no tunnel is named: give its name or UUID, a --token, or \"tunnel:\" in the "
                  "configuration file");
        return NULL;
    }
    *status = CLI_FAILED;
    if (load_configured(&s, err) && find_id(&s, word, &id, err)) {
        creds = s.configured ? s.configured : load_found(&s, &id, err);
        s.configured = NULL;
    }
    if (creds)
        creds->tunnel_id = id;
    credentials_free(s.configured);
    cli_account_release(&s.account);
    return creds;
}
