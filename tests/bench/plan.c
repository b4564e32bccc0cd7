/* See the header. */
#include "plan.h"

#include "culvert/base/url.h"

#include <getopt.h>

enum { MILLIONS = 1000 * 1000 };

const char plan_usage[] =
    "usage: bench-load [OPTION...] http[s]://HOST[:PORT]/PATH\n"
    "  --http2               HTTP/2; without TLS by prior knowledge\n"
    "  --connect IP:PORT     where to dial; without it HOST must be an address\n"
    "  --ca FILE             roots for TLS; without it any certificate is taken\n"
    "  --from IP             the local address\n"
    "  --connections N       (1)\n"
    "  --streams N           requests in flight on each connection (1); HTTP/1.1 has one\n"
    "  --fresh               a new connection for each request\n"
    "  --post BYTES          POST with so many bytes instead of GET\n"
    "  --expect BYTES        an answer of another length is an error\n"
    "  --seconds S           how long it measures (5)\n"
    "  --warm-up S           and how long it runs before (0.5)\n"
    "  --requests N          measures until so many are done instead, without warm-up\n"
    "  --process NAME=PID,.. CPU and memory of these processes within the window\n";

enum option_name {
    HTTP2 = 256,
    CONNECT,
    FROM,
    CA,
    CONNECTIONS,
    STREAMS,
    FRESH,
    POST,
    EXPECT,
    SECONDS,
    WARM_UP,
    REQUESTS,
    PROCESS,
};

static const struct option options[] = {
    {"http2", no_argument, NULL, HTTP2},
    {"connect", required_argument, NULL, CONNECT},
    {"from", required_argument, NULL, FROM},
    {"ca", required_argument, NULL, CA},
    {"connections", required_argument, NULL, CONNECTIONS},
    {"streams", required_argument, NULL, STREAMS},
    {"fresh", no_argument, NULL, FRESH},
    {"post", required_argument, NULL, POST},
    {"expect", required_argument, NULL, EXPECT},
    {"seconds", required_argument, NULL, SECONDS},
    {"warm-up", required_argument, NULL, WARM_UP},
    {"requests", required_argument, NULL, REQUESTS},
    {"process", required_argument, NULL, PROCESS},
    {NULL, 0, NULL, 0},
};

/* "1.5" in milliseconds. */
static bool read_seconds(const char *text, uint64_t *ms)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds >= 0 && seconds <= MILLIONS))
        return false;
    *ms = (uint64_t)(seconds * 1000);
    return true;
}

static bool read_count(const char *text, size_t *count)
{
    uint64_t value;
    if (!span_to_u64(span_of(text), MILLIONS, &value) || value == 0)
        return false;
    *count = (size_t)value;
    return true;
}

static bool read_requests(struct plan *plan, const char *text)
{
    plan->run_ms = 0;
    plan->warm_up_ms = 0;
    return span_to_u64(span_of(text), UINT64_MAX, &plan->requests) && plan->requests > 0;
}

static bool read_expected(struct plan *plan, const char *text)
{
    uint64_t value;
    if (!span_to_u64(span_of(text), INT64_MAX, &value))
        return false;
    plan->expect = (int64_t)value;
    return true;
}

static bool take_option(struct plan *plan, int name, const char *text)
{
    switch (name) {
    case HTTP2:
        return plan->http2 = true;
    case FRESH:
        return plan->fresh = true;
    case CA:
        plan->ca_file = text;
        return true;
    case CONNECT:
        return ip_parse_with_port(span_of(text), &plan->to);
    case FROM:
        return ip_parse(span_of(text), 0, &plan->from);
    case CONNECTIONS:
        return read_count(text, &plan->connections);
    case STREAMS:
        return read_count(text, &plan->streams);
    case POST:
        plan->posts = true;
        return span_to_u64(span_of(text), INT64_MAX, &plan->body);
    case EXPECT:
        return read_expected(plan, text);
    case SECONDS:
        return read_seconds(text, &plan->run_ms);
    case WARM_UP:
        return read_seconds(text, &plan->warm_up_ms);
    case REQUESTS:
        return read_requests(plan, text);
    case PROCESS:
        return plan->process_count < PLAN_PROCESSES_MAX &&
               process_parse(text, &plan->processes[plan->process_count++]);
    default:
        return false;
    }
}

static bool take_url(struct plan *plan, const char *text, struct error *err)
{
    struct url url;
    uint16_t port;
    struct span host;
    if (!url_parse(span_of(text), &url, err))
        return false;
    plan->tls = url_has_scheme(&url, SPAN("https"));
    if ((!plan->tls && !url_has_scheme(&url, SPAN("http"))) ||
        !url_port(&url, plan->tls ? 443 : 80, &port) || url.host.len == 0 ||
        url.host.len >= sizeof plan->host)
        return error_set(err, ERROR_INVALID, 0, "%s is no http or https URL", text);
    host = url.host;
    span_copy(host, plan->host, sizeof plan->host);
    plan->target = url.path.len > 0 ? url.path.data : "/";
    (void)snprintf(plan->authority, sizeof plan->authority,
                   url.host_is_literal ? "[%s]%s%.*s" : "%s%s%.*s", plan->host,
                   url.port.len > 0 ? ":" : "", SPAN_ARG(url.port));
    if (plan->to.len > 0 || ip_parse(host, port, &plan->to))
        return true;
    return error_set(err, ERROR_INVALID, 0, "%s is a name: --connect says where it is", plan->host);
}

bool plan_parse(struct plan *plan, int argc, char **argv, struct error *err)
{
    int name;
    *plan = (struct plan){
        .connections = 1, .streams = 1, .expect = -1, .warm_up_ms = 500, .run_ms = 5000};
    while ((name = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!take_option(plan, name, optarg))
            return error_set(err, ERROR_INVALID, 0, "%s is wrong", argv[optind - 1]);
    if (argc - optind != 1)
        return error_set(err, ERROR_INVALID, 0, "one URL is needed");
    if (!plan->http2 && plan->streams > 1)
        return error_set(err, ERROR_INVALID, 0, "HTTP/1.1 has one request in flight");
    return take_url(plan, argv[optind], err);
}
