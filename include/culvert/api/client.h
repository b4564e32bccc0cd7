/* The REST interface of the account, as the command line uses it: where it is, who asks, and one
 * call. It blocks, like fetch. */
#ifndef CULVERT_API_CLIENT_H
#define CULVERT_API_CLIENT_H

#include "culvert/api/envelope.h"
#include "culvert/tunnel/origin_cert.h"

#define API_URL_DEFAULT "https://api.cloudflare.com/client/v4"
#define API_URL_FED     "https://api.fed.cloudflare.com/client/v4"

enum { API_PATH_MAX = 4096 }; /* bytes of a path with its query */

struct api_client;

struct api_client_options {
    const char *url;                /* NULL: what the certificate says, else API_URL_DEFAULT */
    const char *ca_file;            /* trusted beside the machine's; NULL: none */
    const struct origin_cert *cert; /* kept; its CA is trusted, its endpoint "fed" wins over url */
};

/* The caller owns it. NULL: `err` (INVALID: not an http or https URL). */
struct api_client *api_client_new(const struct api_client_options *options, struct error *err);
void api_client_free(struct api_client *client); /* NULL is allowed */

/* The base URL in use, without a final slash. */
const char *api_client_url(const struct api_client *client);

/* Appends "/accounts/<id>" or "/zones/<id>" of the certificate. False: DENIED when it has no
 * account, or `path` is full. */
bool api_client_account_path(const struct api_client *client, struct buf *path,
                             struct error *err) MUST_CHECK;
bool api_client_zone_path(const struct api_client *client, struct buf *path,
                          struct error *err) MUST_CHECK;

/* Appends "?key=value", or "&key=value" when `path` has a query already; form encoded. False: full.
 * Keys are given in alphabetical order. */
bool api_query_put(struct buf *path, const char *key, struct span value) MUST_CHECK;

struct api_call {
    const char *method;
    struct span path;       /* with its query, behind the base URL */
    const struct doc *body; /* NULL: none */
};

/* Sends it and reads the envelope, which the caller releases in every case. Errors are those of
 * api_envelope_read and of fetch_run, these behind "REST request failed". */
bool api_client_run(const struct api_client *client, const struct api_call *call,
                    struct api_envelope *envelope, struct error *err) MUST_CHECK;

#endif
