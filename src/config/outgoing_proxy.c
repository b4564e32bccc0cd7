/* NO_PROXY is a list with commas: "*", a name (with what is below it; with a dot or "*." in front
 * only that), an address, a prefix, each but the last perhaps with a port. */
#include "culvert/config/outgoing_proxy.h"

#include "culvert/base/encode.h"
#include "culvert/base/ip.h"
#include "culvert/base/url.h"

enum { SPOKEN_PORT = 80, CREDENTIALS_MAX = 1024, AUTHORITY_TEXT_MAX = 1024 };

struct outgoing_proxies {
    struct outgoing_proxy *http, *https; /* NULL: none */
    char *except;                        /* NO_PROXY */
};

static void proxy_free(struct outgoing_proxy *proxy)
{
    if (!proxy)
        return;
    if (proxy->authorization)
        explicit_bzero(proxy->authorization, strlen(proxy->authorization));
    free(proxy->authorization);
    free(proxy->text);
    free(proxy->host);
    free(proxy);
}

void outgoing_proxies_free(struct outgoing_proxies *proxies)
{
    if (!proxies)
        return;
    proxy_free(proxies->http);
    proxy_free(proxies->https);
    free(proxies->except);
    free(proxies);
}

/* ---- reading ---- */

static const char *variable(const struct environment *environment, const char *upper,
                            const char *lower)
{
    const char *value = environment_get(environment, upper);
    return value ? value : environment_get(environment, lower);
}

/* "user:password" with its escapes undone, as RFC 7617 wants it. */
static bool authorize(struct outgoing_proxy *proxy, struct span userinfo, struct error *err)
{
    struct buf plain = BUF_LIMIT(CREDENTIALS_MAX);
    struct buf value = BUF_LIMIT(2 * CREDENTIALS_MAX);
    bool has_colon = span_find(userinfo, ':') < userinfo.len;
    bool ok = percent_decode(userinfo, &plain) && (has_colon || buf_put_char(&plain, ':')) &&
              buf_put_span(&value, SPAN("Basic ")) &&
              base64_encode(BASE64_STANDARD, buf_span(&plain), &value);
    if (ok)
        proxy->authorization = span_dup(buf_span(&value));
    buf_wipe(&plain);
    buf_wipe(&value);
    return (ok && proxy->authorization) ||
           error_set(err, ERROR_INVALID, 0, "its user and password cannot be sent");
}

static bool fill(struct outgoing_proxy *proxy, const struct url *url, struct error *err)
{
    struct buf host = BUF_LIMIT(AUTHORITY_TEXT_MAX);
    struct buf text = BUF_LIMIT(2 * AUTHORITY_TEXT_MAX);
    struct span scheme = url->scheme;
    bool ok = url_decode_host(url, &host) && url_port(url, SPOKEN_PORT, &proxy->port) &&
              span_find(buf_span(&host), '\0') == host.len;
    ok = ok && buf_printf(&text, "%.*s://%.*s:%u", SPAN_ARG(scheme), SPAN_ARG(buf_span(&host)),
                          proxy->port);
    proxy->is_spoken = url_has_scheme(url, SPAN("http"));
    proxy->host = ok ? span_dup(buf_span(&host)) : NULL;
    proxy->text = ok ? span_dup(buf_span(&text)) : NULL;
    buf_release(&host);
    buf_release(&text);
    if (!proxy->host || !proxy->text)
        return error_set(err, ERROR_INVALID, 0, "it names no host and port");
    return !url->has_userinfo || authorize(proxy, url->userinfo, err);
}

/* "host:port" is http://host:port. */
static bool parse_proxy(const char *value, struct outgoing_proxy *proxy, struct error *err)
{
    struct buf whole = BUF_LIMIT(AUTHORITY_TEXT_MAX + CREDENTIALS_MAX);
    struct url url;
    bool has_scheme = strstr(value, "://") != NULL;
    bool ok = buf_printf(&whole, "%s%s", has_scheme ? "" : "http://", value) ||
              error_set(err, ERROR_INVALID, 0, "it is too long");
    ok = ok && url_parse(buf_span(&whole), &url, err);
    if (ok && url.host.len == 0)
        ok = error_set(err, ERROR_INVALID, 0, "it names no host");
    ok = ok && fill(proxy, &url, err);
    buf_wipe(&whole);
    return ok;
}

static bool read_proxy(const struct environment *environment, const char *upper, const char *lower,
                       struct outgoing_proxy **to, struct error *err)
{
    const char *value = variable(environment, upper, lower);
    if (!value)
        return true;
    *to = calloc(1, sizeof **to);
    if (!*to)
        return error_memory(err);
    return parse_proxy(value, *to, err) || error_wrap(err, "the variable %s", upper);
}

struct outgoing_proxies *outgoing_proxies_new(const struct environment *environment,
                                              struct error *err)
{
    struct outgoing_proxies *proxies = calloc(1, sizeof *proxies);
    if (!proxies) {
        error_memory(err);
        return NULL;
    }
    const char *except = variable(environment, "NO_PROXY", "no_proxy");
    proxies->except = span_dup(span_of(except ? except : ""));
    bool ok = proxies->except || error_memory(err);
    ok = ok && read_proxy(environment, "HTTP_PROXY", "http_proxy", &proxies->http, err) &&
         read_proxy(environment, "HTTPS_PROXY", "https_proxy", &proxies->https, err);
    if (ok)
        return proxies;
    outgoing_proxies_free(proxies);
    return NULL;
}

/* ---- choosing ---- */

/* Takes ":port" off; false: it is another one. */
static bool take_port(struct span *entry, uint16_t port)
{
    struct span host;
    uint16_t wanted = 0;
    if (!ip_split_host_port(*entry, &host, &wanted))
        return false;
    *entry = host;
    return wanted == 0 || wanted == port;
}

static bool is_within(const struct ip_address *address, struct span entry)
{
    size_t slash = span_find(entry, '/');
    struct ip_address prefix;
    uint64_t bits;
    unsigned char a[16];
    unsigned char b[16];
    if (slash == entry.len || !ip_parse(span_first(entry, slash), 0, &prefix) ||
        prefix.any.sa_family != address->any.sa_family ||
        !span_to_u64(span_skip(entry, slash + 1), prefix.any.sa_family == AF_INET6 ? 128 : 32,
                     &bits))
        return false;
    if (prefix.any.sa_family == AF_INET)
        bits += 96; /* both are mapped */
    ip_to_wire(address, a);
    ip_to_wire(&prefix, b);
    size_t whole = bits / 8;
    unsigned mask = 0xff00u >> (bits % 8);
    return memcmp(a, b, whole) == 0 &&
           (bits % 8 == 0 || ((a[whole] ^ b[whole]) & mask & 0xff) == 0);
}

/* "x.y" is x.y and all below, ".x.y" and "*.x.y" all below. */
static bool is_name(struct span host, struct span entry)
{
    if (span_starts(entry, SPAN("*.")))
        entry = span_skip(entry, 1);
    if (span_starts(entry, SPAN(".")))
        return host.len > entry.len &&
               span_equal_nocase(span_skip(host, host.len - entry.len), entry);
    if (span_equal_nocase(host, entry))
        return true;
    return host.len > entry.len && host.data[host.len - entry.len - 1] == '.' &&
           span_equal_nocase(span_skip(host, host.len - entry.len), entry);
}

/* `address` NULL: the host is a name. */
static bool is_meant(struct span entry, struct span host, const struct ip_address *address,
                     uint16_t port)
{
    struct ip_address other;
    if (entry.len == 0)
        return false;
    if (span_equal(entry, SPAN("*")))
        return true;
    if (address && is_within(address, entry))
        return true;
    if (!take_port(&entry, port) || entry.len == 0)
        return false;
    if (!address)
        return is_name(host, entry);
    return ip_parse(entry, ip_port(address), &other) && ip_equal(address, &other);
}

static bool is_excepted(const char *except, const char *host, uint16_t port)
{
    struct span name = span_of(host);
    struct span rest = span_of(except);
    struct span entry;
    struct ip_address address;
    bool is_number = ip_parse(name, 0, &address);
    if (span_equal_nocase(name, SPAN("localhost")) || (is_number && ip_is_loopback(&address)))
        return true;
    while (span_cut(&rest, ',', &entry))
        if (is_meant(span_trim(entry), name, is_number ? &address : NULL, port))
            return true;
    return false;
}

const struct outgoing_proxy *outgoing_proxies_find(const struct outgoing_proxies *proxies, bool tls,
                                                   const char *host, uint16_t port)
{
    const struct outgoing_proxy *proxy = NULL;
    if (proxies)
        proxy = tls ? proxies->https : proxies->http;
    return proxy && !is_excepted(proxies->except, host, port) ? proxy : NULL;
}
