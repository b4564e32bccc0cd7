/* The head of a connector: its parts, made in order and freed in reverse. */
#include "culvert/connector/connector.h"

#include "culvert/access/key_store.h"
#include "culvert/access/terms.h"
#include "culvert/connector/supervisor.h"
#include "culvert/ingress/report.h"
#include "culvert/observe/admin_server.h"
#include "culvert/observe/process_metrics.h"
#include "culvert/origin/flows.h"
#include "culvert/service/notify.h"

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
    struct worker *home;     /* the head, and the first worker */
    struct metrics *metrics; /* of the head: the process, the HA connections */
    struct tracker *tracker;
    struct ha_shared shared;
    struct openers_options openers;
    struct flows flows;              /* of all workers */
    struct key_fetcher *own_fetcher; /* NULL: the world's is used */
    struct key_store *keys;
    struct crew *crew;
    struct rule_changes *changes;
    struct scraper *scraper;
    struct admin_server *admin;
    struct supervisor *supervisor;
    bool wrote_pid_file;
    bool told_over;
    void (*over)(void *arg, const struct error *why);
    void *arg;
};

/* ---- metrics ---- */

static const struct metrics *own_figures(void *arg)
{
    struct connector *connector = arg;
    process_metrics_update(connector->metrics, "/proc");
    return connector->metrics;
}

static bool ready_text(void *arg, size_t min, struct buf *out, int *status)
{
    struct connector *connector = arg;
    return tracker_ready_json(connector->tracker, min, out, status);
}

static bool config_text(void *arg, struct buf *out)
{
    const struct connector *connector = arg;
    struct doc *root = report_for_operator(rule_changes_current(connector->changes));
    bool ok = root && doc_format(root, DOC_COMPACT, out);
    doc_free(root);
    return ok;
}

static bool start_scraper(struct connector *connector, struct error *err)
{
    struct scrape_source sources[WORKERS_MAX + 1];
    size_t count = crew_sources(connector->crew, sources);
    sources[count++] = (struct scrape_source){connector->home, own_figures, connector};
    connector->scraper = scraper_new(connector->home, sources, count, err);
    return connector->scraper != NULL;
}

/* The place asked for, or the first free one of the known ports, or any. */
static bool start_admin(struct connector *connector, struct error *err)
{
    const struct admin_sources sources = {.scraper = connector->scraper,
                                          .ready = ready_text,
                                          .config = config_text,
                                          .arg = connector};
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

static void tell_over(struct connector *connector, const struct error *why)
{
    if (connector->told_over)
        return;
    connector->told_over = true;
    connector->over(connector->arg, why);
}

static void on_rejected(void *arg, const struct error *why)
{
    struct connector *connector = arg;
    tell_over(connector, why);
}

static void on_grace_over(void *arg)
{
    struct connector *connector = arg;
    crew_cut(connector->crew);
}

static void on_stopped(void *arg)
{
    struct connector *connector = arg;
    tell_over(connector, NULL);
}

static void on_push(void *arg, struct config_push *push)
{
    struct connector *connector = arg;
    rule_changes_push(connector->changes, push);
}

/* A worker that cannot serve is no state to go on in. */
static void on_failed(void *arg, const struct error *why)
{
    struct connector *connector = arg;
    tell_over(connector, why);
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

static bool start_observers(struct connector *connector, struct error *err)
{
    connector->metrics = metrics_new();
    if (!connector->metrics)
        return error_memory(err);
    process_metrics_build_info(connector->metrics, CULVERT_VERSION);
    connector->tracker = tracker_new(&connector->id, connector->options->connections,
                                     connector->world.clock, connector->metrics, err);
    return connector->tracker != NULL;
}

/* ---- keys for Access ---- */

/* Before somebody asks for them. */
static void want_keys(struct connector *connector, const struct rules *rules)
{
    key_store_begin_wants(connector->keys);
    for (size_t i = 0; i < rules_count(rules); i++) {
        const struct access_requirement *access = &rules_at(rules, i)->origin.access;
        struct access_terms terms;
        if (!access->required)
            continue;
        if (access_terms_make(access, &terms))
            key_store_want(connector->keys, terms.keys_url);
        else
            log_warn(connector->log, "Nobody can pass a rule: its access names no issuer",
                     LOG_INT("ingressRule", i));
    }
}

static bool start_keys(struct connector *connector, struct error *err)
{
    struct key_fetcher *fetcher = connector->world.key_fetcher;
    if (!fetcher)
        fetcher = connector->own_fetcher = key_fetcher_new(connector->loop);
    if (fetcher)
        connector->keys = key_store_new(connector->loop, fetcher);
    if (!connector->keys)
        return error_memory(err);
    want_keys(connector, snapshot_rules(connector->options->snapshot));
    return true;
}

/* ---- the crew ---- */

/* A worker without a connection would have nothing to do. */
static size_t worker_count(const struct connector_options *options)
{
    size_t workers = options->workers > 0 ? options->workers : 1;
    return workers < options->connections ? workers : options->connections;
}

static void on_applied(void *arg, const struct rules *rules)
{
    want_keys(arg, rules);
}

static bool start_changes(struct connector *connector, struct blueprint *blueprint,
                          struct error *err)
{
    const struct rule_changes_options options = {
        .loop = connector->loop,
        .jobs = connector->world.jobs,
        .crew = connector->crew,
        .metrics = connector->metrics,
        .blueprint = blueprint,
        .read_rules = connector->options->read_rules,
        .read_rules_arg = connector->options->read_rules_arg,
        .on_applied = on_applied,
        .arg = connector,
    };
    connector->changes = rule_changes_new(&options, err);
    return connector->changes != NULL;
}

static bool start_crew(struct connector *connector, struct error *err)
{
    const struct connector_options *options = connector->options;
    const struct openers_options openers = {
        .connector_id = span_of(connector->id_text),
        .tags = options->tags,
        .tag_count = options->tag_count,
        .proxies = options->proxies,
        .flows = &connector->flows,
        .flows_max = options->max_active_flows,
        .dns = options->dns,
        .dns_count = options->dns_count,
        .write_timeout_ms = options->write_stream_timeout_ms,
    };
    connector->openers = openers;
    connector->shared = (struct ha_shared){
        .tls = connector->world.tls,
        .local_configuration = options->local_configuration,
        .rpc_timeout_ms = options->rpc_timeout_ms,
        /* A static edge is dialed as it is named. */
        .family = options->static_edge.count > 0 ? 0 : options->edge_family,
        .from = options->edge_from,
    };
    fill_params(connector);
    struct blueprint *blueprint = blueprint_new(options->snapshot, err);
    if (!blueprint)
        return false;
    const struct crew_options crew = {
        .home = connector->home,
        .workers = worker_count(options),
        .one_thread = connector->world.one_thread,
        .resolver = connector->world.resolver,
        .shared = &connector->shared,
        .openers = &connector->openers,
        .budget = CONNECTOR_BUDGET,
        .blueprint = blueprint,
        .keys = connector->keys,
        .tracker = connector->tracker,
        .management_hostname = options->management_hostname,
        .on_push = on_push,
        .on_failed = on_failed,
        .arg = connector,
    };
    connector->crew = crew_new(&crew, err);
    bool ok = connector->crew && start_changes(connector, blueprint, err);
    blueprint_unref(blueprint);
    return ok;
}

static bool start_supervisor(struct connector *connector, struct error *err)
{
    const struct connector_options *options = connector->options;
    const struct supervisor_options supervisor = {
        .crew = connector->crew,
        .loop = connector->loop,
        .resolver = connector->world.resolver,
        .tracker = connector->tracker,
        .connections = options->connections,
        .static_edge = options->static_edge,
        .region = options->region,
        .grace_ms = options->grace_ms,
        .retries = options->retries,
    };
    connector->supervisor = supervisor_new(&supervisor, &supervisor_events, connector, err);
    return connector->supervisor != NULL;
}

static bool start(struct connector *connector, struct error *err)
{
    connector->home = worker_here(connector->loop, err);
    return connector->home && start_observers(connector, err) && start_keys(connector, err) &&
           start_crew(connector, err) && start_scraper(connector, err) &&
           start_admin(connector, err) && start_supervisor(connector, err);
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
    connector->over = over;
    connector->arg = arg;
    connector->id = uuid_make();
    uuid_format(&connector->id, connector->id_text);
    char message[96];
    (void)snprintf(message, sizeof message, "Generated Connector ID: %s", connector->id_text);
    log_info(connector->log, message);
    if (start(connector, err))
        return connector;
    connector_free(connector, 0);
    return NULL;
}

void connector_stop(struct connector *connector)
{
    supervisor_stop(connector->supervisor);
}

void connector_reconnect(struct connector *connector, uint64_t delay_ms)
{
    supervisor_reconnect(connector->supervisor, delay_ms);
}

bool connector_reload(struct connector *connector, struct blueprint *blueprint, struct error *err)
{
    return rule_changes_apply(connector->changes, blueprint, err);
}

void connector_read_rules(struct connector *connector, bool only_if_changed)
{
    rule_changes_read(connector->changes, only_if_changed);
}

void connector_free(struct connector *connector, uint64_t linger_ms)
{
    if (!connector)
        return;
    supervisor_free(connector->supervisor);
    if (connector->wrote_pid_file)
        (void)unlink(connector->options->pid_file);
    admin_server_close(connector->admin);
    scraper_close(connector->scraper);
    if (connector->changes)
        rule_changes_stop(connector->changes);
    if (connector->keys)
        key_store_stop(connector->keys);
    crew_free(connector->crew, linger_ms);
    key_store_free(connector->keys);
    key_fetcher_free(connector->own_fetcher);
    worker_free(connector->home);
    rule_changes_free(connector->changes);
    (void)loop_turn(connector->loop, 0);
    tracker_free(connector->tracker);
    metrics_free(connector->metrics);
    free(connector);
}
