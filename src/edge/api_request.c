/* Takes a request apart: `paths` says which call it is, `parameters` what its query may hold,
 * `parse_body` what its body must. The first thing that is wrong is the refusal. */
#include "culvert/edge/api_request.h"

#include "culvert/base/clock.h"
#include "culvert/base/encode.h"

#include <stdarg.h>

enum { SEGMENTS_MAX = 6 };

/* A segment of a path that is not a word. */
#define OWNER  "{owner}"
#define TUNNEL "{tunnel}"

static const struct {
    struct span method;
    const char *segments[SEGMENTS_MAX]; /* NULL behind the last */
    enum api_action action;
} paths[] = {
    {SPAN_INIT("POST"), {"accounts", OWNER, "cfd_tunnel"}, API_TUNNEL_CREATE},
    {SPAN_INIT("GET"), {"accounts", OWNER, "cfd_tunnel"}, API_TUNNEL_LIST},
    {SPAN_INIT("GET"), {"accounts", OWNER, "cfd_tunnel", TUNNEL}, API_TUNNEL_GET},
    {SPAN_INIT("DELETE"), {"accounts", OWNER, "cfd_tunnel", TUNNEL}, API_TUNNEL_DELETE},
    {SPAN_INIT("GET"), {"accounts", OWNER, "cfd_tunnel", TUNNEL, "token"}, API_TUNNEL_TOKEN},
    {SPAN_INIT("GET"),
     {"accounts", OWNER, "cfd_tunnel", TUNNEL, "connections"},
     API_CONNECTIONS_LIST},
    {SPAN_INIT("DELETE"),
     {"accounts", OWNER, "cfd_tunnel", TUNNEL, "connections"},
     API_CONNECTIONS_DROP},
    {SPAN_INIT("PUT"), {"zones", OWNER, "tunnels", TUNNEL, "routes"}, API_ROUTE_PUT},
};

static void refuse(struct api_call *call, int status, enum api_code code, const char *format, ...)
    PRINTF_LIKE(4, 5);

static void refuse(struct api_call *call, int status, enum api_code code, const char *format, ...)
{
    va_list args;
    if (call->refusal.status != 0)
        return;
    call->refusal.status = status;
    call->refusal.code = code;
    va_start(args, format);
    (void)vsnprintf(call->refusal.text, sizeof call->refusal.text, format, args);
    va_end(args);
}

/* Splits "/a/b/c"; false: other than 1 ... SEGMENTS_MAX segments. */
static bool split(struct span path, struct span segments[SEGMENTS_MAX], size_t *count)
{
    struct span rest = span_skip(path, 1);
    *count = 0;
    if (!span_starts(path, SPAN("/")))
        return false;
    struct span segment;
    while (span_cut(&rest, '/', &segment)) {
        if (*count == SEGMENTS_MAX)
            return false;
        segments[(*count)++] = segment;
    }
    return *count > 0;
}

static bool is_same_shape(const char *const *wanted, const struct span *segments, size_t count)
{
    for (size_t i = 0; i < SEGMENTS_MAX; i++) {
        const char *word = wanted[i];
        if (!word || i == count)
            return !word && i == count;
        bool free = word[0] == '{' && segments[i].len > 0;
        if (!free && !span_equal(segments[i], span_of(word)))
            return false;
    }
    return true;
}

/* Also without its query and prefix. */
static struct span path_of(struct span target)
{
    struct span prefix = SPAN("/client/v4");
    struct span path = span_first(target, span_find(target, '?'));
    struct span rest = span_skip(path, prefix.len);
    return span_starts(path, prefix) && span_starts(rest, SPAN("/")) ? rest : path;
}

bool api_is_path(struct span target)
{
    struct span path = path_of(target);
    return span_starts(path, SPAN("/accounts/")) || span_starts(path, SPAN("/zones/")) ||
           span_starts(target, SPAN("/client/v4/"));
}

static void take_segments(struct api_call *call, const char *const *wanted,
                          const struct span *segments, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(wanted[i], OWNER) == 0 && segments[i].len < sizeof call->owner)
            memcpy(call->owner, segments[i].data, segments[i].len);
        else if (strcmp(wanted[i], TUNNEL) == 0 && !uuid_parse(segments[i], &call->tunnel_id))
            refuse(call, 404, API_CODE_NO_TUNNEL, "no such tunnel: its id is a UUID");
    }
}

static void parse_path(struct api_call *call, const struct api_request *request)
{
    struct span segments[SEGMENTS_MAX];
    size_t count;
    if (split(path_of(request->target), segments, &count)) {
        for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
            if (!span_equal(paths[i].method, request->method) ||
                !is_same_shape(paths[i].segments, segments, count))
                continue;
            call->action = paths[i].action;
            take_segments(call, paths[i].segments, segments, count);
            return;
        }
    }
    refuse(call, 404, API_CODE_NO_PATH, "no such method and path in this API");
}

/* "Bearer <token>" (RFC 6750 2.1); anything else leaves it empty, which fits nobody. */
static void parse_bearer(struct api_call *call, struct span field)
{
    struct span scheme = SPAN("Bearer ");
    if (field.len < scheme.len || !span_equal_nocase(span_first(field, scheme.len), scheme))
        return;
    struct span token = span_trim(span_skip(field, scheme.len));
    if (token.len < sizeof call->bearer && span_find(token, '\0') == token.len)
        memcpy(call->bearer, token.data, token.len);
}

static bool take_truth(struct span value, bool *truth)
{
    *truth = span_equal(value, SPAN("true"));
    return *truth || span_equal(value, SPAN("false"));
}

static bool take_life(struct api_call *call, struct span value)
{
    bool deleted;
    if (!take_truth(value, &deleted))
        return false;
    call->filter.life = deleted ? STORE_TUNNELS_DELETED : STORE_TUNNELS_LIVE;
    return true;
}

static bool take_name(struct api_call *call, struct span value)
{
    call->filter.name = value;
    return true;
}

static bool take_prefix(struct api_call *call, struct span value)
{
    call->filter.name_prefix = value;
    return true;
}

static bool take_exclusion(struct api_call *call, struct span value)
{
    if (value.len > 0) /* every name begins with nothing */
        call->filter.exclude_prefix = value;
    return true;
}

static bool take_id(struct api_call *call, struct span value)
{
    call->filter.id = &call->wanted_id;
    return uuid_parse(value, &call->wanted_id);
}

static bool take_moment(struct api_call *call, struct span value)
{
    return clock_parse(value, &call->filter.existed_at_ms);
}

static bool take_page(struct api_call *call, struct span value)
{
    return span_to_u64(value, UINT32_MAX, &call->filter.page) && call->filter.page > 0;
}

static bool take_page_size(struct api_call *call, struct span value)
{
    return span_to_u64(value, STORE_TUNNELS_PAGE_MAX, &call->filter.per_page) &&
           call->filter.per_page > 0;
}

static bool take_cascade(struct api_call *call, struct span value)
{
    return take_truth(value, &call->cascade);
}

static bool take_client(struct api_call *call, struct span value)
{
    call->has_client = true;
    return uuid_parse(value, &call->client_id);
}

/* What is not in the table is ignored, as the field does. */
static const struct {
    enum api_action action;
    const char *name;
    bool (*take)(struct api_call *call, struct span value);
    const char *wanted;
} parameters[] = {
    {API_TUNNEL_LIST, "is_deleted", take_life, "true or false"},
    {API_TUNNEL_LIST, "name", take_name, "a name"},
    {API_TUNNEL_LIST, "name_prefix", take_prefix, "the beginning of a name"},
    {API_TUNNEL_LIST, "exclude_prefix", take_exclusion, "the beginning of a name"},
    {API_TUNNEL_LIST, "uuid", take_id, "a UUID"},
    {API_TUNNEL_LIST, "existed_at", take_moment, "a time as in RFC 3339"},
    {API_TUNNEL_LIST, "page", take_page, "a number from 1"},
    {API_TUNNEL_LIST, "per_page", take_page_size, "a number from 1 to 1000"},
    {API_TUNNEL_DELETE, "cascade", take_cascade, "true or false"},
    {API_CONNECTIONS_DROP, "client_id", take_client, "a UUID"},
};

/* Appends form-encoded text decoded; the memory was reserved, so that it never moves. */
static bool decode(struct buf *memory, struct span text, struct span *out)
{
    size_t start = memory->len;
    struct span rest = text;
    struct span part;
    bool first = true;
    while (span_cut(&rest, '+', &part)) {
        if ((!first && !buf_put_char(memory, ' ')) || !percent_decode(part, memory))
            return false;
        first = false;
    }
    *out = span_make(buf_text(memory) + start, memory->len - start);
    return span_find(*out, '\0') == out->len;
}

static void refuse_for_memory(struct api_call *call)
{
    refuse(call, 500, API_CODE_INTERNAL, "the edge is out of memory: try again");
}

static void take_parameter(struct api_call *call, struct span name, struct span value)
{
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++) {
        if (parameters[i].action != call->action || !span_equal(span_of(parameters[i].name), name))
            continue;
        if (!parameters[i].take(call, value))
            refuse(call, 400, API_CODE_BAD_QUERY, "query parameter %s must be %s",
                   parameters[i].name, parameters[i].wanted);
        return;
    }
}

static void parse_query(struct api_call *call, struct span target)
{
    struct span rest = span_skip(target, span_find(target, '?') + 1);
    struct span pair;
    call->filter.page = 1;
    call->filter.per_page = API_PER_PAGE;
    call->query.limit = API_QUERY_MAX;
    if (rest.len == 0)
        return;
    if (rest.len <= API_QUERY_MAX && !buf_room(&call->query, rest.len)) {
        refuse_for_memory(call);
        return;
    }
    if (rest.len > API_QUERY_MAX) {
        refuse(call, 400, API_CODE_BAD_QUERY, "the query is longer than %d bytes", API_QUERY_MAX);
        return;
    }
    while (span_cut(&rest, '&', &pair)) {
        struct span name, value;
        size_t equals = span_find(pair, '=');
        if (!decode(&call->query, span_first(pair, equals), &name) ||
            !decode(&call->query, span_skip(pair, equals + 1), &value)) {
            refuse(call, 400, API_CODE_BAD_QUERY, "the query is not form encoded");
            return;
        }
        take_parameter(call, name, value);
    }
}

static void check_name(struct api_call *call)
{
    struct uuid ignored;
    struct span name = call->name;
    if (name.len == 0 || name.len > STORE_TUNNEL_NAME_MAX)
        refuse(call, 400, API_CODE_BAD_FIELD, "\"name\" must have 1 to %d bytes",
               STORE_TUNNEL_NAME_MAX);
    if (uuid_parse(name, &ignored))
        refuse(call, 400, API_CODE_BAD_FIELD,
               "\"name\" must not be a UUID: it would be taken for the id of a tunnel");
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
            refuse(call, 400, API_CODE_BAD_FIELD, "\"name\" must not have control characters");
}

static void parse_create(struct api_call *call)
{
    struct error err = {0};
    struct span secret = SPAN_NONE;
    if (!doc_read_text(call->body, "name", &call->name, &err) ||
        !doc_read_text(call->body, "tunnel_secret", &secret, &err)) {
        refuse(call, 400, API_CODE_BAD_FIELD, "%.180s", err.text);
        return;
    }
    check_name(call);
    call->secret.limit = STORE_TUNNEL_SECRET_MAX;
    if (!buf_room(&call->secret, STORE_TUNNEL_SECRET_MAX)) {
        refuse_for_memory(call);
        return;
    }
    if (!base64_decode(BASE64_STANDARD, secret, &call->secret) ||
        call->secret.len < STORE_TUNNEL_SECRET_MIN)
        refuse(call, 400, API_CODE_BAD_FIELD,
               "\"tunnel_secret\" must be %d to %d bytes in standard base64",
               STORE_TUNNEL_SECRET_MIN, STORE_TUNNEL_SECRET_MAX);
}

static void parse_route(struct api_call *call)
{
    struct error err = {0};
    struct span type = SPAN_NONE;
    if (!doc_read_text(call->body, "type", &type, &err) ||
        !doc_read_text(call->body, "user_hostname", &call->hostname, &err) ||
        !doc_read_bool(call->body, "overwrite_existing", &call->overwrite, &err)) {
        refuse(call, 400, API_CODE_BAD_FIELD, "%.180s", err.text);
        return;
    }
    if (!span_equal(type, SPAN("dns")))
        refuse(call, 400, API_CODE_BAD_FIELD,
               "\"type\" is \"%.*s\", but this edge has routes of type \"dns\" only",
               SPAN_ARG(span_first(type, 20)));
    if (call->hostname.len == 0)
        refuse(call, 400, API_CODE_BAD_FIELD, "\"user_hostname\" must be a host name");
}

static void parse_body(struct api_call *call, struct span body)
{
    struct error err = {0};
    if (call->action != API_TUNNEL_CREATE && call->action != API_ROUTE_PUT)
        return;
    if (body.len > API_BODY_MAX) {
        refuse(call, 413, API_CODE_BAD_JSON, "the body is longer than %d bytes", API_BODY_MAX);
        return;
    }
    call->body = doc_parse(body, &err);
    if (!call->body && err.kind == ERROR_SYSTEM) {
        refuse_for_memory(call);
        return;
    }
    if (!call->body) {
        refuse(call, 400, API_CODE_BAD_JSON, "the body is not JSON: %.160s", err.text);
        return;
    }
    if (doc_kind(call->body) != DOC_OBJECT) {
        refuse(call, 400, API_CODE_BAD_JSON, "the body must be a JSON object");
        return;
    }
    if (call->action == API_TUNNEL_CREATE)
        parse_create(call);
    else
        parse_route(call);
}

void api_call_parse(struct api_call *call, const struct api_request *request)
{
    *call = (struct api_call){.action = API_NOTHING};
    parse_path(call, request);
    if (call->action == API_NOTHING)
        return;
    parse_bearer(call, request->authorization);
    parse_query(call, request->target);
    parse_body(call, request->body);
}

void api_call_release(struct api_call *call)
{
    explicit_bzero(call->bearer, sizeof call->bearer);
    buf_wipe(&call->secret);
    buf_release(&call->query);
    doc_wipe(call->body); /* a new tunnel's secret */
    doc_free(call->connections);
    call->body = call->connections = NULL;
}
