/* What commands need around them: the configuration file, the log, the account's API. */
#ifndef CULVERT_CLI_SESSION_H
#define CULVERT_CLI_SESSION_H

#include "culvert/api/client.h"
#include "culvert/base/digest.h"
#include "culvert/base/log.h"
#include "culvert/cli/command.h"
#include "culvert/ingress/spec.h"
#include "culvert/observe/console_sink.h"
#include "culvert/observe/file_sink.h"
#include "culvert/observe/json_sink.h"
#include "culvert/observe/redact.h"

/* Prints `err` on stderr, its secrets blackened. Returns CLI_FAILED, so that failures read
 * `return cli_fail(...)`. */
int cli_fail(const struct cli_call *call, const struct error *err);

/* $HOME; NULL: there is none. */
const char *cli_home(const struct cli_call *call);

/* ---- the configuration file ---- */

/* Embedded; start with {0} and release it in every case. */
struct cli_config {
    char *path; /* as given or found; NULL: there is no file */
    struct yml *file;
    struct ingress_spec *spec; /* of an empty file, too; NULL: there is no file */
    struct notes notes;
    bool is_empty;                     /* nothing but comments in the file */
    unsigned char digest[SHA256_SIZE]; /* of the file's bytes; zeros: it could not be read */
};

/* Finds the file (--config, else the search list), reads it, checks the types of its typed part and
 * gives its settings to the call's sources. No file is fine, unless --config names one. False:
 * `err` begins with the file and the place. */
bool cli_config_load(struct cli_call *call, struct cli_config *config,
                     struct error *err) MUST_CHECK;
void cli_config_release(struct cli_config *config);

/* Reads the file of `config` once more into `again`, for its rules: its settings stay as they are.
 * Safe on another thread. False: `err` begins with the file and the place; an empty file is no
 * answer to keep; again->digest is that of what was found. */
bool cli_config_read_again(const struct cli_config *config, struct cli_config *again,
                           struct error *err) MUST_CHECK;

/* ---- the log ---- */

/* Embedded; start with {0} and release it in every case. `log` is what others borrow. */
struct cli_log {
    struct log log;
    struct redact *redact;
    struct console_sink *console;
    struct json_sink *json;
    struct file_sink *file;
};

/* As --loglevel, --output, --logfile and --log-directory say; secrets are blackened before every
 * sink. False: a file cannot be opened, or memory. */
bool cli_log_open(struct cli_call *call, struct cli_log *log, struct error *err) MUST_CHECK;
void cli_log_release(struct cli_log *log);

/* ---- the account ---- */

/* Embedded; start with {0} and release it in every case. */
struct cli_account {
    char *cert_path;
    struct origin_cert *cert;
    struct api_client *client;
};

/* Finds and reads cert.pem (--origincert, else the search list) and makes the client of the API
 * that --api-url, or else the certificate names. */
bool cli_account_open(struct cli_call *call, struct cli_account *account,
                      struct error *err) MUST_CHECK;
void cli_account_release(struct cli_account *account);

/* Only finds the certificate: account->cert_path stays NULL when none is named and none is found.
 */
bool cli_account_find(struct cli_call *call, struct cli_account *account,
                      struct error *err) MUST_CHECK;

#endif
