/* A tunnel by name or UUID. */
#ifndef CULVERT_CLI_SELECT_H
#define CULVERT_CLI_SELECT_H

#include "culvert/base/uuid.h"
#include "session.h"

/* The id of the tunnel that `word` means: a UUID as it is; the id in the configured credentials
 * when `word` is what the configuration calls its tunnel; else the API is asked, for which the
 * account is opened when it is not. */
bool cli_select_tunnel(struct cli_call *call, const struct cli_config *config,
                       struct cli_account *account, const char *word, struct uuid *id,
                       struct error *err) MUST_CHECK;

/* The path of the credentials of a tunnel: beside cert.pem, else in the search list. False: there
 * is none. */
bool cli_find_credentials(struct cli_call *call, const struct cli_account *account,
                          const struct uuid *id, struct buf *path) MUST_CHECK;

/* Where `create` puts them: beside cert.pem. False: the path is too long. */
bool cli_credentials_path(const struct cli_account *account, const struct uuid *id,
                          struct buf *path) MUST_CHECK;

#endif
