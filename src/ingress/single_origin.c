/* Which setting names the origin, and which flags say how to speak to it. */
#include "culvert/ingress/single_origin.h"

static const struct {
    const char *setting;
    const char *key; /* of originRequest */
} flags[] = {
    {"proxy-connect-timeout", "connectTimeout"},
    {"proxy-tls-timeout", "tlsTimeout"},
    {"proxy-tcp-keepalive", "tcpKeepAlive"},
    {"proxy-no-happy-eyeballs", "noHappyEyeballs"},
    {"proxy-keepalive-connections", "keepAliveConnections"},
    {"proxy-keepalive-timeout", "keepAliveTimeout"},
    {"http-host-header", "httpHostHeader"},
    {"origin-server-name", "originServerName"},
    {"origin-ca-pool", "caPool"},
    {"no-tls-verify", "noTLSVerify"},
    {"no-chunked-encoding", "disableChunkedEncoding"},
    {"http2-origin", "http2Origin"},
    {"proxy-address", "proxyAddress"},
    {"proxy-port", "proxyPort"},
    {"bastion", "bastionMode"},
};

static bool apply_flag(const struct sources *sources, const char *name, const char *key,
                       struct origin_request *origin, struct error *err)
{
    switch (settings_find(span_of(name))->kind) {
    case SETTING_BOOL:
        origin_request_set_bool(origin, key, sources_bool(sources, name));
        return true;
    case SETTING_DURATION:
        origin_request_set_duration(origin, key, sources_duration(sources, name));
        return true;
    case SETTING_INT:
        origin_request_set_int(origin, key, sources_int(sources, name));
        return true;
    case SETTING_TEXT:
        return origin_request_set_text(origin, key, span_of(sources_text(sources, name)), err);
    case SETTING_LIST:
        break;
    }
    return true;
}

static bool fill_origin(const struct sources *sources, const struct ingress_spec *spec,
                        struct origin_request *origin, struct error *err)
{
    if (!origin_request_set_defaults(origin, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (sources_is_set(sources, flags[i].setting) &&
            !apply_flag(sources, flags[i].setting, flags[i].key, origin, err))
            return false;
    if (sources_bool(sources, "socks5") &&
        !origin_request_set_text(origin, "proxyType", SPAN("socks"), err))
        return false;
    return !spec || origin_request_inherit(origin, &spec->defaults, err);
}

static bool parse_unix_socket(const char *path, struct service *service, struct error *err)
{
    struct buf text = BUF_LIMIT(4096);
    bool ok = buf_printf(&text, "unix:%s", path)
                  ? service_parse(buf_span(&text), 0, service, err)
                  : error_set(err, ERROR_LIMIT, 0, "the path is too long");
    buf_release(&text);
    return ok;
}

/* The first one that is set wins. *name: the setting that it was. */
static bool choose_service(const struct sources *sources, struct service *service,
                           const char **name, struct error *err)
{
    const char *url = sources_text(sources, "url");
    const char *path = sources_text(sources, "unix-socket");
    *name = NULL;
    if (sources_bool(sources, "hello-world")) {
        *name = "hello-world";
        return service_parse(SPAN("hello_world"), 0, service, err);
    }
    if (sources_bool(sources, "bastion")) {
        *name = "bastion";
        return service_parse(SPAN("bastion"), 0, service, err);
    }
    /* An empty --url was meant to be one, and so was an empty variable. */
    if (url[0] != '\0' || sources_where(sources, "url") >= SOURCE_VARIABLE) {
        *name = "url";
        return service_parse_url_flag(span_of(url), service, err);
    }
    if (path[0] != '\0') {
        *name = "unix-socket";
        return parse_unix_socket(path, service, err);
    }
    return true;
}

struct rules *single_origin_rules(const struct sources *sources, const struct ingress_spec *spec,
                                  bool *configured, struct error *err)
{
    struct service service = {0};
    struct origin_request origin;
    const char *name;
    char where[SOURCES_PLACE_MAX];
    origin_request_init(&origin);
    if (!choose_service(sources, &service, &name, err)) {
        sources_describe(sources, name, where, sizeof where);
        error_wrap(err, "%s", where);
        return NULL;
    }
    *configured = name != NULL;
    /* Where nothing is named, nothing of the file can guard it. */
    if (!fill_origin(sources, name ? spec : NULL, &origin, err)) {
        service_release(&service);
        origin_request_release(&origin);
        return NULL;
    }
    if (name)
        return rules_new_single(&service, &origin, err);
    struct rules *rules = rules_new_unavailable(&origin, err);
    origin_request_release(&origin);
    return rules;
}
