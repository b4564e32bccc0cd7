/* One call of the REST interface. */
#include "culvert/api/client.h"

#include "culvert/base/encode.h"
#include "culvert/base/url.h"

enum { REQUEST_BODY_MAX = 64 * 1024, TOKEN_FIELD_MAX = ORIGIN_CERT_FIELD_MAX + 16 };

struct api_client {
    char *url;
    const char *ca_file;
    const struct origin_cert *cert;
};

static struct span choose_url(const struct api_client_options *options)
{
    const struct origin_cert *cert = options->cert;
    if (strcmp(cert->endpoint, "fed") == 0)
        return SPAN(API_URL_FED);
    if (options->url)
        return span_of(options->url);
    return cert->contact.api ? span_of(cert->contact.api) : SPAN(API_URL_DEFAULT);
}

static bool check_url(struct span text, struct error *err)
{
    struct url url;
    if (text.len == 0)
        return error_set(err, ERROR_INVALID, 0, "api-url is empty");
    if (!url_parse(text, &url, err))
        return error_wrap(err, "api-url %.*s", SPAN_ARG(text));
    bool web = url_has_scheme(&url, SPAN("http")) || url_has_scheme(&url, SPAN("https"));
    if (!web || url.host.len == 0 || url.has_query || url.fragment.len > 0)
        return error_set(err, ERROR_INVALID, 0,
                         "api-url %.*s: not an http or https URL without a query", SPAN_ARG(text));
    return true;
}

struct api_client *api_client_new(const struct api_client_options *options, struct error *err)
{
    struct span url = choose_url(options);
    if (!check_url(url, err))
        return NULL;
    if (span_ends(url, SPAN("/")))
        url.len--;
    struct api_client *client = calloc(1, sizeof *client);
    if (client) {
        client->cert = options->cert;
        client->ca_file = options->ca_file;
        client->url = span_dup(url);
    }
    if (!client || !client->url) {
        error_memory(err);
        api_client_free(client);
        return NULL;
    }
    return client;
}

void api_client_free(struct api_client *client)
{
    if (!client)
        return;
    free(client->url);
    free(client);
}

const char *api_client_url(const struct api_client *client)
{
    return client->url;
}

static bool put_path(struct buf *path, struct span kind, const char *id, struct error *err)
{
    return (buf_put_span(path, kind) && percent_encode(span_of(id), path)) ||
           error_set(err, ERROR_LIMIT, 0, "the path is longer than %zu bytes", path->limit);
}

bool api_client_account_path(const struct api_client *client, struct buf *path, struct error *err)
{
    if (client->cert->account_id[0] == '\0')
        return error_set(err, ERROR_DENIED, 0,
                         "the origin certificate names no account; get a new one with tunnel "
                         "login or edge cert");
    return put_path(path, SPAN("/accounts/"), client->cert->account_id, err);
}

bool api_client_zone_path(const struct api_client *client, struct buf *path, struct error *err)
{
    return put_path(path, SPAN("/zones/"), client->cert->zone_id, err);
}

bool api_query_put(struct buf *path, const char *key, struct span value)
{
    bool first = span_find(buf_span(path), '?') == path->len;
    struct span rest = value.data ? value : SPAN("");
    struct span word;
    bool ok = buf_printf(path, "%c%s=", first ? '?' : '&', key);
    for (bool is_first = true; ok && span_cut(&rest, ' ', &word); is_first = false)
        ok = (is_first || buf_put_char(path, '+')) && percent_encode(word, path);
    return ok;
}

static bool send_call(const struct api_client *client, const struct api_call *call,
                      struct span body, struct fetch_response *response, struct error *err)
{
    struct buf url = BUF_LIMIT(EDGE_CONTACT_API_MAX + API_PATH_MAX);
    struct buf token = BUF_LIMIT(TOKEN_FIELD_MAX);
    bool ok = (buf_printf(&url, "%s%.*s", client->url, SPAN_ARG(call->path)) &&
               buf_printf(&token, "Bearer %s", buf_text(&client->cert->api_token))) ||
              error_memory(err);
    const struct fetch_field fields[] = {
        {"Authorization", buf_span(&token)},
        {"Accept", SPAN("application/json;version=1")},
        {"User-Agent", SPAN("culvert/" CULVERT_VERSION)},
        {"Content-Type", SPAN("application/json")},
    };
    struct fetch_request request = {.method = call->method,
                                    .url = buf_text(&url),
                                    .fields = fields,
                                    .field_count = ARRAY_LEN(fields),
                                    .body = body,
                                    .ca_pem = span_of(client->cert->contact.ca),
                                    .ca_file = client->ca_file};
    ok = ok && (fetch_run(&request, response, err) || error_wrap(err, "REST request failed"));
    buf_release(&url);
    buf_wipe(&token);
    return ok;
}

bool api_client_run(const struct api_client *client, const struct api_call *call,
                    struct api_envelope *envelope, struct error *err)
{
    struct buf body = BUF_LIMIT(REQUEST_BODY_MAX);
    struct fetch_response response = {0};
    bool ok =
        !call->body || doc_format(call->body, DOC_COMPACT, &body) ||
        error_set(err, ERROR_LIMIT, 0, "the request is larger than %d bytes", REQUEST_BODY_MAX);
    *envelope = (struct api_envelope){0};
    ok = ok && send_call(client, call, call->body ? buf_span(&body) : SPAN_NONE, &response, err) &&
         api_envelope_read(&response, envelope, err);
    fetch_response_release(&response);
    buf_wipe(&body); /* a tunnel's secret */
    return ok;
}
