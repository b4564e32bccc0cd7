/* Words and prefixes first, in the order in which they win, then URLs. */
#include "culvert/ingress/service.h"

#include "culvert/base/idn.h"
#include "culvert/base/ip.h"
#include "culvert/base/url.h"
#include "service_text.h"

enum {
    TEXT_MAX = 4096,
    SHOWN_PER_BYTE = 3, /* what has to be escaped grows */
    PORT_NONE = 0,
};

static const struct scheme {
    struct span name;
    enum service_kind kind;
    bool tls;
    uint16_t port; /* when none is written */
    bool fits_url_flag;
} schemes[] = {
    {SPAN_INIT("http"), SERVICE_HTTP, false, 80, true},
    {SPAN_INIT("https"), SERVICE_HTTP, true, 443, true},
    {SPAN_INIT("ws"), SERVICE_HTTP, false, 80, false},
    {SPAN_INIT("wss"), SERVICE_HTTP, true, 443, false},
    {SPAN_INIT("h2c"), SERVICE_HTTP, false, 80, true},
    {SPAN_INIT("tcp"), SERVICE_TCP, false, 7864, true},
    {SPAN_INIT("ssh"), SERVICE_TCP, false, 22, true},
    {SPAN_INIT("rdp"), SERVICE_TCP, false, 3389, true},
    {SPAN_INIT("smb"), SERVICE_TCP, false, 445, true},
};

/* Anything else is bytes over TCP to the port that is written. */
static const struct scheme other_scheme = {SPAN_INIT(""), SERVICE_TCP, false, PORT_NONE, false};

static const struct {
    struct span word;
    enum service_kind kind;
    const char *text;
} words[] = {
    {SPAN_INIT("hello_world"), SERVICE_HELLO, "hello_world"},
    {SPAN_INIT("hello-world"), SERVICE_HELLO, "hello_world"},
    {SPAN_INIT("bastion"), SERVICE_BASTION, "bastion"},
    {SPAN_INIT("socks-proxy"), SERVICE_SOCKS, "socks-proxy"},
};

static const struct scheme *find_scheme(const struct url *url)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (url_has_scheme(url, schemes[i].name))
            return &schemes[i];
    return &other_scheme;
}

void service_release(struct service *service)
{
    free(service->host);
    free(service->path);
    free(service->prefix);
    free(service->text);
    *service = (struct service){0};
}

static bool set_text(char **to, struct span text, struct error *err)
{
    free(*to);
    *to = span_dup(text);
    return *to || error_memory(err);
}

/* Starts with all texts empty. */
static bool begin(struct service *service, struct span text, struct error *err)
{
    *service = (struct service){0};
    return set_text(&service->host, SPAN(""), err) && set_text(&service->path, SPAN(""), err) &&
           set_text(&service->prefix, SPAN(""), err) && set_text(&service->text, text, err);
}

static bool parse_status(struct span number, struct service *service, struct error *err)
{
    bool negative = span_starts(number, SPAN("-"));
    uint64_t status = 0;
    char text[32];
    if (negative || span_starts(number, SPAN("+")))
        number = span_skip(number, 1);
    for (size_t i = 0; i < number.len; i++)
        if (number.data[i] < '0' || number.data[i] > '9')
            number.len = 0;
    if (number.len == 0)
        return error_set(err, ERROR_INVALID, 0, "http_status: takes a number");
    if (!span_to_u64(number, 999, &status) || negative || status < 100)
        return error_set(err, ERROR_INVALID, 0, "http_status: takes a number from 100 to 999");
    service->kind = SERVICE_STATUS;
    service->status = (int)status;
    (void)snprintf(text, sizeof text, "http_status:%d", service->status);
    return set_text(&service->text, span_of(text), err);
}

static bool parse_unix(struct span path, bool tls, struct service *service, struct error *err)
{
    service->kind = SERVICE_UNIX;
    service->tls = tls;
    return set_text(&service->path, path, err);
}

/* The host as it is dialed: escapes undone, letters beyond ASCII as A-labels where there are such.
 */
static bool take_host(const struct url *url, struct service *service, struct error *err)
{
    struct buf host = BUF_LIMIT(TEXT_MAX);
    struct buf ascii = BUF_LIMIT(TEXT_MAX);
    bool is_ascii = true;
    bool ok = url_decode_host(url, &host) || error_memory(err);
    for (size_t i = 0; i < host.len; i++)
        is_ascii = is_ascii && (unsigned char)host.data[i] < 0x80;
    if (ok && !is_ascii && idn_to_ascii(buf_span(&host), &ascii, NULL))
        ok = set_text(&service->host, buf_span(&ascii), err);
    else if (ok)
        ok = set_text(&service->host, buf_span(&host), err);
    buf_release(&host);
    buf_release(&ascii);
    return ok;
}

/* The text for people. */
static bool show(const struct url *url, const struct scheme *scheme, struct service *service,
                 struct error *err)
{
    struct buf out = BUF_LIMIT(TEXT_MAX * SHOWN_PER_BYTE);
    bool ok = service->kind == SERVICE_TCP ? service_text_bytes(url, scheme->port, &out)
                                           : service_text_http(url, &out);
    ok = ok && set_text(&service->text, buf_span(&out), err);
    buf_release(&out);
    return ok || error_memory(err);
}

/* May it stand in a path as it is (RFC 3986 3.3)? Escapes were judged with the URL. */
static bool is_path_char(char c)
{
    return c > ' ' && c < 0x7f && !strchr("\"#<>?[\\]^`{|}", c);
}

static bool has_dot_segment(struct span path)
{
    struct span segment;
    while (span_cut(&path, '/', &segment))
        if (span_equal(segment, SPAN(".")) || span_equal(segment, SPAN("..")))
            return true;
    return false;
}

/* A path of an HTTP service goes before those of the requests: "/" alone changes nothing. */
static bool take_prefix(const struct url *url, struct service *service, struct error *err)
{
    struct span path = url->path;
    if (path.len == 0)
        return true;
    if (service->kind != SERVICE_HTTP)
        return error_set(err, ERROR_INVALID, 0,
                         "a service of bytes has no path (\"%.*s\"), only HTTP has",
                         SPAN_ARG(span_first(path, 40)));
    if (url->has_query || url->fragment.len > 0)
        return error_set(err, ERROR_INVALID, 0,
                         "behind the path \"%.*s\" no query and no fragment can stand: each "
                         "request has its own",
                         SPAN_ARG(span_first(path, 40)));
    for (size_t i = 0; i < path.len; i++)
        if (!is_path_char(path.data[i]))
            return error_set(err, ERROR_INVALID, 0,
                             "the path \"%.*s\" holds a character that has to be escaped",
                             SPAN_ARG(span_first(path, 40)));
    if (has_dot_segment(path))
        return error_set(err, ERROR_INVALID, 0, "the path \"%.*s\" has a segment \".\" or \"..\"",
                         SPAN_ARG(span_first(path, 40)));
    while (span_ends(path, SPAN("/")))
        path.len--;
    return set_text(&service->prefix, path, err);
}

static bool parse_url(struct span text, unsigned options, struct service *service,
                      struct error *err)
{
    struct url url;
    if (!url_parse(text, &url, err))
        return error_wrap(err, "not a URL");
    if (url.scheme.len == 0 || url.host.len == 0)
        return error_set(err, ERROR_INVALID, 0,
                         "neither a URL with scheme and host, such as http://localhost:8080, nor "
                         "unix:PATH, http_status:N, hello_world, bastion or socks-proxy");
    const struct scheme *scheme = find_scheme(&url);
    service->kind = scheme->kind;
    if (!(options & SERVICE_WITH_PATH) && !take_prefix(&url, service, err))
        return false;
    service->tls = scheme->tls;
    service->http2 = url_has_scheme(&url, SPAN("h2c"));
    service->has_port = url_port(&url, scheme->port, &service->port) &&
                        (url.port.len > 0 || scheme->port != PORT_NONE);
    return take_host(&url, service, err) && show(&url, scheme, service, err);
}

/* Everything but memory for the first texts. */
static bool parse(struct span text, unsigned options, struct service *service, struct error *err)
{
    if (text.len > TEXT_MAX)
        return error_set(err, ERROR_LIMIT, 0, "longer than %d bytes", TEXT_MAX);
    if (span_find(text, '\0') < text.len) /* nobody would see what stands behind it */
        return error_set(err, ERROR_INVALID, 0, "a NUL");
    if (span_starts(text, SPAN("unix:")))
        return parse_unix(span_skip(text, 5), false, service, err);
    if (span_starts(text, SPAN("unix+tls:")))
        return parse_unix(span_skip(text, 9), true, service, err);
    if (span_starts(text, SPAN("http_status:")))
        return parse_status(span_skip(text, 12), service, err);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (span_equal(text, words[i].word)) {
            service->kind = words[i].kind;
            return set_text(&service->text, span_of(words[i].text), err);
        }
    }
    if (options & SERVICE_BASTION_MODE) {
        service->kind = SERVICE_BASTION;
        return set_text(&service->text, SPAN("bastion"), err);
    }
    return parse_url(text, options, service, err);
}

bool service_parse(struct span text, unsigned options, struct service *service, struct error *err)
{
    bool ok = begin(service, text, err) && parse(text, options, service, err);
    if (!ok)
        service_release(service);
    return ok;
}

static bool has_scheme_part(struct span text)
{
    for (size_t i = 0; i + 3 <= text.len; i++)
        if (memcmp(text.data + i, "://", 3) == 0)
            return true;
    return false;
}

/* Of a URL with one of the schemes that --url takes: scheme://host[:port], the host as dialed. */
static bool reduce_url(struct span text, struct buf *out, struct error *err)
{
    struct url url;
    struct service parts = {0};
    if (!url_parse(text, &url, err))
        return false;
    if (url.host.len == 0)
        return error_set(err, ERROR_INVALID, 0, "it names no host");
    if (!find_scheme(&url)->fits_url_flag)
        return error_set(err, ERROR_INVALID, 0,
                         "the scheme is none of http, https, h2c, tcp, ssh, rdp, smb");
    bool ok = take_host(&url, &parts, err);
    bool has_colon = ok && strchr(parts.host, ':');
    ok = ok && buf_printf(out, "%.*s://%s%s%s", SPAN_ARG(url.scheme), has_colon ? "[" : "",
                          parts.host, has_colon ? "]" : "");
    if (url.port.len > 0)
        ok = ok && buf_printf(out, ":%.*s", SPAN_ARG(url.port));
    service_release(&parts);
    return ok || error_memory(err);
}

/* Puts the name as it is dialed in place of the one in `text`, which `url` was parsed from. */
static bool replace_host(const struct url *url, struct buf *text, struct error *err)
{
    struct service parts = {0};
    struct buf whole = BUF_LIMIT(TEXT_MAX);
    size_t before = (size_t)(url->host.data - text->data);
    bool ok = take_host(url, &parts, err) &&
              ((buf_put_span(&whole, span_first(buf_span(text), before)) &&
                buf_put_span(&whole, span_of(parts.host)) &&
                buf_put_span(&whole, span_skip(buf_span(text), before + url->host.len))) ||
               error_memory(err));
    buf_clear(text);
    ok = ok && (buf_put_span(text, buf_span(&whole)) || error_memory(err));
    service_release(&parts);
    buf_release(&whole);
    return ok;
}

/* Of anything else: http:// in front, brackets around a bare IPv6 address. */
static bool complete_url(struct span text, struct buf *out, struct error *err)
{
    static const struct span others[] = {SPAN_INIT("unix:"), SPAN_INIT("unix+tls:"),
                                         SPAN_INIT("http_status:")};
    struct ip_address address;
    struct url url;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (span_starts(text, others[i]))
            return error_set(err, ERROR_INVALID, 0,
                             "it takes a URL; other services stand in the ingress rules of a "
                             "configuration file");
    bool is_bare = ip_parse(text, 0, &address) && span_find(text, ':') < text.len;
    if (!buf_printf(out, "http://%s%.*s%s", is_bare ? "[" : "", SPAN_ARG(text), is_bare ? "]" : ""))
        return error_memory(err);
    if (!url_parse(buf_span(out), &url, err))
        return false;
    if (url.host.len == 0 || (url.has_port && url.port.len == 0))
        return error_set(err, ERROR_INVALID, 0, "it names no host, or a colon without a port");
    return url.host_is_literal || replace_host(&url, out, err);
}

bool service_parse_url_flag(struct span text, struct service *service, struct error *err)
{
    struct buf whole = BUF_LIMIT(TEXT_MAX);
    *service = (struct service){0};
    if (text.len == 0)
        return error_set(err, ERROR_INVALID, 0, "the URL is empty");
    if (text.len > TEXT_MAX / 2)
        return error_set(err, ERROR_LIMIT, 0, "the URL is longer than %d bytes", TEXT_MAX / 2);
    bool ok =
        has_scheme_part(text) ? reduce_url(text, &whole, err) : complete_url(text, &whole, err);
    ok = ok && service_parse(buf_span(&whole), SERVICE_WITH_PATH, service, err);
    buf_release(&whole);
    return ok || error_wrap(err, "the URL \"%.*s\"", SPAN_ARG(span_first(text, 80)));
}
