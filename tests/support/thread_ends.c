/* See the header. */
#include "support/thread_ends.h"

#include "support/log_print.h"
#include "support/must.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { TURN_MS = 20, ANSWER_MAX = 64 * 1024, VISITOR_LIMIT_S = 20 };

/* ---- opening ---- */

static void make_tls(struct thread_ends *ends)
{
    struct error err = {0};
    const char *place = ends->store.stored.place.directory;
    ends->authority = authority_open(place, "edge.localhost", clock_system(), &err);
    must_for(ends->authority != NULL, "authority", &err);
    const struct tls_client_options client = {.ca_pem = authority_ca_pem(ends->authority)};
    ends->tls = tls_client_new(&client, &err);
    must_for(ends->tls != NULL, "TLS of the connector", &err);
}

void thread_ends_open(struct thread_ends *ends)
{
    struct error err = {0};
    memset(ends, 0, sizeof *ends);
    ends_store_open(&ends->store);
    make_tls(ends);
    ends->log = (struct log){.clock = clock_system()};
    log_print_if_asked(&ends->log);
    ends->threads = (struct loop_options){.log = &ends->log};
    ends->loop = loop_new(&ends->threads, &err);
    must_for(ends->loop != NULL, "loop", &err);
    ends->store_jobs = jobs_new(ends->loop, 1, &err);
    ends->jobs = jobs_new(ends->loop, 1, &err);
    must_for(ends->store_jobs && ends->jobs, "jobs", &err);
    ends->resolver = resolver_new(ends->loop, ends->jobs);
    must_for(ends->resolver != NULL, "resolver", NULL);
    const struct ip_address any = ends_at("127.0.0.1:0");
    ends->edge_options = ends_edge_options(&ends->store, &ends->log);
    ends->edge_options.workers = 2;
    ends->edge_options.tunnel = any;
    ends->edge_options.http = any;
    ends->edge_options.https = any;
    ends->edge_options.metrics = any;
    ends->options = ends_connector_options(ends->store.credentials, NULL, &ends->log);
    ends->options.workers = 4;
    ends->options.static_edge.count = 0;
    ends->options.metrics = any;
}

static void edge_over(void *arg)
{
    (void)arg;
}

static void connector_over(void *arg, const struct error *why)
{
    struct thread_ends *ends = arg;
    must_for(why == NULL, "the connector ended", why);
    ends->over = true;
}

static struct snapshot *rules_of(const struct thread_ends *ends, const char *service)
{
    char own[IP_TEXT_SIZE + 16];
    char at[IP_TEXT_SIZE];
    if (ends->yaml)
        return ends_rules(ends->yaml);
    ip_format(&ends->at.metrics, at);
    (void)snprintf(own, sizeof own, "http://%s", at);
    /* That server is asked by address or as localhost. */
    return ends_rules_single(service[0] ? service : own, "localhost");
}

void thread_ends_start(struct thread_ends *ends, const char *service)
{
    struct error err = {0};
    char text[IP_TEXT_SIZE];
    const struct edge_world edge = {.loop = ends->loop,
                                    .store_jobs = ends->store_jobs,
                                    .db = ends->store.stored.db,
                                    .tls = true,
                                    .contact = &ends->contact,
                                    .threads = &ends->threads};
    ends->edge = edge_new(&edge, &ends->edge_options, edge_over, ends, &err);
    must_for(ends->edge != NULL, "edge", &err);
    edge_listens(ends->edge, &ends->at);
    ends->snapshot = rules_of(ends, service);
    ends->options.snapshot = ends->snapshot;
    ip_format(&ends->at.tunnel, text);
    must_for(edge_addresses_add(&ends->options.static_edge, span_of(text), &err), "address", &err);
    const struct connector_world world = {
        .loop = ends->loop, .clock = clock_system(), .resolver = ends->resolver, .tls = ends->tls};
    ends->connector = connector_new(&world, &ends->options, connector_over, ends, &err);
    must_for(ends->connector != NULL, "connector", &err);
}

void thread_ends_reload(struct thread_ends *ends, const char *service)
{
    struct error err = {0};
    struct snapshot *snapshot = rules_of(ends, service);
    struct blueprint *blueprint = blueprint_new(snapshot, &err);
    must_for(blueprint && connector_reload(ends->connector, blueprint, &err), "reload", &err);
    blueprint_unref(blueprint);
    snapshot_unref(snapshot);
}

/* ---- running ---- */

void thread_ends_until(struct thread_ends *ends, bool (*holds)(void *arg), void *arg)
{
    while (!holds(arg))
        (void)loop_turn(ends->loop, TURN_MS);
}

struct wanted {
    struct thread_ends *ends;
    size_t count;
};

static bool is_registered(void *arg)
{
    struct wanted *wanted = arg;
    return edge_connections(wanted->ends->edge) == wanted->count;
}

void thread_ends_registered(struct thread_ends *ends, size_t count)
{
    struct wanted wanted = {ends, count};
    thread_ends_until(ends, is_registered, &wanted);
}

/* Is it the edge's end of a connector's connection? */
static bool is_tunnel(const struct thread_ends *ends, int fd)
{
    struct ip_address local, peer;
    sockets_local_address(fd, &local);
    sockets_peer_address(fd, &peer);
    return local.len > 0 && peer.len > 0 && ip_port(&local) == ip_port(&ends->at.tunnel);
}

size_t thread_ends_break(struct thread_ends *ends, size_t count)
{
    size_t broken = 0;
    DIR *all = opendir("/proc/self/fd");
    must_for(all != NULL, "/proc/self/fd", NULL);
    for (struct dirent *entry = readdir(all); entry && broken < count; entry = readdir(all)) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] != '.' && is_tunnel(ends, fd) && shutdown(fd, SHUT_RDWR) == 0)
            broken++;
    }
    (void)closedir(all);
    return broken;
}

/* ---- visitors ---- */

static int visitor_dial(const struct thread_visitor *visitor)
{
    const struct timeval limit = {.tv_sec = VISITOR_LIMIT_S};
    int fd = socket(visitor->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must_for(fd != -1, "socket", NULL);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, &visitor->at.any, visitor->at.len) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* How long the answer is that begins in `got`; 0: its head is not whole, or it has no length. */
static size_t answer_len(const char *got)
{
    const char *end = strstr(got, "\r\n\r\n");
    const char *length = strcasestr(got, "\r\nContent-Length: ");
    if (!end)
        return 0;
    size_t head = (size_t)(end - got) + 4;
    return head + (length && length < end ? (size_t)strtoul(length + 18, NULL, 10) : 0);
}

/* The status of one request over `fd`; 0: the connection broke. */
static int visit(const struct thread_visitor *visitor, int fd)
{
    char ask[1024];
    char got[ANSWER_MAX + 1];
    size_t len = 0;
    int n = visitor->text ? snprintf(ask, sizeof ask, "%s", visitor->text)
                          : snprintf(ask, sizeof ask, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
                                     visitor->path, visitor->host);
    if (send(fd, ask, (size_t)n, MSG_NOSIGNAL) != n)
        return 0;
    for (;;) {
        ssize_t more = recv(fd, got + len, ANSWER_MAX - len, 0);
        if (more <= 0)
            return 0;
        len += (size_t)more;
        got[len] = '\0';
        size_t whole = answer_len(got);
        if (whole > 0 && len >= whole)
            return (int)strtol(got + 9, NULL, 10); /* behind "HTTP/1.1 " */
    }
}

static void *visit_on(void *arg)
{
    struct thread_visitor *visitor = arg;
    int fd = -1;
    while (!atomic_load(&visitor->shall_end)) {
        if (fd == -1)
            fd = visitor_dial(visitor);
        int status = fd == -1 ? 0 : visit(visitor, fd);
        if (status >= 200 && status < 300)
            (void)atomic_fetch_add(&visitor->good, 1);
        else
            (void)atomic_fetch_add(status == 0 ? &visitor->broken : &visitor->bad, 1);
        if (status == 0 && fd != -1) {
            (void)close(fd);
            fd = -1;
        }
    }
    if (fd != -1)
        (void)close(fd);
    atomic_store(&visitor->has_ended, true);
    return NULL;
}

void thread_visitor_start(struct thread_visitor *visitor, const struct ip_address *at,
                          const char *host, const char *path)
{
    *visitor = (struct thread_visitor){.at = *at, .host = host, .path = path};
    must_for(pthread_create(&visitor->thread, NULL, visit_on, visitor) == 0, "visitor", NULL);
}

void thread_visitor_start_saying(struct thread_visitor *visitor, const struct ip_address *at,
                                 const char *text)
{
    *visitor = (struct thread_visitor){.at = *at, .text = text};
    must_for(pthread_create(&visitor->thread, NULL, visit_on, visitor) == 0, "visitor", NULL);
}

struct crowd {
    const struct thread_visitor *visitors;
    size_t count, wanted;
};

static size_t good(const struct crowd *crowd)
{
    size_t sum = 0;
    for (size_t i = 0; i < crowd->count; i++)
        sum += atomic_load(&crowd->visitors[i].good);
    return sum;
}

static bool is_served(void *arg)
{
    const struct crowd *crowd = arg;
    return good(crowd) >= crowd->wanted;
}

void thread_visitors_serve(const struct thread_visitor *visitors, size_t count,
                           struct thread_ends *ends, size_t more)
{
    struct crowd crowd = {visitors, count, 0};
    crowd.wanted = good(&crowd) + more;
    thread_ends_until(ends, is_served, &crowd);
}

static bool has_ended(void *arg)
{
    struct thread_visitor *visitor = arg;
    return atomic_load(&visitor->has_ended);
}

void thread_visitor_end(struct thread_visitor *visitor, struct thread_ends *ends)
{
    atomic_store(&visitor->shall_end, true);
    thread_ends_until(ends, has_ended, visitor);
    (void)pthread_join(visitor->thread, NULL);
}

/* ---- closing ---- */

static bool is_over(void *arg)
{
    struct thread_ends *ends = arg;
    return ends->over;
}

void thread_ends_close(struct thread_ends *ends)
{
    connector_stop(ends->connector);
    thread_ends_until(ends, is_over, ends);
    connector_free(ends->connector, 1000);
    edge_free(ends->edge);
    (void)loop_turn(ends->loop, 0);
    jobs_free(ends->store_jobs);
    resolver_free(ends->resolver);
    jobs_free(ends->jobs);
    snapshot_unref(ends->snapshot);
    loop_free(ends->loop);
    tls_context_unref(ends->tls);
    authority_free(ends->authority);
    ends_store_close(&ends->store);
}
