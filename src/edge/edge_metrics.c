/* Counters of visitors' requests and of connectors. */
#include "culvert/edge/edge_metrics.h"

static const struct metric_desc requests_desc = {
    .name = "culvert_edge_requests_total",
    .help = "Visitors' requests that ended, by status; 0: reset without an answer",
    .kind = METRIC_COUNTER,
    .labels = {"code"},
};
static const struct metric_desc registrations_desc = {
    .name = "culvert_edge_registrations_total",
    .help = "Registrations of connectors, by result",
    .kind = METRIC_COUNTER,
    .labels = {"result"},
};
static const struct metric_desc shut_out_desc = {
    .name = "culvert_edge_shut_out_connections_total",
    .help = "Connections of connectors closed at accept: too many or too many failures",
    .kind = METRIC_COUNTER,
};
static const struct metric_desc abuse_desc = {
    .name = "culvert_edge_abuse_total",
    .help = "Visitors that ran into a limit on what they may cost, by the limit's name",
    .kind = METRIC_COUNTER,
    .labels = {"limit"},
};
static const struct metric_desc handovers_desc = {
    .name = "culvert_edge_handovers_total",
    .help = "Visitors' connections that were given to one of several workers, by the reason",
    .kind = METRIC_COUNTER,
    .labels = {"reason"},
};
static const struct metric_desc bytes_desc = {
    .name = "culvert_edge_bytes_total",
    .help = "Bytes of bodies, by direction",
    .kind = METRIC_COUNTER,
    .labels = {"direction"},
};
static const struct metric_desc connections_desc = {
    .name = "culvert_edge_connections",
    .help = "Registered connections of connectors",
    .kind = METRIC_GAUGE,
};
static const struct metric_desc visitors_desc = {
    .name = "culvert_edge_visitors",
    .help = "Open connections of visitors",
    .kind = METRIC_GAUGE,
};
static const struct metric_desc open_desc = {
    .name = "culvert_edge_open_requests",
    .help = "Visitors' requests that run",
    .kind = METRIC_GAUGE,
};
static const struct metric_desc channel_desc = {
    .name = "culvert_edge_channel_bytes",
    .help = "Bytes that wait between two peers",
    .kind = METRIC_GAUGE,
};
static const struct metric_desc hop_streams_desc = {
    .name = "culvert_edge_hop_streams_total",
    .help = "Requests that a worker sent to another one, which holds the connection",
    .kind = METRIC_COUNTER,
    .labels = {"worker"},
};
static const struct metric_desc hop_sessions_desc = {
    .name = "culvert_edge_hop_sessions",
    .help = "Socket pairs to other workers that a worker has open",
    .kind = METRIC_GAUGE,
    .labels = {"worker"},
};

void edge_metrics_init(struct edge_metrics *figures, struct metrics *metrics)
{
    struct span toward_tunnel = SPAN("toward_tunnel");
    struct span toward_visitor = SPAN("toward_visitor");
    struct metric_family *bytes = metrics_family(metrics, &bytes_desc);
    figures->requests = metrics_family(metrics, &requests_desc);
    figures->registrations = metrics_family(metrics, &registrations_desc);
    figures->abuse = metrics_family(metrics, &abuse_desc);
    figures->handovers = metrics_family(metrics, &handovers_desc);
    figures->shut_out = metrics_single(metrics, &shut_out_desc);
    figures->bytes_in = metric_with(bytes, &toward_tunnel);
    figures->bytes_out = metric_with(bytes, &toward_visitor);
    figures->connections = metrics_single(metrics, &connections_desc);
    figures->visitors = metrics_single(metrics, &visitors_desc);
    figures->open_requests = metrics_single(metrics, &open_desc);
    figures->channel_bytes = metrics_single(metrics, &channel_desc);
}

void edge_metrics_request(struct edge_metrics *figures, int status, uint64_t bytes_in,
                          uint64_t bytes_out)
{
    char text[12];
    (void)snprintf(text, sizeof text, "%d", status);
    struct span code = span_of(text);
    metric_add(metric_with(figures->requests, &code), 1);
    metric_add(figures->bytes_in, (double)bytes_in);
    metric_add(figures->bytes_out, (double)bytes_out);
}

void edge_metrics_registration(struct edge_metrics *figures, bool accepted)
{
    struct span result = accepted ? SPAN("accepted") : SPAN("refused");
    metric_add(metric_with(figures->registrations, &result), 1);
}

void edge_metrics_abuse(struct edge_metrics *figures, enum abuse abuse)
{
    struct span limit = span_of(abuse_name(abuse));
    metric_add(metric_with(figures->abuse, &limit), 1);
}

void edge_metrics_handover(struct edge_metrics *figures, const char *reason)
{
    struct span label = span_of(reason);
    metric_add(metric_with(figures->handovers, &label), 1);
}

void edge_metrics_shut_out(struct edge_metrics *figures)
{
    metric_add(figures->shut_out, 1);
}

void edge_metrics_worker(struct edge_metrics *figures, size_t open_requests, size_t channel_bytes)
{
    metric_set(figures->open_requests, (double)open_requests);
    metric_set(figures->channel_bytes, (double)channel_bytes);
}

void edge_metrics_hops(struct metrics *metrics, size_t worker, struct metric **streams,
                       struct metric **sessions)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%zu", worker);
    struct span label = span_of(text);
    *streams = metric_with(metrics_family(metrics, &hop_streams_desc), &label);
    *sessions = metric_with(metrics_family(metrics, &hop_sessions_desc), &label);
}

void edge_metrics_connections(struct edge_metrics *figures, size_t connections, size_t visitors)
{
    metric_set(figures->connections, (double)connections);
    metric_set(figures->visitors, (double)visitors);
}
