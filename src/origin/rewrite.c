/* What is changed in a request on its way to the origin; the order of fields is kept. */
#include "culvert/origin/rewrite.h"
#include "culvert/http/h1_body.h"
#include "culvert/tunnel/stream_kind.h"

enum { TAG_FIELD_MAX = 256 }; /* "Cf-Warp-Tag-" and a name */

static bool set_host(struct request_head *head, struct span host, struct error *err)
{
    if (!headers_set(&head->fields, SPAN("X-Forwarded-Host"), buf_span(&head->authority), err))
        return false;
    buf_clear(&head->authority);
    if (!buf_put_span(&head->authority, host))
        return error_set(err, ERROR_LIMIT, 0, "httpHostHeader is longer than %d bytes",
                         AUTHORITY_MAX);
    return true;
}

static bool add_tag(struct headers *fields, struct span name, struct span value, struct error *err)
{
    struct buf field = BUF_LIMIT(TAG_FIELD_MAX);
    bool ok = buf_put_span(&field, SPAN("Cf-Warp-Tag-")) && buf_put_span(&field, name)
                  ? headers_add(fields, buf_span(&field), value, err)
                  : error_set(err, ERROR_LIMIT, 0, "the name of a tag is too long");
    buf_release(&field);
    return ok;
}

static int by_bytes(const void *a, const void *b)
{
    const struct span *left = a;
    const struct span *right = b;
    int order = memcmp(left->data, right->data, left->len < right->len ? left->len : right->len);
    return order != 0 ? order : (left->len > right->len) - (left->len < right->len);
}

/* What says where the body ends is no trailer, announced or not. */
static bool is_announced(struct span name)
{
    return header_name_is_valid(name) && !span_equal_nocase(name, SPAN("Trailer")) &&
           !span_equal_nocase(name, SPAN("Transfer-Encoding")) &&
           !span_equal_nocase(name, SPAN("Content-Length"));
}

/* Cuts `text` into names in their customary spelling, which is written over it. */
static size_t cut_names(struct buf *text, struct span names[H1_TRAILER_COUNT_MAX])
{
    size_t count = 0;
    struct span rest = buf_span(text);
    struct span name;
    while (count < H1_TRAILER_COUNT_MAX && span_cut(&rest, ',', &name)) {
        name = span_trim(name);
        if (!is_announced(name))
            continue;
        header_canonical_name(name, text->data + (name.data - text->data));
        names[count++] = name;
    }
    /* cppcheck-suppress uninitvar ; no more is sorted than was put */
    qsort(names, count, sizeof *names, by_bytes);
    return count;
}

/* Trailer is for the next hop only, but the next hop gets the trailers: one list of their names in
 * the spelling that they will have, each once, sorted as origins know it. */
static bool keep_trailer_field(struct headers *to, const struct headers *from, struct error *err)
{
    struct buf text = BUF_LIMIT(HEADERS_BYTES_MAX);
    struct buf list = BUF_LIMIT(HEADERS_BYTES_MAX);
    struct span names[H1_TRAILER_COUNT_MAX];
    bool ok = headers_join(from, SPAN("Trailer"), &text) || error_memory(err);
    size_t count = ok ? cut_names(&text, names) : 0;
    for (size_t i = 0; i < count && ok; i++) {
        if (i > 0 && span_equal(names[i], names[i - 1]))
            continue;
        ok = ((i == 0 || buf_put_char(&list, ',')) && buf_put_span(&list, names[i])) ||
             error_memory(err);
    }
    if (ok && list.len > 0)
        ok = headers_add(to, SPAN("Trailer"), buf_span(&list), err);
    buf_release(&text);
    buf_release(&list);
    return ok;
}

/* The first one speaks for the visitor; without a word it says nothing, and some origins refuse
 * it. */
static bool is_idle_agent(struct header field, void *arg)
{
    size_t *seen = arg;
    if (!span_equal_nocase(field.name, SPAN("User-Agent")))
        return false;
    return (*seen)++ > 0 || field.value.len == 0;
}

/* What stands before the path for a proxy (RFC 9112 3.2.2). */
static bool put_place(struct buf *to, const struct rewrite_options *options)
{
    const char *host = options->proxied_host;
    bool is_v6 = host && strchr(host, ':');
    return !host || buf_printf(to, "http://%s%s%s:%u", is_v6 ? "[" : "", host, is_v6 ? "]" : "",
                               options->proxied_port);
}

static bool set_target(struct request_head *head, const struct rewrite_options *options,
                       struct error *err)
{
    struct buf whole = BUF_LIMIT(TARGET_MAX);
    struct span path = buf_span(&head->target);
    bool has_path = span_starts(path, SPAN("/"));
    if (!options->proxied_host && (!has_path || options->prefix.len == 0))
        return true;
    if (!put_place(&whole, options) ||
        (has_path && (!buf_put_span(&whole, options->prefix) || !buf_put_span(&whole, path)))) {
        buf_release(&whole);
        return error_set(err, ERROR_LIMIT, 0, "behind the service's path the target is too long");
    }
    buf_release(&head->target);
    head->target = whole;
    head->is_for_proxy = options->proxied_host != NULL;
    return true;
}

/* A visitor's is for proxies of the visitor's. */
static bool set_authorization(struct headers *fields, const struct rewrite_options *options,
                              struct error *err)
{
    headers_remove(fields, SPAN("Proxy-Authorization"));
    return !options->proxy_authorization || headers_add(fields, SPAN("Proxy-Authorization"),
                                                        span_of(options->proxy_authorization), err);
}

bool rewrite_request(struct request_head *to, const struct request_head *from,
                     const struct rewrite_options *options, struct error *err)
{
    /* It has neither scheme nor path (RFC 9113 8.5): in HTTP/2 it would be malformed, and to a
     * proxy it would be a wish for a tunnel. */
    if (request_is(from, SPAN("CONNECT")))
        return error_set(err, ERROR_INVALID, 0, "CONNECT asks for no resource of an HTTP service");
    if (!request_head_copy(to, from, err))
        return false;
    stream_kind_strip(to);
    headers_remove_hop_by_hop(&to->fields, true);
    size_t agents = 0;
    headers_remove_if(&to->fields, is_idle_agent, &agents);
    if (!from->ends_here && !keep_trailer_field(&to->fields, &from->fields, err))
        return false;
    if (options->host.len > 0 && !set_host(to, options->host, err))
        return false;
    if (to->is_websocket &&
        !headers_set(&to->fields, SPAN("Sec-WebSocket-Version"), SPAN("13"), err))
        return false;
    if (!set_target(to, options, err) ||
        (options->proxied_host && !set_authorization(&to->fields, options, err)))
        return false;
    if (!add_tag(&to->fields, SPAN("Id"), options->connector_id, err))
        return false;
    for (size_t i = 0; i < options->tag_count; i++)
        if (!add_tag(&to->fields, options->tags[i].name, options->tags[i].value, err))
            return false;
    return true;
}

static bool is_printable(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if (c < ' ' || c == 0x7f)
            return false;
    }
    return true;
}

bool rewrite_tag_parse(struct span text, struct rewrite_tag *tag, struct error *err)
{
    size_t at = span_find(text, '=');
    tag->name = span_first(text, at);
    tag->value = span_skip(text, at + 1);
    if (!header_name_is_valid(tag->name))
        return error_set(err, ERROR_INVALID, 0,
                         "tag \"%.*s\": the name before \"=\" is not a token", SPAN_ARG(text));
    if (tag->value.len == 0 || !is_printable(tag->value))
        return error_set(err, ERROR_INVALID, 0,
                         "tag \"%.*s\": the value behind \"=\" is empty or not printable",
                         SPAN_ARG(text));
    return true;
}
