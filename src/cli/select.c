/* Names are looked up at the API, unless the configuration itself says which tunnel is meant. */
#include "select.h"

#include "culvert/api/tunnels.h"
#include "culvert/base/file.h"
#include "culvert/config/search.h"
#include "culvert/tunnel/credentials.h"

enum { CREDENTIALS_NAME_SIZE = UUID_TEXT_SIZE + 8 }; /* "<uuid>.json" */

/* The id in the configured credentials, if they are those of the tunnel that is meant. */
static bool find_configured(struct cli_call *call, const struct cli_config *config,
                            const char *word, struct uuid *id)
{
    struct buf path = BUF_LIMIT(SEARCH_PATH_MAX);
    const char *given = sources_common_text(call->sources, "credentials-file");
    struct credentials *creds = NULL;
    bool found = false;
    if (!config->spec || strcmp(config->spec->tunnel, word) != 0 || !given[0])
        return false;
    if (search_expand_home(cli_home(call), span_of(given), &path))
        creds = credentials_load(buf_text(&path), NULL, NULL);
    if (creds && !uuid_is_nil(&creds->tunnel_id)) {
        *id = creds->tunnel_id;
        found = true;
    }
    credentials_free(creds);
    buf_release(&path);
    return found;
}

bool cli_select_tunnel(struct cli_call *call, const struct cli_config *config,
                       struct cli_account *account, const char *word, struct uuid *id,
                       struct error *err)
{
    if (uuid_parse(span_of(word), id) || find_configured(call, config, word, id))
        return true;
    if (!account->client && !cli_account_open(call, account, err))
        return error_wrap(err, "the tunnel \"%.80s\" cannot be looked up", word);
    return api_tunnels_resolve(account->client, span_of(word), false, id, err);
}

static void name_credentials(const struct uuid *id, char name[CREDENTIALS_NAME_SIZE])
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    (void)snprintf(name, CREDENTIALS_NAME_SIZE, "%s.json", text);
}

/* "<directory of cert.pem>/<name>" */
static bool put_beside_cert(const struct cli_account *account, const char *name, struct buf *path)
{
    const char *slash = account->cert_path ? strrchr(account->cert_path, '/') : NULL;
    buf_clear(path);
    if (!account->cert_path)
        return false;
    size_t len = slash ? (size_t)(slash - account->cert_path) + 1 : 0;
    return buf_put(path, account->cert_path, len) && buf_put_span(path, span_of(name));
}

bool cli_credentials_path(const struct cli_account *account, const struct uuid *id,
                          struct buf *path)
{
    char name[CREDENTIALS_NAME_SIZE];
    name_credentials(id, name);
    return put_beside_cert(account, name, path);
}

bool cli_find_credentials(struct cli_call *call, const struct cli_account *account,
                          const struct uuid *id, struct buf *path)
{
    char name[CREDENTIALS_NAME_SIZE];
    name_credentials(id, name);
    if (put_beside_cert(account, name, path) && file_exists(buf_text(path)))
        return true;
    return search_file(cli_home(call), name, path);
}
