/* Authority and certificates are used by the thread that made them. */
#include "edge_tls.h"

#include "culvert/edge/edge.h"

struct edge_tls {
    const struct edge_worker *worker;
    struct authority *authority;
    struct certificates *certificates;
    const char *own_names[4]; /* of the edge, for its certificate */
    struct tls_context *tunnel, *visitors;
};

static bool is_allowed(void *arg, struct span name)
{
    const struct edge_tls *tls = arg;
    return hostnames_find(tls->worker->hostnames, name) != NULL;
}

static bool make_certificates(struct edge_tls *tls, struct error *err)
{
    const struct edge_options *options = tls->worker->team->options;
    const char *const own[] = {options->hostname, "localhost", "127.0.0.1", "::1"};
    memcpy(tls->own_names, own, sizeof own);
    const struct certificates_options certificates = {
        .authority = tls->authority,
        .own_names = tls->own_names,
        .own_name_count = options->dev ? ARRAY_LEN(own) : 1,
        .is_allowed = is_allowed,
        .arg = tls,
        .clock = clock_system(),
        .log = options->log,
        .files_are_judged = tls->worker->number > 0,
    };
    tls->certificates = certificates_new(&certificates, err);
    return tls->certificates && certificates_load(tls->certificates, options->certificates,
                                                  options->certificate_count, err);
}

static bool fill(struct edge_tls *tls, struct error *err)
{
    const struct edge_options *options = tls->worker->team->options;
    tls->authority = authority_open(options->state_dir, options->hostname, clock_system(), err);
    if (!tls->authority || !make_certificates(tls, err))
        return false;
    const struct tls_server_options tunnel = {.choose = authority_choose, .arg = tls->authority};
    const struct tls_server_options visitors = {
        .choose = certificates_choose, .arg = tls->certificates, .http2_alpn = true};
    tls->tunnel = tls_server_new(&tunnel, err);
    tls->visitors = tls->tunnel ? tls_server_new(&visitors, err) : NULL;
    return tls->visitors != NULL;
}

struct edge_tls *edge_tls_new(const struct edge_worker *worker, struct error *err)
{
    struct edge_tls *tls = calloc(1, sizeof *tls);
    if (!tls) {
        (void)error_memory(err);
        return NULL;
    }
    tls->worker = worker;
    if (fill(tls, err))
        return tls;
    edge_tls_free(tls);
    return NULL;
}

void edge_tls_free(struct edge_tls *tls)
{
    if (!tls)
        return;
    tls_context_unref(tls->visitors);
    tls_context_unref(tls->tunnel);
    certificates_free(tls->certificates);
    authority_free(tls->authority);
    free(tls);
}

struct tls_context *edge_tls_tunnel(const struct edge_tls *tls)
{
    return tls->tunnel;
}

struct tls_context *edge_tls_public(const struct edge_tls *tls)
{
    return tls->visitors;
}
