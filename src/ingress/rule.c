/* The checks of one rule, in the order in which their messages are wanted. */
#include "culvert/ingress/rule.h"

#include "culvert/base/ip.h"
#include "culvert/base/url.h"

void rule_release(struct rule *rule)
{
    free(rule->hostname);
    free(rule->path);
    host_pattern_free(rule->host_pattern);
    path_pattern_free(rule->path_pattern);
    service_release(&rule->service);
    origin_request_release(&rule->origin);
    *rule = (struct rule){0};
}

bool rule_serves_alike(const struct rule *a, const struct rule *b)
{
    return strcmp(a->service.text, b->service.text) == 0 &&
           access_requirement_equal(&a->origin.access, &b->origin.access);
}

/* Puts file, place and number in front of what `err` says. Returns false. */
static bool fail(const struct ingress_spec *spec, size_t index, struct place place,
                 struct error *err)
{
    if (place.line == 0)
        place = spec->rules[index].place;
    if (place.line == 0)
        return error_wrap(err, "rule #%zu", index);
    return error_wrap(err, "%s:%d:%d: rule #%zu", spec->name, place.line, place.column, index);
}

/* ADDRESS/BITS; the bits behind the mask may be set. */
static bool is_prefix(const char *text)
{
    struct span rest = span_of(text ? text : "");
    struct span address = span_first(rest, span_find(rest, '/'));
    struct ip_address ip;
    uint64_t bits;
    if (address.len == rest.len || span_find(address, '%') < address.len ||
        !ip_parse(address, 0, &ip))
        return false;
    return span_to_u64(span_skip(rest, address.len + 1), ip.any.sa_family == AF_INET6 ? 128 : 32,
                       &bits);
}

static bool check_ip_rules(const struct origin_request *own, struct error *err)
{
    for (size_t i = 0; i < own->ip_rule_count; i++) {
        const struct ip_rule *rule = &own->ip_rules[i];
        if (!is_prefix(rule->prefix))
            return error_set(err, ERROR_INVALID, 0,
                             "ipRules #%zu: the prefix \"%s\" is no ADDRESS/BITS", i,
                             rule->prefix ? rule->prefix : "");
        for (size_t p = 0; p < rule->port_count; p++)
            if (rule->ports[p] < 1 || rule->ports[p] > UINT16_MAX)
                return error_set(err, ERROR_INVALID, 0,
                                 "ipRules #%zu: the port %lld is not within 1 to 65535", i,
                                 (long long)rule->ports[p]);
    }
    return true;
}

/* Keys that only make sense where there are connections to a host. */
static bool check_addresses(const struct origin_request *own, const struct service *service,
                            struct error *err)
{
    bool is_http = service->kind == SERVICE_HTTP;
    bool has_host = is_http || service->kind == SERVICE_TCP;
    if (own->addresses.count > 0 && !has_host)
        return error_set(err, ERROR_INVALID, 0,
                         "addresses are further places of a service with host and port, which this "
                         "is not");
    if (own->health_check.is_on && !has_host)
        return error_set(err, ERROR_INVALID, 0,
                         "a healthCheck looks after a service with host and port, which this is "
                         "not");
    if (own->health_check.path && !is_http)
        return error_set(
            err, ERROR_INVALID, 0,
            "a healthCheck of a service of bytes has no path: a connection is all that "
            "can be asked for");
    return true;
}

/* Requests of many visitors share a session. */
static bool check_proxy_protocol(const struct rule *rule, struct error *err)
{
    bool is_http2 = rule->service.http2 || (rule->service.tls && rule->origin.http2_origin);
    if (rule->origin.proxy_protocol == PROXY_NONE || !is_http2)
        return true;
    return error_set(
        err, ERROR_INVALID, 0,
        "proxyProtocol names one visitor for a connection, which in HTTP/2 many share: "
        "it goes with neither h2c nor http2Origin");
}

static bool check_service(const struct rule_spec *spec, struct rule *rule, struct error *err)
{
    unsigned options = rule->origin.bastion_mode ? SERVICE_BASTION_MODE : 0;
    if (!service_parse(span_of(spec->service), options, &rule->service, err))
        return error_wrap(err, "service \"%.80s\"", spec->service);
    return check_addresses(&spec->origin, &rule->service, err) && check_proxy_protocol(rule, err) &&
           (rule->service.kind != SERVICE_SOCKS || check_ip_rules(&spec->origin, err));
}

/* Keys decide who may pass, so nobody on the way may change them. */
static bool is_safe_url(const char *text)
{
    struct url url;
    struct ip_address ip;
    if (!url_parse(span_of(text), &url, NULL) || url.host.len == 0 || url.has_userinfo)
        return false;
    bool is_here = span_equal_nocase(url.host, SPAN("localhost")) ||
                   (ip_parse(url.host, 0, &ip) && ip_is_loopback(&ip));
    return url_has_scheme(&url, SPAN("https")) || (url_has_scheme(&url, SPAN("http")) && is_here);
}

static bool check_keys(const struct access_requirement *access, struct error *err)
{
    const char *url = access->certs_url[0] != '\0' ? access->certs_url : access->issuer;
    if (url[0] != '\0' && !is_safe_url(url))
        return error_set(err, ERROR_INVALID, 0,
                         "access: keys come from an https URL, or an http URL on this machine, not "
                         "from \"%.80s\"",
                         url);
    return true;
}

static bool check_access(const struct rule_spec *spec, const struct rule *rule, struct error *err)
{
    const struct access_requirement *own = &spec->origin.access;
    if (own->required && own->team_name[0] == '\0' && own->issuer[0] == '\0' &&
        own->audience_count > 0)
        return error_set(err, ERROR_INVALID, 0, "access with an audTag needs a teamName");
    return check_keys(&rule->origin.access, err);
}

static bool check_hostname(const struct ingress_spec *spec, size_t index, struct rule *rule,
                           struct error *err)
{
    const struct rule_spec *own = &spec->rules[index];
    bool is_last = index + 1 == spec->count;
    rule->host_pattern = host_pattern_new(span_of(own->hostname), err);
    if (!rule->host_pattern)
        return error_wrap(err, "hostname \"%.80s\"", own->hostname);
    bool takes_all = host_pattern_is_any(rule->host_pattern) && own->path[0] == '\0';
    if (is_last && !takes_all)
        return error_set(err, ERROR_INVALID, 0,
                         "the last rule must match every request: it has no hostname (or \"*\") "
                         "and no path");
    if (!is_last && takes_all)
        return error_set(err, ERROR_INVALID, 0,
                         "it matches every request, so the rules below it never match; give it a "
                         "hostname or a path, or move it to the end");
    return true;
}

static bool check_path(const struct rule_spec *spec, struct rule *rule, struct error *err)
{
    if (spec->path[0] == '\0')
        return true;
    rule->path_pattern = path_pattern_new(span_of(spec->path), err);
    return rule->path_pattern || error_wrap(err, "path \"%.80s\"", spec->path);
}

static bool fill(struct rule *rule, const struct ingress_spec *spec, size_t index,
                 struct error *err)
{
    const struct rule_spec *own = &spec->rules[index];
    rule->hostname = span_dup(span_of(own->hostname));
    rule->path = span_dup(span_of(own->path));
    bool ok = (rule->hostname && rule->path) || error_memory(err);
    ok = ok && origin_request_set_defaults(&rule->origin, err) &&
         origin_request_inherit(&rule->origin, &own->origin, err) &&
         origin_request_inherit(&rule->origin, &spec->defaults, err);
    return ok;
}

static void note_proxy_protocol(const struct rule *rule, const struct rule_spec *spec,
                                struct notes *notes)
{
    static const char *const whys[] = {
        [SERVICE_STATUS] = "answers itself",
        [SERVICE_HELLO] = "answers itself",
        [SERVICE_BASTION] = "goes wherever it is told",
        [SERVICE_SOCKS] = "goes wherever it is told",
    };
    enum service_kind kind = rule->service.kind;
    if (spec->origin.proxy_protocol != PROXY_NONE && kind < ARRAY_LEN(whys) && whys[kind])
        notes_add(notes, NOTE_ADVICE, spec->place,
                  "proxyProtocol has no effect: the service %.80s %s", rule->service.text,
                  whys[kind]);
}

static void note_oddities(const struct rule *rule, const struct rule_spec *spec,
                          struct notes *notes)
{
    if (host_pattern_is_vain(rule->host_pattern))
        notes_add(notes, NOTE_ADVICE, spec->hostname_place,
                  "the hostname \"%.80s\" can match no host: a wildcard is written *.example.com",
                  rule->hostname);
    if ((rule->service.kind == SERVICE_TCP || rule->service.kind == SERVICE_HTTP) &&
        !rule->service.has_port)
        notes_add(notes, NOTE_ADVICE, spec->service_place,
                  "the service \"%.80s\" can never be reached: it needs a port from 1 to 65535",
                  rule->service.text);
    if (rule->service.kind == SERVICE_STATUS && rule->service.status < 200)
        notes_add(notes, NOTE_ADVICE, spec->service_place,
                  rule->service.status == 101 ? "%s is no answer: the streams of visitors are reset"
                                              : "%s is no final answer: visitors get 200 behind it",
                  rule->service.text);
    const struct access_requirement *access = &rule->origin.access;
    if (access->required && access->audience_count == 0)
        notes_add(notes, NOTE_ADVICE, spec->place,
                  "access is required, but without an audTag nobody can pass");
    else if (access->required && access->team_name[0] == '\0' && access->issuer[0] == '\0')
        notes_add(notes, NOTE_ADVICE, spec->place,
                  "access is required, but without a teamName nobody can pass");
}

bool rule_init(struct rule *rule, const struct ingress_spec *spec, size_t index,
               struct notes *notes, struct error *err)
{
    const struct rule_spec *own = &spec->rules[index];
    bool ok = false;
    *rule = (struct rule){0};
    if (!fill(rule, spec, index, err))
        goto out;
    if (!check_service(own, rule, err)) {
        fail(spec, index, own->service_place, err);
        goto out;
    }
    if (!check_access(own, rule, err)) {
        fail(spec, index, own->place, err);
        goto out;
    }
    if (!check_hostname(spec, index, rule, err)) {
        fail(spec, index, own->hostname_place, err);
        goto out;
    }
    if (!check_path(own, rule, err)) {
        fail(spec, index, own->path_place, err);
        goto out;
    }
    note_oddities(rule, own, notes);
    note_proxy_protocol(rule, own, notes);
    ok = true;

out:
    if (!ok)
        rule_release(rule);
    return ok;
}

bool rule_init_single(struct rule *rule, struct service *service, struct origin_request *origin,
                      struct error *err)
{
    *rule = (struct rule){.service = *service, .origin = *origin};
    *service = (struct service){0};
    origin_request_init(origin);
    rule->hostname = span_dup(SPAN(""));
    rule->path = span_dup(SPAN(""));
    rule->host_pattern = host_pattern_new(SPAN(""), err);
    bool ok = (rule->hostname && rule->path && rule->host_pattern) || error_memory(err);
    ok = ok && check_keys(&rule->origin.access, err);
    if (!ok)
        rule_release(rule);
    return ok;
}
