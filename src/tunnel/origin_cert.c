/* cert.pem: PEM blocks by RFC 7468 with lax text around them, one of them ours. */
#include "culvert/tunnel/origin_cert.h"

#include "culvert/base/encode.h"
#include "culvert/base/file.h"

#define LABEL "ARGO TUNNEL TOKEN"

enum { LINE_CHARACTERS = 64 };

/* One PEM block; both borrowed from the text. */
struct block {
    struct span label;
    struct span body; /* the lines between BEGIN and END */
};

/* The label in "-----BEGIN label-----"; false: the line is no such boundary. */
static bool read_boundary(struct span line, struct span prefix, struct span *label)
{
    struct span dashes = SPAN("-----");
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    line = span_trim(line);
    if (!span_starts(line, prefix) || !span_ends(line, dashes) ||
        line.len < prefix.len + dashes.len)
        return false;
    *label = span_first(span_skip(line, prefix.len), line.len - prefix.len - dashes.len);
    return true;
}

/* Takes the next block from the front of `rest`. *found is false when there is none. */
static bool next_block(struct span *rest, struct block *block, bool *found, struct error *err)
{
    struct span line;
    struct span label;
    *found = false;
    while (!*found && span_cut(rest, '\n', &line))
        *found = read_boundary(line, SPAN("-----BEGIN "), &block->label);
    if (!*found)
        return true;
    block->body = *rest;
    while (span_cut(rest, '\n', &line)) {
        if (!read_boundary(line, SPAN("-----END "), &label))
            continue;
        if (!span_equal(label, block->label))
            break;
        block->body = span_first(block->body, (size_t)(line.data - block->body.data));
        return true;
    }
    return error_set(err, ERROR_INVALID, 0, "block \"%.*s\" has no end", SPAN_ARG(block->label));
}

/* Finds the one block of ours; everything else must be known. */
static bool find_token(struct span pem, struct span *body, struct error *err)
{
    struct span rest = pem;
    struct block block;
    bool found = true;
    *body = SPAN_NONE;
    if (pem.len == 0)
        return error_set(err, ERROR_INVALID, 0, "the file is empty");
    while (found) {
        if (!next_block(&rest, &block, &found, err))
            return false;
        if (!found || span_equal(block.label, SPAN("PRIVATE KEY")) ||
            span_equal(block.label, SPAN("CERTIFICATE")))
            continue;
        if (!span_equal(block.label, SPAN(LABEL)))
            return error_set(err, ERROR_INVALID, 0, "unknown block \"%.*s\"",
                             SPAN_ARG(block.label));
        if (body->data)
            return error_set(err, ERROR_INVALID, 0, "multiple blocks \"" LABEL "\"");
        *body = block.body;
    }
    return body->data || error_set(err, ERROR_INVALID, 0,
                                   "no block \"" LABEL "\"; run tunnel login or edge cert again");
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool decode_body(struct span body, struct buf *json, struct error *err)
{
    struct buf text = BUF_LIMIT(ORIGIN_CERT_MAX);
    bool ok = true;
    for (size_t i = 0; ok && i < body.len; i++)
        if (!is_blank(body.data[i]))
            ok = buf_put_char(&text, body.data[i]);
    if (!ok)
        error_memory(err);
    else if (!base64_decode(BASE64_STANDARD, buf_span(&text), json))
        ok = error_set(err, ERROR_INVALID, 0, "block \"" LABEL "\" is not valid base64");
    buf_wipe(&text);
    return ok;
}

/* A text member; absent and null give the empty text. */
static bool read_text(const struct doc *root, const char *key, struct span *text, struct error *err)
{
    const struct doc *value = doc_get_nocase(root, key);
    *text = SPAN("");
    if (!value || doc_kind(value) == DOC_NULL)
        return true;
    if (!doc_as_text(value, text))
        return error_set(err, ERROR_INVALID, 0, "\"%s\" must be a text", key);
    return text->len <= ORIGIN_CERT_FIELD_MAX ||
           error_set(err, ERROR_INVALID, 0, "\"%s\" is longer than %d bytes", key,
                     ORIGIN_CERT_FIELD_MAX);
}

static bool keep(char **where, struct span text, struct error *err)
{
    *where = span_dup(text);
    return *where || error_memory(err);
}

static bool read_members(struct origin_cert *cert, const struct doc *root, struct error *err)
{
    struct span zone;
    struct span account;
    struct span token;
    struct span endpoint;
    if (!read_text(root, "zoneID", &zone, err) || !read_text(root, "accountID", &account, err) ||
        !read_text(root, "apiToken", &token, err) || !read_text(root, "endpoint", &endpoint, err))
        return false;
    if (zone.len == 0 || token.len == 0)
        return error_set(err, ERROR_INVALID, 0, "\"%s\" is missing",
                         zone.len == 0 ? "zoneID" : "apiToken");
    if (!keep(&cert->zone_id, zone, err) || !keep(&cert->account_id, account, err) ||
        !keep(&cert->endpoint, endpoint, err))
        return false;
    if (!buf_put_span(&cert->api_token, token))
        return error_memory(err);
    for (char *c = cert->endpoint; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    return edge_contact_read(&cert->contact, root, err);
}

static struct origin_cert *make(void)
{
    struct origin_cert *cert = calloc(1, sizeof *cert);
    if (cert)
        cert->api_token.limit = ORIGIN_CERT_FIELD_MAX;
    return cert;
}

static struct origin_cert *parse_json(struct span json, struct error *err)
{
    struct doc *root = doc_parse(json, err);
    if (!root)
        return NULL;
    struct origin_cert *cert = make();
    bool ok = cert || error_memory(err);
    if (ok && doc_kind(root) != DOC_OBJECT)
        ok = error_set(err, ERROR_INVALID, 0, "JSON: not an object");
    ok = ok && read_members(cert, root, err);
    doc_wipe(root);
    if (ok)
        return cert;
    origin_cert_free(cert);
    return NULL;
}

struct origin_cert *origin_cert_parse(struct span pem, struct error *err)
{
    struct buf json = BUF_LIMIT(ORIGIN_CERT_MAX);
    struct origin_cert *cert = NULL;
    struct span body;
    if (find_token(pem, &body, err) && decode_body(body, &json, err)) {
        cert = parse_json(buf_span(&json), err);
        if (!cert)
            error_wrap(err, "block \"" LABEL "\"");
    }
    buf_wipe(&json);
    return cert;
}

struct origin_cert *origin_cert_load(const char *path, bool *readable, struct error *err)
{
    struct buf text = BUF_LIMIT(ORIGIN_CERT_MAX);
    struct origin_cert *cert = NULL;
    if (!file_read_secret(path, &text, readable, err)) {
        error_wrap(err, "origin certificate");
    } else {
        cert = origin_cert_parse(buf_span(&text), err);
        if (!cert)
            error_wrap(err, "origin certificate %s", path);
    }
    buf_wipe(&text);
    return cert;
}

struct origin_cert *origin_cert_new(struct span zone_id, struct span account_id,
                                    struct span api_token)
{
    struct origin_cert *cert = make();
    if (!cert)
        return NULL;
    if (!keep(&cert->zone_id, zone_id, NULL) || !keep(&cert->account_id, account_id, NULL) ||
        !keep(&cert->endpoint, SPAN(""), NULL) || !buf_put_span(&cert->api_token, api_token)) {
        origin_cert_free(cert);
        return NULL;
    }
    return cert;
}

static bool put_members(const struct origin_cert *cert, struct doc *root)
{
    return doc_put_text(root, "zoneID", span_of(cert->zone_id)) &&
           doc_put_text(root, "accountID", span_of(cert->account_id)) &&
           doc_put_text(root, "apiToken", buf_span(&cert->api_token)) &&
           (cert->endpoint[0] == '\0' || doc_put_text(root, "endpoint", span_of(cert->endpoint))) &&
           edge_contact_put(&cert->contact, root);
}

static bool put_block(struct span body, struct buf *out)
{
    if (!buf_put_span(out, SPAN("-----BEGIN " LABEL "-----\n")))
        return false;
    for (; body.len > 0; body = span_skip(body, LINE_CHARACTERS))
        if (!buf_put_span(out, span_first(body, LINE_CHARACTERS)) || !buf_put_char(out, '\n'))
            return false;
    return buf_put_span(out, SPAN("-----END " LABEL "-----\n"));
}

bool origin_cert_format(const struct origin_cert *cert, struct buf *out)
{
    struct doc *root = doc_object();
    struct buf json = BUF_LIMIT(ORIGIN_CERT_MAX);
    struct buf text = BUF_LIMIT(ORIGIN_CERT_MAX);
    bool ok = root && put_members(cert, root) && doc_format(root, DOC_COMPACT, &json) &&
              base64_encode(BASE64_STANDARD, buf_span(&json), &text) &&
              put_block(buf_span(&text), out);
    doc_wipe(root);
    buf_wipe(&json);
    buf_wipe(&text);
    return ok;
}

bool origin_cert_save(const struct origin_cert *cert, const char *path, struct error *err)
{
    struct buf text = BUF_LIMIT(ORIGIN_CERT_MAX);
    bool ok = origin_cert_format(cert, &text) || error_memory(err);
    ok = ok && file_replace(path, buf_span(&text), 0600, err);
    buf_wipe(&text);
    return ok || error_wrap(err, "origin certificate");
}

void origin_cert_free(struct origin_cert *cert)
{
    if (!cert)
        return;
    free(cert->zone_id);
    free(cert->account_id);
    buf_wipe(&cert->api_token);
    free(cert->endpoint);
    edge_contact_release(&cert->contact);
    free(cert);
}
