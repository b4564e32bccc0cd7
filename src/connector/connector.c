/* The parts of a connector, made in order and freed in reverse. */
#include "culvert/connector/connector.h"

#include "culvert/connector/edge_answer.h"
#include "culvert/connector/request_handler.h"
#include "culvert/connector/supervisor.h"
#include "culvert/http/reply.h"
#include "culvert/observe/admin_server.h"
#include "culvert/observe/process_metrics.h"
#include "culvert/service/notify.h"
#include "culvert/tunnel/stream_kind.h"

#include <errno.h>
#include <unistd.h>

/* The ports where others look for a connector's metrics. */
enum { METRICS_PORT_FIRST = 20241, METRICS_PORT_LAST = 20245 };

struct connector {
    struct connector_world world;
    const struct connector_options *options;
    struct loop *loop;
    const struct log *log;
    struct uuid id;
    char id_text[UUID_TEXT_SIZE];
    struct budget budget;
    struct metrics *metrics;
    struct metric *channel_bytes;
    struct tunnel_metrics *tunnel_metrics;
    struct tracker *tracker;
    struct live_config *config;
    struct request_handler *requests;
    struct worker *home;
    struct scraper *scraper;
    struct admin_server *admin;
    struct ha_shared shared;
    struct supervisor *supervisor;
    bool wrote_pid_file;
    void (*over)(void *arg, const struct error *why);
    void *arg;
};

/* ---- streams that are not about the connection itself ---- */

static void configure(struct connector *connector, struct inbound *in)
{
    static const char answer[] = "{\"lastAppliedVersion\":-1,\"err\":{\"message\":\"this connector "
                                 "does not take remote configuration yet\"}}";
    const struct reply reply = {
        .status = 200, .content_type = "application/json", .text = span_of(answer)};
    log_warn(connector->log, "Refused a remote configuration: not supported yet");
    reply_send(connector->loop, in, &reply);
}

static void on_request(void *arg, struct inbound *in, size_t index)
{
    struct connector *connector = arg;
    enum stream_kind kind = stream_kind_of(&in->head);
    if (kind == STREAM_CONFIGURATION) {
        configure(connector, in);
        return;
    }
    if (kind == STREAM_WEBSOCKET || kind == STREAM_TCP) {
        log_warn(connector->log, "Refused a stream of a kind that is not supported yet",
                 LOG_TEXT("kind", stream_kind_name(kind)), LOG_INT("connIndex", index));
        edge_answer_refuse(in, 502, RESPONSE_FROM_CONNECTOR);
        return;
    }
    request_handler_serve(connector->requests, in, index);
}

/* ---- metrics ---- */

static const struct metric_desc channel_desc = {
    .name = "culvert_channel_bytes",
    .help = "Bytes that wait between two peers",
    .kind = METRIC_GAUGE,
};

static const struct metrics *own_figures(void *arg)
{
    struct connector *connector = arg;
    process_metrics_update(connector->metrics, "/proc");
    metric_set(connector->channel_bytes, (double)connector->budget.used);
    return connector->metrics;
}

static bool ready_text(void *arg, size_t min, struct buf *out, int *status)
{
    struct connector *connector = arg;
    return tracker_ready_json(connector->tracker, min, out, status);
}

/* The place asked for, or the first free one of the known ports, or any. */
static bool start_admin(struct connector *connector, struct error *err)
{
    connector->home = worker_here(connector->loop, err);
    if (!connector->home)
        return false;
    const struct scrape_source own = {connector->home, own_figures, connector};
    connector->scraper = scraper_new(connector->home, &own, 1, err);
    if (!connector->scraper)
        return false;
    const struct admin_sources sources = {connector->scraper, ready_text, connector};
    struct ip_address at = connector->options->metrics;
    char text[IP_TEXT_SIZE];
    if (at.len > 0) {
        connector->admin = admin_server_new(connector->loop, &at, &sources, err);
    } else {
        uint16_t port = METRICS_PORT_FIRST;
        if (!ip_parse(SPAN("127.0.0.1"), port, &at))
            return false;
        while (!connector->admin && port != 0) {
            ip_set_port(&at, port);
            connector->admin = admin_server_new(connector->loop, &at, &sources, err);
            port = port == METRICS_PORT_LAST ? 0 : (uint16_t)(port + 1);
        }
        if (!connector->admin) {
            ip_set_port(&at, 0);
            connector->admin = admin_server_new(connector->loop, &at, &sources, err);
        }
    }
    if (!connector->admin)
        return error_wrap(err, "metrics server");
    admin_server_address(connector->admin, &at);
    ip_format(&at, text);
    char message[IP_TEXT_SIZE + 64];
    (void)snprintf(message, sizeof message, "Starting metrics server on %s/metrics", text);
    log_info(connector->log, message);
    return true;
}

void connector_metrics_address(const struct connector *connector, struct ip_address *at)
{
    admin_server_address(connector->admin, at);
}

/* ---- the supervisor speaks ---- */

static void on_first(void *arg)
{
    struct connector *connector = arg;
    struct error err;
    const char *path = connector->options->pid_file;
    if (path && !pid_file_write(path, &err))
        log_error(connector->log, "The pid file was not written", LOG_ERROR(&err));
    else
        connector->wrote_pid_file = path != NULL;
    notify_send(connector->options->notify_socket, "STATUS=connected to the edge");
}

static void on_rejected(void *arg, const struct error *why)
{
    struct connector *connector = arg;
    connector->over(connector->arg, why);
}

static void on_grace_over(void *arg)
{
    struct connector *connector = arg;
    struct error why;
    error_set(&why, ERROR_TIMEOUT, 0, "the grace period is over");
    request_handler_cut(connector->requests, &why);
}

static void on_stopped(void *arg)
{
    struct connector *connector = arg;
    connector->over(connector->arg, NULL);
}

static const struct supervisor_events supervisor_events = {on_first, on_rejected, on_grace_over,
                                                           on_stopped};

/* ---- putting together ---- */

#if defined(__x86_64__)
#define ARCH_NAME "amd64"
#elif defined(__aarch64__)
#define ARCH_NAME "arm64"
#elif defined(__arm__)
#define ARCH_NAME "arm"
#elif defined(__i386__)
#define ARCH_NAME "386"
#elif defined(__riscv)
#define ARCH_NAME "riscv64"
#else
#define ARCH_NAME "unknown"
#endif

static void fill_params(struct connector *connector)
{
    const struct connector_options *options = connector->options;
    struct registration_params *params = &connector->shared.params;
    *params = (struct registration_params){
        .account_tag = span_of(options->credentials->account_tag),
        .tunnel_secret = buf_span(&options->credentials->secret),
        .tunnel_id = options->credentials->tunnel_id,
        .client_id = connector->id,
        .version = span_of(options->version),
        .arch = SPAN("linux_" ARCH_NAME),
    };
    /* Only what this connector does: an edge may rely on it. */
    params->features[params->feature_count++] = SPAN("serialized_headers");
    for (size_t i = 0; i < CONNECTOR_FEATURES_MAX && options->features[i]; i++)
        params->features[params->feature_count++] = span_of(options->features[i]);
}

static bool start_origins(struct connector *connector, struct error *err)
{
    const struct openers_options openers = {
        .budget = &connector->budget,
        .connector_id = span_of(connector->id_text),
        .tags = connector->options->tags,
        .tag_count = connector->options->tag_count,
    };
    connector->config = live_config_new(connector->loop, connector->world.resolver, &openers,
                                        connector->options->snapshot, err);
    if (!connector->config)
        return false;
    const struct request_handler_options requests = {
        .loop = connector->loop,
        .config = connector->config,
        .metrics = connector->tunnel_metrics,
    };
    connector->requests = request_handler_new(&requests);
    return connector->requests ? true : error_memory(err);
}

static bool start_observers(struct connector *connector, struct error *err)
{
    connector->metrics = metrics_new();
    if (!connector->metrics)
        return error_memory(err);
    process_metrics_build_info(connector->metrics, CULVERT_VERSION);
    connector->channel_bytes = metrics_single(connector->metrics, &channel_desc);
    connector->tunnel_metrics = tunnel_metrics_new(connector->metrics, err);
    connector->tracker = tracker_new(&connector->id, connector->options->connections,
                                     connector->world.clock, connector->metrics, err);
    return connector->tunnel_metrics && connector->tracker && start_admin(connector, err);
}

static bool start_supervisor(struct connector *connector, struct error *err)
{
    const struct connector_options *options = connector->options;
    connector->shared = (struct ha_shared){
        .loop = connector->loop,
        .resolver = connector->world.resolver,
        .tls = connector->world.tls,
        .local_configuration = options->local_configuration,
        .rpc_timeout_ms = options->rpc_timeout_ms,
        /* A static edge is dialed as it is named. */
        .family = options->static_edge.count > 0 ? 0 : options->edge_family,
        .from = options->edge_from,
        .tracker = connector->tracker,
        .metrics = connector->tunnel_metrics,
        .budget = &connector->budget,
        .on_request = on_request,
        .arg = connector,
    };
    fill_params(connector);
    const struct supervisor_options supervisor = {
        .shared = &connector->shared,
        .connections = options->connections,
        .static_edge = options->static_edge,
        .region = options->region,
        .grace_ms = options->grace_ms,
    };
    connector->supervisor = supervisor_new(&supervisor, &supervisor_events, connector, err);
    return connector->supervisor != NULL;
}

struct connector *connector_new(const struct connector_world *world,
                                const struct connector_options *options,
                                void (*over)(void *arg, const struct error *why), void *arg,
                                struct error *err)
{
    struct connector *connector = calloc(1, sizeof *connector);
    if (!connector) {
        error_memory(err);
        return NULL;
    }
    connector->world = *world;
    connector->options = options;
    connector->loop = world->loop;
    connector->log = options->log;
    connector->budget.limit = CONNECTOR_BUDGET;
    connector->over = over;
    connector->arg = arg;
    connector->id = uuid_make();
    uuid_format(&connector->id, connector->id_text);
    char message[96];
    (void)snprintf(message, sizeof message, "Generated Connector ID: %s", connector->id_text);
    log_info(connector->log, message);
    if (start_observers(connector, err) && start_origins(connector, err) &&
        start_supervisor(connector, err))
        return connector;
    connector_free(connector);
    return NULL;
}

void connector_stop(struct connector *connector)
{
    supervisor_stop(connector->supervisor);
}

void connector_free(struct connector *connector)
{
    struct error why;
    if (!connector)
        return;
    error_set(&why, ERROR_NETWORK, 0, "the connector stops");
    supervisor_free(connector->supervisor);
    connector->supervisor = NULL;
    if (connector->requests)
        request_handler_cut(connector->requests, &why);
    /* Cut requests end in tasks of this turn. */
    (void)loop_turn(connector->loop, 0);
    (void)loop_turn(connector->loop, 0);
    if (connector->wrote_pid_file)
        (void)unlink(connector->options->pid_file);
    admin_server_close(connector->admin);
    scraper_close(connector->scraper);
    worker_free(connector->home);
    request_handler_free(connector->requests);
    live_config_free(connector->config);
    (void)loop_turn(connector->loop, 0);
    tracker_free(connector->tracker);
    tunnel_metrics_free(connector->tunnel_metrics);
    metrics_free(connector->metrics);
    free(connector);
}
