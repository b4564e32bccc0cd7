/* From a visitor's head to the tunnel that answers for its host name. */
#include "culvert/edge/visitor_request.h"
#include "culvert/access/verifier.h"

#include "culvert/base/encode.h"
#include "culvert/base/random.h"
#include "culvert/edge/error_page.h"
#include "culvert/edge/tunnel_opener.h"
#include "culvert/proxy/exchange.h"
#include "culvert/tunnel/user_headers.h"

enum { RAY_SIZE = 25 };

struct visitor_requests {
    struct visitor_requests_options options;
    uint16_t https_port; /* 0: visitors in clear are served */
    struct list open;
};

struct request {
    struct visitor_requests *all;
    struct link link;
    struct tunnel_opener opener;
    struct exchange *exchange;
    struct body page; /* of a failure */
    char ray[RAY_SIZE];
    char method[METHOD_MAX + 1];
    char host[AUTHORITY_MAX + 1];
    char path[256];
    char ip[IP_TEXT_SIZE];
    struct reap reap;
};

struct visitor_requests *visitor_requests_new(const struct visitor_requests_options *options)
{
    struct visitor_requests *requests = calloc(1, sizeof *requests);
    if (!requests)
        return NULL;
    requests->options = *options;
    list_init(&requests->open);
    return requests;
}

void visitor_requests_redirect(struct visitor_requests *requests, uint16_t port)
{
    requests->https_port = port;
}

void visitor_requests_free(struct visitor_requests *requests)
{
    free(requests);
}

size_t visitor_requests_open(const struct visitor_requests *requests)
{
    return requests->open.count;
}

void visitor_requests_cut(struct visitor_requests *requests, const struct error *why)
{
    LIST_EACH (it, &requests->open) {
        struct request *request = CONTAINER_OF(it, struct request, link);
        if (request->exchange)
            exchange_cut(request->exchange, why);
    }
}

/* ---- what the origin is told ---- */

/* As base names are read behind us: without case, an underscore being a hyphen. */
static bool name_starts(struct span name, struct span prefix)
{
    if (name.len < prefix.len)
        return false;
    for (size_t i = 0; i < prefix.len; i++) {
        char c = name.data[i] == '_' ? '-' : name.data[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        if (c != prefix.data[i])
            return false;
    }
    return true;
}

/* Lists that the edge appends to: only their one spelling is read, the others would be read behind
 * us in its place. */
static bool is_odd_list(struct span name)
{
    static const struct span lists[] = {SPAN_INIT("x-forwarded-for"), SPAN_INIT("cdn-loop")};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (name.len == lists[i].len && name_starts(name, lists[i]))
            return !span_equal_nocase(name, lists[i]);
    return false;
}

/* Names that only the edge may set, and those of the tunnel itself. */
static bool is_edges(struct header field, void *arg)
{
    (void)arg;
    static const struct span names[] = {
        SPAN_INIT("cf-connecting-ip"), SPAN_INIT("cf-connecting-ipv6"),
        SPAN_INIT("cf-ray"),           SPAN_INIT("cf-visitor"),
        SPAN_INIT("cf-ipcountry"),     SPAN_INIT("cf-ew-via"),
        SPAN_INIT("true-client-ip"),   SPAN_INIT("x-forwarded-proto"),
        SPAN_INIT("cf-worker"),        SPAN_INIT("x-real-ip"),
        SPAN_INIT("forwarded"),        SPAN_INIT("cf-trace-id"),
        SPAN_INIT(ACCESS_TOKEN_FIELD), SPAN_INIT("cf-access-authenticated-user-email"),
    };
    if (user_header_is_reserved(field.name) || is_odd_list(field.name))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (field.name.len == names[i].len && name_starts(field.name, names[i]))
            return true;
    return name_starts(field.name, SPAN("cf-warp-tag-"));
}

/* What no head may say behind us, no trailer may either; the lists are of heads only. */
static bool is_edges_trailer(struct header field, void *arg)
{
    return is_edges(field, arg) || span_equal_nocase(field.name, SPAN("x-forwarded-for")) ||
           span_equal_nocase(field.name, SPAN("cdn-loop"));
}

static bool put_forwarded_for(struct headers *fields, const char *ip, struct error *err)
{
    struct buf list = BUF_LIMIT(8192);
    if (!headers_join(fields, SPAN("x-forwarded-for"), &list))
        buf_clear(&list); /* nobody has passed that many proxies */
    bool ok = (list.len == 0 || buf_put_span(&list, SPAN(", "))) &&
              buf_put_span(&list, span_of(ip)) &&
              headers_set(fields, SPAN("X-Forwarded-For"), buf_span(&list), err);
    buf_release(&list);
    return ok;
}

/* One member of the list: an id, perhaps with parameters (RFC 8586 2). */
static bool is_our_mark(struct span member)
{
    return span_equal_nocase(span_trim(span_first(member, span_find(member, ';'))),
                             SPAN("culvert"));
}

/* Appends our mark; *hops counts how often it is there already. */
static bool put_loop(struct headers *fields, size_t *hops, struct error *err)
{
    struct buf list = BUF_LIMIT(8192);
    bool ok = true;
    *hops = 0;
    for (size_t i = 0; i < fields->count && ok; i++) {
        struct header field = headers_at(fields, i);
        if (!span_equal_nocase(field.name, SPAN("cdn-loop")))
            continue;
        struct span rest = field.value;
        struct span part;
        while (span_cut(&rest, ',', &part))
            *hops += is_our_mark(part) ? 1 : 0;
        ok = (list.len == 0 || buf_put_span(&list, SPAN(", "))) && buf_put_span(&list, field.value);
    }
    ok = ok && (list.len == 0 || buf_put_span(&list, SPAN(", "))) &&
         buf_put_span(&list, SPAN("culvert")) &&
         headers_set(fields, SPAN("Cdn-Loop"), buf_span(&list), err);
    buf_release(&list);
    return ok;
}

/* Over HTTP/2 there is none, but origins want one (RFC 6455 4.1): whoever asked over HTTP/2 never
 * sees what they make of it. */
static bool put_websocket_key(struct headers *fields, struct error *err)
{
    unsigned char bytes[16];
    struct buf key = BUF_LIMIT(64);
    if (headers_has(fields, SPAN("Sec-WebSocket-Key")))
        return true;
    random_bytes(bytes, sizeof bytes);
    bool ok = (base64_encode(BASE64_STANDARD, span_make(bytes, sizeof bytes), &key) ||
               error_memory(err)) &&
              headers_add(fields, SPAN("Sec-WebSocket-Key"), buf_span(&key), err);
    buf_release(&key);
    return ok;
}

/* Rewrites the head in place, and says what the trailers may not hold. */
static bool tell_origin(struct request *request, struct inbound *in, const struct visitor *visitor,
                        size_t *hops, struct error *err)
{
    struct request_head *head = &in->head;
    struct headers *fields = &head->fields;
    const char *scheme = visitor->over_tls ? "https" : "http";
    struct span visitor_json =
        visitor->over_tls ? SPAN("{\"scheme\":\"https\"}") : SPAN("{\"scheme\":\"http\"}");
    in->body->unwanted = is_edges_trailer;
    headers_remove_if(fields, is_edges, NULL);
    headers_remove_hop_by_hop(fields, true);
    bool ok = put_loop(fields, hops, err) && put_forwarded_for(fields, request->ip, err) &&
              headers_add(fields, SPAN("Cf-Connecting-Ip"), span_of(request->ip), err) &&
              headers_add(fields, SPAN("X-Forwarded-Proto"), span_of(scheme), err) &&
              headers_add(fields, SPAN("Cf-Ray"), span_of(request->ray), err) &&
              headers_add(fields, SPAN("Cf-Visitor"), visitor_json, err);
    /* A connector of the peer would add gzip of its own and unpack the answer. */
    if (ok && !headers_has(fields, SPAN("accept-encoding")))
        ok = headers_add(fields, SPAN("Accept-Encoding"), SPAN("identity"), err);
    if (ok && head->is_websocket && visitor->over_h2)
        ok = put_websocket_key(fields, err);
    buf_clear(&head->scheme);
    return ok && (buf_put_span(&head->scheme, span_of(scheme)) || error_memory(err));
}

/* ---- hooks of the exchange ---- */

static const struct error_page page_unknown = {
    404, "No such host", "This edge serves no site of that name. Check the address.", ""};
static const struct error_page page_offline = {
    503, "Tunnel offline",
    "The site's connector is not connected at the moment. Try again in a few seconds.", ""};
static const struct error_page page_broken = {
    502, "Bad gateway",
    "The site's connector could not get an answer from its origin. The connector's log says why.",
    ""};
static const struct error_page page_late = {
    504, "Gateway timeout",
    "The site's connector waited in vain for its origin. The connector's log says where.", ""};
static const struct error_page page_lost = {
    502, "Bad gateway",
    "The connection to the site's connector was lost before an answer came. Try again.", ""};
static const struct error_page page_refused = {
    400, "Bad request", "The connector refused the request as it stands.", ""};
static const struct error_page page_denied = {403, "Forbidden",
                                              "The connector does not let this request pass.", ""};
static const struct error_page page_loop = {
    508, "Loop detected", "The request came back to this edge again and again.", ""};
static const struct error_page page_target = {
    400, "Bad request",
    "The request needs a host name, and a path whose percent escapes are whole.", ""};
static const struct error_page page_no_websocket = {
    400, "Bad request", "This is the edge itself, which speaks no WebSocket.", ""};
static const struct error_page page_misdirected = {
    421, "Misdirected request",
    "The certificate of this connection is for other names. Connect with the name that you ask "
    "for: TLS sends it (SNI).",
    ""};
static const struct error_page page_memory = {
    503, "Overloaded", "The edge is out of memory. Try again in a few seconds.", ""};

static const struct error_page *page_of(const struct error *why)
{
    if (why->kind == ERROR_LIMIT)
        return &page_offline;
    if (why->kind == ERROR_INVALID)
        return &page_refused;
    if (why->kind == ERROR_DENIED)
        return &page_denied;
    if (why->kind == ERROR_TIMEOUT && why->cause == 504)
        return &page_late;
    /* A connector's own word comes with its status; anything else is its connection's end. */
    return why->kind == ERROR_NETWORK && why->cause < 400 ? &page_lost : &page_broken;
}

static int fail(void *arg, struct inbound *in, const struct error *why)
{
    struct request *request = arg;
    struct error_page page = *page_of(why);
    page.ray = request->ray;
    return error_page_answer(in, &page, &request->page);
}

static bool adapt(void *arg, struct response_head *head, struct error *err)
{
    struct request *request = arg;
    if (head->status == 204)
        head->length = LENGTH_UNKNOWN; /* a server must not send one (RFC 9110 8.6) */
    return headers_set(&head->fields, SPAN("Cf-Ray"), span_of(request->ray), err);
}

static void destroy(void *object)
{
    struct request *request = object;
    channel_free(request->page.bytes);
    headers_release(&request->page.trailers);
    free(request);
}

/* A person must act when the tunnel fails, not when a visitor asks for what it may not have. */
static enum log_level level_of(const struct exchange_report *report)
{
    switch (report->peer_left ? ERROR_NONE : report->failure.kind) {
    case ERROR_NONE:
        return LEVEL_DEBUG;
    case ERROR_INVALID:
    case ERROR_DENIED:
        return LEVEL_INFO;
    case ERROR_TIMEOUT:
    case ERROR_NETWORK:
    case ERROR_PROTOCOL:
    case ERROR_LIMIT:
    case ERROR_SYSTEM:
        break;
    }
    return LEVEL_WARN;
}

/* The one line of a request. */
static void log_end(const struct request *request, const struct exchange_report *report)
{
    const struct log *log = loop_log(request->all->options.worker->loop);
    enum log_level level = level_of(report);
    log_event(log, level, "Request",
              LOG_TEXT("error", level > LEVEL_DEBUG ? report->failure.text : ""),
              LOG_TEXT("cfRay", request->ray), LOG_TEXT("method", request->method),
              LOG_TEXT("host", request->host), LOG_TEXT("path", request->path),
              LOG_INT("status", report->status), LOG_BOOL("cut", report->cut),
              LOG_TEXT("client", request->ip), LOG_INT("bytesIn", report->bytes_in),
              LOG_INT("bytesOut", report->bytes_out),
              LOG_INT("durationMs", report->ended_ms - report->started_ms));
}

static void ended(void *arg, const struct exchange_report *report)
{
    struct request *request = arg;
    struct visitor_requests *all = request->all;
    log_end(request, report);
    all->options.on_ended(all->options.arg, report->status, report->bytes_in, report->bytes_out);
    list_remove(&all->open, &request->link);
    loop_reap(all->options.worker->loop, &request->reap, destroy, request);
}

static const struct exchange_hooks hooks = {.adapt = adapt, .fail = fail, .ended = ended};

/* ---- serving ---- */

/* The edge answers by itself. */
static void note_end(const struct request *request, int status)
{
    const struct exchange_report report = {.status = status};
    log_end(request, &report);
    request->all->options.on_ended(request->all->options.arg, status, 0, 0);
}

/* `request` is over and freed. */
static void refuse(struct request *request, struct inbound *in, const struct error_page *page)
{
    struct error_page told = *page;
    told.ray = request->ray;
    note_end(request, page->status);
    error_page_send(request->all->options.worker->loop, in, &told);
    free(request);
}

static void make_ray(char ray[RAY_SIZE])
{
    unsigned char bytes[8];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        (void)snprintf(ray + 2 * i, RAY_SIZE - 2 * i, "%02x", bytes[i]);
}

static struct request *request_new(struct visitor_requests *all, struct inbound *in,
                                   const struct visitor *visitor)
{
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    request->all = all;
    make_ray(request->ray);
    if (visitor->address.len > 0)
        ip_format_bare(&visitor->address, request->ip);
    span_copy(buf_span(&in->head.method), request->method, sizeof request->method);
    span_copy(buf_span(&in->head.authority), request->host, sizeof request->host);
    span_copy(request_path(&in->head), request->path, sizeof request->path);
    return request;
}

/* A path with whole escapes, or "*" of OPTIONS: the forms that a connector takes. */
static bool target_is_servable(const struct request_head *head)
{
    struct span target = buf_span(&head->target);
    return (span_starts(target, SPAN("/")) && request_path_is_whole(head)) ||
           (span_equal(target, SPAN("*")) && request_is(head, SPAN("OPTIONS")));
}

static void serve_tunnel(struct request *request, struct inbound *in, const struct visitor *visitor,
                         const struct uuid *tunnel_id)
{
    struct visitor_requests *all = request->all;
    struct error err;
    size_t hops = 0;
    if (!tell_origin(request, in, visitor, &hops, &err) || hops >= EDGE_HOPS_MAX) {
        refuse(request, in, hops >= EDGE_HOPS_MAX ? &page_loop : &page_memory);
        return;
    }
    tunnel_opener_init(&request->opener, all->options.worker, tunnel_id);
    list_put_last(&all->open, &request->link);
    struct exchange *exchange = exchange_start(all->options.worker->loop, in,
                                               &request->opener.opener, NULL, &hooks, request);
    if (exchange)
        request->exchange = exchange;
}

/* To the same place over https; 308 keeps method and body (RFC 9110 15.4.9). `request` is over and
 * freed. */
static void redirect(struct request *request, struct inbound *in, const char *name)
{
    struct visitor_requests *all = request->all;
    struct buf location = BUF_LIMIT(TARGET_MAX + AUTHORITY_MAX);
    struct reply reply = {.status = 308};
    uint16_t port = all->https_port;
    struct span target = buf_span(&in->head.target);
    if (!span_starts(target, SPAN("/")))
        target = SPAN("/"); /* "*" has no address */
    bool ok = port == 443 ? buf_printf(&location, "https://%s", name)
                          : buf_printf(&location, "https://%s:%u", name, port);
    if (ok && buf_put_span(&location, target))
        reply.fields[0] = (struct header){SPAN("Location"), buf_span(&location)};
    else
        reply.status = 414;
    note_end(request, reply.status);
    reply_send(all->options.worker->loop, in, &reply);
    buf_release(&location);
    free(request);
}

void visitor_requests_serve(struct visitor_requests *all, struct inbound *in,
                            const struct visitor *visitor)
{
    struct request *request = request_new(all, in, visitor);
    if (!request) {
        all->options.on_ended(all->options.arg, page_memory.status, 0, 0);
        error_page_send(all->options.worker->loop, in, &page_memory);
        return;
    }
    char name[STORE_HOSTNAME_SIZE];
    if (!hostname_normalise(buf_span(&in->head.authority), name) ||
        !target_is_servable(&in->head)) {
        refuse(request, in, &page_target);
        return;
    }
    /* Our own name comes first: a wildcard route must not take the API away from who made it. */
    bool is_own = all->options.is_own(all->options.arg, span_of(name));
    const struct uuid *tunnel_id =
        is_own ? NULL : hostnames_find(all->options.worker->hostnames, span_of(name));
    if (!is_own && !tunnel_id) {
        refuse(request, in, &page_unknown);
    } else if (visitor->conn && !conn_serves_name(visitor->conn, span_of(name))) {
        /* RFC 9110 7.4: a response over https speaks for names of its certificate only. */
        all->options.on_misdirected(all->options.arg);
        refuse(request, in, &page_misdirected);
    } else if (all->https_port != 0 && !visitor->over_tls) {
        redirect(request, in, name);
    } else if (tunnel_id) {
        serve_tunnel(request, in, visitor, tunnel_id);
    } else if (in->head.is_websocket) {
        refuse(request, in, &page_no_websocket);
    } else {
        free(request);
        all->options.on_own(all->options.arg, in, visitor);
    }
}
