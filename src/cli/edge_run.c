/* Runs an edge in the foreground. */
#include "commands.h"
#include "edge_options.h"
#include "session.h"

#include "culvert/service/descriptors.h"

static const struct setting options[] = {
    {.name = "dev",
     .kind = SETTING_BOOL,
     .help = "everything on loopback with high ports, zone localhost"},
    {.name = "config", .kind = SETTING_TEXT, .argument = "PATH", .help = "the file edge.yml"},
    {.name = "state-dir",
     .kind = SETTING_TEXT,
     .argument = "PATH",
     .help = "where the edge keeps its state; by default $STATE_DIRECTORY, else "
             "$XDG_STATE_HOME/culvert-edge"},
    {.name = "hostname",
     .kind = SETTING_TEXT,
     .argument = "NAME",
     .help = "the edge's own name, under which its API answers"},
    {.name = "zone",
     .aliases = {"zones"},
     .kind = SETTING_LIST,
     .argument = "NAME",
     .help = "domain below which names are routed; may be repeated"},
    {.name = "tunnel",
     .kind = SETTING_TEXT,
     .argument = "HOST:PORT",
     .help = "listens for connectors; port 0 lets the system choose"},
    {.name = "http", .kind = SETTING_TEXT, .argument = "HOST:PORT", .help = "listens for visitors"},
    {.name = "https",
     .kind = SETTING_TEXT,
     .argument = "HOST:PORT",
     .help = "listens for visitors over TLS"},
    {.name = "metrics",
     .kind = SETTING_TEXT,
     .argument = "HOST:PORT",
     .help = "serves metrics and readiness"},
    {.name = "advertise",
     .kind = SETTING_LIST,
     .argument = "HOST:PORT",
     .help = "address that connectors are told to dial; may be repeated"},
    {.name = "certificate",
     .kind = SETTING_LIST,
     .argument = "CERT,KEY",
     .help = "PEM files for public names, in place of the edge's own authority; may be repeated"},
    {.name = "workers",
     .kind = SETTING_INT,
     .argument = "N",
     .help = "threads that serve connections, 1 to 64; by default as many as there are CPUs"},
};

static const char *const settings[] = {"loglevel", "output", "logfile", "log-directory", NULL};

/* An eighth of the descriptors is for connectors, another one for the edge itself. */
static void fit_connections(struct edge_options *edge, const struct log *log)
{
    size_t descriptors = descriptors_raise();
    size_t most = descriptors / 4 * 3;
    size_t *wanted = &edge->limits.admission.connections;
    edge->limits.connectors.connections = descriptors / 8;
    enum log_level level = *wanted > 0 ? LEVEL_WARN : LEVEL_INFO;
    if (*wanted == 0)
        *wanted = ADMISSION_CONNECTIONS_MAX;
    if (*wanted <= most)
        return;
    log_event(log, level, "Fewer visitors at a time than wanted: the limit of open files is low",
              LOG_INT("wanted", (int64_t)*wanted), LOG_INT("connections", (int64_t)most));
    *wanted = most;
}

static int run(struct cli_call *call)
{
    struct edge_settings *edge = calloc(1, sizeof *edge);
    struct cli_log log = {0};
    struct error err = {0};
    if (!edge) {
        error_memory(&err);
        return cli_fail(call, &err);
    }
    bool ok = cli_log_open(call, &log, &err) && edge_settings_fill(call, edge, &err);
    if (ok) {
        edge->options.log = &log.log;
        fit_connections(&edge->options, &log.log);
        ok = edge_run(&edge->options, &err);
    }
    edge_settings_release(edge);
    free(edge);
    cli_log_release(&log);
    return ok ? CLI_OK : cli_fail(call, &err);
}

const struct cli_command cli_edge_run = {
    .path = "edge run",
    .summary = "run an edge in the foreground",
    .details = "A flag wins over the file, the file over the defaults: those of --dev, or :7844,\n"
               ":80, :443 and 127.0.0.1:2001.\n",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .settings = settings,
    .run = run,
};

const struct cli_command cli_edge = {
    .path = "edge",
    .summary = "the public side of tunnels, self-hosted",
};
