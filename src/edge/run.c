/* An edge as a process: its loop, store, authority, TLS and signals. */
#include "culvert/edge/edge.h"

#include "culvert/base/file.h"
#include "culvert/base/hostname.h"
#include "culvert/edge/authority.h"
#include "culvert/edge/run_file.h"
#include "culvert/service/notify.h"
#include "culvert/store/accounts.h"

#include <signal.h>
#include <unistd.h>

struct run {
    const struct edge_options *options;
    struct loop *loop;
    struct jobs *jobs;
    struct database *db;
    int lock; /* on the state directory; -1: none */
    struct authority *authority;
    struct edge_contact contact;
    struct edge *edge;
    bool stopping;
    uint64_t stopped_ms; /* when the first signal came */
};

enum {
    HTTPS_PORT = 443, /* goes without saying in a URL */
};

static void over(void *arg)
{
    struct run *run = arg;
    loop_stop(run->loop);
}

static void on_signal(void *arg, int number)
{
    struct run *run = arg;
    if (run->stopping) {
        log_warn(run->options->log, "Ending at once: the second signal");
        run_file_remove(run->options->state_dir);
        process_end_by_signal(number);
        return;
    }
    run->stopping = true;
    run->stopped_ms = loop_now_ms(run->loop);
    log_info(run->options->log, "Stopping: requests in hand are finished first");
    notify_send(run->options->notify_socket, "STOPPING=1");
    edge_stop(run->edge);
}

/* One edge a state directory: two would answer with different truths. */
static bool open_state(struct run *run, struct error *err)
{
    char path[4096];
    const char *dir = run->options->state_dir;
    if (!file_make_directory(dir, 0700, err))
        return false;
    (void)snprintf(path, sizeof path, "%s/lock", dir);
    run->lock = file_lock(path, err);
    if (run->lock == -1)
        return error_wrap(err, "another edge uses %s", dir);
    run->db = database_open(dir, err);
    return run->db != NULL;
}

static bool store_zones(struct run *run, struct error *err)
{
    struct store_account account;
    struct store_zone zone;
    int64_t now = loop_unix_ms(run->loop);
    if (store_accounts_first(run->db, now, &account, err) != STORE_OK)
        return false;
    for (size_t i = 0; i < EDGE_ZONES_MAX && run->options->zones[i]; i++) {
        const struct store_zone_new what = {
            .account_id = account.id, .name = span_of(run->options->zones[i]), .now_ms = now};
        if (store_zones_put(run->db, &what, &zone, err) != STORE_OK)
            return error_wrap(err, "zone %s", run->options->zones[i]);
    }
    return true;
}

static bool set_text(char **to, const char *text, struct error *err)
{
    *to = span_dup(span_of(text));
    return *to ? true : error_memory(err);
}

/* The API as commands reach it: in the clear and by number on one's own desk, else by https and
 * name. The ports are those that the system gave. */
static bool set_api(struct run *run, const struct edge_listening *at, struct error *err)
{
    char text[HOSTNAME_MAX + IP_TEXT_SIZE + 32];
    char where[IP_TEXT_SIZE];
    uint16_t port = ip_port(&at->https);
    ip_format(&at->http, where);
    if (run->options->dev)
        (void)snprintf(text, sizeof text, "http://%s/client/v4", where);
    else if (port == HTTPS_PORT)
        (void)snprintf(text, sizeof text, "https://%s/client/v4", run->options->hostname);
    else
        (void)snprintf(text, sizeof text, "https://%s:%u/client/v4", run->options->hostname, port);
    return set_text(&run->contact.api, text, err);
}

/* What credentials and tokens of this edge carry. */
static bool fill_contact(struct run *run, const struct edge_listening *at, struct error *err)
{
    const struct edge_options *options = run->options;
    struct edge_contact *contact = &run->contact;
    char where[IP_TEXT_SIZE];
    struct span ca = authority_ca_pem(run->authority);
    contact->ca = span_dup(ca);
    if (!contact->ca)
        return error_memory(err);
    if (!set_api(run, at, err))
        return false;
    for (size_t i = 0; i < EDGE_ADVERTISE_MAX && options->advertise[i]; i++)
        if (!set_text(&contact->edges[contact->edge_count++], options->advertise[i], err))
            return false;
    ip_format(&at->tunnel, where);
    return contact->edge_count > 0 || set_text(&contact->edges[contact->edge_count++], where, err);
}

static bool begin(struct run *run, struct error *err)
{
    const struct edge_options *options = run->options;
    const struct loop_options loop = {.log = options->log};
    run->loop = loop_new(&loop, err);
    if (!run->loop)
        return false;
    run->jobs = jobs_new(run->loop, 1, err);
    if (!run->jobs || !open_state(run, err) || !store_zones(run, err))
        return false;
    /* Made here on the first start; each worker opens it for itself. */
    run->authority = authority_open(options->state_dir, options->hostname, clock_system(), err);
    if (!run->authority)
        return false;
    const struct edge_world world = {
        .loop = run->loop,
        .store_jobs = run->jobs,
        .db = run->db,
        .tls = true,
        .contact = &run->contact,
        .threads = &loop,
    };
    struct edge_listening at;
    run->edge = edge_new(&world, options, over, run, err);
    if (!run->edge)
        return false;
    edge_listens(run->edge, &at);
    return fill_contact(run, &at, err) &&
           run_file_write(options->state_dir, &at, &run->contact, err) &&
           loop_on_signal(run->loop, SIGTERM, on_signal, run, err) &&
           loop_on_signal(run->loop, SIGINT, on_signal, run, err);
}

static void announce(struct run *run)
{
    struct edge_listening at;
    char tunnel[IP_TEXT_SIZE];
    char http[IP_TEXT_SIZE];
    char https[IP_TEXT_SIZE];
    char metrics[IP_TEXT_SIZE];
    edge_listens(run->edge, &at);
    ip_format(&at.tunnel, tunnel);
    ip_format(&at.http, http);
    ip_format(&at.https, https);
    ip_format(&at.metrics, metrics);
    log_info(run->options->log, "The edge is ready", LOG_TEXT("tunnel", tunnel),
             LOG_TEXT("http", http), LOG_TEXT("https", https), LOG_TEXT("metrics", metrics),
             LOG_TEXT("state", run->options->state_dir));
    notify_send(run->options->notify_socket, "READY=1");
}

/* Visitors read their last bytes as slowly as they like, within the grace. */
static void let_last_bytes_leave(struct run *run)
{
    uint64_t used_ms = loop_now_ms(run->loop) - run->stopped_ms;
    uint64_t rest_ms = used_ms < EDGE_GRACE_MS ? EDGE_GRACE_MS - used_ms : 0;
    loop_linger(run->loop, rest_ms > EDGE_LAST_BYTES_MS ? rest_ms : EDGE_LAST_BYTES_MS);
}

static void end(struct run *run)
{
    if (run->edge)
        run_file_remove(run->options->state_dir);
    edge_free(run->edge);
    if (run->stopping)
        let_last_bytes_leave(run);
    jobs_free(run->jobs);
    loop_free(run->loop);
    authority_free(run->authority);
    database_close(run->db);
    edge_contact_release(&run->contact);
    if (run->lock != -1)
        (void)close(run->lock);
}

bool edge_run(const struct edge_options *options, struct error *err)
{
    struct run run = {.options = options, .lock = -1};
    bool ok = begin(&run, err);
    if (ok) {
        announce(&run);
        loop_run(run.loop);
        log_info(options->log, "The edge stopped");
    }
    end(&run);
    return ok;
}
