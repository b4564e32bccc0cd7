/* The table. Rows stand in the order of the help; the inert ones at the end are accepted because
 * unit files and container definitions of other connectors contain them. */
#include "culvert/config/settings.h"

#define B SETTING_BOOL
#define T SETTING_TEXT
#define I SETTING_INT
#define D SETTING_DURATION
#define L SETTING_LIST

enum {
    FILED = SETTING_FILE,
    HIDES = SETTING_FILE | SETTING_HIDDEN,
    INERT = SETTING_FILE | SETTING_HIDDEN | SETTING_INERT,
    TELLS = SETTING_FILE | SETTING_REPORTED,
};

/* A row of the table stays a row. */
/* clang-format off */
static const struct setting settings[] = {
    /* Where things are. */
    {"config", {0}, {0}, T, 0, NULL, "PATH", "configuration file"},
    {"origincert", {0}, {"TUNNEL_ORIGIN_CERT"}, T, TELLS, NULL, "PATH",
     "account certificate; the first cert.pem of the search list if not given"},
    {"credentials-file", {"cred-file"}, {"TUNNEL_CRED_FILE"}, T, FILED, NULL, "PATH",
     "credentials of the tunnel"},
    {"credentials-contents", {0}, {"TUNNEL_CRED_CONTENTS"}, T, SETTING_FILE | SETTING_SECRET,
     NULL, "JSON", "the credentials themselves, in place of a file"},
    {"token", {0}, {"TUNNEL_TOKEN"}, T, SETTING_FILE | SETTING_SECRET, NULL, "TOKEN",
     "tunnel token; wins over files and names"},
    {"token-file", {0}, {"TUNNEL_TOKEN_FILE"}, T, FILED, NULL, "PATH",
     "file that holds the tunnel token"},
    {"api-url", {0}, {"TUNNEL_API_URL"}, T, FILED, NULL, "URL", "base URL of the REST API"},
    {"edge", {0}, {"TUNNEL_EDGE"}, L, FILED, NULL, "HOST:PORT",
     "address of an edge, in place of discovery; may be repeated"},
    {"cacert", {0}, {"TUNNEL_CACERT"}, T, FILED, NULL, "PATH",
     "PEM file with the only roots for the edge's certificate"},
    {"region", {0}, {"TUNNEL_REGION"}, T, FILED, NULL, "NAME", "region of the edge to discover"},
    /* The origin of a tunnel without ingress rules. */
    {"url", {0}, {"TUNNEL_URL"}, T, FILED, NULL, "URL", "the one origin of the tunnel"},
    {"hello-world", {0}, {"TUNNEL_HELLO_WORLD"}, B, FILED, NULL, NULL,
     "serve a built-in test site"},
    {"unix-socket", {0}, {"TUNNEL_UNIX_SOCKET"}, T, FILED, NULL, "PATH",
     "the one origin is a unix socket"},
    {"bastion", {0}, {"TUNNEL_BASTION"}, B, FILED, NULL, NULL, "be a jump host"},
    {"socks5", {0}, {"TUNNEL_SOCKS"}, B, FILED, NULL, NULL, "speak SOCKS5 to clients"},
    {"http-host-header", {0}, {"TUNNEL_HTTP_HOST_HEADER"}, T, FILED, NULL, "NAME",
     "Host that the origin sees"},
    {"origin-server-name", {0}, {"TUNNEL_ORIGIN_SERVER_NAME"}, T, FILED, NULL, "NAME",
     "name expected in the origin's certificate"},
    {"origin-ca-pool", {0}, {"TUNNEL_ORIGIN_CA_POOL"}, T, FILED, NULL, "PATH",
     "PEM file with further roots for the origin's certificate"},
    {"no-tls-verify", {0}, {"NO_TLS_VERIFY"}, B, FILED, NULL, NULL,
     "do not check the origin's certificate"},
    {"no-chunked-encoding", {0}, {"TUNNEL_NO_CHUNKED_ENCODING"}, B, FILED, NULL, NULL,
     "no chunked requests to the origin"},
    {"http2-origin", {0}, {"TUNNEL_ORIGIN_ENABLE_HTTP2"}, B, FILED, NULL, NULL,
     "HTTP/2 to the origin"},
    {"proxy-connect-timeout", {0}, {0}, D, FILED, "30s", "TIME",
     "limit for connecting to the origin"},
    {"proxy-tls-timeout", {0}, {0}, D, FILED, "10s", "TIME",
     "limit for the TLS handshake with the origin"},
    {"proxy-tcp-keepalive", {0}, {0}, D, FILED, "30s", "TIME", "TCP keep-alive to the origin"},
    {"proxy-no-happy-eyeballs", {0}, {0}, B, FILED, NULL, NULL,
     "try the origin's addresses one after the other"},
    {"proxy-keepalive-connections", {0}, {0}, I, FILED, "100", "N",
     "idle connections kept to the origin"},
    {"proxy-keepalive-timeout", {0}, {0}, D, FILED, "1m30s", "TIME",
     "how long an idle connection is kept"},
    /* Running. */
    {"metrics", {0}, {"TUNNEL_METRICS"}, T, TELLS, "localhost:0", "HOST:PORT",
     "listen address of metrics and readiness; by default 20241 to 20245, or a free port"},
    {"pidfile", {0}, {"TUNNEL_PIDFILE"}, T, FILED, NULL, "PATH",
     "file that gets the process id after the first registration"},
    {"grace-period", {0}, {"TUNNEL_GRACE_PERIOD"}, D, FILED, "30s", "TIME",
     "how long open requests may take after a signal, at most 3m"},
    {"loglevel", {0}, {"TUNNEL_LOGLEVEL"}, T, TELLS, "info", "LEVEL",
     "debug, info, warn, error or fatal"},
    {"transport-loglevel", {"proto-loglevel"}, {"TUNNEL_PROTO_LOGLEVEL",
     "TUNNEL_TRANSPORT_LOGLEVEL"}, T, TELLS | SETTING_INERT, "info", "LEVEL",
     "no effect: nothing writes to that log"},
    {"logfile", {0}, {"TUNNEL_LOGFILE"}, T, FILED, NULL, "PATH", "JSON log file, besides stderr"},
    {"log-directory", {0}, {"TUNNEL_LOGDIRECTORY"}, T, FILED, NULL, "PATH",
     "directory for a JSON log that rotates"},
    {"output", {0}, {"TUNNEL_MANAGEMENT_OUTPUT", "TUNNEL_LOG_OUTPUT"}, T, 0, "default", "FORMAT",
     "format of the log on stderr: default or json"},
    {"edge-ip-version", {0}, {"TUNNEL_EDGE_IP_VERSION"}, T, TELLS, "auto", "VERSION",
     "4, 6 or auto"},
    {"edge-bind-address", {0}, {"TUNNEL_EDGE_BIND_ADDRESS"}, T, TELLS, NULL, "ADDRESS",
     "local address of edge connections"},
    {"protocol", {"p"}, {"TUNNEL_TRANSPORT_PROTOCOL"}, T, TELLS, "auto", "NAME",
     "auto or http2; quic is not supported by this version"},
    {"post-quantum", {"pq"}, {"TUNNEL_POST_QUANTUM"}, B, FILED, NULL, NULL,
     "only post-quantum key agreement with the edge; takes OpenSSL 3.5"},
    {"retries", {0}, {"TUNNEL_RETRIES"}, I, TELLS, "5", "N",
     "where the growth of the wait between attempts stops"},
    {"ha-connections", {0}, {0}, I, HIDES, "4", "N", "connections to the edge"},
    {"workers", {0}, {"TUNNEL_WORKERS"}, I, FILED, NULL, "N",
     "threads that serve; by default as many as there are CPUs, at most 4"},
    {"watch", {0}, {"TUNNEL_WATCH"}, B, FILED, NULL, NULL,
     "follow changes of the configuration file's ingress rules"},
    {"rpc-timeout", {0}, {0}, D, HIDES, "5s", "TIME", "limit for an answer of the edge"},
    {"tag", {0}, {"TUNNEL_TAG"}, L, HIDES, NULL, "NAME=VALUE",
     "sent to the origin with each request; may be repeated"},
    {"features", {"F"}, {0}, L, FILED, NULL, "NAME", "further features to announce"},
    {"label", {0}, {0}, T, SETTING_FILE | SETTING_MANAGEMENT, NULL, "TEXT",
     "name of this connector for operators"},
    {"max-active-flows", {0}, {"TUNNEL_MAX_ACTIVE_FLOWS"}, I, SETTING_REPORTED, NULL,
     "N", "most TCP flows into the private network at a time; 0 for any number"},
    {"max-fetch-size", {0}, {"TUNNEL_MAX_FETCH_SIZE"}, I, HIDES, NULL, "N",
     "items in one page of a listing"},
    {"quick-service", {0}, {0}, T, HIDES | SETTING_AT_ONCE, "https://api.trycloudflare.com", "URL",
     "where tunnels without an account come from"},
    {"name", {"n"}, {"TUNNEL_NAME"}, T, SETTING_FILE | SETTING_AT_ONCE, NULL, "NAME",
     "tunnel to create and run at once"},
    {"hostname", {0}, {"TUNNEL_HOSTNAME"}, T, SETTING_FILE | SETTING_AT_ONCE, NULL, "NAME",
     "public name for --name"},
    {"lb-pool", {0}, {"TUNNEL_LB_POOL"}, T, SETTING_FILE | SETTING_AT_ONCE, NULL, "NAME",
     "load balancer pool for --name"},
    {"overwrite-dns", {"f"}, {"TUNNEL_FORCE_PROVISIONING_DNS"}, B, 0, NULL, NULL,
     "replace a DNS record that exists"},
    {"id", {0}, {"TUNNEL_ID"}, T, HIDES, NULL, "UUID", "tunnel to list"},
    {"management-diagnostics", {0}, {"TUNNEL_MANAGEMENT_DIAGNOSTICS"}, B,
     SETTING_FILE | SETTING_MANAGEMENT, "true", NULL,
     "diagnostics through the tunnel"},
    {"no-prechecks", {0}, {"TUNNEL_NO_PRECHECKS"}, B, INERT, NULL, NULL,
     "skip the connectivity checks at start"},
    {"icmpv4-src", {0}, {"TUNNEL_ICMPV4_SRC"}, T, SETTING_ICMP, NULL, "ADDRESS",
     "source of ICMP towards private networks"},
    {"icmpv6-src", {0}, {"TUNNEL_ICMPV6_SRC"}, T, SETTING_ICMP, NULL, "ADDRESS",
     "source of ICMPv6 towards private networks"},
    {"dns-resolver-addrs", {0}, {"TUNNEL_DNS_RESOLVER_ADDRS"}, L, 0, NULL, "HOST:PORT",
     "where DNS over the private network goes, in place of the system's; may be repeated"},
    {"management-hostname", {0}, {"TUNNEL_MANAGEMENT_HOSTNAME"}, T, HIDES,
     "management.argotunnel.com", "NAME", "host name of management requests; no rule gets them"},
    {"service-op-ip", {0}, {"TUNNEL_SERVICE_OP_IP"}, T, HIDES | SETTING_MANAGEMENT,
     "198.41.200.113:80", "HOST:PORT", "address by which the own private address is found"},
    {"write-stream-timeout", {0}, {"TUNNEL_STREAM_WRITE_TIMEOUT"}, D, HIDES, NULL,
     "TIME", "limit for a write towards TCP origins"},
    {"stdin-control", {0}, {"STDIN_CONTROL"}, B, HIDES, NULL, NULL,
     "take commands from standard input"},
    {"max-edge-addr-retries", {0}, {0}, I, HIDES, "8", "N",
     "attempts before another protocol is tried; there is one"},
    /* Without effect for ever. */
    {"autoupdate-freq", {0}, {0}, D, INERT | SETTING_REPORTED, "24h", "TIME", "no effect"},
    {"no-autoupdate", {0}, {"NO_AUTOUPDATE"}, B, INERT | SETTING_REPORTED, NULL, NULL,
     "no effect"},
    {"is-autoupdated", {0}, {0}, B, INERT, NULL, NULL, "no effect"},
    {"metrics-update-freq", {0}, {"TUNNEL_METRICS_UPDATE_FREQ"}, D, INERT | SETTING_REPORTED,
     "5s", "TIME", "no effect"},
    {"compression-quality", {0}, {"TUNNEL_COMPRESSION_LEVEL"}, I, INERT, NULL, "N", "no effect"},
    {"trace-output", {0}, {"TUNNEL_TRACE_OUTPUT"}, T, INERT, NULL, "PATH", "no effect"},
    {"proxy-address", {0}, {"TUNNEL_PROXY_ADDRESS"}, T, INERT, "127.0.0.1", "ADDRESS",
     "no effect"},
    {"proxy-port", {0}, {"TUNNEL_PROXY_PORT"}, I, INERT, NULL, "PORT", "no effect"},
    {"proxy-connection-timeout", {0}, {0}, D, INERT, "1m30s", "TIME", "no effect"},
    {"proxy-expect-continue-timeout", {0}, {0}, D, INERT, "1m30s", "TIME", "no effect"},
    {"proxy-dns", {0}, {0}, B, INERT, NULL, NULL, "no effect"},
    {"proxy-dns-port", {0}, {0}, I, INERT, NULL, "PORT", "no effect"},
    {"proxy-dns-address", {0}, {0}, T, INERT, NULL, "ADDRESS", "no effect"},
    {"proxy-dns-upstream", {0}, {0}, L, INERT, NULL, "URL", "no effect"},
    {"proxy-dns-max-upstream-conns", {0}, {0}, I, INERT, NULL, "N", "no effect"},
    {"proxy-dns-bootstrap", {0}, {0}, L, INERT, NULL, "URL", "no effect"},
    {"api-key", {0}, {"TUNNEL_API_KEY"}, T, INERT | SETTING_SECRET, NULL, "TEXT", "no effect"},
    {"api-email", {0}, {"TUNNEL_API_EMAIL"}, T, INERT, NULL, "TEXT", "no effect"},
    {"api-ca-key", {0}, {"TUNNEL_API_CA_KEY"}, T, INERT | SETTING_SECRET, NULL, "TEXT",
     "no effect"},
    {"heartbeat-interval", {0}, {0}, D, INERT, "5s", "TIME", "no effect"},
    {"heartbeat-count", {0}, {0}, I, INERT, "5", "N", "no effect"},
    {"quic-disable-pmtu-discovery", {0}, {"TUNNEL_DISABLE_QUIC_PMTU"}, B, HIDES | SETTING_QUIC,
     NULL, NULL, "no path MTU discovery for QUIC"},
    {"quic-connection-level-flow-control-limit", {0},
     {"TUNNEL_QUIC_CONN_LEVEL_FLOW_CONTROL_LIMIT"}, I, HIDES | SETTING_QUIC, "31457280", "BYTES",
     "window of a QUIC connection"},
    {"quic-stream-level-flow-control-limit", {0}, {"TUNNEL_QUIC_STREAM_LEVEL_FLOW_CONTROL_LIMIT"},
     I, HIDES | SETTING_QUIC, "6291456", "BYTES", "window of a QUIC stream"},
    {"use-reconnect-token", {0}, {"TUNNEL_USE_RECONNECT_TOKEN"}, B, INERT, "true", NULL,
     "no effect"},
    {"dial-edge-timeout", {0}, {"DIAL_EDGE_TIMEOUT"}, D, INERT, "15s", "TIME", "no effect"},
    {"ui", {0}, {0}, B, INERT, NULL, NULL, "no effect"},
    {"ssh-server", {0}, {"TUNNEL_SSH_SERVER"}, B, INERT, NULL, NULL, "no effect"},
    {"local-ssh-port", {0}, {"LOCAL_SSH_PORT"}, T, INERT, "2222", "PORT", "no effect"},
    {"ssh-idle-timeout", {0}, {"SSH_IDLE_TIMEOUT"}, D, INERT, NULL, "TIME", "no effect"},
    {"ssh-max-timeout", {0}, {"SSH_MAX_TIMEOUT"}, D, INERT, NULL, "TIME", "no effect"},
    {"bucket-name", {0}, {"BUCKET_ID"}, T, INERT, NULL, "TEXT", "no effect"},
    {"region-name", {0}, {"REGION_ID"}, T, INERT, NULL, "TEXT", "no effect"},
    {"secret-id", {0}, {"SECRET_ID"}, T, INERT | SETTING_SECRET, NULL, "TEXT", "no effect"},
    {"access-key-id", {0}, {"ACCESS_CLIENT_ID"}, T, INERT, NULL, "TEXT", "no effect"},
    {"session-token", {0}, {"SESSION_TOKEN_ID"}, T, INERT | SETTING_SECRET, NULL, "TEXT",
     "no effect"},
    {"s3-url-host", {0}, {"S3_URL"}, T, INERT, NULL, "TEXT", "no effect"},
    {"host-key-path", {0}, {"HOST_KEY_PATH"}, T, INERT, NULL, "PATH", "no effect"},
};
/* clang-format on */

#undef B
#undef T
#undef I
#undef D
#undef L

const struct setting *settings_at(size_t index)
{
    return index < ARRAY_LEN(settings) ? &settings[index] : NULL;
}

size_t settings_count(void)
{
    return ARRAY_LEN(settings);
}

const char *setting_why_idle(const struct setting *setting)
{
    static const struct {
        unsigned trait;
        const char *why;
    } reasons[] = {
        {SETTING_QUIC, "this version does not speak QUIC"},
        {SETTING_ICMP, "this version does not forward ICMP, which takes QUIC"},
        {SETTING_MANAGEMENT, "this version has no management service"},
        {SETTING_AT_ONCE,
         "it is for tunnels that are made and run at once: \"culvert tunnel create\" "
         "and \"culvert tunnel route dns\" make and name this one"},
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (setting->traits & reasons[i].trait)
            return reasons[i].why;
    return NULL;
}

bool setting_is_called(const struct setting *setting, struct span name)
{
    if (span_equal(name, span_of(setting->name)))
        return true;
    for (size_t i = 0; i < SETTING_NAMES_MAX && setting->aliases[i]; i++)
        if (span_equal(name, span_of(setting->aliases[i])))
            return true;
    return false;
}

const struct setting *settings_find(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(settings); i++)
        if (setting_is_called(&settings[i], name))
            return &settings[i];
    return NULL;
}
