/* Rules, their origin requests and warp routing, as JSON; docs/protocol.md, chapter 13. */
#include "culvert/ingress/report.h"

static struct doc *rule_for_edge(const struct rule *rule)
{
    struct doc *object = doc_object();
    bool ok = object != NULL;
    if (ok && rule->hostname[0] != '\0')
        ok = doc_put_text(object, "hostname", span_of(rule->hostname));
    if (ok && rule->path[0] != '\0')
        ok = doc_put_text(object, "path", span_of(rule->path));
    ok = ok && doc_put_text(object, "service", span_of(rule->service.text)) &&
         doc_put(object, "originRequest", origin_request_to_doc(&rule->origin));
    if (ok)
        return object;
    doc_free(object);
    return NULL;
}

/* As a widely used connector shows it, with a key that says nothing. */
static struct doc *rule_for_operator(const struct rule *rule)
{
    struct doc *object = doc_object();
    bool ok = object && doc_put_text(object, "hostname", span_of(rule->hostname)) &&
              doc_put(object, "path", rule->path[0] ? doc_text(span_of(rule->path)) : doc_null()) &&
              doc_put_text(object, "service", span_of(rule->service.text)) &&
              doc_put(object, "Handlers", doc_null()) &&
              doc_put(object, "originRequest", origin_request_to_whole_doc(&rule->origin));
    if (ok)
        return object;
    doc_free(object);
    return NULL;
}

static struct doc *list_to_doc(const struct rules *rules,
                               struct doc *(*make)(const struct rule *rule))
{
    struct doc *list = doc_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < rules_count(rules); i++)
        ok = doc_append(list, make(rules_at(rules, i)));
    if (ok)
        return list;
    doc_free(list);
    return NULL;
}

/* Seconds, with a fraction where there is one. */
static bool put_seconds(struct doc *object, const char *key, int64_t nanoseconds)
{
    static const int64_t second = 1000000000;
    return doc_put(object, key,
                   nanoseconds % second == 0 ? doc_int(nanoseconds / second)
                                             : doc_real((double)nanoseconds / (double)second));
}

static struct doc *warp_to_doc(const struct warp_routing *warp)
{
    struct warp_routing usual = warp_routing_default();
    struct doc *object = doc_object();
    bool ok = object != NULL;
    if (ok && warp->connect_timeout_ns != usual.connect_timeout_ns)
        ok = put_seconds(object, "connectTimeout", warp->connect_timeout_ns);
    if (ok && warp->tcp_keep_alive_ns != usual.tcp_keep_alive_ns)
        ok = put_seconds(object, "tcpKeepAlive", warp->tcp_keep_alive_ns);
    if (ok && warp->max_active_flows != 0)
        ok = doc_put_int(object, "maxActiveFlows", (int64_t)(warp->max_active_flows & INT64_MAX));
    if (ok)
        return object;
    doc_free(object);
    return NULL;
}

struct doc *report_for_edge(const struct rules *rules, const struct warp_routing *warp,
                            struct doc *flags)
{
    struct doc *root = doc_object();
    if (!flags)
        flags = doc_object();
    bool ok = doc_put(root, "__configuration_flags", flags) &&
              doc_put(root, "ingress", list_to_doc(rules, rule_for_edge)) &&
              doc_put(root, "warp-routing", warp_to_doc(warp));
    if (ok)
        return root;
    doc_free(root);
    return NULL;
}

static struct doc *config_to_doc(const struct snapshot *snapshot)
{
    const struct rules *rules = snapshot_rules(snapshot);
    struct doc *config = doc_object();
    bool ok = config && doc_put(config, "ingress", list_to_doc(rules, rule_for_operator)) &&
              doc_put(config, "warp-routing", warp_to_doc(snapshot_warp(snapshot))) &&
              doc_put(config, "originRequest", origin_request_to_whole_doc(rules_defaults(rules)));
    if (ok)
        return config;
    doc_free(config);
    return NULL;
}

struct doc *report_for_operator(const struct snapshot *snapshot)
{
    struct doc *root = doc_object();
    bool ok = root && doc_put_int(root, "version", snapshot_version(snapshot)) &&
              doc_put(root, "config", config_to_doc(snapshot));
    if (ok)
        return root;
    doc_free(root);
    return NULL;
}
