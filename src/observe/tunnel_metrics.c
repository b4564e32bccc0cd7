/* The table of a connector's families, and the few places that count in them. */
#include "culvert/observe/tunnel_metrics.h"

enum family {
    TOTAL_REQUESTS,
    CONCURRENT_REQUESTS,
    RESPONSE_BY_CODE,
    REQUEST_ERRORS,
    REGISTER_SUCCESS,
    REGISTER_FAIL,
    RPC_OPERATIONS,
    RPC_FAILURES,
    RPC_LATENCY,
    CONFIG_PUSHES,
    CONFIG_PUSH_ERRORS,
    REQUESTS,
    REQUEST_DURATION,
    BYTES,
    STREAMS_ACTIVE,
    ORIGIN_ERRORS,
    ACCESS_REFUSALS,
    EJECTIONS,
    EJECTED,
    LOG_DROPPED,
    FAMILIES
};

/* The last of the enum. */
enum { STREAM_KINDS = STREAM_HTTP + 1 };

enum { RULE_SERIES_MAX = 512 }; /* rules times codes times kinds of a large configuration */

static const struct metric_desc descs[FAMILIES] = {
    [TOTAL_REQUESTS] = {"cloudflared_tunnel_total_requests",
                        "Amount of requests proxied through all the tunnels", METRIC_COUNTER},
    [CONCURRENT_REQUESTS] = {"cloudflared_tunnel_concurrent_requests_per_tunnel",
                             "Concurrent requests proxied through each tunnel", METRIC_GAUGE},
    [RESPONSE_BY_CODE] = {"cloudflared_tunnel_response_by_code",
                          "Count of responses by HTTP status code",
                          METRIC_COUNTER,
                          {"status_code"},
                          600},
    [REQUEST_ERRORS] = {"cloudflared_tunnel_request_errors", "Count of error proxying to origin",
                        METRIC_COUNTER},
    [REGISTER_SUCCESS] = {"cloudflared_tunnel_tunnel_register_success",
                          "Count of successful tunnel registrations",
                          METRIC_COUNTER,
                          {"rpcName"}},
    [REGISTER_FAIL] = {"cloudflared_tunnel_tunnel_register_fail",
                       "Count of tunnel registration errors by type",
                       METRIC_COUNTER,
                       {"error", "rpcName"}},
    [RPC_OPERATIONS] = {"cloudflared_rpc_client_operations",
                        "Number of rpc methods by handler requested",
                        METRIC_COUNTER,
                        {"handler", "method"}},
    [RPC_FAILURES] = {"cloudflared_rpc_client_failures",
                      "Number of rpc methods failures by handler requested",
                      METRIC_COUNTER,
                      {"handler", "method"}},
    /* The bounds are those of the peer to the last digit: their texts are label values. */
    [RPC_LATENCY] = {"cloudflared_rpc_client_latency_secs",
                     "Latency of rpc methods by handler requested",
                     METRIC_HISTOGRAM,
                     {"handler", "method"},
                     0,
                     {0.05, 0.15000000000000002, 0.45000000000000007, 1.35, 4.050000000000001},
                     5},
    [CONFIG_PUSHES] = {"cloudflared_config_local_config_pushes",
                       "Number of local configuration pushes to the edge", METRIC_COUNTER},
    [CONFIG_PUSH_ERRORS] = {"cloudflared_config_local_config_pushes_errors",
                            "Number of errors occurred during local configuration pushes",
                            METRIC_COUNTER},
    [REQUESTS] = {"culvert_requests_total",
                  "Requests by ingress rule, status and kind, our own answers included; code 0 had "
                  "no answer.",
                  METRIC_COUNTER,
                  {"code", "kind", "rule"},
                  RULE_SERIES_MAX},
    [REQUEST_DURATION] = {"culvert_request_duration_seconds",
                          "From a request's head to the end of its answer, by ingress rule.",
                          METRIC_HISTOGRAM,
                          {"rule"},
                          RULE_SERIES_MAX,
                          {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60},
                          12},
    [BYTES] = {"culvert_bytes_total",
               "Bytes of bodies, by direction.",
               METRIC_COUNTER,
               {"direction"}},
    [STREAMS_ACTIVE] = {"culvert_streams_active",
                        "Streams that are open, by kind.",
                        METRIC_GAUGE,
                        {"kind"}},
    [ORIGIN_ERRORS] = {"culvert_origin_errors_total",
                       "Requests and streams that their origin failed, by cause and ingress rule.",
                       METRIC_COUNTER,
                       {"cause", "rule"},
                       RULE_SERIES_MAX},
    [ACCESS_REFUSALS] = {"culvert_access_refusals_total",
                         "Requests that were not let in by a rule that requires Access, by cause "
                         "and ingress rule.",
                         METRIC_COUNTER,
                         {"cause", "rule"},
                         RULE_SERIES_MAX},
    [EJECTIONS] = {"culvert_origin_ejections_total",
                   "How often a worker put an address of a service aside, by ingress rule.",
                   METRIC_COUNTER,
                   {"rule"},
                   RULE_SERIES_MAX},
    [EJECTED] = {"culvert_origin_ejected",
                 "Addresses that are put aside, by ingress rule; each worker counts its own.",
                 METRIC_GAUGE,
                 {"rule"},
                 RULE_SERIES_MAX},
    [LOG_DROPPED] = {"culvert_log_dropped_total",
                     "Log lines that were dropped because nobody read them or the disk was full.",
                     METRIC_COUNTER},
};

static const struct span methods[TUNNEL_CALLS] = {
    [TUNNEL_CALL_REGISTER] = SPAN_INIT("register_connection"),
    [TUNNEL_CALL_UNREGISTER] = SPAN_INIT("unregister_connection"),
    [TUNNEL_CALL_UPDATE_LOCAL_CONFIGURATION] = SPAN_INIT("update_local_configuration"),
};

struct tunnel_metrics {
    struct metric_family *families[FAMILIES];
    struct metric *active[STREAM_KINDS];
    struct metric *toward_origin;
    struct metric *toward_edge;
    struct metric *total, *concurrent; /* once there was a request */
};

struct tunnel_metrics *tunnel_metrics_new(struct metrics *metrics, struct error *err)
{
    struct tunnel_metrics *tm = calloc(1, sizeof *tm);
    if (!tm) {
        (void)error_memory(err);
        return NULL;
    }
    for (size_t i = 0; i < FAMILIES; i++)
        tm->families[i] = metrics_family(metrics, &descs[i]);
    for (size_t i = 0; i < STREAM_KINDS; i++) {
        const struct span kind = span_of(stream_kind_name((enum stream_kind)i));
        tm->active[i] = metric_with(tm->families[STREAMS_ACTIVE], &kind);
    }
    const struct span toward_origin = SPAN("toward_origin");
    const struct span toward_edge = SPAN("toward_edge");
    tm->toward_origin = metric_with(tm->families[BYTES], &toward_origin);
    tm->toward_edge = metric_with(tm->families[BYTES], &toward_edge);
    return tm;
}

void tunnel_metrics_free(struct tunnel_metrics *tm)
{
    free(tm);
}

static void count(struct tunnel_metrics *tm, enum family family, const struct span *labels)
{
    metric_add(metric_with(tm->families[family], labels), 1);
}

void tunnel_metrics_began(struct tunnel_metrics *tm, enum stream_kind kind)
{
    if (!tm->total)
        tm->total = metric_with(tm->families[TOTAL_REQUESTS], NULL);
    if (!tm->concurrent)
        tm->concurrent = metric_with(tm->families[CONCURRENT_REQUESTS], NULL);
    metric_add(tm->total, 1);
    metric_add(tm->concurrent, 1);
    metric_add(tm->active[kind], 1);
}

void tunnel_metrics_ended(struct tunnel_metrics *tm, const struct request_outcome *outcome)
{
    char rule_room[SPAN_U64_SIZE];
    char code_room[SPAN_U64_SIZE];
    const struct span rule = outcome->rule == TUNNEL_METRICS_NO_RULE
                                 ? SPAN("none")
                                 : span_from_u64(outcome->rule, rule_room);
    const struct span code = span_from_u64((uint64_t)outcome->status, code_room);

    metric_add(tm->concurrent, -1);
    metric_add(tm->active[outcome->kind], -1);
    metric_add(tm->toward_origin, (double)outcome->toward_origin);
    metric_add(tm->toward_edge, (double)outcome->toward_edge);
    metric_observe(metric_with(tm->families[REQUEST_DURATION], &rule),
                   (double)outcome->duration_ms / 1000);
    count(tm, REQUESTS,
          (const struct span[]){code, span_of(stream_kind_name(outcome->kind)), rule});
    if (outcome->cause)
        count(tm, ORIGIN_ERRORS, (const struct span[]){span_of(outcome->cause), rule});
    if (!outcome->complete || (outcome->cause && !outcome->from_origin))
        count(tm, REQUEST_ERRORS, NULL);
    else if (outcome->from_origin && outcome->status != 101)
        count(tm, RESPONSE_BY_CODE, &code);
}

void tunnel_metrics_access_refused(struct tunnel_metrics *tm, size_t rule, const char *cause)
{
    char rule_room[SPAN_U64_SIZE];
    count(tm, ACCESS_REFUSALS,
          (const struct span[]){span_of(cause), span_from_u64(rule, rule_room)});
}

void tunnel_metrics_registered(struct tunnel_metrics *tm)
{
    const struct span name = SPAN("registerConnection");
    count(tm, REGISTER_SUCCESS, &name);
}

void tunnel_metrics_refused(struct tunnel_metrics *tm, bool duplicate)
{
    const struct span labels[] = {duplicate ? SPAN("dup_edge_conn") : SPAN("server_error"),
                                  SPAN("registerConnection")};
    count(tm, REGISTER_FAIL, labels);
}

void tunnel_metrics_rpc(struct tunnel_metrics *tm, enum tunnel_call call, bool ok,
                        uint64_t elapsed_ms)
{
    const struct span labels[] = {SPAN("registration"), methods[call]};
    count(tm, RPC_OPERATIONS, labels);
    if (!ok)
        count(tm, RPC_FAILURES, labels);
    metric_observe(metric_with(tm->families[RPC_LATENCY], labels), (double)elapsed_ms / 1000);
    if (call != TUNNEL_CALL_UPDATE_LOCAL_CONFIGURATION)
        return;
    count(tm, CONFIG_PUSHES, NULL);
    if (!ok)
        count(tm, CONFIG_PUSH_ERRORS, NULL);
}

void tunnel_metrics_put_aside(struct tunnel_metrics *tm, size_t rule, bool is_further)
{
    char room[SPAN_U64_SIZE];
    const struct span label = span_from_u64(rule, room);
    count(tm, EJECTIONS, &label);
    if (is_further)
        count(tm, EJECTED, &label);
}

void tunnel_metrics_brought_back(struct tunnel_metrics *tm, size_t rule, size_t addresses)
{
    char room[SPAN_U64_SIZE];
    const struct span label = span_from_u64(rule, room);
    metric_add(metric_with(tm->families[EJECTED], &label), -(double)addresses);
}

void tunnel_metrics_log_dropped(struct tunnel_metrics *tm, uint64_t dropped)
{
    metric_set(metric_with(tm->families[LOG_DROPPED], NULL), (double)dropped);
}
