/* A worker is a loop, a mailbox of calls on it, and for most a thread that turns it. Its end is a
 * mailbox of its own, so that it can be told however many calls are waiting. */
#include "culvert/net/worker.h"

#include "thread.h"

#include <sched.h>
#include <stdatomic.h>

struct worker {
    struct loop *loop;
    bool is_thread;
    bool is_told; /* to end */
    atomic_bool is_over;
    uint64_t linger_ms;
    pthread_t thread;
    struct mailbox *calls;
    struct mailbox *end; /* of a thread */
    struct mail farewell;
};

static void run_call(void *arg, struct mail *mail)
{
    struct worker_call *call = CONTAINER_OF(mail, struct worker_call, mail);
    (void)arg;
    call->run(call);
}

static void run_rest(struct worker *worker)
{
    struct mail *mail;
    while (worker->calls && (mail = mailbox_take(worker->calls)))
        run_call(worker, mail);
}

static void on_end(void *arg, struct mail *mail)
{
    struct worker *worker = arg;
    (void)mail;
    run_rest(worker);
    loop_stop(worker->loop); /* this turn still reaps */
}

static void *turn(void *arg)
{
    struct worker *worker = arg;
    loop_run(worker->loop);
    loop_linger(worker->loop, worker->linger_ms);
    atomic_store(&worker->is_over, true);
    return NULL;
}

static bool start(struct worker *worker, const struct loop_options *options, struct error *err)
{
    worker->loop = loop_new(options, err);
    if (!worker->loop)
        return false;
    worker->calls = mailbox_new(worker->loop, WORKER_CALLS_MAX, run_call, worker, err);
    worker->end = worker->calls ? mailbox_new(worker->loop, 1, on_end, worker, err) : NULL;
    if (!worker->end)
        return false;
    worker->is_thread = thread_start(&worker->thread, turn, worker, err);
    return worker->is_thread;
}

struct worker *worker_new(const struct loop_options *options, struct error *err)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        (void)error_memory(err);
        return NULL;
    }
    if (!start(worker, options, err)) {
        mailbox_free(worker->end);
        mailbox_free(worker->calls);
        loop_free(worker->loop);
        free(worker);
        return NULL;
    }
    return worker;
}

struct worker *worker_here(struct loop *loop, struct error *err)
{
    struct worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        (void)error_memory(err);
        return NULL;
    }
    worker->loop = loop;
    worker->calls = mailbox_new(loop, WORKER_CALLS_MAX, run_call, worker, err);
    if (!worker->calls) {
        free(worker);
        return NULL;
    }
    return worker;
}

size_t worker_cpus(void)
{
    cpu_set_t mine;
    CPU_ZERO(&mine);
    int count = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
    if (count < 1)
        return 1;
    return count < WORKERS_MAX ? (size_t)count : WORKERS_MAX;
}

struct loop *worker_loop(const struct worker *worker)
{
    return worker->loop;
}

bool worker_post(struct worker *worker, struct worker_call *call)
{
    return mailbox_post(worker->calls, &call->mail);
}

void worker_end(struct worker *worker, uint64_t linger_ms)
{
    if (!worker->is_thread || worker->is_told)
        return;
    worker->is_told = true;
    worker->linger_ms = linger_ms;
    bool posted = mailbox_post(worker->end, &worker->farewell);
    assert(posted); /* nobody else posts there */
    (void)posted;
}

bool worker_is_over(const struct worker *worker)
{
    return !worker->is_thread || atomic_load(&worker->is_over);
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    worker_end(worker, 0);
    if (worker->is_thread)
        (void)pthread_join(worker->thread, NULL);
    run_rest(worker);
    mailbox_free(worker->end);
    mailbox_free(worker->calls);
    if (worker->is_thread)
        loop_free(worker->loop);
    free(worker);
}
