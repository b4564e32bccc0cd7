/* A connector as a process: its loop, threads, TLS and signals. */
#include "culvert/connector/connector.h"

#include "culvert/connector/stdin_control.h"
#include "culvert/net/file_watch.h"
#include "culvert/net/jobs.h"
#include "culvert/net/resolver.h"
#include "culvert/service/notify.h"

#include <malloc.h>
#include <signal.h>
#include <unistd.h>

enum { HEAD_THREADS = 2 }; /* for names, and for reading the rules again */

struct run {
    const struct connector_options *options;
    struct loop *loop;
    struct jobs *jobs;
    struct resolver *resolver;
    struct tls_context *tls;
    struct connector *connector;
    struct file_watch *rules_file;
    struct stdin_control *control;
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

static void on_hangup(void *arg, int number)
{
    struct run *run = arg;
    (void)number;
    if (!run->stopping)
        connector_read_rules(run->connector, false);
}

static void on_file_changed(void *arg)
{
    struct run *run = arg;
    if (!run->stopping)
        connector_read_rules(run->connector, true);
}

static bool watch_rules(struct run *run, struct error *err)
{
    const char *path = run->options->watched;
    if (!path)
        return true;
    run->rules_file = file_watch_new(run->loop, path, on_file_changed, run, err);
    if (run->rules_file)
        log_info(run->options->log, "Changes of the file are followed", LOG_TEXT("file", path));
    return run->rules_file != NULL;
}

static void on_reconnect(void *arg, uint64_t delay_ms)
{
    struct run *run = arg;
    connector_reconnect(run->connector, delay_ms);
}

static bool read_commands(struct run *run, struct error *err)
{
    if (!run->options->stdin_control)
        return true;
    log_info(run->options->log, "Enabling control through stdin");
    run->control = stdin_control_new(run->loop, STDIN_FILENO, on_reconnect, run, err);
    return run->control != NULL;
}

/* ---- the run ---- */

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

/* A heap keeps what its own peak needed. With one for each worker, as the library would have it,
 * those peaks add up: 512 requests in flight took 3 MB more with two workers than with one. Two
 * workers to a heap hardly wait for each other. Before the first thread. */
static void share_heaps(size_t workers)
{
#ifdef M_ARENA_MAX
    (void)mallopt(M_ARENA_MAX, (int)((workers + 1) / 2));
#else
    (void)workers;
#endif
}

static bool begin(struct run *run, struct error *err)
{
    const struct loop_options loop = {.log = run->options->log};
    run->loop = loop_new(&loop, err);
    if (!run->loop)
        return false;
    run->jobs = jobs_new(run->loop, HEAD_THREADS, err);
    if (!run->jobs)
        return false;
    run->resolver = resolver_new(run->loop, run->jobs);
    if (!run->resolver)
        return error_memory(err);
    if (!make_tls(run, err) || !loop_on_signal(run->loop, SIGTERM, on_signal, run, err) ||
        !loop_on_signal(run->loop, SIGINT, on_signal, run, err) ||
        !loop_on_signal(run->loop, SIGHUP, on_hangup, run, err))
        return false;
    const struct connector_world world = {.loop = run->loop,
                                          .clock = clock_system(),
                                          .resolver = run->resolver,
                                          .jobs = run->jobs,
                                          .tls = run->tls};
    run->connector = connector_new(&world, run->options, over, run, err);
    return run->connector && watch_rules(run, err) && read_commands(run, err);
}

/* The edge may take the ends of our answers slowly, within the grace. */
static uint64_t linger_ms(const struct run *run)
{
    if (!run->stopping)
        return 0;
    uint64_t grace_ms = run->options->grace_ms;
    uint64_t used_ms = loop_now_ms(run->loop) - run->stopped_ms;
    uint64_t rest_ms = used_ms < grace_ms ? grace_ms - used_ms : 0;
    return rest_ms > LAST_BYTES_MS ? rest_ms : LAST_BYTES_MS;
}

bool connector_run(const struct connector_options *options, struct error *err)
{
    struct run run = {.options = options};
    share_heaps(options->workers);
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
    file_watch_free(run.rules_file);
    stdin_control_free(run.control);
    connector_free(run.connector, run.loop ? linger_ms(&run) : 0);
    resolver_free(run.resolver);
    jobs_free(run.jobs);
    loop_free(run.loop);
    tls_context_unref(run.tls);
    return ok;
}
