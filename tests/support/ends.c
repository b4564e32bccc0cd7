/* See the header. */
#include "support/ends.h"

#include "support/must.h"
#include "support/rules_text.h"

struct ip_address ends_at(const char *text)
{
    struct ip_address address;
    must_for(ip_parse_with_port(span_of(text), &address), text, NULL);
    return address;
}

/* ---- the store ---- */

void ends_store_route(struct ends_store *store, const char *hostname)
{
    struct error err = {0};
    const struct store_route_new what = {.hostname = span_of(hostname),
                                         .zone_id = span_of(store->stored.zone.id),
                                         .tunnel_id = stored_id(1),
                                         .now_ms = 1};
    must_for(store_routes_put(store->stored.db, &what, &err) == STORE_ROUTE_NEW, hostname, &err);
}

void ends_store_open(struct ends_store *store)
{
    struct error err = {0};
    struct buf secret = BUF_LIMIT(STORE_TUNNEL_SECRET_MAX);
    struct uuid id = stored_id(1);
    store->stored = stored_open();
    struct span account = span_of(store->stored.account.id);
    must_for(stored_tunnel(&store->stored, 1, "web", 1) == STORE_OK, "tunnel", NULL);
    ends_store_route(store, "app.example.com");
    must_for(store_tunnels_secret(store->stored.db, account, &id, &secret, &err) == STORE_OK,
             "secret", &err);
    store->credentials = credentials_new(account, &id, buf_span(&secret));
    must_for(store->credentials != NULL, "credentials", NULL);
    buf_wipe(&secret);
}

void ends_store_close(struct ends_store *store)
{
    credentials_free(store->credentials);
    stored_close(&store->stored);
}

/* ---- options ---- */

struct edge_options ends_edge_options(const struct ends_store *store, const struct log *log)
{
    return (struct edge_options){.state_dir = store->stored.place.directory,
                                 .dev = true,
                                 .hostname = "edge.localhost",
                                 .zones = {"example.com"},
                                 .tunnel = ends_at("127.0.0.1:7844"),
                                 .http = ends_at("127.0.0.1:8080"),
                                 .https = ends_at("127.0.0.1:8443"),
                                 .metrics = ends_at("127.0.0.1:2001"),
                                 .log = log};
}

struct connector_options ends_connector_options(const struct credentials *credentials,
                                                struct snapshot *snapshot, const struct log *log)
{
    struct error err = {0};
    struct connector_options options = {
        .credentials = credentials,
        .snapshot = snapshot,
        .region = "",
        .connections = 4,
        .grace_ms = 30 * 1000,
        .rpc_timeout_ms = 5000,
        .version = "2026.8.2",
        .metrics = ends_at("127.0.0.1:20241"),
        .log = log,
    };
    must_for(edge_addresses_add(&options.static_edge, SPAN("127.0.0.1:7844"), &err), "edge", &err);
    return options;
}

/* ---- rules ---- */

struct snapshot *ends_rules(const char *yaml)
{
    struct error err = {0};
    struct snapshot *snapshot = snapshot_of_text(yaml, &err);
    must_for(snapshot != NULL, "rules", &err);
    return snapshot;
}

struct snapshot *ends_rules_single(const char *service, const char *host)
{
    struct error err = {0};
    struct service parsed;
    struct origin_request origin;
    struct warp_routing warp = warp_routing_default();
    origin_request_init(&origin);
    must_for(
        service_parse(span_of(service), 0, &parsed, &err) &&
            origin_request_set_defaults(&origin, &err) &&
            (!host[0] || origin_request_set_text(&origin, "httpHostHeader", span_of(host), &err)),
        service, &err);
    struct rules *rules = rules_new_single(&parsed, &origin, &err);
    must_for(rules != NULL, "rules", &err);
    struct snapshot *snapshot = snapshot_new(rules, &warp, SNAPSHOT_LOCAL, &err);
    must_for(snapshot != NULL, "snapshot", &err);
    return snapshot;
}

/* ---- waiting for the store ---- */

static void run_nothing(struct job *job)
{
    (void)job;
}

static void errand_done(struct job *job, bool cancelled)
{
    (void)cancelled;
    CONTAINER_OF(job, struct ends_errand, job)->done = true;
}

void ends_errand_post(struct ends_errand *errand, struct jobs *store_jobs)
{
    *errand = (struct ends_errand){.job = {.run = run_nothing, .done = errand_done}};
    must_for(jobs_post(store_jobs, &errand->job), "errand", NULL);
}
