/* Each setting is judged here, before anything is started, and named when it is wrong. */
#include "run_options.h"

#include "culvert/base/duration.h"
#include "culvert/config/outgoing_proxy.h"
#include "culvert/ingress/report.h"
#include "culvert/net/worker.h"

enum { REPORT_MAX = 16 * 1024 * 1024 };

/* The edge takes versions of this form only; it is the one whose protocol we speak. */
#define REPORTED_VERSION "2026.8.2"

static const int64_t GRACE_MAX_MS = 3 * 60 * 1000; /* a service manager would have killed us */

static bool fail(struct cli_call *call, const char *name, const char *what, struct error *err)
{
    char where[SOURCES_PLACE_MAX];
    sources_describe(call->sources, name, where, sizeof where);
    if (sources_where(call->sources, name) == SOURCE_FLAG)
        return error_set(err, ERROR_INVALID, 0, "%s %s", where, what);
    return error_set(err, ERROR_INVALID, 0, "%s: %s %s", where, name, what);
}

/* Milliseconds; a negative duration counts as none. */
static uint64_t ms_of(struct cli_call *call, const char *name)
{
    int64_t ms = duration_ms(sources_duration(call->sources, name));
    return ms > 0 ? (uint64_t)ms : 0;
}

static bool fill_times(struct cli_call *call, struct connector_options *c, struct error *err)
{
    int64_t connections = sources_int(call->sources, "ha-connections");
    c->grace_ms = ms_of(call, "grace-period");
    if (c->grace_ms > (uint64_t)GRACE_MAX_MS)
        return fail(call, "grace-period", "must be equal or less than 3m0s", err);
    c->rpc_timeout_ms = ms_of(call, "rpc-timeout");
    if (c->rpc_timeout_ms == 0)
        return fail(call, "rpc-timeout", "must be longer than nothing", err);
    if (connections < 1 || connections > EDGE_INDEXES_MAX)
        return fail(call, "ha-connections", "must be from 1 to 16", err);
    c->connections = (size_t)connections;
    return true;
}

static bool fill_retries(struct cli_call *call, struct run_options *o, struct error *err)
{
    int64_t retries = sources_int(call->sources, "retries");
    if (retries < 0)
        return fail(call, "retries", "must not be negative", err);
    o->retries = (uint64_t)retries;
    o->connector.retries = &o->retries;
    return true;
}

static bool fill_workers(struct cli_call *call, struct connector_options *c, struct error *err)
{
    enum { DEFAULT_MOST = 4 }; /* as many as there are HA connections by default */
    int64_t workers = sources_int(call->sources, "workers");
    if (!sources_is_set(call->sources, "workers")) {
        size_t cpus = worker_cpus();
        c->workers = cpus < DEFAULT_MOST ? cpus : DEFAULT_MOST;
        return true;
    }
    if (workers < 1 || workers > WORKERS_MAX)
        return fail(call, "workers", "must be from 1 to 64", err);
    c->workers = (size_t)workers;
    return true;
}

/* --edge, else what the credentials carry, else nothing: then the DNS is asked. */
static bool fill_edge(struct cli_call *call, const struct credentials *creds,
                      struct connector_options *c, struct error *err)
{
    size_t given = sources_list_count(call->sources, "edge");
    const char *region = sources_text(call->sources, "region");
    for (size_t i = 0; i < given; i++)
        if (!edge_addresses_add(&c->static_edge, span_of(sources_list_at(call->sources, "edge", i)),
                                err))
            return error_wrap(err, "--edge");
    for (size_t i = 0; given == 0 && i < creds->contact.edge_count; i++)
        if (!edge_addresses_add(&c->static_edge, span_of(creds->contact.edges[i]), err))
            return error_wrap(err, "edge address of the credentials");
    if (region[0] && creds->endpoint[0])
        return fail(call, "region", "cannot be given with a token that has an endpoint", err);
    c->region = region[0] ? region : creds->endpoint;
    const char *ca = sources_text(call->sources, "cacert");
    c->ca_file = ca[0] ? ca : NULL;
    c->ca_pem = span_of(creds->contact.ca);
    return true;
}

static bool fill_bind(struct cli_call *call, struct run_options *o, struct error *err)
{
    static const struct {
        const char *name;
        int family;
    } versions[] = {{"auto", 0}, {"", 0}, {"4", AF_INET}, {"6", AF_INET6}};
    const char *address = sources_text(call->sources, "edge-bind-address");
    const char *version = sources_text(call->sources, "edge-ip-version");
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(versions) && !known; i++) {
        known = strcmp(version, versions[i].name) == 0;
        o->connector.edge_family = versions[i].family;
    }
    if (!known)
        return fail(call, "edge-ip-version", "must be auto, 4 or 6", err);
    if (!address[0])
        return true;
    if (!ip_parse(span_of(address), 0, &o->edge_from))
        return fail(call, "edge-bind-address", "must be an IP address without a port", err);
    o->connector.edge_from = &o->edge_from;
    return true;
}

/* "localhost:0" unless it was asked for means: one of the known ports. */
static bool fill_metrics(struct cli_call *call, struct connector_options *c, struct error *err)
{
    struct span host;
    uint16_t port = 0;
    struct span text = span_of(sources_text(call->sources, "metrics"));
    if (!sources_is_set(call->sources, "metrics") || text.len == 0)
        return true;
    if (!ip_split_host_port(text, &host, &port))
        return fail(call, "metrics", "must be an address and a port, as in 127.0.0.1:20241", err);
    if (host.len == 0)
        host = SPAN("0.0.0.0");
    else if (span_equal(host, SPAN("localhost")))
        host = SPAN("127.0.0.1");
    return ip_parse(host, port, &c->metrics) ||
           fail(call, "metrics", "must be an IP address or localhost, with a port", err);
}

static bool fill_tags(struct cli_call *call, struct run_options *o, struct error *err)
{
    size_t count = sources_list_count(call->sources, "tag");
    if (count > RUN_TAGS_MAX)
        return fail(call, "tag", "is given more than 64 times", err);
    for (size_t i = 0; i < count; i++)
        if (!rewrite_tag_parse(span_of(sources_list_at(call->sources, "tag", i)), &o->tags[i], err))
            return error_wrap(err, "--tag");
    o->connector.tags = o->tags;
    o->connector.tag_count = count;
    return true;
}

static bool fill_features(struct cli_call *call, struct connector_options *c, struct error *err)
{
    size_t count = sources_list_count(call->sources, "features");
    if (count >= CONNECTOR_FEATURES_MAX)
        return fail(call, "features", "are too many", err);
    for (size_t i = 0; i < count; i++)
        c->features[i] = sources_list_at(call->sources, "features", i);
    return true;
}

static bool fill_flows(struct cli_call *call, struct run_options *o, struct error *err)
{
    int64_t most = sources_int(call->sources, "max-active-flows");
    o->connector.write_stream_timeout_ms = ms_of(call, "write-stream-timeout");
    if (!sources_is_set(call->sources, "max-active-flows"))
        return true;
    if (most < 0)
        return fail(call, "max-active-flows", "must not be negative", err);
    o->max_active_flows = (uint64_t)most;
    o->connector.max_active_flows = &o->max_active_flows;
    return true;
}

static bool fill_dns(struct cli_call *call, struct run_options *o, struct error *err)
{
    static const char name[] = "dns-resolver-addrs";
    size_t count = sources_list_count(call->sources, name);
    if (count > TCP_ORIGIN_DNS_MAX)
        return fail(call, name, "are more than 10", err);
    for (size_t i = 0; i < count; i++) {
        struct span text = span_of(sources_list_at(call->sources, name, i));
        if (!ip_parse_with_port(text, &o->dns[i]) || ip_port(&o->dns[i]) == 0)
            return fail(call, name, "must be addresses with ports, as in 127.0.0.1:53", err);
    }
    o->connector.dns = o->dns;
    o->connector.dns_count = count;
    return true;
}

static bool check_protocol(struct cli_call *call, struct error *err)
{
    static const char *const known[] = {"auto", "", "http2", "h2mux", "quic"};
    const char *protocol = sources_text(call->sources, "protocol");
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (strcmp(protocol, known[i]) == 0)
            return true;
    return fail(call, "protocol", "must be auto or http2", err);
}

static bool fill_proxies(struct cli_call *call, struct run_options *o, struct error *err)
{
    o->proxies = outgoing_proxies_new(call->world->environment, err);
    o->connector.proxies = o->proxies;
    return o->proxies != NULL;
}

bool run_options_fill(struct cli_call *call, const struct credentials *creds, struct run_options *o,
                      struct error *err)
{
    struct connector_options *c = &o->connector;
    const char *pid_file = sources_text(call->sources, "pidfile");
    c->credentials = creds;
    c->version = REPORTED_VERSION;
    c->stdin_control = sources_bool(call->sources, "stdin-control");
    c->post_quantum = sources_bool(call->sources, "post-quantum");
    c->pid_file = pid_file[0] ? pid_file : NULL;
    c->notify_socket = environment_get(call->world->environment, "NOTIFY_SOCKET");
    return check_protocol(call, err) && fill_times(call, c, err) && fill_retries(call, o, err) &&
           fill_workers(call, c, err) && fill_edge(call, creds, c, err) &&
           fill_bind(call, o, err) && fill_metrics(call, c, err) && fill_tags(call, o, err) &&
           fill_features(call, c, err) && fill_flows(call, o, err) && fill_dns(call, o, err) &&
           fill_proxies(call, o, err);
}

/* The settings that are reported, as texts, if they were given and are not empty. */
static struct doc *flags_to_doc(const struct sources *sources)
{
    struct doc *flags = doc_object();
    bool ok = flags != NULL;
    for (size_t i = 0; ok && i < settings_count(); i++) {
        const struct setting *setting = settings_at(i);
        struct buf text = BUF_LIMIT(REPORT_MAX);
        if ((setting->traits & SETTING_REPORTED) && sources_spell(sources, i, &text) &&
            text.len > 0)
            ok = doc_put_text(flags, setting->name, buf_span(&text));
        buf_release(&text);
    }
    if (ok)
        return flags;
    doc_free(flags);
    return NULL;
}

bool run_options_report(struct cli_call *call, const struct snapshot *snapshot,
                        struct run_options *o, struct error *err)
{
    struct doc *flags = flags_to_doc(call->sources);
    struct doc *report =
        flags ? report_for_edge(snapshot_rules(snapshot), snapshot_warp(snapshot), flags) : NULL;
    o->local_configuration = (struct buf)BUF_LIMIT(REPORT_MAX);
    bool ok = report && doc_format(report, DOC_COMPACT, &o->local_configuration);
    doc_free(report);
    o->connector.local_configuration = buf_span(&o->local_configuration);
    return ok || error_memory(err);
}

void run_options_release(struct run_options *options)
{
    outgoing_proxies_free(options->proxies);
    buf_release(&options->local_configuration);
}
