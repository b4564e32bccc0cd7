/* The one door to libcurl, which fetch_library loads. Each hop is a transfer of its own; redirects
 * are followed here, where it is known which host may see the credentials. */
#include "culvert/net/fetch.h"

#include "culvert/base/clock.h"
#include "culvert/base/ip.h"
#include "culvert/base/url.h"
#include "culvert/net/tls.h"
#include "fetch_library.h"

/* What changes from hop to hop. */
struct hop {
    const struct fetch_library *library;
    const struct fetch_request *request;
    char *url;
    const char *method;
    struct span body;
    bool same_host; /* so far every hop went to the host of the first */
};

/* One transfer and what its callbacks need. */
struct transfer {
    const struct fetch_library *library;
    CURL *curl;
    struct curl_slist *fields;
    const struct fetch_request *request;
    struct buf *body;
    bool body_full;
    struct error roots_fault; /* kind NONE: none */
    char fault[CURL_ERROR_SIZE];
};

static bool is_secure(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

static bool is_web(const char *url)
{
    return is_secure(url) || strncasecmp(url, "http://", 7) == 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * count;
    if (buf_put(t->body, data, len))
        return len;
    t->body_full = true;
    return 0;
}

/* libcurl asks now and then, also while nothing comes; another value than 0 ends the transfer. */
static int on_progress(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                       curl_off_t up)
{
    const struct transfer *t = arg;
    (void)down_all;
    (void)down;
    (void)up_all;
    (void)up;
    return atomic_load(t->request->stop) ? 1 : 0;
}

/* The machine's store by OpenSSL's own rules, and what the request brings. */
static CURLcode on_tls(CURL *curl, void *ctx, void *arg)
{
    struct transfer *t = arg;
    struct tls_client_options options = {
        .system_roots = true, .ca_pem = t->request->ca_pem, .ca_file = t->request->ca_file};
    (void)curl;
    return tls_add_roots(ctx, &options, &t->roots_fault) ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

static bool is_for_one_host(const char *name)
{
    return span_equal_nocase(span_of(name), SPAN("authorization")) ||
           span_equal_nocase(span_of(name), SPAN("cookie"));
}

static bool add_line(struct transfer *t, const char *line)
{
    struct curl_slist *longer = t->library->slist_append(t->fields, line);
    if (longer)
        t->fields = longer;
    return longer != NULL;
}

static bool add_field(struct transfer *t, const struct fetch_field *field, struct error *err)
{
    struct buf line = BUF_LIMIT(FETCH_BODY_MAX);
    if (span_find(field->value, '\r') != field->value.len ||
        span_find(field->value, '\n') != field->value.len)
        return error_set(err, ERROR_INVALID, 0, "the field %s has a line end", field->name);
    bool ok = buf_printf(&line, "%s: %.*s", field->name, SPAN_ARG(field->value)) &&
              add_line(t, buf_text(&line));
    buf_wipe(&line);
    return ok || error_memory(err);
}

static bool add_fields(struct transfer *t, const struct hop *hop, struct error *err)
{
    bool has_type = false;
    for (size_t i = 0; i < hop->request->field_count; i++) {
        const struct fetch_field *field = &hop->request->fields[i];
        bool is_type = span_equal_nocase(span_of(field->name), SPAN("content-type"));
        has_type = has_type || is_type;
        if ((!hop->same_host && is_for_one_host(field->name)) || (is_type && !hop->body.data))
            continue;
        if (!add_field(t, field, err))
            return false;
    }
    /* libcurl would call every body a form, and wait for 100 before it sends a longer one. */
    bool type_is_set = has_type && hop->body.data;
    bool ok = (type_is_set || add_line(t, "Content-Type:")) && add_line(t, "Expect:");
    return ok || error_memory(err);
}

/* Requests to this machine itself use no proxy. */
static bool is_this_machine(const char *text)
{
    struct url url;
    struct ip_address address;
    if (!url_parse(span_of(text), &url, NULL))
        return false;
    return span_equal_nocase(url.host, SPAN("localhost")) ||
           (ip_parse(url.host, 0, &address) && ip_is_loopback(&address));
}

static bool set_method(const struct transfer *t, const struct hop *hop)
{
    CURLcode (*set)(CURL *, CURLoption, ...) = t->library->easy_setopt;
    CURL *curl = t->curl;
    bool ok = true;
    if (hop->body.data || strcmp(hop->method, "POST") == 0) {
        const char *body = hop->body.data ? hop->body.data : "";
        ok = set(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)hop->body.len) == 0 &&
             set(curl, CURLOPT_POSTFIELDS, body) == 0;
    }
    if (strcmp(hop->method, "HEAD") == 0)
        return ok && set(curl, CURLOPT_NOBODY, 1L) == 0;
    return ok && set(curl, CURLOPT_CUSTOMREQUEST, hop->method) == 0;
}

static bool set_options(struct transfer *t, const struct hop *hop, uint64_t left_ms)
{
    CURLcode (*set)(CURL *, CURLoption, ...) = t->library->easy_setopt;
    CURL *curl = t->curl;
    const char *protocol = is_secure(hop->url) ? "https" : "http";
    bool ok = set(curl, CURLOPT_URL, hop->url) == 0;
    ok = ok && set(curl, CURLOPT_PROTOCOLS_STR, protocol) == 0;
    ok = ok && set(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == 0;
    ok = ok && set(curl, CURLOPT_HTTPHEADER, t->fields) == 0;
    ok = ok && set(curl, CURLOPT_NOSIGNAL, 1L) == 0;
    ok = ok && set(curl, CURLOPT_TIMEOUT_MS, (long)left_ms) == 0;
    ok = ok && set(curl, CURLOPT_ACCEPT_ENCODING, "gzip") == 0;
    ok = ok && set(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) == 0;
    ok = ok && set(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == 0;
    ok = ok && set(curl, CURLOPT_CAINFO, NULL) == 0;
    ok = ok && set(curl, CURLOPT_CAPATH, NULL) == 0;
    ok = ok && set(curl, CURLOPT_SSL_CTX_FUNCTION, on_tls) == 0;
    ok = ok && set(curl, CURLOPT_SSL_CTX_DATA, t) == 0;
    ok = ok && set(curl, CURLOPT_WRITEFUNCTION, on_body) == 0;
    ok = ok && set(curl, CURLOPT_WRITEDATA, t) == 0;
    ok = ok && set(curl, CURLOPT_ERRORBUFFER, t->fault) == 0;
    if (t->request->stop)
        ok = ok && set(curl, CURLOPT_NOPROGRESS, 0L) == 0 &&
             set(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == 0 &&
             set(curl, CURLOPT_XFERINFODATA, t) == 0;
    if (is_this_machine(hop->url))
        ok = ok && set(curl, CURLOPT_NOPROXY, "*") == 0;
    return ok && set_method(t, hop);
}

static enum error_kind kind_of(CURLcode code)
{
    if (code == CURLE_OPERATION_TIMEDOUT)
        return ERROR_TIMEOUT;
    if (code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT)
        return ERROR_SYSTEM;
    if (code == CURLE_URL_MALFORMAT || code == CURLE_LOGIN_DENIED)
        return ERROR_INVALID;
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY ||
        code == CURLE_BAD_CONTENT_ENCODING || code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM ||
        code == CURLE_PARTIAL_FILE)
        return ERROR_PROTOCOL;
    return ERROR_NETWORK;
}

static bool refuse(const struct transfer *t, CURLcode code, struct error *err)
{
    if (t->body_full)
        return error_set(err, ERROR_LIMIT, 0, "the answer is larger than %zu bytes",
                         t->body->limit);
    if (t->roots_fault.kind != ERROR_NONE)
        return error_set(err, t->roots_fault.kind, t->roots_fault.cause, "%s", t->roots_fault.text);
    return error_set(err, kind_of(code), (int)code, "%s",
                     t->fault[0] != '\0' ? t->fault : t->library->easy_strerror(code));
}

/* Copies the media type without its parameters, in lower case; what does not fit is none we know.
 */
static void read_media_type(const struct transfer *t, char out[FETCH_MEDIA_TYPE_SIZE])
{
    const char *field = NULL;
    out[0] = '\0';
    if (t->library->easy_getinfo(t->curl, CURLINFO_CONTENT_TYPE, &field) != CURLE_OK || !field)
        return;
    struct span type = span_of(field);
    type = span_trim(span_first(type, span_find(type, ';')));
    if (type.len >= FETCH_MEDIA_TYPE_SIZE)
        return;
    for (size_t i = 0; i < type.len; i++) {
        char c = type.data[i];
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    out[type.len] = '\0';
}

/* The absolute URL that the answer points to; NULL: it does not, or memory. */
static char *read_location(const struct transfer *t)
{
    char *location = NULL;
    if (t->library->easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &location) != CURLE_OK ||
        !location)
        return NULL;
    return span_dup(span_of(location));
}

static void free_fields(const struct transfer *t)
{
    for (struct curl_slist *field = t->fields; field; field = field->next)
        explicit_bzero(field->data, strlen(field->data));
    t->library->slist_free_all(t->fields);
}

/* One request and its answer. *location: where it points to, NULL when nowhere. */
static bool run_hop(const struct hop *hop, uint64_t left_ms, struct fetch_response *response,
                    char **location, struct error *err)
{
    struct transfer t = {.library = hop->library,
                         .curl = hop->library->easy_init(),
                         .request = hop->request,
                         .body = &response->body};
    long status = 0;
    bool ok = t.curl || error_memory(err);
    ok = ok && add_fields(&t, hop, err);
    if (ok && !set_options(&t, hop, left_ms))
        ok = error_memory(err);
    if (ok) {
        CURLcode code = hop->library->easy_perform(t.curl);
        ok = code == CURLE_OK || refuse(&t, code, err);
    }
    if (ok && hop->library->easy_getinfo(t.curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK) {
        response->status = (int)status;
        read_media_type(&t, response->media_type);
        *location = read_location(&t);
    }
    hop->library->easy_cleanup(t.curl);
    free_fields(&t);
    return ok;
}

/* The same host at the same port, or at https in place of http. */
static bool is_same_host(const char *from, const char *to)
{
    struct url a;
    struct url b;
    uint16_t port_a = 0;
    uint16_t port_b = 0;
    if (!url_parse(span_of(from), &a, NULL) || !url_parse(span_of(to), &b, NULL))
        return false;
    bool secure_a = url_has_scheme(&a, SPAN("https"));
    bool secure_b = url_has_scheme(&b, SPAN("https"));
    if (!span_equal_nocase(a.host, b.host) || !url_port(&a, secure_a ? 443 : 80, &port_a) ||
        !url_port(&b, secure_b ? 443 : 80, &port_b))
        return false;
    return port_a == port_b || (!secure_a && port_a == 80 && secure_b && port_b == 443);
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Turns `hop` into the next one; takes `location` over. */
static bool follow(struct hop *hop, int status, char *location, struct error *err)
{
    if (!is_web(location) || (is_secure(hop->url) && !is_secure(location))) {
        error_set(err, ERROR_PROTOCOL, 0, "redirected to %.100s", location);
        free(location);
        return false;
    }
    hop->same_host = hop->same_host && is_same_host(hop->url, location);
    free(hop->url);
    hop->url = location;
    if (status != 307 && status != 308 && strcmp(hop->method, "HEAD") != 0) {
        hop->method = "GET";
        hop->body = SPAN_NONE;
    }
    return true;
}

static bool run_hops(struct hop *hop, struct fetch_response *response, struct error *err)
{
    const struct clock *clock = clock_system();
    uint64_t whole_ms = hop->request->timeout_ms ? hop->request->timeout_ms : FETCH_TIMEOUT_MS;
    uint64_t started_ms = clock->monotonic_ms(clock);
    for (int i = 0; i <= FETCH_REDIRECTS_MAX; i++) {
        char *location = NULL;
        uint64_t spent_ms = clock->monotonic_ms(clock) - started_ms;
        if (spent_ms >= whole_ms)
            return error_set(err, ERROR_TIMEOUT, 0, "no answer within %llu ms",
                             (unsigned long long)whole_ms);
        buf_clear(&response->body);
        if (!run_hop(hop, whole_ms - spent_ms, response, &location, err))
            return false;
        if (!location || !is_redirect(response->status)) {
            free(location);
            return true;
        }
        if (!follow(hop, response->status, location, err))
            return false;
    }
    return error_set(err, ERROR_PROTOCOL, 0, "more than %d redirects", FETCH_REDIRECTS_MAX);
}

bool fetch_run(const struct fetch_request *request, struct fetch_response *response,
               struct error *err)
{
    struct fetch_library library;
    struct hop hop = {.library = &library,
                      .request = request,
                      .url = span_dup(span_of(request->url)),
                      .method = request->method,
                      .body = request->body,
                      .same_host = true};
    bool ok;
    *response = (struct fetch_response){.body = {.limit = FETCH_BODY_MAX}};
    if (request->body_max > 0)
        response->body.limit = request->body_max;
    if (!is_web(request->url))
        ok = error_set(err, ERROR_INVALID, 0, "not an http or https URL");
    else if (!hop.url)
        ok = error_memory(err);
    else if (!fetch_library_load(&library, err))
        ok = false;
    else
        ok = run_hops(&hop, response, err);
    if (!ok) {
        struct span url = span_of(hop.url ? hop.url : request->url);
        error_wrap(err, "%s %.*s", hop.method, SPAN_ARG(span_first(url, span_find(url, '?'))));
    }
    free(hop.url);
    return ok;
}

void fetch_response_release(struct fetch_response *response)
{
    buf_wipe(&response->body);
}
