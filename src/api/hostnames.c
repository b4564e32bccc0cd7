/* Calls about host names. */
#include "culvert/api/hostnames.h"

static enum api_dns_change change_of(struct span word)
{
    static const struct {
        struct span word;
        enum api_dns_change change;
    } words[] = {
        {SPAN_INIT("new"), API_DNS_NEW},
        {SPAN_INIT("updated"), API_DNS_UPDATED},
        {SPAN_INIT("unchanged"), API_DNS_UNCHANGED},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (span_equal(words[i].word, word))
            return words[i].change;
    return API_DNS_UNKNOWN;
}

static struct doc *make_body(const struct api_dns_route_new *what)
{
    struct doc *body = doc_object();
    bool ok = body && doc_put_text(body, "type", SPAN("dns")) &&
              doc_put_text(body, "user_hostname", what->hostname) &&
              doc_put_bool(body, "overwrite_existing", what->overwrite);
    if (ok)
        return body;
    doc_free(body);
    return NULL;
}

static bool read_route(const struct doc *result, struct span asked, struct api_dns_route *route,
                       struct error *err)
{
    struct span word = SPAN_NONE;
    struct span name = asked;
    if (!result || doc_kind(result) != DOC_OBJECT)
        return error_set(err, ERROR_PROTOCOL, 0, "unexpected response: \"result\" is no route");
    if (!doc_read_text(result, "cname", &word, err) || !doc_read_text(result, "name", &name, err))
        return error_wrap(err, "unexpected response");
    route->change = change_of(word);
    name = name.len > 0 ? name : asked;
    (void)snprintf(route->name, sizeof route->name, "%.*s", SPAN_ARG(name));
    return true;
}

static bool put_path(const struct api_client *client, const struct uuid *tunnel_id,
                     struct buf *path, struct error *err)
{
    char id[UUID_TEXT_SIZE];
    uuid_format(tunnel_id, id);
    return api_client_zone_path(client, path, err) &&
           (buf_printf(path, "/tunnels/%s/routes", id) || error_memory(err));
}

bool api_hostnames_route(const struct api_client *client, const struct api_dns_route_new *what,
                         struct api_dns_route *route, struct error *err)
{
    struct buf path = BUF_LIMIT(API_PATH_MAX);
    struct api_envelope envelope = {0};
    struct doc *body = make_body(what);
    bool ok = body || error_set(err, ERROR_INVALID, 0, "the host name is not UTF-8");
    ok = ok && put_path(client, &what->tunnel_id, &path, err);
    struct api_call call = {.method = "PUT", .path = buf_span(&path), .body = body};
    ok = ok && api_client_run(client, &call, &envelope, err) &&
         read_route(envelope.result, what->hostname, route, err);
    api_envelope_release(&envelope);
    doc_free(body);
    buf_release(&path);
    return ok || error_wrap(err, "API: add route %.*s", SPAN_ARG(what->hostname));
}
