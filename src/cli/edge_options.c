/* Defaults first (those of --dev, or those of a public machine), then the file, then the flags:
 * each step overwrites. Unlike in a connector's file, a key that nobody reads is an error. */
#include "edge_options.h"

#include "culvert/base/file.h"
#include "culvert/base/hostname.h"
#include "culvert/config/search.h"
#include "culvert/edge/edge_worker.h"

#include "edge_yml.h"

enum { EDGE_FILE_MAX = 1024 * 1024 };

/* Keeps a copy as long as the settings live. NULL: out of memory. */
static const char *keep(struct edge_settings *s, struct span text, struct error *err)
{
    char **texts = realloc(s->texts, (s->text_count + 1) * sizeof *texts);
    if (texts)
        s->texts = texts;
    char *copy = texts ? span_dup(text) : NULL;
    if (!copy) {
        error_memory(err);
        return NULL;
    }
    s->texts[s->text_count++] = copy;
    return copy;
}

void edge_settings_release(struct edge_settings *s)
{
    for (size_t i = 0; i < s->text_count; i++)
        free(s->texts[i]);
    free(s->texts);
    *s = (struct edge_settings){0};
}

/* ---- single values ---- */

/* ":7844" listens on every address of the machine, IPv6 and IPv4. */
static bool set_address(struct ip_address *address, struct span text, struct error *err)
{
    struct span host;
    uint16_t port = 0;
    bool has_port = span_find(text, ':') < text.len;
    if (!has_port || !ip_split_host_port(text, &host, &port))
        return error_set(err, ERROR_INVALID, 0,
                         "\"%.*s\" is no address with a port, as in "
                         "127.0.0.1:8080 or :8080",
                         SPAN_ARG(span_first(text, 60)));
    if (host.len == 0)
        host = SPAN("::");
    else if (span_equal(host, SPAN("localhost")))
        host = SPAN("127.0.0.1");
    return ip_parse(host, port, address) ||
           error_set(err, ERROR_INVALID, 0, "\"%.*s\" is no IP address",
                     SPAN_ARG(span_first(host, 60)));
}

/* A host name in the form in which it is compared. */
static const char *keep_name(struct edge_settings *s, struct span text, struct error *err)
{
    struct buf name = BUF_LIMIT(HOSTNAME_MAX + 1);
    const char *kept = NULL;
    bool is_name = hostname_read(text, &name, err);
    if (is_name && span_starts(buf_span(&name), SPAN("*")))
        is_name = error_set(err, ERROR_INVALID, 0, "no star may stand here");
    if (is_name)
        kept = keep(s, buf_span(&name), err);
    else
        error_wrap(err, "\"%.*s\"", SPAN_ARG(span_first(text, 60)));
    buf_release(&name);
    return kept;
}

static bool set_hostname(struct edge_settings *s, struct span text, struct error *err)
{
    s->options.hostname = keep_name(s, text, err);
    return s->options.hostname != NULL;
}

static bool add_zone(struct edge_settings *s, struct span text, struct error *err)
{
    size_t count = 0;
    while (count < EDGE_ZONES_MAX && s->options.zones[count])
        count++;
    if (count + 1 >= EDGE_ZONES_MAX)
        return error_set(err, ERROR_LIMIT, 0, "more than %d zones", EDGE_ZONES_MAX - 1);
    s->options.zones[count] = keep_name(s, text, err);
    return s->options.zones[count] != NULL;
}

static bool add_advertised(struct edge_settings *s, struct span text, struct error *err)
{
    struct span host;
    uint16_t port = 0;
    size_t count = 0;
    while (count < EDGE_ADVERTISE_MAX && s->options.advertise[count])
        count++;
    if (count + 1 >= EDGE_ADVERTISE_MAX)
        return error_set(err, ERROR_LIMIT, 0, "more than %d addresses", EDGE_ADVERTISE_MAX - 1);
    if (!ip_split_host_port(text, &host, &port) || host.len == 0)
        return error_set(err, ERROR_INVALID, 0, "\"%.*s\" is no host:port",
                         SPAN_ARG(span_first(text, 60)));
    s->options.advertise[count] = keep(s, text, err);
    return s->options.advertise[count] != NULL;
}

static bool add_certificate(struct edge_settings *s, struct span cert, struct span key,
                            struct error *err)
{
    if (s->options.certificate_count == EDGE_CERTIFICATES_MAX)
        return error_set(err, ERROR_LIMIT, 0, "more than %d certificates", EDGE_CERTIFICATES_MAX);
    struct certificate_files *files = &s->files[s->options.certificate_count];
    files->certificate = keep(s, cert, err);
    files->key = files->certificate ? keep(s, key, err) : NULL;
    s->options.certificate_count += files->key != NULL;
    return files->key != NULL;
}

/* ---- edge.yml ---- */

static bool read_hostname(struct edge_settings *s, const struct yml_node *node, struct error *err)
{
    return edge_yml_want(node, YML_TEXT, err) &&
           (set_hostname(s, yml_text(node), err) || edge_yml_fail(node, err));
}

/* Each element of a list of texts. */
static bool read_list(struct edge_settings *s, const struct yml_node *list,
                      bool (*add)(struct edge_settings *s, struct span text, struct error *err),
                      struct error *err)
{
    if (!edge_yml_want(list, YML_LIST, err))
        return false;
    for (size_t i = 0; i < yml_count(list); i++) {
        const struct yml_node *node = yml_at(list, i);
        if (!edge_yml_want(node, YML_TEXT, err))
            return false;
        if (!add(s, yml_text(node), err))
            return edge_yml_fail(node, err);
    }
    return true;
}

static bool read_zones(struct edge_settings *s, const struct yml_node *node, struct error *err)
{
    memset(s->options.zones, 0, sizeof s->options.zones);
    return read_list(s, node, add_zone, err);
}

static bool read_advertise(struct edge_settings *s, const struct yml_node *node, struct error *err)
{
    return read_list(s, node, add_advertised, err);
}

static const char *const listener_names[] = {"tunnel", "http", "https", "metrics"};

static struct ip_address *listener(struct edge_settings *s, struct span name)
{
    struct edge_options *o = &s->options;
    struct ip_address *const addresses[] = {&o->tunnel, &o->http, &o->https, &o->metrics};
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++)
        if (span_equal(name, span_of(listener_names[i])))
            return addresses[i];
    return NULL;
}

static bool read_listen(struct edge_settings *s, const struct yml_node *map, struct error *err)
{
    if (!edge_yml_want(map, YML_MAP, err))
        return false;
    for (size_t i = 0; i < yml_count(map); i++) {
        const struct yml_node *node = yml_at(map, i);
        struct ip_address *address = listener(s, yml_text(yml_key(map, i)));
        if (!address)
            return edge_yml_refuse_key(yml_key(map, i), err);
        if (!edge_yml_want(node, YML_TEXT, err))
            return false;
        if (!set_address(address, yml_text(node), err))
            return edge_yml_fail(node, err);
    }
    return true;
}

static bool read_certificates(struct edge_settings *s, const struct yml_node *list,
                              struct error *err)
{
    if (!edge_yml_want(list, YML_LIST, err))
        return false;
    for (size_t i = 0; i < yml_count(list); i++) {
        const struct yml_node *map = yml_at(list, i);
        const struct yml_node *cert = yml_get(map, "cert");
        const struct yml_node *key = yml_get(map, "key");
        if (!cert || !key || yml_count(map) != 2) {
            error_set(err, ERROR_INVALID, 0, "{cert: PATH, key: PATH} is wanted here");
            return edge_yml_fail(map, err);
        }
        if (!edge_yml_want(cert, YML_TEXT, err) || !edge_yml_want(key, YML_TEXT, err) ||
            !add_certificate(s, yml_text(cert), yml_text(key), err))
            return false;
    }
    return true;
}

static bool set_workers(struct edge_settings *s, uint64_t number, struct error *err)
{
    s->options.workers = (size_t)number;
    return (number >= 1 && number <= EDGE_WORKERS_MAX) ||
           error_set(err, ERROR_INVALID, 0, "must be from 1 to %d", EDGE_WORKERS_MAX);
}

static bool read_workers(struct edge_settings *s, const struct yml_node *node, struct error *err)
{
    uint64_t number = 0;
    return edge_yml_want(node, YML_INT, err) &&
           (set_workers(s, yml_to_uint(node, &number) ? number : 0, err) ||
            edge_yml_fail(node, err));
}

static bool read_limits(struct edge_settings *s, const struct yml_node *map, struct error *err)
{
    return edge_yml_read_limits(&s->options.limits, map, err);
}

static const struct {
    const char *key;
    bool (*read)(struct edge_settings *s, const struct yml_node *node, struct error *err);
} file_keys[] = {
    {"hostname", read_hostname},
    {"zones", read_zones},
    {"listen", read_listen},
    {"advertise", read_advertise},
    {"certificates", read_certificates},
    {"limits", read_limits},
    {"workers", read_workers},
};

static bool read_root(struct edge_settings *s, const struct yml_node *root, struct error *err)
{
    if (!edge_yml_want(root, YML_MAP, err))
        return false;
    for (size_t i = 0; i < yml_count(root); i++) {
        const struct yml_node *key = yml_key(root, i);
        size_t k = 0;
        while (k < ARRAY_LEN(file_keys) && !span_equal(yml_text(key), span_of(file_keys[k].key)))
            k++;
        if (k == ARRAY_LEN(file_keys))
            return edge_yml_refuse_key(key, err);
        if (yml_kind(yml_at(root, i)) != YML_NULL && !file_keys[k].read(s, yml_at(root, i), err))
            return false;
    }
    return true;
}

static bool read_file(struct edge_settings *s, const char *path, struct error *err)
{
    struct buf text = BUF_LIMIT(EDGE_FILE_MAX);
    struct yml *file = NULL;
    if (file_read(path, &text, err))
        file = yml_parse(buf_span(&text), path, err);
    bool ok = file && (!yml_root(file) || read_root(s, yml_root(file), err));
    yml_free(file);
    buf_release(&text);
    return ok;
}

/* ---- flags ---- */

static bool apply_addresses(struct cli_call *call, struct edge_settings *s, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(listener_names); i++) {
        const char *name = listener_names[i];
        const char *text = sources_text(call->sources, name);
        if (sources_where(call->sources, name) == SOURCE_FLAG &&
            !set_address(listener(s, span_of(name)), span_of(text), err))
            return error_wrap(err, "--%s", name);
    }
    return true;
}

static bool apply_list(struct cli_call *call, struct edge_settings *s, const char *name,
                       bool (*add)(struct edge_settings *s, struct span text, struct error *err),
                       struct error *err)
{
    for (size_t i = 0; i < sources_list_count(call->sources, name); i++)
        if (!add(s, span_of(sources_list_at(call->sources, name, i)), err))
            return error_wrap(err, "--%s", name);
    return true;
}

/* CERT,KEY */
static bool add_certificate_pair(struct edge_settings *s, struct span text, struct error *err)
{
    size_t comma = span_find(text, ',');
    if (comma == 0 || comma + 1 >= text.len)
        return error_set(err, ERROR_INVALID, 0, "two paths are wanted: CERT,KEY");
    return add_certificate(s, span_first(text, comma), span_skip(text, comma + 1), err);
}

static bool apply_flags(struct cli_call *call, struct edge_settings *s, struct error *err)
{
    const char *hostname = sources_text(call->sources, "hostname");
    if (sources_where(call->sources, "hostname") == SOURCE_FLAG &&
        !set_hostname(s, span_of(hostname), err))
        return error_wrap(err, "--hostname");
    if (sources_list_count(call->sources, "zone") > 0)
        memset(s->options.zones, 0, sizeof s->options.zones);
    if (sources_list_count(call->sources, "advertise") > 0)
        memset(s->options.advertise, 0, sizeof s->options.advertise);
    int64_t workers = sources_int(call->sources, "workers");
    if (sources_where(call->sources, "workers") == SOURCE_FLAG &&
        !set_workers(s, workers > 0 ? (uint64_t)workers : 0, err))
        return error_wrap(err, "--workers");
    return apply_addresses(call, s, err) && apply_list(call, s, "zone", add_zone, err) &&
           apply_list(call, s, "advertise", add_advertised, err) &&
           apply_list(call, s, "certificate", add_certificate_pair, err);
}

/* ---- the whole ---- */

static bool set_defaults(struct edge_settings *s, struct error *err)
{
    static const struct {
        struct span dev, open;
    } defaults[] = {
        {SPAN_INIT("127.0.0.1:7844"), SPAN_INIT(":7844")},
        {SPAN_INIT("127.0.0.1:8080"), SPAN_INIT(":80")},
        {SPAN_INIT("127.0.0.1:8443"), SPAN_INIT(":443")},
        {SPAN_INIT("127.0.0.1:2001"), SPAN_INIT("127.0.0.1:2001")},
    };
    bool dev = s->options.dev;
    s->options.workers = worker_cpus();
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
        if (!set_address(listener(s, span_of(listener_names[i])),
                         dev ? defaults[i].dev : defaults[i].open, err))
            return false;
    return !dev ||
           (set_hostname(s, SPAN("edge.localhost"), err) && add_zone(s, SPAN("localhost"), err));
}

/* An edge of one's own desk is nobody else's to reach. */
static bool check_loopback(struct edge_settings *s, struct error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(listener_names); i++) {
        char text[IP_TEXT_SIZE];
        const struct ip_address *address = listener(s, span_of(listener_names[i]));
        ip_format(address, text);
        if (!ip_is_loopback(address))
            return error_set(err, ERROR_INVALID, 0,
                             "--dev listens on loopback only, not on %s for %s", text,
                             listener_names[i]);
    }
    return true;
}

static bool check(struct edge_settings *s, struct error *err)
{
    if (s->options.dev && !check_loopback(s, err))
        return false;
    if (!s->options.hostname)
        return error_set(
            err, ERROR_INVALID, 0,
            "the edge has no name: give --hostname, \"hostname:\" in the file, or --dev");
    if (!s->options.zones[0])
        return error_set(err, ERROR_INVALID, 0,
                         "the edge has no zone: give --zone, \"zones:\" in the file, or --dev");
    return true;
}

bool edge_settings_fill(struct cli_call *call, struct edge_settings *s, struct error *err)
{
    struct buf state = BUF_LIMIT(SEARCH_PATH_MAX);
    const char *path = sources_text(call->sources, "config");
    s->options.dev = sources_bool(call->sources, "dev");
    s->options.certificates = s->files;
    s->options.notify_socket = environment_get(call->world->environment, "NOTIFY_SOCKET");
    bool ok = edge_state_directory(call, &state, err);
    if (ok)
        s->options.state_dir = keep(s, buf_span(&state), err);
    buf_release(&state);
    return ok && s->options.state_dir && set_defaults(s, err) &&
           (!path[0] || read_file(s, path, err)) && apply_flags(call, s, err) && check(s, err);
}

bool edge_state_directory(struct cli_call *call, struct buf *path, struct error *err)
{
    const struct environment *environment = call->world->environment;
    const char *given = sources_text(call->sources, "state-dir");
    const char *managed = environment_get(environment, "STATE_DIRECTORY");
    const char *state = environment_get(environment, "XDG_STATE_HOME");
    const char *home = environment_get(environment, "HOME");
    bool ok = false;
    buf_clear(path);
    if (given[0])
        ok = search_expand_home(home, span_of(given), path);
    else if (managed)
        ok = buf_put_span(path, span_of(managed));
    else if (state)
        ok = buf_printf(path, "%s/culvert-edge", state);
    else if (home)
        ok = buf_printf(path, "%s/.local/state/culvert-edge", home);
    return ok || error_set(err, ERROR_INVALID, 0,
                           "there is no home for the state: name a directory with --state-dir");
}
