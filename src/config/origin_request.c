/* One table of keys; everything else walks it. docs/protocol.md, chapter 14, tells what each key
 * does. */
#include "origin_request_keys.h"

#include <assert.h>
#include <stddef.h>

#define SECONDS(n) (INT64_C(1000000000) * (n))

static const struct origin_key keys[] = {
#define KEY(name, kind, member) name, kind, offsetof(struct origin_request, member)
    {KEY("connectTimeout", KIND_DURATION, connect_timeout_ns), SECONDS(30), NULL},
    {KEY("tlsTimeout", KIND_DURATION, tls_timeout_ns), SECONDS(10), NULL},
    {KEY("tcpKeepAlive", KIND_DURATION, tcp_keep_alive_ns), SECONDS(30), NULL},
    {KEY("noHappyEyeballs", KIND_BOOL, no_happy_eyeballs), 0, NULL},
    {KEY("keepAliveTimeout", KIND_DURATION, keep_alive_timeout_ns), SECONDS(90), NULL},
    {KEY("keepAliveConnections", KIND_INT, keep_alive_connections), 100, NULL},
    {KEY("httpHostHeader", KIND_TEXT, http_host_header), 0, ""},
    {KEY("originServerName", KIND_TEXT, origin_server_name), 0, ""},
    {KEY("matchSNItoHost", KIND_BOOL, match_sni_to_host), 0, NULL},
    {KEY("caPool", KIND_TEXT, ca_pool), 0, ""},
    {KEY("noTLSVerify", KIND_BOOL, no_tls_verify), 0, NULL},
    {KEY("disableChunkedEncoding", KIND_BOOL, disable_chunked_encoding), 0, NULL},
    {KEY("bastionMode", KIND_BOOL, bastion_mode), 0, NULL},
    {KEY("proxyAddress", KIND_TEXT, proxy_address), 0, "127.0.0.1"},
    {KEY("proxyPort", KIND_UINT, proxy_port), 0, NULL},
    {KEY("proxyType", KIND_TEXT, proxy_type), 0, ""},
    {KEY("ipRules", KIND_IP_RULES, ip_rules), 0, NULL},
    {KEY("http2Origin", KIND_BOOL, http2_origin), 0, NULL},
    {KEY("access", KIND_ACCESS, access), 0, NULL},
    {KEY("addresses", KIND_ADDRESSES, addresses), 0, NULL},
    {KEY("healthCheck", KIND_HEALTH_CHECK, health_check), 0, NULL},
    {KEY("proxyProtocol", KIND_PROXY_PROTOCOL, proxy_protocol), 0, NULL},
#undef KEY
};

const struct origin_key *origin_key_at(size_t index)
{
    return index < ARRAY_LEN(keys) ? &keys[index] : NULL;
}

void *origin_key_member(struct origin_request *request, const struct origin_key *key)
{
    return (char *)request + key->offset;
}

static const void *const_member(const struct origin_request *request, const struct origin_key *key)
{
    return (const char *)request + key->offset;
}

static unsigned bit_of(const struct origin_key *key)
{
    return BIT((unsigned)(key - keys));
}

static bool set_text(char **to, const char *text)
{
    char *copy = span_dup(span_of(text ? text : ""));
    if (!copy)
        return false;
    free(*to);
    *to = copy;
    return true;
}

/* ---- the lists ---- */

void origin_request_free_ip_rules(struct origin_request *request)
{
    for (size_t i = 0; i < request->ip_rule_count; i++) {
        free(request->ip_rules[i].prefix);
        free(request->ip_rules[i].ports);
    }
    free(request->ip_rules);
    request->ip_rules = NULL;
    request->ip_rule_count = 0;
}

void access_requirement_release(struct access_requirement *access)
{
    for (size_t i = 0; i < access->audience_count; i++)
        free(access->audiences[i]);
    free(access->audiences);
    free(access->team_name);
    free(access->environment);
    free(access->issuer);
    free(access->certs_url);
    *access = (struct access_requirement){0};
}

static bool copy_ip_rules(struct origin_request *to, const struct origin_request *from)
{
    origin_request_free_ip_rules(to);
    if (from->ip_rule_count == 0)
        return true;
    to->ip_rules = calloc(from->ip_rule_count, sizeof *to->ip_rules);
    if (!to->ip_rules)
        return false;
    to->ip_rule_count = from->ip_rule_count;
    for (size_t i = 0; i < from->ip_rule_count; i++) {
        const struct ip_rule *rule = &from->ip_rules[i];
        struct ip_rule *copy = &to->ip_rules[i];
        copy->allow = rule->allow;
        if (rule->prefix && !set_text(&copy->prefix, rule->prefix))
            return false;
        if (rule->port_count == 0)
            continue;
        copy->ports = calloc(rule->port_count, sizeof *copy->ports);
        if (!copy->ports)
            return false;
        memcpy(copy->ports, rule->ports, rule->port_count * sizeof *copy->ports);
        copy->port_count = rule->port_count;
    }
    return true;
}

static bool copy_access(struct access_requirement *to, const struct access_requirement *from)
{
    access_requirement_release(to);
    to->required = from->required;
    if (!set_text(&to->team_name, from->team_name) ||
        !set_text(&to->environment, from->environment) || !set_text(&to->issuer, from->issuer) ||
        !set_text(&to->certs_url, from->certs_url))
        return false;
    if (from->audience_count == 0)
        return true;
    to->audiences = calloc(from->audience_count, sizeof *to->audiences);
    if (!to->audiences)
        return false;
    for (size_t i = 0; i < from->audience_count; i++) {
        if (!set_text(&to->audiences[i], from->audiences[i]))
            return false;
        to->audience_count++;
    }
    return true;
}

/* ---- life ---- */

void origin_request_init(struct origin_request *request)
{
    *request = (struct origin_request){0};
}

void origin_request_release(struct origin_request *request)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (keys[i].kind == KIND_TEXT)
            free(*(char **)origin_key_member(request, &keys[i]));
    origin_request_free_ip_rules(request);
    access_requirement_release(&request->access);
    origin_addresses_release(&request->addresses);
    health_check_release(&request->health_check);
    *request = (struct origin_request){0};
}

/* Copies one key's value, whether present or not. */
static bool copy_key(const struct origin_key *key, struct origin_request *to,
                     const struct origin_request *from)
{
    switch (key->kind) {
    case KIND_DURATION:
    case KIND_INT:
        *(int64_t *)origin_key_member(to, key) = *(const int64_t *)const_member(from, key);
        return true;
    case KIND_UINT:
        *(uint64_t *)origin_key_member(to, key) = *(const uint64_t *)const_member(from, key);
        return true;
    case KIND_BOOL:
        *(bool *)origin_key_member(to, key) = *(const bool *)const_member(from, key);
        return true;
    case KIND_TEXT:
        return set_text(origin_key_member(to, key), *(char *const *)const_member(from, key));
    case KIND_IP_RULES:
        return copy_ip_rules(to, from);
    case KIND_ACCESS:
        return copy_access(&to->access, &from->access);
    case KIND_ADDRESSES:
        return origin_addresses_copy(&to->addresses, &from->addresses, NULL);
    case KIND_HEALTH_CHECK:
        return health_check_copy(&to->health_check, &from->health_check, NULL);
    case KIND_PROXY_PROTOCOL:
        to->proxy_protocol = from->proxy_protocol;
        return true;
    }
    return false;
}

bool origin_request_set_defaults(struct origin_request *request, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct origin_key *key = &keys[i];
        if (key->kind == KIND_DURATION || key->kind == KIND_INT)
            *(int64_t *)origin_key_member(request, key) = key->number;
        if (key->kind == KIND_TEXT && !set_text(origin_key_member(request, key), key->text))
            return error_memory(err);
    }
    struct access_requirement *access = &request->access;
    return (set_text(&access->team_name, "") && set_text(&access->environment, "") &&
            set_text(&access->issuer, "") && set_text(&access->certs_url, "")) ||
           error_memory(err);
}

bool origin_request_inherit(struct origin_request *request, const struct origin_request *from,
                            struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct origin_key *key = &keys[i];
        bool is_set = request->present & bit_of(key);
        if (key->kind == KIND_IP_RULES)
            is_set = is_set && request->ip_rule_count > 0;
        if (is_set || !(from->present & bit_of(key)))
            continue;
        if (!copy_key(key, request, from))
            return error_memory(err);
        request->present |= bit_of(key);
    }
    return true;
}

/* ---- flags and reports ---- */

/* The key of a name that is a literal of ours. */
static const struct origin_key *find_key(const char *name)
{
    size_t i = 0;
    while (i < ARRAY_LEN(keys) && strcmp(keys[i].name, name) != 0)
        i++;
    assert(i < ARRAY_LEN(keys));
    return &keys[i];
}

bool origin_request_set_text(struct origin_request *request, const char *name, struct span text,
                             struct error *err)
{
    const struct origin_key *key = find_key(name);
    assert(key->kind == KIND_TEXT);
    char *copy = span_dup(text);
    if (!copy)
        return error_memory(err);
    char **to = origin_key_member(request, key);
    free(*to);
    *to = copy;
    request->present |= bit_of(key);
    return true;
}

void origin_request_set_duration(struct origin_request *request, const char *name,
                                 int64_t nanoseconds)
{
    const struct origin_key *key = find_key(name);
    assert(key->kind == KIND_DURATION);
    *(int64_t *)origin_key_member(request, key) = nanoseconds;
    request->present |= bit_of(key);
}

void origin_request_set_int(struct origin_request *request, const char *name, int64_t number)
{
    const struct origin_key *key = find_key(name);
    assert(key->kind == KIND_INT || key->kind == KIND_UINT);
    if (key->kind == KIND_UINT)
        *(uint64_t *)origin_key_member(request, key) = number < 0 ? 0 : (uint64_t)number;
    else
        *(int64_t *)origin_key_member(request, key) = number;
    request->present |= bit_of(key);
}

void origin_request_set_bool(struct origin_request *request, const char *name, bool truth)
{
    const struct origin_key *key = find_key(name);
    assert(key->kind == KIND_BOOL);
    *(bool *)origin_key_member(request, key) = truth;
    request->present |= bit_of(key);
}

bool access_requirement_equal(const struct access_requirement *a,
                              const struct access_requirement *b)
{
    if (a->required != b->required || strcmp(a->team_name, b->team_name) != 0 ||
        strcmp(a->environment, b->environment) != 0 || strcmp(a->issuer, b->issuer) != 0 ||
        strcmp(a->certs_url, b->certs_url) != 0 || a->audience_count != b->audience_count)
        return false;
    for (size_t i = 0; i < a->audience_count; i++)
        if (strcmp(a->audiences[i], b->audiences[i]) != 0)
            return false;
    return true;
}

/* Seconds, with a fraction where there is one. */
static struct doc *duration_to_doc(int64_t nanoseconds)
{
    if (nanoseconds % SECONDS(1) == 0)
        return doc_int(nanoseconds / SECONDS(1));
    return doc_real((double)nanoseconds / (double)SECONDS(1));
}

static struct doc *ip_report_for_edge(const struct origin_request *request)
{
    struct doc *list = doc_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < request->ip_rule_count; i++) {
        const struct ip_rule *rule = &request->ip_rules[i];
        struct doc *ports = doc_array();
        struct doc *entry = doc_object();
        ok = ports && entry;
        for (size_t p = 0; ok && p < rule->port_count; p++)
            ok = doc_append(ports, doc_int(rule->ports[p]));
        ok = ok && doc_put_text(entry, "prefix", span_of(rule->prefix ? rule->prefix : ""));
        ok = doc_put(entry, "ports", ports) && ok;
        ok = ok && doc_put_bool(entry, "allow", rule->allow);
        ok = doc_append(list, entry) && ok;
    }
    if (ok)
        return list;
    doc_free(list);
    return NULL;
}

/* In a whole report what is not asked for is left out, as its readers expect, and an empty list is
 * null. */
static struct doc *access_to_doc(const struct access_requirement *access, bool is_whole)
{
    struct doc *object = doc_object();
    struct doc *audiences = access->audience_count > 0 || !is_whole ? doc_array() : doc_null();
    bool ok = object && audiences;
    for (size_t i = 0; ok && i < access->audience_count; i++)
        ok = doc_append(audiences, doc_text(span_of(access->audiences[i])));
    if (ok && (access->required || !is_whole))
        ok = doc_put_bool(object, "required", access->required);
    ok = ok && doc_put_text(object, "teamName", span_of(access->team_name));
    ok = doc_put(object, "audTag", audiences) && ok;
    if (ok && access->environment[0] != '\0')
        ok = doc_put_text(object, "environment", span_of(access->environment));
    if (ok && access->issuer[0] != '\0')
        ok = doc_put_text(object, "issuer", span_of(access->issuer));
    if (ok && access->certs_url[0] != '\0')
        ok = doc_put_text(object, "certsUrl", span_of(access->certs_url));
    if (ok)
        return object;
    doc_free(object);
    return NULL;
}

/* The value as JSON; *differs: it is not the default. */
static struct doc *key_to_doc(const struct origin_key *key, const struct origin_request *request,
                              bool *differs)
{
    const void *at = const_member(request, key);
    switch (key->kind) {
    case KIND_DURATION:
        *differs = *(const int64_t *)at != key->number;
        return duration_to_doc(*(const int64_t *)at);
    case KIND_INT:
        *differs = *(const int64_t *)at != key->number;
        return doc_int(*(const int64_t *)at);
    case KIND_UINT:
        *differs = *(const uint64_t *)at != 0;
        return doc_int((int64_t)(*(const uint64_t *)at & INT64_MAX));
    case KIND_BOOL:
        *differs = *(const bool *)at;
        return doc_bool(*(const bool *)at);
    case KIND_TEXT:
        *differs = strcmp(*(char *const *)at, key->text) != 0;
        return doc_text(span_of(*(char *const *)at));
    case KIND_IP_RULES:
        *differs = request->ip_rule_count > 0;
        return ip_report_for_edge(request);
    case KIND_ACCESS:
        *differs = request->present & bit_of(key);
        return access_to_doc(&request->access, false);
    case KIND_ADDRESSES:
        *differs = request->addresses.count > 0;
        return origin_addresses_to_doc(&request->addresses);
    case KIND_HEALTH_CHECK:
        *differs = request->health_check.is_on;
        return health_check_to_doc(&request->health_check);
    case KIND_PROXY_PROTOCOL:
        *differs = request->proxy_protocol != PROXY_NONE;
        return doc_text(span_of(proxy_version_name(request->proxy_protocol)));
    }
    return NULL;
}

struct doc *origin_request_to_doc(const struct origin_request *request)
{
    struct doc *object = doc_object();
    bool ok = object != NULL;
    for (size_t i = 0; ok && i < ARRAY_LEN(keys); i++) {
        bool differs = false;
        struct doc *value = key_to_doc(&keys[i], request, &differs);
        if (differs)
            ok = doc_put(object, keys[i].name, value);
        else
            doc_free(value);
    }
    if (ok)
        return object;
    doc_free(object);
    return NULL;
}

/* Keys that other connectors do not know: shown where they are used only. */
static bool is_own_key(const struct origin_key *key)
{
    return key->kind == KIND_ADDRESSES || key->kind == KIND_HEALTH_CHECK ||
           key->kind == KIND_PROXY_PROTOCOL;
}

struct doc *origin_request_to_whole_doc(const struct origin_request *request)
{
    struct doc *object = doc_object();
    bool ok = object != NULL;
    for (size_t i = 0; ok && i < ARRAY_LEN(keys); i++) {
        bool differs = true;
        struct doc *value;
        if (keys[i].kind == KIND_ACCESS)
            value = access_to_doc(&request->access, true);
        else if (keys[i].kind == KIND_IP_RULES && request->ip_rule_count == 0)
            value = doc_null();
        else
            value = key_to_doc(&keys[i], request, &differs);
        if (differs || !is_own_key(&keys[i]))
            ok = doc_put(object, keys[i].name, value);
        else
            doc_free(value);
    }
    if (ok)
        return object;
    doc_free(object);
    return NULL;
}
