/* Deletes tunnels at the API and their credentials files here. */
#include "commands.h"
#include "culvert/api/tunnels.h"
#include "culvert/config/search.h"
#include "select.h"

#include <errno.h>
#include <unistd.h>

static const struct setting options[] = {
    {.name = "credentials-file",
     .aliases = {"cred-file"},
     .variables = {"TUNNEL_CRED_FILE"},
     .kind = SETTING_TEXT,
     .argument = "PATH",
     .help = "credentials file to remove; by default the one of the tunnel's id"},
    {.name = "force",
     .aliases = {"f"},
     .variables = {"TUNNEL_RUN_FORCE_OVERWRITE"},
     .kind = SETTING_BOOL,
     .help = "also one that has connections or routes"},
};

static const char *const settings[] = {"origincert", "api-url", "cacert", "config", NULL};

/* The ids of all that is to be deleted: UUIDs first, then the names. */
static bool resolve_all(struct cli_call *call, const struct cli_account *account, struct uuid *ids,
                        struct error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < call->operand_count; i++)
        if (uuid_parse(span_of(call->operands[i]), &ids[count]))
            count++;
    for (size_t i = 0; i < call->operand_count; i++) {
        struct uuid id;
        if (uuid_parse(span_of(call->operands[i]), &id))
            continue;
        if (!api_tunnels_resolve(account->client, span_of(call->operands[i]), true, &ids[count++],
                                 err))
            return false;
    }
    return true;
}

static void remove_credentials(struct cli_call *call, const struct cli_account *account,
                               const struct uuid *id)
{
    struct buf path = BUF_LIMIT(SEARCH_PATH_MAX);
    const char *given = sources_text(call->sources, "credentials-file");
    bool found = given[0] ? buf_put_span(&path, span_of(given))
                          : cli_find_credentials(call, account, id, &path);
    struct error err = {0};
    if (found && unlink(buf_text(&path)) == -1 && errno != ENOENT) {
        error_errno(&err, "The tunnel is deleted, its credentials stay in %s", buf_text(&path));
        fprintf(call->world->err, "%s\n", err.text);
    }
    buf_release(&path);
}

static bool delete_one(struct cli_call *call, const struct cli_account *account,
                       const struct uuid *id, struct error *err)
{
    struct api_tunnels found = {0};
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    bool ok = api_tunnels_get(account->client, id, &found, err);
    if (ok && !found.items[0].deleted_at.never)
        ok = error_set(err, ERROR_INVALID, 0, "it has already been deleted");
    ok = ok && api_tunnels_delete(account->client, id, sources_bool(call->sources, "force"), err);
    api_tunnels_release(&found);
    if (!ok)
        return error_wrap(err, "tunnel %s", text);
    remove_credentials(call, account, id);
    return true;
}

static int run(struct cli_call *call)
{
    struct cli_config config = {0};
    struct cli_account account = {0};
    struct error err = {0};
    struct uuid *ids = calloc(call->operand_count, sizeof *ids);
    bool ok = ids ? true : error_memory(&err);
    ok = ok && cli_config_load(call, &config, &err) && cli_account_open(call, &account, &err) &&
         resolve_all(call, &account, ids, &err);
    for (size_t i = 0; ok && i < call->operand_count; i++)
        ok = delete_one(call, &account, &ids[i], &err);
    free(ids);
    cli_account_release(&account);
    cli_config_release(&config);
    return ok ? CLI_OK : cli_fail(call, &err);
}

const struct cli_command cli_tunnel_delete = {
    .path = "tunnel delete",
    .summary = "delete tunnels and their credentials files",
    .operands = "TUNNEL...",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .settings = settings,
    .operands_min = 1,
    .operands_max = CLI_OPERANDS_ANY,
    .run = run,
};
