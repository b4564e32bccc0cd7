/* Which kind of origin a rule gets, and its settings in the units of the lower floors. */
#include "culvert/origin/openers.h"
#include "culvert/base/duration.h"
#include "culvert/origin/hello_origin.h"
#include "culvert/origin/http2_origin.h"
#include "culvert/origin/http_origin.h"
#include "culvert/origin/spread.h"
#include "culvert/origin/status_origin.h"
#include "culvert/origin/tcp_origin.h"

#include "http_settings.h"
#include "spot.h"

#include <limits.h>
#include <stdlib.h>

/* What stands behind one rule; the member is that of the kind. */
struct behind {
    struct opener *opener;
    void *object; /* of the opener; NULL: it is the member below */
    void (*release)(void *object);
    union {
        struct status_origin status;
        struct hello_origin hello;
    };
};

struct openers {
    struct loop *loop;
    struct resolver *resolver;
    struct blueprint *blueprint;
    struct openers_options options;
    struct behind *behind;
    size_t count;
    struct tcp_origin *flows; /* into the private network */
};

/* ---- settings ---- */

/* 0 means no limit here; a negative one, which is always over, becomes the shortest. */
static uint64_t limit_ms(int64_t nanoseconds)
{
    int64_t ms = duration_ms(nanoseconds);
    return ms < 0 ? 1 : (uint64_t)ms;
}

static int idle_seconds(int64_t nanoseconds)
{
    if (nanoseconds < 0)
        return -1;
    int64_t seconds = (duration_ms(nanoseconds) + 999) / 1000;
    return seconds > INT_MAX ? INT_MAX : (int)seconds;
}

/* Each worker keeps its part of them, at least one if there may be any. */
static size_t idle_limit(int64_t connections, size_t workers)
{
    enum { PEERS_DEFAULT = 2 }; /* what the peer's library keeps when nothing is said */
    if (connections < 0)
        return 0;
    size_t all = connections == 0 ? PEERS_DEFAULT : (size_t)connections;
    return workers > 1 && all > 0 ? (all - 1) / workers + 1 : all;
}

/* NULL: the host of each request. */
static const char *server_name(const struct rule *rule)
{
    const struct origin_request *request = &rule->origin;
    if (rule->service.kind == SERVICE_HTTP && request->match_sni_to_host)
        return NULL;
    if (*request->origin_server_name)
        return request->origin_server_name;
    return rule->service.kind == SERVICE_HTTP ? rule->service.host : NULL;
}

struct http2_origin_options http_settings(const struct blueprint *blueprint, size_t index)
{
    const struct rule *rule = rules_at(snapshot_rules(blueprint_snapshot(blueprint)), index);
    const struct origin_request *request = &rule->origin;
    bool is_unix = rule->service.kind == SERVICE_UNIX;
    const struct http_origin_options http = {
        .name = rule->service.text,
        .host = is_unix ? NULL : rule->service.host,
        .port = rule->service.port,
        .unix_path = is_unix ? rule->service.path : NULL,
        .tls = blueprint_tls(blueprint, index),
        .server_name = server_name(rule),
        .connect_ms = limit_ms(request->connect_timeout_ns),
        .tls_ms = limit_ms(request->tls_timeout_ns),
        .keepalive_seconds = idle_seconds(request->tcp_keep_alive_ns),
        .one_by_one = request->no_happy_eyeballs,
        .needs_length = request->disable_chunked_encoding,
        .proxy = request->proxy_protocol,
        .idle_ms =
            request->keep_alive_timeout_ns > 0 ? limit_ms(request->keep_alive_timeout_ns) : 0,
        .rewrite = {.host = span_of(request->http_host_header),
                    .prefix = span_of(rule->service.prefix)},
    };
    return (struct http2_origin_options){http, blueprint_tls_http2(blueprint, index)};
}

bool http_settings_go_by(struct http2_origin_options *options, const struct rule *rule,
                         const struct outgoing_proxies *proxies, struct error *err)
{
    struct http_origin_options *http = &options->http;
    /* Who says for whom a connection is must make it. */
    if (!http->host || http->proxy != PROXY_NONE)
        return true;
    http->by = outgoing_proxies_find(proxies, rule->service.tls, http->host, http->port);
    http->by_connect = rule->service.http2;
    return !http->by || http->by->is_spoken ||
           error_set(err, ERROR_INVALID, 0, "the proxy %.100s of the environment is not http://",
                     http->by->text);
}

/* ---- each kind; `spot` is one address of the service, NULL: the service as it is ---- */

static const struct rule *rule_of(const struct openers *openers, size_t index)
{
    return rules_at(snapshot_rules(blueprint_snapshot(openers->blueprint)), index);
}

static void release_http(void *object)
{
    http_origin_free(object);
}

static void release_http2(void *object)
{
    http2_origin_free(object);
}

static void release_tcp(void *object)
{
    tcp_origin_free(object);
}

static void release_spread(void *object)
{
    spread_free(object);
}

bool http_part_make(struct http_part *part, const struct rule *rule, struct loop *loop,
                    const struct http2_origin_options *options, struct error *err)
{
    if (rule->service.http2 || options->tls) {
        struct http2_origin *origin = http2_origin_new(loop, options, err);
        *part =
            (struct http_part){origin ? http2_origin_opener(origin) : NULL, origin, release_http2};
    } else {
        struct http_origin *origin = http_origin_new(loop, &options->http, err);
        *part =
            (struct http_part){origin ? http_origin_opener(origin) : NULL, origin, release_http};
    }
    return part->object != NULL;
}

static bool make_http(struct openers *openers, size_t index, const struct spot *spot,
                      struct behind *behind, struct error *err)
{
    const struct rule *rule = rule_of(openers, index);
    struct http2_origin_options both = http_settings(openers->blueprint, index);
    struct http_origin_options *options = &both.http;
    if (spot) {
        options->name = spot->name;
        options->host = spot->host;
        options->port = spot->port;
    }
    options->idle_limit = idle_limit(rule->origin.keep_alive_connections, openers->options.workers);
    options->resolver = openers->resolver;
    options->budget = openers->options.budget;
    options->rewrite.connector_id = openers->options.connector_id;
    options->rewrite.tags = openers->options.tags;
    options->rewrite.tag_count = openers->options.tag_count;
    struct http_part part;
    if (!http_settings_go_by(&both, rule, openers->options.proxies, err) ||
        !http_part_make(&part, rule, openers->loop, &both, err))
        return false;
    *behind = (struct behind){part.opener, part.object, part.release};
    return true;
}

static enum tcp_origin_kind tcp_kind(enum service_kind kind)
{
    if (kind == SERVICE_BASTION)
        return TCP_ORIGIN_BASTION;
    return kind == SERVICE_SOCKS ? TCP_ORIGIN_SOCKS : TCP_ORIGIN_FIXED;
}

static bool make_tcp(struct openers *openers, size_t index, const struct spot *spot,
                     struct behind *behind, struct error *err)
{
    const struct rule *rule = rule_of(openers, index);
    const struct origin_request *request = &rule->origin;
    enum tcp_origin_kind kind = tcp_kind(rule->service.kind);
    bool is_fixed = kind == TCP_ORIGIN_FIXED;
    struct tcp_origin_options options = {
        .kind = kind,
        .name = spot ? spot->name : rule->service.text,
        .host = spot ? spot->host : rule->service.host,
        .greets = strcmp(request->proxy_type, "socks") == 0,
        .connect_ms = limit_ms(request->connect_timeout_ns),
        .keepalive_seconds = idle_seconds(request->tcp_keep_alive_ns),
        .one_by_one = request->no_happy_eyeballs,
        .proxy = is_fixed ? request->proxy_protocol : PROXY_NONE,
        /* Of a service with a place of its own its writer knows the address. */
        .rules = is_fixed ? NULL : request->ip_rules,
        .rule_count = is_fixed ? 0 : request->ip_rule_count,
        .resolver = openers->resolver,
        .budget = openers->options.budget,
    };
    options.port = spot ? spot->port : rule->service.port;
    if (!spot && !rule->service.has_port)
        options.port = 0;
    struct tcp_origin *origin = tcp_origin_new(openers->loop, &options, err);
    if (!origin)
        return false;
    *behind = (struct behind){tcp_origin_opener(origin), origin, release_tcp};
    return true;
}

/* At several addresses. */
static bool make_spread(struct openers *openers, size_t index, struct behind *behind,
                        struct error *err)
{
    const struct rule *rule = rule_of(openers, index);
    const struct spread_options options = {
        .loop = openers->loop,
        .name = rule->service.text,
        .rule = index,
        .count = spot_count(rule),
        .board = blueprint_board(openers->blueprint, index),
        .metrics = openers->options.metrics,
    };
    struct spread *spread = spread_new(&options, err);
    if (!spread)
        return false;
    *behind = (struct behind){spread_opener(spread), spread, release_spread};
    for (size_t i = 0; i < options.count; i++) {
        struct spot spot;
        struct behind one;
        spot_find(rule, i, &spot);
        bool made = rule->service.kind == SERVICE_TCP ? make_tcp(openers, index, &spot, &one, err)
                                                      : make_http(openers, index, &spot, &one, err);
        if (!made ||
            !spread_put(spread,
                        &(struct spread_member){spot.address, one.opener, one.object, one.release},
                        err))
            return false;
    }
    return true;
}

static bool make_flows(struct openers *openers, struct error *err)
{
    const struct warp_routing *warp = snapshot_warp(blueprint_snapshot(openers->blueprint));
    const uint64_t *most = openers->options.flows_max;
    const struct tcp_origin_options options = {
        .kind = TCP_ORIGIN_PRIVATE,
        .name = "private network",
        .connect_ms = limit_ms(warp->connect_timeout_ns),
        .keepalive_seconds = idle_seconds(warp->tcp_keep_alive_ns),
        .stall_ms = openers->options.write_timeout_ms,
        .flows = openers->options.flows,
        .flows_max = most ? *most : warp->max_active_flows,
        .dns = openers->options.dns,
        .dns_count = openers->options.dns_count,
        .resolver = openers->resolver,
        .budget = openers->options.budget,
    };
    openers->flows = tcp_origin_new(openers->loop, &options, err);
    return openers->flows != NULL;
}

static bool make(struct openers *openers, size_t index, struct behind *behind, struct error *err)
{
    const struct rule *rule = rule_of(openers, index);
    if (rule->origin.addresses.count > 0) /* then it is of a kind with host and port */
        return make_spread(openers, index, behind, err);
    switch (rule->service.kind) {
    case SERVICE_HTTP:
    case SERVICE_UNIX:
        return make_http(openers, index, NULL, behind, err);
    case SERVICE_STATUS:
        status_origin_init(&behind->status, openers->loop, rule->service.status);
        behind->opener = &behind->status.opener;
        return true;
    case SERVICE_HELLO:
        hello_origin_init(&behind->hello, openers->loop);
        behind->opener = &behind->hello.opener;
        return true;
    case SERVICE_TCP:
    case SERVICE_BASTION:
    case SERVICE_SOCKS:
        break;
    }
    return make_tcp(openers, index, NULL, behind, err);
}

struct openers *openers_new(struct loop *loop, struct resolver *resolver,
                            struct blueprint *blueprint, const struct openers_options *options,
                            struct error *err)
{
    const struct rules *rules = snapshot_rules(blueprint_snapshot(blueprint));
    struct openers *openers = calloc(1, sizeof *openers);
    if (!openers) {
        error_memory(err);
        return NULL;
    }
    openers->loop = loop;
    openers->resolver = resolver;
    openers->blueprint = blueprint_ref(blueprint);
    openers->options = *options;
    openers->behind = calloc(rules_count(rules), sizeof *openers->behind);
    if (!openers->behind) {
        error_memory(err);
        openers_free(openers);
        return NULL;
    }
    if (!make_flows(openers, err)) {
        openers_free(openers);
        return NULL;
    }
    for (; openers->count < rules_count(rules); openers->count++) {
        if (make(openers, openers->count, &openers->behind[openers->count], err))
            continue;
        error_wrap(err, "rule #%zu", openers->count);
        openers_free(openers);
        return NULL;
    }
    return openers;
}

struct opener *openers_at(struct openers *openers, size_t rule)
{
    assert(rule < openers->count);
    return openers->behind[rule].opener;
}

struct opener *openers_private(struct openers *openers)
{
    return tcp_origin_opener(openers->flows);
}

void openers_free(struct openers *openers)
{
    if (!openers)
        return;
    const struct rules *rules = snapshot_rules(blueprint_snapshot(openers->blueprint));
    for (size_t i = 0; openers->behind && i < rules_count(rules); i++)
        if (openers->behind[i].object)
            openers->behind[i].release(openers->behind[i].object);
    tcp_origin_free(openers->flows);
    free(openers->behind);
    blueprint_unref(openers->blueprint);
    free(openers);
}
