/* Calls about tunnels. */
#include "culvert/api/tunnels.h"

#include "culvert/base/encode.h"

enum { SECRET_TEXT_MAX = 8192 };

void api_tunnels_release(struct api_tunnels *tunnels)
{
    for (size_t i = 0; i < tunnels->count; i++)
        api_tunnel_release(&tunnels->items[i]);
    free(tunnels->items);
    doc_wipe(tunnels->pages);
    *tunnels = (struct api_tunnels){0};
}

void api_connectors_release(struct api_connectors *connectors)
{
    for (size_t i = 0; i < connectors->count; i++)
        api_connector_release(&connectors->items[i]);
    free(connectors->items);
    doc_free(connectors->page);
    *connectors = (struct api_connectors){0};
}

/* "/accounts/<account>/cfd_tunnel", then "/<id>" unless it is NULL, then `rest`. */
static bool put_path(const struct api_client *client, struct buf *path, const struct uuid *id,
                     const char *rest, struct error *err)
{
    char text[UUID_TEXT_SIZE] = "";
    if (id)
        uuid_format(id, text);
    if (!api_client_account_path(client, path, err))
        return false;
    return buf_printf(path, "/cfd_tunnel%s%s%s", id ? "/" : "", text, rest) || error_memory(err);
}

/* One call about one tunnel (NULL: about all). */
static bool call_tunnel(const struct api_client *client, const char *method, const struct uuid *id,
                        const char *rest, struct api_envelope *envelope, struct error *err)
{
    struct buf path = BUF_LIMIT(API_PATH_MAX);
    *envelope = (struct api_envelope){0};
    bool ok = put_path(client, &path, id, rest, err);
    struct api_call call = {.method = method, .path = buf_span(&path)};
    ok = ok && api_client_run(client, &call, envelope, err);
    buf_release(&path);
    return ok;
}

static bool wrap(struct error *err, const char *what, const struct uuid *id)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    return error_wrap(err, "API: %s %s", what, text);
}

/* Moves the document into `tunnels`, so that its texts live as long as the list. */
static bool keep_page(struct api_tunnels *tunnels, struct api_envelope *envelope, struct error *err)
{
    if (!tunnels->pages)
        tunnels->pages = doc_array();
    struct doc *root = envelope->root;
    envelope->root = NULL;
    if (!tunnels->pages) {
        doc_wipe(root);
        return error_memory(err);
    }
    return doc_append(tunnels->pages, root) || error_memory(err);
}

/* Adds `count` tunnels, those of the array `values` or the value itself. */
static bool add_tunnels(struct api_tunnels *tunnels, const struct doc *values, size_t count,
                        struct error *err)
{
    if (count > API_TUNNELS_MAX - tunnels->count)
        return error_set(err, ERROR_LIMIT, 0, "more than %d tunnels", API_TUNNELS_MAX);
    struct api_tunnel *items =
        reallocarray(tunnels->items, tunnels->count + count + 1, sizeof *items);
    if (!items)
        return error_memory(err);
    tunnels->items = items;
    for (size_t i = 0; i < count; i++) {
        const struct doc *value = doc_kind(values) == DOC_ARRAY ? doc_at(values, i) : values;
        if (!api_tunnel_read(value, &items[tunnels->count], err))
            return error_wrap(err, "unexpected response");
        tunnels->count++;
    }
    return true;
}

/* The result must be one tunnel. */
static bool take_one(struct api_tunnels *tunnels, struct api_envelope *envelope, struct error *err)
{
    const struct doc *result = envelope->result;
    if (!result || doc_kind(result) != DOC_OBJECT)
        return error_set(err, ERROR_PROTOCOL, 0, "unexpected response: \"result\" is no tunnel");
    return keep_page(tunnels, envelope, err) && add_tunnels(tunnels, result, 1, err);
}

static struct doc *make_body(struct span name, struct span secret)
{
    struct doc *body = doc_object();
    struct buf text = BUF_LIMIT(SECRET_TEXT_MAX);
    bool ok = body && base64_encode(BASE64_STANDARD, secret, &text) &&
              doc_put_text(body, "name", name) &&
              doc_put_text(body, "tunnel_secret", buf_span(&text));
    buf_wipe(&text);
    if (ok)
        return body;
    doc_wipe(body);
    return NULL;
}

static bool create(const struct api_client *client, const struct doc *body,
                   struct api_tunnels *tunnels, struct error *err)
{
    struct buf path = BUF_LIMIT(API_PATH_MAX);
    struct api_envelope envelope = {0};
    bool ok = put_path(client, &path, NULL, "", err);
    struct api_call call = {.method = "POST", .path = buf_span(&path), .body = body};
    ok = ok && api_client_run(client, &call, &envelope, err) && take_one(tunnels, &envelope, err);
    api_envelope_release(&envelope);
    buf_release(&path);
    return ok;
}

bool api_tunnels_create(const struct api_client *client, struct span name, struct span secret,
                        struct api_tunnels *tunnels, struct error *err)
{
    *tunnels = (struct api_tunnels){0};
    struct doc *body = make_body(name, secret);
    bool ok = body ? create(client, body, tunnels, err)
                   : error_set(err, ERROR_INVALID, 0, "the name is not UTF-8");
    doc_wipe(body);
    if (ok)
        return true;
    api_tunnels_release(tunnels);
    return error_wrap(err, "API: create tunnel");
}

/* The query of one page, keys in alphabetical order. */
static bool put_query(const struct api_tunnel_filter *filter, uint64_t page, struct buf *path)
{
    char id[UUID_TEXT_SIZE] = "";
    char page_text[24];
    char per_page[24];
    if (filter->id)
        uuid_format(filter->id, id);
    (void)snprintf(page_text, sizeof page_text, "%llu", (unsigned long long)page);
    (void)snprintf(per_page, sizeof per_page, "%llu", (unsigned long long)filter->per_page);
    const struct {
        const char *key;
        bool given;
        struct span value;
    } parameters[] = {
        {"exclude_prefix", filter->exclude_prefix.data, filter->exclude_prefix},
        {"existed_at", filter->existed_at.data, filter->existed_at},
        {"is_deleted", !filter->include_deleted, SPAN("false")},
        {"name", filter->name.data, filter->name},
        {"name_prefix", filter->name_prefix.data, filter->name_prefix},
        {"page", true, span_of(page_text)},
        {"per_page", filter->per_page > 0, span_of(per_page)},
        {"uuid", filter->id, span_of(id)},
    };
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].given && !api_query_put(path, parameters[i].key, parameters[i].value))
            return false;
    return true;
}

/* Takes the tunnels of one page; *more: there may be another. */
static bool take_page(struct api_tunnels *tunnels, struct api_envelope *envelope, bool *more,
                      struct error *err)
{
    const struct doc *result = envelope->result;
    if (!envelope->has_result || (result && doc_kind(result) != DOC_ARRAY))
        return error_set(err, ERROR_PROTOCOL, 0, "unexpected response: \"result\" is no list");
    size_t count = result ? doc_count(result) : 0;
    int64_t total = envelope->total_count;
    bool full = envelope->count >= envelope->per_page;
    if (count > 0 &&
        (!keep_page(tunnels, envelope, err) || !add_tunnels(tunnels, result, count, err)))
        return false;
    *more = count > 0 && full && total > 0 && tunnels->count < (uint64_t)total;
    return true;
}

static bool read_page(const struct api_client *client, const struct api_tunnel_filter *filter,
                      uint64_t page, struct api_tunnels *tunnels, bool *more, struct error *err)
{
    struct buf path = BUF_LIMIT(API_PATH_MAX);
    struct api_envelope envelope = {0};
    bool ok = put_path(client, &path, NULL, "", err) &&
              (put_query(filter, page, &path) ||
               error_set(err, ERROR_LIMIT, 0, "the query is longer than %d bytes", API_PATH_MAX));
    struct api_call call = {.method = "GET", .path = buf_span(&path)};
    ok = ok && api_client_run(client, &call, &envelope, err) &&
         take_page(tunnels, &envelope, more, err);
    api_envelope_release(&envelope);
    buf_release(&path);
    return ok;
}

bool api_tunnels_list(const struct api_client *client, const struct api_tunnel_filter *filter,
                      struct api_tunnels *tunnels, struct error *err)
{
    *tunnels = (struct api_tunnels){0};
    bool more = true;
    bool ok = true;
    for (uint64_t page = 1; ok && more && page <= API_PAGES_MAX; page++)
        ok = read_page(client, filter, page, tunnels, &more, err);
    if (ok && more)
        ok = error_set(err, ERROR_LIMIT, 0, "more than %d pages", API_PAGES_MAX);
    if (ok)
        return true;
    api_tunnels_release(tunnels);
    return error_wrap(err, "API: list tunnels");
}

bool api_tunnels_get(const struct api_client *client, const struct uuid *id,
                     struct api_tunnels *tunnels, struct error *err)
{
    struct api_envelope envelope;
    *tunnels = (struct api_tunnels){0};
    bool ok =
        call_tunnel(client, "GET", id, "", &envelope, err) && take_one(tunnels, &envelope, err);
    api_envelope_release(&envelope);
    if (ok)
        return true;
    api_tunnels_release(tunnels);
    return wrap(err, "get tunnel", id);
}

bool api_tunnels_delete(const struct api_client *client, const struct uuid *id, bool cascade,
                        struct error *err)
{
    struct api_envelope envelope;
    bool ok = call_tunnel(client, "DELETE", id, cascade ? "?cascade=true" : "", &envelope, err);
    api_envelope_release(&envelope);
    return ok || wrap(err, "delete tunnel", id);
}

bool api_tunnels_token(const struct api_client *client, const struct uuid *id, struct buf *token,
                       struct error *err)
{
    struct api_envelope envelope;
    struct span text = SPAN_NONE;
    bool ok = call_tunnel(client, "GET", id, "/token", &envelope, err);
    if (ok && (!envelope.result || !doc_as_text(envelope.result, &text)))
        ok = error_set(err, ERROR_PROTOCOL, 0, "unexpected response: \"result\" is no text");
    ok = ok && (buf_put_span(token, text) || error_memory(err));
    api_envelope_release(&envelope);
    return ok || wrap(err, "get the token of tunnel", id);
}

static bool take_connectors(struct api_connectors *connectors, struct api_envelope *envelope,
                            struct error *err)
{
    const struct doc *result = envelope->result;
    if (!envelope->has_result || (result && doc_kind(result) != DOC_ARRAY))
        return error_set(err, ERROR_PROTOCOL, 0, "unexpected response: \"result\" is no list");
    size_t count = result ? doc_count(result) : 0;
    connectors->items = calloc(count + 1, sizeof *connectors->items);
    if (!connectors->items)
        return error_memory(err);
    connectors->page = envelope->root;
    envelope->root = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!api_connector_read(doc_at(result, i), &connectors->items[i], err))
            return error_wrap(err, "unexpected response");
        connectors->count++;
    }
    return true;
}

bool api_tunnels_connectors(const struct api_client *client, const struct uuid *id,
                            struct api_connectors *connectors, struct error *err)
{
    struct api_envelope envelope;
    *connectors = (struct api_connectors){0};
    bool ok = call_tunnel(client, "GET", id, "/connections", &envelope, err) &&
              take_connectors(connectors, &envelope, err);
    api_envelope_release(&envelope);
    if (ok)
        return true;
    api_connectors_release(connectors);
    return wrap(err, "list the connections of tunnel", id);
}

bool api_tunnels_resolve(const struct api_client *client, struct span name, bool unique,
                         struct uuid *id, struct error *err)
{
    struct api_tunnels tunnels;
    struct api_tunnel_filter filter = {.name = name};
    if (uuid_parse(name, id))
        return true;
    if (!api_tunnels_list(client, &filter, &tunnels, err))
        return false;
    size_t count = tunnels.count;
    if (count > 0)
        *id = tunnels.items[0].id;
    api_tunnels_release(&tunnels);
    if (count == 0)
        return error_set(err, ERROR_INVALID, 404,
                         "%.*s is no UUID, and no tunnel of that name exists", SPAN_ARG(name));
    if (unique && count > 1)
        return error_set(err, ERROR_INVALID, 0,
                         "%zu tunnels have the name %.*s; name one by its UUID", count,
                         SPAN_ARG(name));
    return true;
}
