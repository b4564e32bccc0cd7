/* Every flag that users of other connectors know: its names, its variables, its kind, its default,
 * and whether a file may hold it; and for each of them which source wins and what is told of it. */
#include "culvert/config/settings.h"

#include "culvert/base/duration.h"
#include "culvert/config/sources.h"

#include "harness.h"

static const struct row {
    const char *name, *alias;
    const char *variable, *second_variable;
    enum setting_kind kind;
    const char *fallback; /* NULL: false, 0, "" or nothing */
    bool in_file;
} rows[] = {
    /* clang-format off */
    {"config", NULL, NULL, NULL, SETTING_TEXT, NULL, false},
    {"origincert", NULL, "TUNNEL_ORIGIN_CERT", NULL, SETTING_TEXT, NULL, true},
    {"autoupdate-freq", NULL, NULL, NULL, SETTING_DURATION, "24h", true},
    {"no-autoupdate", NULL, "NO_AUTOUPDATE", NULL, SETTING_BOOL, NULL, true},
    {"no-prechecks", NULL, "TUNNEL_NO_PRECHECKS", NULL, SETTING_BOOL, NULL, true},
    {"metrics", NULL, "TUNNEL_METRICS", NULL, SETTING_TEXT, "localhost:0", true},
    {"pidfile", NULL, "TUNNEL_PIDFILE", NULL, SETTING_TEXT, NULL, true},
    {"loglevel", NULL, "TUNNEL_LOGLEVEL", NULL, SETTING_TEXT, "info", true},
    {"transport-loglevel", "proto-loglevel", "TUNNEL_PROTO_LOGLEVEL",
     "TUNNEL_TRANSPORT_LOGLEVEL", SETTING_TEXT, "info", true},
    {"logfile", NULL, "TUNNEL_LOGFILE", NULL, SETTING_TEXT, NULL, true},
    {"log-directory", NULL, "TUNNEL_LOGDIRECTORY", NULL, SETTING_TEXT, NULL, true},
    {"trace-output", NULL, "TUNNEL_TRACE_OUTPUT", NULL, SETTING_TEXT, NULL, true},
    {"output", NULL, "TUNNEL_MANAGEMENT_OUTPUT", "TUNNEL_LOG_OUTPUT", SETTING_TEXT, "default",
     false},
    {"credentials-file", "cred-file", "TUNNEL_CRED_FILE", NULL, SETTING_TEXT, NULL, true},
    {"region", NULL, "TUNNEL_REGION", NULL, SETTING_TEXT, NULL, true},
    {"edge-ip-version", NULL, "TUNNEL_EDGE_IP_VERSION", NULL, SETTING_TEXT, "auto", true},
    {"edge-bind-address", NULL, "TUNNEL_EDGE_BIND_ADDRESS", NULL, SETTING_TEXT, NULL, true},
    {"hostname", NULL, "TUNNEL_HOSTNAME", NULL, SETTING_TEXT, NULL, true},
    {"lb-pool", NULL, "TUNNEL_LB_POOL", NULL, SETTING_TEXT, NULL, true},
    {"metrics-update-freq", NULL, "TUNNEL_METRICS_UPDATE_FREQ", NULL, SETTING_DURATION, "5s", true},
    {"retries", NULL, "TUNNEL_RETRIES", NULL, SETTING_INT, "5", true},
    {"label", NULL, NULL, NULL, SETTING_TEXT, NULL, true},
    {"grace-period", NULL, "TUNNEL_GRACE_PERIOD", NULL, SETTING_DURATION, "30s", true},
    {"compression-quality", NULL, "TUNNEL_COMPRESSION_LEVEL", NULL, SETTING_INT, NULL, true},
    {"name", "n", "TUNNEL_NAME", NULL, SETTING_TEXT, NULL, true},
    {"post-quantum", "pq", "TUNNEL_POST_QUANTUM", NULL, SETTING_BOOL, NULL, true},
    {"management-diagnostics", NULL, "TUNNEL_MANAGEMENT_DIAGNOSTICS", NULL, SETTING_BOOL, "true",
     true},
    {"protocol", "p", "TUNNEL_TRANSPORT_PROTOCOL", NULL, SETTING_TEXT, "auto", true},
    {"overwrite-dns", "f", "TUNNEL_FORCE_PROVISIONING_DNS", NULL, SETTING_BOOL, NULL, false},
    {"proxy-dns", NULL, NULL, NULL, SETTING_BOOL, NULL, true},
    {"proxy-dns-port", NULL, NULL, NULL, SETTING_INT, NULL, true},
    {"proxy-dns-address", NULL, NULL, NULL, SETTING_TEXT, NULL, true},
    {"proxy-dns-upstream", NULL, NULL, NULL, SETTING_LIST, NULL, true},
    {"proxy-dns-max-upstream-conns", NULL, NULL, NULL, SETTING_INT, NULL, true},
    {"proxy-dns-bootstrap", NULL, NULL, NULL, SETTING_LIST, NULL, true},
    {"is-autoupdated", NULL, NULL, NULL, SETTING_BOOL, NULL, true},
    {"edge", NULL, "TUNNEL_EDGE", NULL, SETTING_LIST, NULL, true},
    {"cacert", NULL, "TUNNEL_CACERT", NULL, SETTING_TEXT, NULL, true},
    {"id", NULL, "TUNNEL_ID", NULL, SETTING_TEXT, NULL, true},
    {"api-key", NULL, "TUNNEL_API_KEY", NULL, SETTING_TEXT, NULL, true},
    {"api-email", NULL, "TUNNEL_API_EMAIL", NULL, SETTING_TEXT, NULL, true},
    {"api-ca-key", NULL, "TUNNEL_API_CA_KEY", NULL, SETTING_TEXT, NULL, true},
    {"api-url", NULL, "TUNNEL_API_URL", NULL, SETTING_TEXT, NULL, true},
    {"tag", NULL, "TUNNEL_TAG", NULL, SETTING_LIST, NULL, true},
    {"heartbeat-interval", NULL, NULL, NULL, SETTING_DURATION, "5s", true},
    {"heartbeat-count", NULL, NULL, NULL, SETTING_INT, "5", true},
    {"max-edge-addr-retries", NULL, NULL, NULL, SETTING_INT, "8", true},
    {"ha-connections", NULL, NULL, NULL, SETTING_INT, "4", true},
    {"rpc-timeout", NULL, NULL, NULL, SETTING_DURATION, "5s", true},
    {"write-stream-timeout", NULL, "TUNNEL_STREAM_WRITE_TIMEOUT", NULL, SETTING_DURATION, NULL,
     true},
    {"quic-disable-pmtu-discovery", NULL, "TUNNEL_DISABLE_QUIC_PMTU", NULL, SETTING_BOOL, NULL,
     true},
    {"quic-connection-level-flow-control-limit", NULL,
     "TUNNEL_QUIC_CONN_LEVEL_FLOW_CONTROL_LIMIT", NULL, SETTING_INT, "31457280", true},
    {"quic-stream-level-flow-control-limit", NULL, "TUNNEL_QUIC_STREAM_LEVEL_FLOW_CONTROL_LIMIT",
     NULL, SETTING_INT, "6291456", true},
    {"use-reconnect-token", NULL, "TUNNEL_USE_RECONNECT_TOKEN", NULL, SETTING_BOOL, "true", true},
    {"dial-edge-timeout", NULL, "DIAL_EDGE_TIMEOUT", NULL, SETTING_DURATION, "15s", true},
    {"stdin-control", NULL, "STDIN_CONTROL", NULL, SETTING_BOOL, NULL, true},
    {"ui", NULL, NULL, NULL, SETTING_BOOL, NULL, true},
    {"quick-service", NULL, NULL, NULL, SETTING_TEXT, "https://api.trycloudflare.com", true},
    {"max-fetch-size", NULL, "TUNNEL_MAX_FETCH_SIZE", NULL, SETTING_INT, NULL, true},
    {"management-hostname", NULL, "TUNNEL_MANAGEMENT_HOSTNAME", NULL, SETTING_TEXT,
     "management.argotunnel.com", true},
    {"service-op-ip", NULL, "TUNNEL_SERVICE_OP_IP", NULL, SETTING_TEXT, "198.41.200.113:80", true},
    {"ssh-server", NULL, "TUNNEL_SSH_SERVER", NULL, SETTING_BOOL, NULL, true},
    {"local-ssh-port", NULL, "LOCAL_SSH_PORT", NULL, SETTING_TEXT, "2222", true},
    {"ssh-idle-timeout", NULL, "SSH_IDLE_TIMEOUT", NULL, SETTING_DURATION, NULL, true},
    {"ssh-max-timeout", NULL, "SSH_MAX_TIMEOUT", NULL, SETTING_DURATION, NULL, true},
    {"bucket-name", NULL, "BUCKET_ID", NULL, SETTING_TEXT, NULL, true},
    {"region-name", NULL, "REGION_ID", NULL, SETTING_TEXT, NULL, true},
    {"secret-id", NULL, "SECRET_ID", NULL, SETTING_TEXT, NULL, true},
    {"access-key-id", NULL, "ACCESS_CLIENT_ID", NULL, SETTING_TEXT, NULL, true},
    {"session-token", NULL, "SESSION_TOKEN_ID", NULL, SETTING_TEXT, NULL, true},
    {"s3-url-host", NULL, "S3_URL", NULL, SETTING_TEXT, NULL, true},
    {"host-key-path", NULL, "HOST_KEY_PATH", NULL, SETTING_TEXT, NULL, true},
    {"url", NULL, "TUNNEL_URL", NULL, SETTING_TEXT, NULL, true},
    {"hello-world", NULL, "TUNNEL_HELLO_WORLD", NULL, SETTING_BOOL, NULL, true},
    {"bastion", NULL, "TUNNEL_BASTION", NULL, SETTING_BOOL, NULL, true},
    {"unix-socket", NULL, "TUNNEL_UNIX_SOCKET", NULL, SETTING_TEXT, NULL, true},
    {"socks5", NULL, "TUNNEL_SOCKS", NULL, SETTING_BOOL, NULL, true},
    {"proxy-connect-timeout", NULL, NULL, NULL, SETTING_DURATION, "30s", true},
    {"proxy-tls-timeout", NULL, NULL, NULL, SETTING_DURATION, "10s", true},
    {"proxy-tcp-keepalive", NULL, NULL, NULL, SETTING_DURATION, "30s", true},
    {"proxy-no-happy-eyeballs", NULL, NULL, NULL, SETTING_BOOL, NULL, true},
    {"proxy-keepalive-connections", NULL, NULL, NULL, SETTING_INT, "100", true},
    {"proxy-keepalive-timeout", NULL, NULL, NULL, SETTING_DURATION, "90s", true},
    {"proxy-connection-timeout", NULL, NULL, NULL, SETTING_DURATION, "90s", true},
    {"proxy-expect-continue-timeout", NULL, NULL, NULL, SETTING_DURATION, "90s", true},
    {"http-host-header", NULL, "TUNNEL_HTTP_HOST_HEADER", NULL, SETTING_TEXT, NULL, true},
    {"origin-server-name", NULL, "TUNNEL_ORIGIN_SERVER_NAME", NULL, SETTING_TEXT, NULL, true},
    {"origin-ca-pool", NULL, "TUNNEL_ORIGIN_CA_POOL", NULL, SETTING_TEXT, NULL, true},
    {"no-tls-verify", NULL, "NO_TLS_VERIFY", NULL, SETTING_BOOL, NULL, true},
    {"no-chunked-encoding", NULL, "TUNNEL_NO_CHUNKED_ENCODING", NULL, SETTING_BOOL, NULL, true},
    {"http2-origin", NULL, "TUNNEL_ORIGIN_ENABLE_HTTP2", NULL, SETTING_BOOL, NULL, true},
    {"proxy-address", NULL, "TUNNEL_PROXY_ADDRESS", NULL, SETTING_TEXT, "127.0.0.1", true},
    {"proxy-port", NULL, "TUNNEL_PROXY_PORT", NULL, SETTING_INT, NULL, true},
    {"credentials-contents", NULL, "TUNNEL_CRED_CONTENTS", NULL, SETTING_TEXT, NULL, true},
    {"token", NULL, "TUNNEL_TOKEN", NULL, SETTING_TEXT, NULL, true},
    {"token-file", NULL, "TUNNEL_TOKEN_FILE", NULL, SETTING_TEXT, NULL, true},
    {"features", "F", NULL, NULL, SETTING_LIST, NULL, true},
    {"icmpv4-src", NULL, "TUNNEL_ICMPV4_SRC", NULL, SETTING_TEXT, NULL, false},
    {"icmpv6-src", NULL, "TUNNEL_ICMPV6_SRC", NULL, SETTING_TEXT, NULL, false},
    {"max-active-flows", NULL, "TUNNEL_MAX_ACTIVE_FLOWS", NULL, SETTING_INT, NULL, false},
    {"dns-resolver-addrs", NULL, "TUNNEL_DNS_RESOLVER_ADDRS", NULL, SETTING_LIST, NULL, false},
    /* clang-format on */
};

static bool is_text(const char *a, const char *b)
{
    return a ? b && strcmp(a, b) == 0 : !b;
}

static bool has_default(const struct sources *sources, const struct row *row)
{
    int64_t number = 0;
    switch (row->kind) {
    case SETTING_TEXT:
        return is_text(row->fallback ? row->fallback : "", sources_text(sources, row->name));
    case SETTING_BOOL:
        return sources_bool(sources, row->name) == (row->fallback != NULL);
    case SETTING_INT:
        return sources_int(sources, row->name) ==
               (row->fallback ? strtoll(row->fallback, NULL, 10) : 0);
    case SETTING_DURATION:
        return (!row->fallback || duration_parse(span_of(row->fallback), &number)) &&
               sources_duration(sources, row->name) == number;
    case SETTING_LIST:
        return sources_list_count(sources, row->name) == 0;
    }
    return false;
}

TEST(each_setting_has_the_names_the_kind_and_the_default_that_users_know)
{
    struct sources *sources = sources_new(NULL, 0, NULL);
    REQUIRE(sources);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        const struct setting *setting = settings_find(span_of(row->name));
        CHECK_CASE(setting, "%s", row->name);
        if (!setting)
            continue;
        CHECK_CASE(!row->alias || settings_find(span_of(row->alias)) == setting, "%s: alias",
                   row->name);
        CHECK_CASE(is_text(row->variable, setting->variables[0]) &&
                       is_text(row->second_variable, setting->variables[1]),
                   "%s: variables", row->name);
        CHECK_CASE(setting->kind == row->kind, "%s: kind", row->name);
        CHECK_CASE(((setting->traits & SETTING_FILE) != 0) == row->in_file, "%s: file", row->name);
        CHECK_CASE(setting->kind != row->kind || has_default(sources, row), "%s: default",
                   row->name);
    }
    sources_free(sources);
}

/* ---- which source wins ---- */

enum { STEPS = 3 }; /* file, variable, flag */

/* Three values of each kind, and one more in a variable of the second name. */
static const char *const samples[][STEPS] = {
    [SETTING_BOOL] = {"true", "false", "1"},    [SETTING_TEXT] = {"\"one\"", "two", "three"},
    [SETTING_INT] = {"11", "12", "13"},         [SETTING_DURATION] = {"\"11s\"", "12s", "13s"},
    [SETTING_LIST] = {"[one]", "two", "three"},
};

struct variable {
    const char *name, *value;
};

static const char *find_variable(const char *name, void *arg)
{
    const struct variable *variable = arg;
    return variable->name && strcmp(name, variable->name) == 0 ? variable->value : NULL;
}

/* The value has come from the `step`th sample. */
static bool has_sample(const struct sources *sources, const struct row *row, int step)
{
    static const char *const words[STEPS] = {"one", "two", "three"};
    switch (row->kind) {
    case SETTING_TEXT:
        return is_text(words[step], sources_text(sources, row->name));
    case SETTING_BOOL:
        return sources_bool(sources, row->name) == (step != 1);
    case SETTING_INT:
        return sources_int(sources, row->name) == 11 + step;
    case SETTING_DURATION:
        return sources_duration(sources, row->name) == (11 + step) * INT64_C(1000000000);
    case SETTING_LIST:
        return sources_list_count(sources, row->name) == 1 &&
               is_text(words[step], sources_list_at(sources, row->name, 0));
    }
    return false;
}

/* With the sources of `steps` (a bit each), which one wins, told how? */
static void check_sources(const struct row *row, unsigned steps, int wins, const char *where)
{
    struct error err = {0};
    struct variable variable = {0};
    const struct environment environment = {find_variable, &variable, NULL};
    char file[256] = "{}";
    char described[160];
    struct sources *sources = sources_new(NULL, 0, &err);
    if (steps & 1)
        (void)snprintf(file, sizeof file, "tunnel: x\n%s: %s\n", row->name, samples[row->kind][0]);
    if (steps & 2)
        variable = (struct variable){row->variable, samples[row->kind][1]};
    struct yml *yml = yml_parse(span_of(file), "config.yml", &err);
    REQUIRE(sources && yml);
    if (steps & 4)
        CHECK(sources_set_flag(sources, settings_find(span_of(row->name)),
                               span_of(samples[row->kind][2]), &err));
    CHECK(sources_read_environment(sources, &environment, &err));
    CHECK_CASE(sources_read_file(sources, yml_root(yml), NULL, &err), "%s: %s", row->name,
               err.text);
    sources_describe(sources, row->name, described, sizeof described);
    CHECK_CASE(has_sample(sources, row, wins), "%s: not from %s", row->name, where);
    CHECK_CASE(is_text(where, described), "%s: from %s, not %s", row->name, described, where);
    yml_free(yml);
    sources_free(sources);
}

TEST(of_each_setting_a_flag_wins_over_a_variable_and_that_over_the_file)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *row = &rows[i];
        char flag[80];
        char place[80];
        (void)snprintf(flag, sizeof flag, "--%s", row->name);
        (void)snprintf(place, sizeof place, "config.yml:2:%zu", strlen(row->name) + 3);
        check_sources(row, 4, 2, flag);
        if (row->in_file) {
            check_sources(row, 1, 0, place);
            check_sources(row, 1 | 4, 2, flag);
        }
        if (row->variable) {
            check_sources(row, 2, 1, row->variable);
            check_sources(row, 1 | 2, 1, row->variable);
            check_sources(row, 1 | 2 | 4, 2, flag);
        }
    }
}

TEST(a_file_can_switch_off_and_set_to_nothing_what_is_on_by_default)
{
    struct error err = {0};
    struct sources *sources = sources_new(NULL, 0, NULL);
    struct yml *yml = yml_parse(SPAN("management-diagnostics: false\nretries: 0\n"
                                     "proxy-tls-timeout: 0s\nproxy-tcp-keepalive: -1s\n"
                                     "metrics: ''\nloglevel:\n"),
                                "config.yml", &err);
    REQUIRE(sources && yml);
    CHECK_CASE(sources_read_file(sources, yml_root(yml), NULL, &err), "%s", err.text);
    CHECK(!sources_bool(sources, "management-diagnostics"));
    CHECK(sources_int(sources, "retries") == 0);
    CHECK(sources_duration(sources, "proxy-tls-timeout") == 0);
    CHECK(sources_duration(sources, "proxy-tcp-keepalive") == -1000000000);
    /* No value is none. */
    CHECK(!sources_is_set(sources, "metrics"));
    CHECK_TEXT(sources_text(sources, "metrics"), "localhost:0");
    CHECK_TEXT(sources_text(sources, "loglevel"), "info");
    yml_free(yml);
    sources_free(sources);
}

static char *const *list_variables(void *arg)
{
    return arg;
}

struct suspects {
    char text[256];
};

static void suspect(void *arg, struct span name, const char *meant)
{
    struct suspects *suspects = arg;
    size_t len = strlen(suspects->text);
    (void)snprintf(suspects->text + len, sizeof suspects->text - len, "%.*s=%s ", SPAN_ARG(name),
                   meant);
}

TEST(variables_that_look_like_one_of_ours_are_suspected)
{
    static char one[] = "TUNNEL_TOKN=x";
    static char two[] = "TUNNEL_URL=x";
    static char three[] = "TUNNEL_PORT_7844_TCP=tcp://1.2.3.4";
    static char four[] = "NO_TLS_VERIFI=1";
    static char five[] = "TUNNEL_loglevel=debug";
    char *list[] = {one, two, three, four, five, NULL};
    struct variable none = {0};
    struct environment environment = {find_variable, list, list_variables};
    struct suspects suspects = {""};
    struct sources *sources = sources_new(NULL, 0, NULL);
    REQUIRE(sources);
    sources_suspect_variables(sources, &environment, suspect, &suspects);
    CHECK_TEXT(suspects.text, "TUNNEL_TOKN=TUNNEL_TOKEN TUNNEL_loglevel=TUNNEL_LOGLEVEL ");
    environment = (struct environment){find_variable, &none, NULL};
    sources_suspect_variables(sources, &environment, suspect, NULL);
    sources_free(sources);
}
