/* A few threads for work that blocks: names, files, the database, slow hashes. */
#ifndef CULVERT_NET_JOBS_H
#define CULVERT_NET_JOBS_H

#include "culvert/net/mailbox.h"

enum {
    JOBS_THREADS_MAX = 8,
    JOBS_QUEUE_MAX = 256, /* jobs waiting, running or not yet reported: more is overload */
};

/* Embedded in what the work needs. From jobs_post until `done` the whole belongs to the jobs. */
struct job {
    struct mail mail;
    struct link queue;
    bool cancelled;
    /* On a thread; touches nothing but what the job is embedded in. */
    void (*run)(struct job *job);
    /* On the loop, exactly once: the memory is the poster's again. `cancelled`: nobody wants the
     * result, and `run` may never have been called. */
    void (*done)(struct job *job, bool cancelled);
    /* NULL: shutting down waits for `run`. Else it does not: `run` may take very long and its
     * result matters to nobody then. Called on the thread in place of `done`; frees the memory. */
    void (*orphaned)(struct job *job);
};

struct jobs;

/* Up to `threads` threads, 1 ... JOBS_THREADS_MAX, each started when it is first needed; with one,
 * jobs run in the order of posting and never at the same time. All calls come from the loop's
 * thread. The caller owns it. NULL: `err`. */
struct jobs *jobs_new(struct loop *loop, size_t threads, struct error *err);

/* Queues a job, whose functions are set and the rest zero. False: JOBS_QUEUE_MAX are under way, or
 * no thread can be started; then the job stays the caller's. */
bool jobs_post(struct jobs *jobs, struct job *job) MUST_CHECK;

/* Drops the result of a posted job: `done` follows with `cancelled`, in a later turn. What has not
 * begun never will. */
void jobs_cancel(struct jobs *jobs, struct job *job);

/* Not inside of `done`. Waits for what runs (see `orphaned`); what has not begun is done as
 * cancelled. NULL is allowed. */
void jobs_free(struct jobs *jobs);

#endif
