/* A load generator made of Culvert's own rooms: closed loops of requests over HTTP/1.1 or HTTP/2,
 * in clear or under TLS. Prints what it measured as lines of KEY=VALUE. */
#include "lane.h"

#include "culvert/net/tls.h"

#include <signal.h>

struct run {
    struct load load;
    struct plan plan;
    struct timer window; /* first its beginning, then its end */
    uint64_t began_us, ended_us;
};

static void end_window(void *arg)
{
    struct run *run = arg;
    if (run->load.over)
        return;
    run->load.over = true;
    run->ended_us = now_us();
    loop_stop(run->load.loop);
}

static void begin_window(void *arg)
{
    struct run *run = arg;
    struct load *load = &run->load;
    memset(&load->latency, 0, sizeof load->latency);
    load->done = load->errors = load->bytes_down = load->bytes_up = 0;
    load->first_error.kind = ERROR_NONE;
    run->began_us = now_us();
    for (size_t i = 0; i < run->plan.process_count; i++)
        process_begin(&run->plan.processes[i]);
    timer_init(&run->window, load->loop, end_window, run);
    if (run->plan.run_ms > 0 && !timer_start(&run->window, run->plan.run_ms))
        abort();
}

static void enough(struct load *load)
{
    end_window(CONTAINER_OF(load, struct run, load));
}

static void interrupted(void *arg, int signal_number)
{
    (void)signal_number;
    end_window(arg);
}

static void report(const struct run *run)
{
    const struct load *load = &run->load;
    double seconds = (double)(run->ended_us - run->began_us) / 1e6;
    double gib = (double)(load->bytes_down + load->bytes_up) / (1024.0 * 1024 * 1024);
    (void)printf("load seconds=%.3f requests=%llu errors=%llu per_s=%.1f", seconds,
                 (unsigned long long)load->done, (unsigned long long)load->errors,
                 (double)load->done / seconds);
    (void)printf(" p50_us=%llu p90_us=%llu p99_us=%llu max_us=%llu",
                 (unsigned long long)latency_at(&load->latency, 500),
                 (unsigned long long)latency_at(&load->latency, 900),
                 (unsigned long long)latency_at(&load->latency, 990),
                 (unsigned long long)load->latency.max_us);
    (void)printf(" down_bytes=%llu up_bytes=%llu down_mbit_s=%.1f up_mbit_s=%.1f\n",
                 (unsigned long long)load->bytes_down, (unsigned long long)load->bytes_up,
                 (double)load->bytes_down * 8 / 1e6 / seconds,
                 (double)load->bytes_up * 8 / 1e6 / seconds);
    for (size_t i = 0; i < run->plan.process_count; i++) {
        const struct process *process = &run->plan.processes[i];
        double cpu = process_cpu(process);
        (void)printf("process name=%s cpu_s=%.4f cores=%.3f ms_per_1000=%.3f s_per_gib=%.4f "
                     "rss_kib=%llu peak_kib=%llu\n",
                     process->name, cpu, cpu / seconds,
                     load->done > 0 ? cpu * 1e6 / (double)load->done : 0, gib > 0 ? cpu / gib : 0,
                     (unsigned long long)process_rss(process),
                     (unsigned long long)process_peak(process));
    }
    if (load->first_error.kind != ERROR_NONE)
        (void)fprintf(stderr, "bench-load: first error: %s\n", load->first_error.text);
}

static bool fill_head(struct request_head *head, const struct plan *plan, struct error *err)
{
    if (!buf_put_span(&head->method, plan->posts ? SPAN("POST") : SPAN("GET")) ||
        !buf_put_span(&head->scheme, plan->tls ? SPAN("https") : SPAN("http")) ||
        !buf_put_span(&head->authority, span_of(plan->authority)) ||
        !buf_put_span(&head->target, span_of(plan->target)))
        return error_memory(err);
    head->length = plan->posts ? (int64_t)plan->body : 0;
    head->ends_here = head->length == 0;
    return true;
}

static bool prepare(struct run *run, struct error *err)
{
    static const struct loop_options options = {0};
    const struct plan *plan = &run->plan;
    struct load *load = &run->load;
    const struct tls_client_options tls = {
        .ca_file = plan->ca_file, .no_verify = !plan->ca_file, .http2_alpn = plan->http2};
    load->plan = plan;
    load->enough = enough;
    request_head_init(&load->head);
    load->loop = loop_new(&options, err);
    if (!load->loop || !fill_head(&load->head, plan, err) ||
        !loop_on_signal(load->loop, SIGINT, interrupted, run, err))
        return false;
    load->tls = plan->tls ? tls_client_new(&tls, err) : NULL;
    return load->tls || !plan->tls;
}

static bool measure(struct run *run, struct error *err)
{
    size_t count = run->plan.connections;
    struct lane **lanes = calloc(count, sizeof(struct lane *));
    bool ok = lanes != NULL;
    for (size_t i = 0; i < count && ok; i++)
        ok = (lanes[i] = lane_new(&run->load)) != NULL;
    timer_init(&run->window, run->load.loop, begin_window, run);
    if (run->plan.warm_up_ms == 0)
        begin_window(run);
    else
        ok = ok && timer_start(&run->window, run->plan.warm_up_ms);
    if (ok)
        loop_run(run->load.loop);
    if (ok && run->began_us > 0)
        report(run);
    for (size_t i = 0; i < count && lanes; i++)
        lane_free(lanes[i]);
    timer_stop(&run->window);
    free(lanes);
    return ok || error_memory(err);
}

static int run_all(struct run *run)
{
    struct error err;
    bool ok = prepare(run, &err) && measure(run, &err);
    if (!ok)
        (void)fprintf(stderr, "bench-load: %s\n", err.text);
    loop_free(run->load.loop);
    tls_context_unref(run->load.tls);
    request_head_release(&run->load.head);
    return ok && run->load.errors == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct error err;
    struct run *run = calloc(1, sizeof *run);
    if (!run || !plan_parse(&run->plan, argc, argv, &err)) {
        (void)fprintf(stderr, "bench-load: %s\n%s", run ? err.text : "out of memory", plan_usage);
        free(run);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    int status = run_all(run);
    free(run);
    return status;
}
