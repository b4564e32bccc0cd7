/* Credentials as file and as token. Both are one JSON object with the same four members in the same
 * order under long or short names, and our own member behind them. */
#include "culvert/tunnel/credentials.h"

#include "culvert/base/encode.h"
#include "culvert/base/file.h"

enum { SECRET_TEXT_MAX = (CREDENTIALS_SECRET_MAX + 2) / 3 * 4 }; /* the longest secret in base64 */

/* The names of the members in one of the two forms. */
struct form {
    const char *account, *secret, *tunnel, *endpoint;
    bool needs_tunnel;       /* old files lack it: the tunnel is known from elsewhere */
    bool writes_no_endpoint; /* the member is left out when empty */
};

static const struct form file_form = {"AccountTag", "TunnelSecret", "TunnelID",
                                      "Endpoint",   false,          false};
static const struct form token_form = {"a", "s", "t", "e", true, true};

/* A text member by its name without case; absent and null give the empty text. */
static bool read_text(const struct doc *root, const char *key, struct span *text, struct error *err)
{
    const struct doc *value = doc_get_nocase(root, key);
    *text = SPAN("");
    if (!value || doc_kind(value) == DOC_NULL)
        return true;
    return doc_as_text(value, text) ||
           error_set(err, ERROR_INVALID, 0, "\"%s\" must be a text", key);
}

/* As read_text, but an empty or longer one is an error. */
static bool read_needed(const struct doc *root, const char *key, size_t max, struct span *text,
                        struct error *err)
{
    if (!read_text(root, key, text, err))
        return false;
    if (text->len == 0)
        return error_set(err, ERROR_INVALID, 0, "\"%s\" is missing", key);
    return text->len <= max ||
           error_set(err, ERROR_INVALID, 0, "\"%s\" is longer than %zu bytes", key, max);
}

static bool read_account(struct credentials *creds, const struct form *form, const struct doc *root,
                         struct error *err)
{
    struct span text;
    if (!read_needed(root, form->account, CREDENTIALS_ACCOUNT_MAX, &text, err))
        return false;
    creds->account_tag = span_dup(text);
    return creds->account_tag || error_memory(err);
}

static bool read_secret(struct credentials *creds, const struct form *form, const struct doc *root,
                        struct error *err)
{
    struct span text;
    if (!read_needed(root, form->secret, SECRET_TEXT_MAX, &text, err))
        return false;
    return base64_decode(BASE64_STANDARD, text, &creds->secret) ||
           error_set(err, ERROR_INVALID, 0, "\"%s\" is not padded standard base64", form->secret);
}

static bool read_tunnel(struct credentials *creds, const struct form *form, const struct doc *root,
                        struct error *err)
{
    struct span text;
    if (!read_text(root, form->tunnel, &text, err))
        return false;
    if (text.len == 0)
        return !form->needs_tunnel ||
               error_set(err, ERROR_INVALID, 0, "\"%s\" is missing", form->tunnel);
    return uuid_parse(text, &creds->tunnel_id) ||
           error_set(err, ERROR_INVALID, 0, "\"%s\" is not a UUID", form->tunnel);
}

static bool read_endpoint(struct credentials *creds, const struct form *form,
                          const struct doc *root, struct error *err)
{
    struct span text;
    if (!read_text(root, form->endpoint, &text, err))
        return false;
    if (text.len > CREDENTIALS_ENDPOINT_MAX)
        return error_set(err, ERROR_INVALID, 0, "\"%s\" is longer than %d bytes", form->endpoint,
                         CREDENTIALS_ENDPOINT_MAX);
    creds->endpoint = span_dup(text);
    return creds->endpoint || error_memory(err);
}

static struct credentials *make(void)
{
    struct credentials *creds = calloc(1, sizeof *creds);
    if (creds)
        creds->secret.limit = CREDENTIALS_SECRET_MAX;
    return creds;
}

static struct credentials *parse(const struct form *form, struct span json, struct error *err)
{
    struct doc *root = doc_parse(json, err);
    if (!root)
        return NULL;
    struct credentials *creds = make();
    bool ok = false;
    if (!creds) {
        error_memory(err);
        goto out;
    }
    if (doc_kind(root) != DOC_OBJECT) {
        error_set(err, ERROR_INVALID, 0, "JSON: not an object");
        goto out;
    }
    ok = read_account(creds, form, root, err) && read_secret(creds, form, root, err) &&
         read_tunnel(creds, form, root, err) && read_endpoint(creds, form, root, err) &&
         edge_contact_read(&creds->contact, root, err);

out:
    doc_wipe(root);
    if (!ok) {
        credentials_free(creds);
        creds = NULL;
    }
    return creds;
}

struct credentials *credentials_parse(struct span json, struct error *err)
{
    return parse(&file_form, json, err);
}

struct credentials *credentials_load(const char *path, bool *readable, struct error *err)
{
    struct buf text = BUF_LIMIT(CREDENTIALS_MAX);
    struct credentials *creds = NULL;
    if (!file_read_secret(path, &text, readable, err)) {
        error_wrap(err, "credentials file");
        goto out;
    }
    creds = credentials_parse(buf_span(&text), err);
    if (!creds && span_ends(span_of(path), SPAN(".pem")))
        error_set(err, ERROR_INVALID, 0,
                  "credentials file %s: a certificate is not meant here but the JSON file that "
                  "tunnel create wrote",
                  path);
    else if (!creds)
        error_wrap(err, "credentials file %s", path);

out:
    buf_wipe(&text);
    return creds;
}

/* The characters without CR and LF, as base64 readers of the field skip them. */
static bool join_lines(struct span token, struct buf *joined)
{
    for (size_t i = 0; i < token.len; i++)
        if (token.data[i] != '\r' && token.data[i] != '\n' && !buf_put_char(joined, token.data[i]))
            return false;
    return true;
}

struct credentials *credentials_from_token(struct span token, struct error *err)
{
    struct buf joined = BUF_LIMIT(CREDENTIALS_TOKEN_MAX);
    struct buf json = BUF_LIMIT(CREDENTIALS_TOKEN_MAX);
    struct credentials *creds = NULL;
    if (token.len > CREDENTIALS_TOKEN_MAX)
        error_set(err, ERROR_LIMIT, 0, "longer than %d characters", CREDENTIALS_TOKEN_MAX);
    else if (!join_lines(token, &joined))
        error_memory(err);
    else if (!base64_decode(BASE64_STANDARD, buf_span(&joined), &json))
        error_set(err, ERROR_INVALID, 0, "not valid base64 (the standard one with padding)");
    else
        creds = parse(&token_form, buf_span(&json), err);
    if (!creds)
        error_wrap(err, "tunnel token");
    buf_wipe(&joined);
    buf_wipe(&json);
    return creds;
}

struct credentials *credentials_new(struct span account_tag, const struct uuid *tunnel_id,
                                    struct span secret)
{
    struct credentials *creds = make();
    if (!creds)
        return NULL;
    creds->tunnel_id = *tunnel_id;
    creds->account_tag = span_dup(account_tag);
    creds->endpoint = span_dup(SPAN(""));
    if (!creds->account_tag || !creds->endpoint || !buf_put_span(&creds->secret, secret)) {
        credentials_free(creds);
        return NULL;
    }
    return creds;
}

static bool put_secret(const struct credentials *creds, const struct form *form, struct doc *root)
{
    struct buf text = BUF_LIMIT(SECRET_TEXT_MAX);
    bool ok = base64_encode(BASE64_STANDARD, buf_span(&creds->secret), &text) &&
              doc_put_text(root, form->secret, buf_span(&text));
    buf_wipe(&text);
    return ok;
}

static bool put_tunnel(const struct credentials *creds, const struct form *form, struct doc *root)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(&creds->tunnel_id, text);
    return doc_put_text(root, form->tunnel, span_of(text));
}

static bool format(const struct credentials *creds, const struct form *form, struct buf *out)
{
    struct doc *root = doc_object();
    bool skip_endpoint = form->writes_no_endpoint && creds->endpoint[0] == '\0';
    bool ok = root && doc_put_text(root, form->account, span_of(creds->account_tag)) &&
              put_secret(creds, form, root) && put_tunnel(creds, form, root) &&
              (skip_endpoint || doc_put_text(root, form->endpoint, span_of(creds->endpoint))) &&
              edge_contact_put(&creds->contact, root) && doc_format(root, DOC_COMPACT, out);
    doc_wipe(root);
    return ok;
}

bool credentials_format(const struct credentials *creds, struct buf *out)
{
    return format(creds, &file_form, out);
}

bool credentials_format_token(const struct credentials *creds, struct buf *out)
{
    struct buf json = BUF_LIMIT(CREDENTIALS_TOKEN_MAX);
    bool ok =
        format(creds, &token_form, &json) && base64_encode(BASE64_STANDARD, buf_span(&json), out);
    buf_wipe(&json);
    return ok;
}

void credentials_free(struct credentials *creds)
{
    if (!creds)
        return;
    free(creds->account_tag);
    buf_wipe(&creds->secret);
    free(creds->endpoint);
    edge_contact_release(&creds->contact);
    free(creds);
}
