/* Writes an account certificate for the command line, from the state of an edge on this machine. */
#include "commands.h"
#include "culvert/base/file.h"
#include "culvert/config/search.h"
#include "culvert/edge/run_file.h"
#include "culvert/store/accounts.h"
#include "culvert/tunnel/origin_cert.h"
#include "edge_options.h"
#include "session.h"

enum { DIRECTORY_MODE = 0700 };

static const struct setting options[] = {
    {.name = "out",
     .kind = SETTING_TEXT,
     .argument = "PATH",
     .help = "where it is written; by default ~/.cloudflared/cert.pem"},
    {.name = "state-dir",
     .kind = SETTING_TEXT,
     .argument = "PATH",
     .help = "the state directory of the edge"},
    {.name = "zone",
     .kind = SETTING_TEXT,
     .argument = "NAME",
     .help = "the zone in which it routes names; by default the first one"},
};

/* A certificate for the account and zone, with a fresh API token. NULL: `err`. */
static struct origin_cert *make_cert(struct cli_call *call, struct database *db, struct error *err)
{
    const char *name = sources_text(call->sources, "zone");
    int64_t now = clock_system()->unix_ms(clock_system());
    struct store_account account;
    struct store_zone zone;
    char token[STORE_TOKEN_SIZE];
    if (store_accounts_first(db, now, &account, err) != STORE_OK)
        return NULL;
    enum store_result found =
        store_zones_choose(db, account.id, name[0] ? span_of(name) : SPAN_NONE, &zone, err);
    if (found == STORE_NONE)
        error_set(err, ERROR_INVALID, 0, "the edge has no zone %.80s", name);
    if (found != STORE_OK)
        return NULL;
    const struct store_token_new what = {
        .account_id = account.id, .name = SPAN("edge cert"), .now_ms = now};
    if (store_tokens_create(db, &what, token, err) != STORE_OK)
        return NULL;
    struct origin_cert *cert =
        origin_cert_new(span_of(zone.id), span_of(account.id), span_of(token));
    explicit_bzero(token, sizeof token);
    if (!cert)
        error_memory(err);
    return cert;
}

/* Makes ~/.cloudflared, if that is where `path` lies: a shell has written it out already. Any other
 * directory is the user's to make. */
static bool make_directory(const char *home, struct span path, struct error *err)
{
    struct buf usual = BUF_LIMIT(SEARCH_PATH_MAX);
    bool ok = !home || buf_printf(&usual, "%s/.cloudflared", home) || error_memory(err);
    if (ok && home && span_starts(path, buf_span(&usual)) && path.len > usual.len &&
        path.data[usual.len] == '/')
        ok = file_make_directory(buf_text(&usual), DIRECTORY_MODE, err);
    buf_release(&usual);
    return ok;
}

static bool find_target(struct cli_call *call, struct buf *path, struct error *err)
{
    const char *given = sources_text(call->sources, "out");
    const char *home = cli_home(call);
    if (given[0] && !search_expand_home(home, span_of(given), path))
        return error_set(err, ERROR_INVALID, 0, "%s: there is no home", given);
    if (!given[0] && !home)
        return error_set(err, ERROR_INVALID, 0, "there is no home: name a file with --out");
    if (!given[0] && !buf_printf(path, "%s/.cloudflared/cert.pem", home))
        return error_memory(err);
    return make_directory(home, buf_span(path), err);
}

static bool write_cert(struct cli_call *call, const char *state, const char *path,
                       struct error *err)
{
    struct edge_contact contact = {0};
    struct origin_cert *cert = NULL;
    struct database *db = NULL;
    bool ok = run_file_read(state, &contact, err);
    if (ok) {
        db = database_open(state, err);
        cert = db ? make_cert(call, db, err) : NULL;
    }
    ok = cert && (edge_contact_copy(&cert->contact, &contact) || error_memory(err)) &&
         origin_cert_save(cert, path, err);
    origin_cert_free(cert);
    database_close(db);
    edge_contact_release(&contact);
    return ok;
}

static int run(struct cli_call *call)
{
    struct buf state = BUF_LIMIT(SEARCH_PATH_MAX);
    struct buf path = BUF_LIMIT(SEARCH_PATH_MAX);
    struct error err = {0};
    bool ok = edge_state_directory(call, &state, &err) && find_target(call, &path, &err) &&
              write_cert(call, buf_text(&state), buf_text(&path), &err);
    if (ok)
        fprintf(call->world->out,
                "Account certificate written to %s. Keep this file secret: who has it can make and "
                "delete tunnels.\n",
                buf_text(&path));
    buf_release(&state);
    buf_release(&path);
    return ok ? CLI_OK : cli_fail(call, &err);
}

const struct cli_command cli_edge_cert = {
    .path = "edge cert",
    .summary = "write an account certificate for the command line",
    .details = "It carries an API token, the addresses of API and edge, and the edge's CA, so\n"
               "that the commands of the account need no flags. The edge must be running.\n",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .run = run,
};
