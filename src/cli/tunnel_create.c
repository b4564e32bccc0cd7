/* Makes a tunnel at the API and writes its credentials. */
#include "commands.h"
#include "culvert/api/tunnels.h"
#include "culvert/base/encode.h"
#include "culvert/base/file.h"
#include "culvert/base/random.h"
#include "culvert/config/search.h"
#include "culvert/tunnel/credentials.h"
#include "select.h"
#include "tunnel_doc.h"

enum { SECRET_BYTES = 32, CREDENTIALS_MODE = 0400 };

static const struct setting options[] = {
    {.name = "output",
     .aliases = {"o"},
     .kind = SETTING_TEXT,
     .argument = "FORMAT",
     .help = "print the tunnel as json or yaml instead"},
    {.name = "credentials-file",
     .aliases = {"cred-file"},
     .variables = {"TUNNEL_CRED_FILE"},
     .kind = SETTING_TEXT,
     .argument = "PATH",
     .help = "where its credentials are written; by default beside cert.pem"},
    {.name = "secret",
     .aliases = {"s"},
     .variables = {"TUNNEL_CREATE_SECRET"},
     .kind = SETTING_TEXT,
     .traits = SETTING_SECRET,
     .argument = "BASE64",
     .help = "its secret, at least 32 bytes; by default random"},
};

static const char *const settings[] = {"origincert", "api-url", "cacert", "config", NULL};

struct creation {
    struct cli_call *call;
    const char *name;
    enum output_format format;
    struct cli_config config;
    struct cli_account account;
    struct buf secret;
    struct api_tunnels made;
    struct buf path; /* of the credentials */
};

static bool read_secret(struct creation *c, struct error *err)
{
    struct span text = span_of(sources_text(c->call->sources, "secret"));
    if (text.len == 0) {
        char *to = buf_room(&c->secret, SECRET_BYTES);
        if (!to)
            return error_memory(err);
        random_bytes(to, SECRET_BYTES);
        buf_added(&c->secret, SECRET_BYTES);
        return true;
    }
    if (!base64_decode(BASE64_STANDARD, text, &c->secret))
        return error_set(err, ERROR_INVALID, 0, "the secret is no padded base64");
    if (c->secret.len < SECRET_BYTES)
        return error_set(err, ERROR_INVALID, 0, "the secret has %zu bytes, it needs %d",
                         c->secret.len, SECRET_BYTES);
    return true;
}

/* All that can be judged before anything is made. */
static bool prepare(struct creation *c, struct error *err)
{
    struct uuid id;
    if (!output_format_parse(sources_text(c->call->sources, "output"), &c->format, err))
        return false;
    if (c->name[0] == '\0')
        return error_set(err, ERROR_INVALID, 0,
                         "failed to create a tunnel: its name must not be empty");
    if (uuid_parse(span_of(c->name), &id))
        return error_set(err, ERROR_INVALID, 0,
                         "failed to create a tunnel: its name must not be a UUID");
    return read_secret(c, err) && cli_config_load(c->call, &c->config, err) &&
           cli_account_open(c->call, &c->account, err);
}

static struct credentials *make_credentials(const struct creation *c, struct error *err)
{
    const struct origin_cert *cert = c->account.cert;
    struct credentials *creds =
        credentials_new(span_of(cert->account_id), &c->made.items[0].id, buf_span(&c->secret));
    char *endpoint = span_dup(span_of(cert->endpoint));
    if (creds && endpoint && edge_contact_copy(&creds->contact, &cert->contact)) {
        free(creds->endpoint);
        creds->endpoint = endpoint;
        return creds;
    }
    free(endpoint);
    credentials_free(creds);
    error_memory(err);
    return NULL;
}

static bool write_credentials(struct creation *c, struct error *err)
{
    struct buf text = BUF_LIMIT(CREDENTIALS_MAX);
    const char *given = sources_text(c->call->sources, "credentials-file");
    bool ok = given[0] ? buf_put_span(&c->path, span_of(given))
                       : cli_credentials_path(&c->account, &c->made.items[0].id, &c->path);
    if (!ok)
        return error_set(err, ERROR_LIMIT, 0, "the path of the credentials is too long");
    struct credentials *creds = make_credentials(c, err);
    ok = creds && (credentials_format(creds, &text) || error_memory(err)) &&
         file_create(buf_text(&c->path), buf_span(&text), CREDENTIALS_MODE, err);
    buf_wipe(&text);
    credentials_free(creds);
    return ok;
}

/* Without its credentials nobody could run it: it is taken back. Returns the status. */
static int take_back(struct creation *c, const struct error *why)
{
    FILE *out = c->call->world->err;
    struct error err = {0};
    char id[UUID_TEXT_SIZE];
    uuid_format(&c->made.items[0].id, id);
    bool gone = api_tunnels_delete(c->account.client, &c->made.items[0].id, true, &err);
    fprintf(out, "failed to write the credentials of the tunnel %s (%s) to %s: %s\n", c->name, id,
            buf_text(&c->path), why->text);
    if (gone)
        fputs("The tunnel was deleted again.\n", out);
    else
        fprintf(out, "The tunnel could not be deleted again: %s\n", err.text);
    return CLI_FAILED;
}

static int print_result(struct creation *c)
{
    const struct api_tunnel *tunnel = &c->made.items[0];
    FILE *out = c->call->world->out;
    struct buf text = BUF_LIMIT(1 << 20);
    char id[UUID_TEXT_SIZE];
    int status = CLI_OK;
    uuid_format(&tunnel->id, id);
    if (c->format == OUTPUT_TEXT) {
        fprintf(out,
                "Tunnel credentials written to %s. Keep this file secret: who has it can "
                "run the tunnel.\n\nCreated tunnel %.*s with id %s\n",
                buf_text(&c->path), SPAN_ARG(tunnel->name), id);
        return CLI_OK;
    }
    struct doc *doc = tunnel_to_doc_with_token(tunnel, c->format);
    if (doc && output_put_doc(&text, doc, c->format))
        fputs(buf_text(&text), out);
    else
        status = CLI_FAILED;
    doc_free(doc);
    buf_wipe(&text);
    return status;
}

static int run(struct cli_call *call)
{
    struct creation c = {.call = call,
                         .name = call->operands[0],
                         .secret = BUF_LIMIT(CREDENTIALS_SECRET_MAX),
                         .path = BUF_LIMIT(SEARCH_PATH_MAX)};
    struct error err = {0};
    int status = CLI_FAILED;
    if (!prepare(&c, &err) ||
        !api_tunnels_create(c.account.client, span_of(c.name), buf_span(&c.secret), &c.made, &err))
        cli_fail(call, &err);
    else if (!write_credentials(&c, &err))
        status = take_back(&c, &err);
    else
        status = print_result(&c);
    buf_wipe(&c.secret);
    buf_release(&c.path);
    api_tunnels_release(&c.made);
    cli_account_release(&c.account);
    cli_config_release(&c.config);
    return status;
}

const struct cli_command cli_tunnel_create = {
    .path = "tunnel create",
    .summary = "make a tunnel and write its credentials",
    .operands = "NAME",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .settings = settings,
    .operands_min = 1,
    .operands_max = 1,
    .run = run,
};
