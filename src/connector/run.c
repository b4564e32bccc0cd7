/* A connector as a process: its loop, threads, TLS and signals. */
#include "culvert/connector/connector.h"

#include "culvert/net/jobs.h"
#include "culvert/net/resolver.h"
#include "culvert/service/notify.h"

#include <signal.h>
#include <unistd.h>

enum { RESOLVER_THREADS = 2 };

struct run {
    const struct connector_options *options;
    struct loop *loop;
    struct jobs *jobs;
    struct resolver *resolver;
    struct tls_context *tls;
    struct connector *connector;
    bool stopping;
    uint64_t stopped_ms; /* when the first signal came */
    bool failed;
    struct error why;
};

enum { LAST_BYTES_MS = 1000 }; /* for what was said last when the grace is over */

static void over(void *arg, const struct error *why)
{
    struct run *run = arg;
    if (why) {
        run->failed = true;
        run->why = *why;
    }
    loop_stop(run->loop);
}

/* The first asks, the second ends: with the status that the signal's default action gives. */
static void on_signal(void *arg, int number)
{
    struct run *run = arg;
    if (run->stopping) {
        log_warn(run->options->log, "Ending at once: the second signal");
        process_end_by_signal(number);
        return;
    }
    run->stopping = true;
    run->stopped_ms = loop_now_ms(run->loop);
    log_info(run->options->log, number == SIGINT
                                    ? "Initiating graceful shutdown due to signal interrupt ..."
                                    : "Initiating graceful shutdown due to signal terminated ...");
    notify_send(run->options->notify_socket, "STOPPING=1");
    connector_stop(run->connector);
}

static bool make_tls(struct run *run, struct error *err)
{
    const struct connector_options *options = run->options;
    const struct tls_client_options tls = {
        .system_roots = options->ca_file == NULL,
        .ca_pem = options->ca_file ? SPAN_NONE : options->ca_pem,
        .ca_file = options->ca_file,
        .post_quantum_only = options->post_quantum,
    };
    run->tls = tls_client_new(&tls, err);
    return run->tls != NULL;
}

static bool begin(struct run *run, struct error *err)
{
    const struct loop_options loop = {.log = run->options->log};
    run->loop = loop_new(&loop, err);
    if (!run->loop)
        return false;
    run->jobs = jobs_new(run->loop, RESOLVER_THREADS, err);
    if (!run->jobs)
        return false;
    run->resolver = resolver_new(run->loop, run->jobs);
    if (!run->resolver)
        return error_memory(err);
    if (!make_tls(run, err) || !loop_on_signal(run->loop, SIGTERM, on_signal, run, err) ||
        !loop_on_signal(run->loop, SIGINT, on_signal, run, err))
        return false;
    const struct connector_world world = {
        .loop = run->loop, .clock = clock_system(), .resolver = run->resolver, .tls = run->tls};
    run->connector = connector_new(&world, run->options, over, run, err);
    return run->connector != NULL;
}

/* The edge may take the ends of our answers slowly, within the grace. */
static void let_last_bytes_leave(struct run *run)
{
    uint64_t grace_ms = run->options->grace_ms;
    uint64_t used_ms = loop_now_ms(run->loop) - run->stopped_ms;
    uint64_t rest_ms = used_ms < grace_ms ? grace_ms - used_ms : 0;
    loop_linger(run->loop, rest_ms > LAST_BYTES_MS ? rest_ms : LAST_BYTES_MS);
}

bool connector_run(const struct connector_options *options, struct error *err)
{
    struct run run = {.options = options};
    bool ok = begin(&run, err);
    if (ok) {
        notify_send(options->notify_socket, "READY=1");
        loop_run(run.loop);
        if (run.failed) {
            *err = run.why;
            ok = false;
        } else {
            log_info(options->log, "Tunnel server stopped");
        }
    }
    connector_free(run.connector);
    if (run.stopping)
        let_last_bytes_leave(&run);
    resolver_free(run.resolver);
    jobs_free(run.jobs);
    loop_free(run.loop);
    tls_context_unref(run.tls);
    return ok;
}
