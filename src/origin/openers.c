/* Which kind of origin a rule gets, and its settings in the units of the lower floors. */
#include "culvert/origin/openers.h"
#include "culvert/base/duration.h"
#include "culvert/origin/hello_origin.h"
#include "culvert/origin/http2_origin.h"
#include "culvert/origin/status_origin.h"
#include "culvert/origin/tcp_origin.h"

#include <limits.h>
#include <stdlib.h>

/* A service that answers nothing. */
struct missing_origin {
    struct opener opener;
    const char *name;
};

/* What stands behind one rule; the member is that of the kind. */
struct behind {
    struct opener *opener;
    struct http_origin *http;   /* NULL: another kind */
    struct http2_origin *http2; /* likewise */
    struct tcp_origin *tcp;     /* likewise */
    union {
        struct status_origin status;
        struct hello_origin hello;
        struct missing_origin missing;
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

/* ---- what is no answer ---- */

static struct outbound *missing_open(struct opener *opener, const struct request_head *head,
                                     struct body *body, const struct outbound_events *events,
                                     void *arg, struct error *err)
{
    const struct missing_origin *origin = CONTAINER_OF(opener, struct missing_origin, opener);
    (void)head;
    (void)body;
    (void)events;
    (void)arg;
    error_set(err, ERROR_INVALID, 0, "service %.200s: no final answer", origin->name);
    return NULL;
}

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

static bool make_http2(struct openers *openers, const struct http_origin_options *http,
                       struct tls_context *tls, struct behind *behind, struct error *err)
{
    const struct http2_origin_options options = {.http = *http, .tls = tls};
    behind->http2 = http2_origin_new(openers->loop, &options, err);
    if (!behind->http2)
        return false;
    behind->opener = http2_origin_opener(behind->http2);
    return true;
}

static bool make_http(struct openers *openers, size_t index, struct behind *behind,
                      struct error *err)
{
    const struct rule *rule =
        rules_at(snapshot_rules(blueprint_snapshot(openers->blueprint)), index);
    const struct origin_request *request = &rule->origin;
    bool is_unix = rule->service.kind == SERVICE_UNIX;
    struct http_origin_options options = {
        .name = rule->service.text,
        .host = is_unix ? NULL : rule->service.host,
        .port = rule->service.port,
        .unix_path = is_unix ? rule->service.path : NULL,
        .server_name = server_name(rule),
        .connect_ms = limit_ms(request->connect_timeout_ns),
        .tls_ms = limit_ms(request->tls_timeout_ns),
        .keepalive_seconds = idle_seconds(request->tcp_keep_alive_ns),
        .one_by_one = request->no_happy_eyeballs,
        .needs_length = request->disable_chunked_encoding,
        .idle_limit = idle_limit(request->keep_alive_connections, openers->options.workers),
        .idle_ms =
            request->keep_alive_timeout_ns > 0 ? limit_ms(request->keep_alive_timeout_ns) : 0,
        .resolver = openers->resolver,
        .budget = openers->options.budget,
        .rewrite = {span_of(request->http_host_header), openers->options.connector_id,
                    openers->options.tags, openers->options.tag_count,
                    span_of(rule->service.prefix)},
    };
    options.tls = blueprint_tls(openers->blueprint, index);
    struct tls_context *tls_http2 = blueprint_tls_http2(openers->blueprint, index);
    if (rule->service.http2 || tls_http2)
        return make_http2(openers, &options, tls_http2, behind, err);
    behind->http = http_origin_new(openers->loop, &options, err);
    if (!behind->http)
        return false;
    behind->opener = http_origin_opener(behind->http);
    return true;
}

static bool keep_tcp(struct behind *behind, struct tcp_origin *origin)
{
    behind->tcp = origin;
    behind->opener = origin ? tcp_origin_opener(origin) : NULL;
    return origin != NULL;
}

static bool make_tcp(struct openers *openers, const struct rule *rule, enum tcp_origin_kind kind,
                     struct behind *behind, struct error *err)
{
    const struct origin_request *request = &rule->origin;
    const struct tcp_origin_options options = {
        .kind = kind,
        .name = rule->service.text,
        .host = rule->service.host,
        .port = rule->service.has_port ? rule->service.port : 0,
        .greets = strcmp(request->proxy_type, "socks") == 0,
        .connect_ms = limit_ms(request->connect_timeout_ns),
        .keepalive_seconds = idle_seconds(request->tcp_keep_alive_ns),
        .one_by_one = request->no_happy_eyeballs,
        /* Of a service with a place of its own its writer knows the address. */
        .rules = kind == TCP_ORIGIN_FIXED ? NULL : request->ip_rules,
        .rule_count = kind == TCP_ORIGIN_FIXED ? 0 : request->ip_rule_count,
        .resolver = openers->resolver,
        .budget = openers->options.budget,
    };
    return keep_tcp(behind, tcp_origin_new(openers->loop, &options, err));
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
        .resolver = openers->resolver,
        .budget = openers->options.budget,
    };
    openers->flows = tcp_origin_new(openers->loop, &options, err);
    return openers->flows != NULL;
}

static bool make(struct openers *openers, size_t index, struct behind *behind, struct error *err)
{
    const struct rule *rule =
        rules_at(snapshot_rules(blueprint_snapshot(openers->blueprint)), index);
    static const struct opener_ops missing = {missing_open};
    switch (rule->service.kind) {
    case SERVICE_HTTP:
    case SERVICE_UNIX:
        return make_http(openers, index, behind, err);
    case SERVICE_STATUS:
        if (rule->service.status < 200)
            break;
        status_origin_init(&behind->status, openers->loop, rule->service.status);
        behind->opener = &behind->status.opener;
        return true;
    case SERVICE_HELLO:
        hello_origin_init(&behind->hello, openers->loop);
        behind->opener = &behind->hello.opener;
        return true;
    case SERVICE_TCP:
        return make_tcp(openers, rule, TCP_ORIGIN_FIXED, behind, err);
    case SERVICE_BASTION:
        return make_tcp(openers, rule, TCP_ORIGIN_BASTION, behind, err);
    case SERVICE_SOCKS:
        return make_tcp(openers, rule, TCP_ORIGIN_SOCKS, behind, err);
    }
    behind->missing = (struct missing_origin){{&missing}, rule->service.text};
    behind->opener = &behind->missing.opener;
    return true;
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
    for (size_t i = 0; i < openers->count; i++) {
        http_origin_free(openers->behind[i].http);
        http2_origin_free(openers->behind[i].http2);
        tcp_origin_free(openers->behind[i].tcp);
    }
    tcp_origin_free(openers->flows);
    free(openers->behind);
    blueprint_unref(openers->blueprint);
    free(openers);
}
