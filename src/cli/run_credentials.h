/* The credentials with which a tunnel is run. */
#ifndef CULVERT_CLI_RUN_CREDENTIALS_H
#define CULVERT_CLI_RUN_CREDENTIALS_H

#include "culvert/tunnel/credentials.h"
#include "session.h"

/* From --token or --token-file; else those of the tunnel that the operand or the configuration
 * names: --credentials-contents, --credentials-file, beside cert.pem, in the search list. The
 * caller frees them. NULL: `err`, and *status is the exit status: CLI_USAGE for an unusable token
 * and when no tunnel is named. */
struct credentials *run_credentials_find(struct cli_call *call, const struct cli_config *config,
                                         const struct log *log, int *status, struct error *err);

/* Does a token say which tunnel to run? */
bool run_credentials_has_token(const struct cli_call *call);

#endif
