/* Prints the token with which another machine runs a tunnel. */
#include "commands.h"
#include "culvert/api/tunnels.h"
#include "culvert/base/file.h"
#include "culvert/tunnel/credentials.h"
#include "select.h"

enum { CREDENTIALS_MODE = 0400 };

static const struct setting options[] = {
    {.name = "credentials-file",
     .aliases = {"cred-file"},
     .variables = {"TUNNEL_CRED_FILE"},
     .kind = SETTING_TEXT,
     .argument = "PATH",
     .help = "write the credentials to this new file instead"},
};

static const char *const settings[] = {"origincert", "api-url", "cacert", "config", NULL};

static bool deliver(struct cli_call *call, const struct credentials *creds, struct error *err)
{
    const char *path = sources_text(call->sources, "credentials-file");
    struct buf text = BUF_LIMIT(CREDENTIALS_TOKEN_MAX);
    bool ok = path[0] ? credentials_format(creds, &text) : credentials_format_token(creds, &text);
    if (!ok)
        error_memory(err);
    else if (path[0])
        ok = file_create(path, buf_span(&text), CREDENTIALS_MODE, err);
    else
        fprintf(call->world->out, "%s\n", buf_text(&text));
    buf_wipe(&text);
    return ok;
}

static bool fetch_token(struct cli_call *call, const struct cli_account *account,
                        const struct uuid *id, struct error *err)
{
    struct buf token = BUF_LIMIT(CREDENTIALS_TOKEN_MAX);
    char text[UUID_TEXT_SIZE];
    struct credentials *creds = NULL;
    uuid_format(id, text);
    if (api_tunnels_token(account->client, id, &token, err))
        creds = credentials_from_token(buf_span(&token), err);
    bool ok = creds && deliver(call, creds, err);
    credentials_free(creds);
    buf_wipe(&token);
    return ok || error_wrap(err, "token of the tunnel %s", text);
}

static int run(struct cli_call *call)
{
    struct cli_config config = {0};
    struct cli_account account = {0};
    struct uuid id;
    struct error err = {0};
    bool ok = cli_config_load(call, &config, &err) && cli_account_open(call, &account, &err) &&
              cli_select_tunnel(call, &config, &account, call->operands[0], &id, &err) &&
              fetch_token(call, &account, &id, &err);
    cli_account_release(&account);
    cli_config_release(&config);
    return ok ? CLI_OK : cli_fail(call, &err);
}

const struct cli_command cli_tunnel_token = {
    .path = "tunnel token",
    .summary = "print the token that runs a tunnel elsewhere",
    .operands = "TUNNEL",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .settings = settings,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
