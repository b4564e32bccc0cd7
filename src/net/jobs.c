/* Threads that take jobs from one queue. The pool is what threads see; it outlives `struct jobs`
 * as long as a thread was left behind with a job that nobody waits for. */
#include "culvert/net/jobs.h"

#include "thread.h"

#include <assert.h>

struct pool;

struct runner {
    struct pool *pool;
    pthread_t thread;
    struct job *current; /* NULL: none */
    bool abandoned;      /* its job is an orphan */
};

struct pool {
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t work;
    struct list queue;
    bool stopping;
    size_t holders; /* threads, and the jobs; the last one frees the pool */
    struct mailbox *finished;
    struct runner runners[JOBS_THREADS_MAX];
};

struct jobs {
    struct pool *pool;
    size_t threads; /* that were started */
    size_t threads_most;
    size_t under_way;
    struct mailbox *finished;
};

/* Called with the lock held, which it releases. */
static void let_go(struct pool *pool)
{
    bool last = --pool->holders == 0;
    pthread_mutex_unlock(&pool->lock);
    if (!last)
        return;
    (void)pthread_cond_destroy(&pool->work);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* The next job for this thread, NULL when it shall end. Called with the lock held. */
static struct job *next_job(struct pool *pool)
{
    while (!pool->stopping && pool->queue.count == 0)
        pthread_cond_wait(&pool->work, &pool->lock);
    if (pool->stopping)
        return NULL;
    struct link *first = list_first(&pool->queue);
    list_remove(&pool->queue, first);
    return CONTAINER_OF(first, struct job, queue);
}

static void *work(void *arg)
{
    struct runner *runner = arg;
    struct pool *pool = runner->pool;
    struct job *job;

    pthread_mutex_lock(&pool->lock);
    while (!runner->abandoned && (job = next_job(pool))) {
        runner->current = job;
        pthread_mutex_unlock(&pool->lock);
        job->run(job);
        pthread_mutex_lock(&pool->lock);
        runner->current = NULL;
        if (runner->abandoned) {
            job->orphaned(job);
        } else {
            bool posted = mailbox_post(pool->finished, &job->mail);
            assert(posted); /* the box has room for all that may be under way */
            (void)posted;
        }
    }
    let_go(pool);
    return NULL;
}

static void on_finished(void *arg, struct mail *mail)
{
    struct jobs *jobs = arg;
    struct job *job = CONTAINER_OF(mail, struct job, mail);
    jobs->under_way--;
    job->done(job, job->cancelled);
}

static struct pool *pool_new(void)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    list_init(&pool->queue);
    pool->holders = 1;
    (void)pthread_mutex_init(&pool->lock, NULL); /* neither fails with default attributes */
    (void)pthread_cond_init(&pool->work, NULL);
    return pool;
}

static bool start(struct jobs *jobs, struct loop *loop, struct error *err)
{
    jobs->pool = pool_new();
    if (!jobs->pool)
        return error_memory(err);
    jobs->finished = mailbox_new(loop, JOBS_QUEUE_MAX, on_finished, jobs, err);
    jobs->pool->finished = jobs->finished;
    return jobs->finished != NULL;
}

/* One thread more, when all there are have work and there may be another: what never blocks costs
 * no thread. False: there is none at all. Called with the lock held. */
static bool reinforce(struct jobs *jobs)
{
    struct pool *pool = jobs->pool;
    struct runner *runner = &pool->runners[jobs->threads];
    if (jobs->threads == jobs->threads_most || jobs->under_way < jobs->threads)
        return true;
    runner->pool = pool;
    if (!thread_start(&runner->thread, work, runner, NULL))
        return jobs->threads > 0;
    pool->holders++;
    jobs->threads++;
    return true;
}

struct jobs *jobs_new(struct loop *loop, size_t threads, struct error *err)
{
    assert(threads >= 1 && threads <= JOBS_THREADS_MAX);
    struct jobs *jobs = calloc(1, sizeof *jobs);
    if (!jobs) {
        (void)error_memory(err);
        return NULL;
    }
    jobs->threads_most = threads;
    if (!start(jobs, loop, err)) {
        jobs_free(jobs);
        return NULL;
    }
    return jobs;
}

bool jobs_post(struct jobs *jobs, struct job *job)
{
    if (jobs->under_way == JOBS_QUEUE_MAX)
        return false;
    pthread_mutex_lock(&jobs->pool->lock);
    if (!reinforce(jobs)) {
        pthread_mutex_unlock(&jobs->pool->lock);
        return false;
    }
    jobs->under_way++;
    job->cancelled = false;
    list_put_last(&jobs->pool->queue, &job->queue);
    pthread_cond_signal(&jobs->pool->work);
    pthread_mutex_unlock(&jobs->pool->lock);
    return true;
}

void jobs_cancel(struct jobs *jobs, struct job *job)
{
    job->cancelled = true;
    pthread_mutex_lock(&jobs->pool->lock);
    bool waiting = link_is_in_list(&job->queue);
    if (waiting)
        list_remove(&jobs->pool->queue, &job->queue);
    pthread_mutex_unlock(&jobs->pool->lock);
    if (waiting) {
        bool posted = mailbox_post(jobs->finished, &job->mail);
        assert(posted);
        (void)posted;
    }
}

/* Tells every thread to end, and which of them are not waited for. */
static void stop(struct jobs *jobs)
{
    struct pool *pool = jobs->pool;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    for (size_t i = 0; i < jobs->threads; i++) {
        struct runner *runner = &pool->runners[i];
        runner->abandoned = runner->current && runner->current->orphaned;
        if (runner->abandoned)
            (void)pthread_detach(runner->thread);
    }
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

static void join(struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->threads; i++) {
        struct runner *runner = &jobs->pool->runners[i];
        /* Written by stop, on this thread. */
        if (!runner->abandoned)
            (void)pthread_join(runner->thread, NULL);
    }
}

/* What never began, and what nobody has been told yet. */
static void report_rest(struct jobs *jobs)
{
    struct mail *mail;
    struct link *first;
    for (;;) {
        pthread_mutex_lock(&jobs->pool->lock);
        first = list_first(&jobs->pool->queue);
        if (first)
            list_remove(&jobs->pool->queue, first);
        pthread_mutex_unlock(&jobs->pool->lock);
        if (!first)
            break;
        struct job *job = CONTAINER_OF(first, struct job, queue);
        job->done(job, true);
    }
    while (jobs->finished && (mail = mailbox_take(jobs->finished)))
        on_finished(jobs, mail);
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    if (jobs->pool) {
        stop(jobs);
        join(jobs);
        report_rest(jobs);
        pthread_mutex_lock(&jobs->pool->lock);
        let_go(jobs->pool);
    }
    mailbox_free(jobs->finished);
    free(jobs);
}
