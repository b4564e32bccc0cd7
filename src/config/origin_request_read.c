/* Reading an originRequest block from YAML or JSON: types, lists, unknown keys. */
#include "origin_request_keys.h"

/* Lists of one block; more is a mistake. */
enum { IP_RULES_MAX = 1000, PORTS_MAX = 1000, AUDIENCES_MAX = 1000 };

static const char *access_key(size_t index)
{
    static const char *const names[] = {"required", "teamName", "audTag", "environment",
                                        "issuer",   "certsUrl", NULL};
    return names[index];
}

static const char *ip_rule_key(size_t index)
{
    static const char *const names[] = {"prefix", "ports", "allow", NULL};
    return names[index];
}

const char *origin_request_key(size_t index)
{
    const struct origin_key *key = origin_key_at(index);
    return key ? key->name : NULL;
}

static const struct value_keys access_keys = {.name_at = access_key};
static const struct value_keys ip_rule_keys = {.name_at = ip_rule_key};
static const struct value_keys own_keys = {
    .name_at = origin_request_key, .below_at = access_key, .below = "access"};

static bool read_ports(struct value list, struct ip_rule *rule, struct error *err)
{
    size_t count = value_count(list);
    if (!value_is_list(list, err))
        return false;
    if (count > PORTS_MAX)
        return value_fail(list, err, "more than %d ports", PORTS_MAX);
    rule->ports = calloc(count + 1, sizeof *rule->ports);
    if (!rule->ports)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        bool present = false;
        if (!value_int(value_at(list, i), &rule->ports[rule->port_count], &present, err))
            return false;
        rule->port_count += present;
    }
    return true;
}

static bool read_ip_rule(struct value block, struct ip_rule *rule, struct notes *notes,
                         struct error *err)
{
    bool present;
    if (!value_is_map(block, err) ||
        !value_text(value_member(block, "prefix"), &rule->prefix, &present, err) ||
        !value_bool(value_member(block, "allow"), &rule->allow, &present, err) ||
        !read_ports(value_member(block, "ports"), rule, err))
        return false;
    value_note_unused(block, &ip_rule_keys, notes);
    return true;
}

static bool read_ip_rules(struct value list, struct origin_request *request, struct notes *notes,
                          struct error *err)
{
    size_t count = value_count(list);
    if (!value_is_list(list, err))
        return false;
    if (count > IP_RULES_MAX)
        return value_fail(list, err, "more than %d entries", IP_RULES_MAX);
    origin_request_free_ip_rules(request);
    request->ip_rules = calloc(count + 1, sizeof *request->ip_rules);
    if (!request->ip_rules)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        struct value entry = value_at(list, i);
        if (value_is_absent(entry))
            continue;
        if (!read_ip_rule(entry, &request->ip_rules[request->ip_rule_count++], notes, err))
            return false;
    }
    return true;
}

static bool read_audiences(struct value list, struct access_requirement *access, struct error *err)
{
    size_t count = value_count(list);
    if (!value_is_list(list, err))
        return false;
    if (count > AUDIENCES_MAX)
        return value_fail(list, err, "more than %d audiences", AUDIENCES_MAX);
    access->audiences = calloc(count + 1, sizeof *access->audiences);
    if (!access->audiences)
        return error_memory(err);
    for (size_t i = 0; i < count; i++) {
        bool present = false;
        if (!value_text(value_at(list, i), &access->audiences[access->audience_count], &present,
                        err))
            return false;
        access->audience_count += present;
    }
    return true;
}

static bool read_access(struct value block, struct access_requirement *access, struct notes *notes,
                        struct error *err)
{
    bool present;
    access_requirement_release(access);
    if (!value_is_map(block, err))
        return false;
    access->team_name = span_dup(SPAN(""));
    access->environment = span_dup(SPAN(""));
    access->issuer = span_dup(SPAN(""));
    access->certs_url = span_dup(SPAN(""));
    if (!access->team_name || !access->environment || !access->issuer || !access->certs_url)
        return error_memory(err);
    value_note_unused(block, &access_keys, notes);
    return value_bool(value_member(block, "required"), &access->required, &present, err) &&
           value_text(value_member(block, "teamName"), &access->team_name, &present, err) &&
           value_text(value_member(block, "environment"), &access->environment, &present, err) &&
           value_text(value_member(block, "issuer"), &access->issuer, &present, err) &&
           value_text(value_member(block, "certsUrl"), &access->certs_url, &present, err) &&
           read_audiences(value_member(block, "audTag"), access, err);
}

static bool read_proxy_protocol(struct value value, enum proxy_version *to, struct error *err)
{
    char *text = NULL;
    bool present;
    if (!value_text(value, &text, &present, err))
        return false;
    bool ok = proxy_version_parse(span_of(text), to) ||
              value_fail(value, err, "proxyProtocol is v1 or v2, not \"%.40s\"", text);
    free(text);
    return ok;
}

/* The value is there. */
static bool read_key(const struct origin_key *key, struct value value,
                     struct origin_request *request, struct notes *notes, struct error *err)
{
    bool present;
    void *to = origin_key_member(request, key);
    switch (key->kind) {
    case KIND_DURATION:
        return value_duration(value, to, &present, err);
    case KIND_INT:
        return value_int(value, to, &present, err);
    case KIND_UINT:
        return value_uint(value, to, &present, err);
    case KIND_BOOL:
        return value_bool(value, to, &present, err);
    case KIND_TEXT:
        return value_text(value, to, &present, err);
    case KIND_IP_RULES:
        return read_ip_rules(value, request, notes, err);
    case KIND_ACCESS:
        return read_access(value, &request->access, notes, err);
    case KIND_ADDRESSES:
        return origin_addresses_read(value, &request->addresses, err);
    case KIND_HEALTH_CHECK:
        return health_check_read(value, &request->health_check, notes, err);
    case KIND_PROXY_PROTOCOL:
        return read_proxy_protocol(value, &request->proxy_protocol, err);
    }
    return false;
}

bool origin_request_read(struct value block, struct origin_request *request, struct notes *notes,
                         struct error *err)
{
    const struct origin_key *key;
    if (!value_is_map(block, err))
        return false;
    for (size_t i = 0; (key = origin_key_at(i)); i++) {
        struct value value = value_member(block, key->name);
        if (value_is_absent(value))
            continue;
        if (!read_key(key, value, request, notes, err))
            return false;
        request->present |= BIT(i);
    }
    value_note_unused(block, &own_keys, notes);
    return true;
}
