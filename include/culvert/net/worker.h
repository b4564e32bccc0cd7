/* A worker: a loop, in a thread of its own or in the caller's, and calls to it. Everything of a
 * worker is made and freed on its loop; others reach it by calls only. */
#ifndef CULVERT_NET_WORKER_H
#define CULVERT_NET_WORKER_H

#include "culvert/net/mailbox.h"

struct worker;

enum {
    WORKERS_MAX = 64,
    WORKER_CALLS_MAX = 64 * 1024, /* undelivered ones of one worker */
};

/* Embedded in what is told. From worker_post until `run` the whole belongs to the worker; `run` is
 * called on its loop and takes the memory over. */
struct worker_call {
    struct mail mail;
    void (*run)(struct worker_call *call);
};

/* Starts a thread that turns a loop of its own. The caller owns it; `options` is borrowed for the
 * call, what it points to as long as the worker. NULL: `err`. */
struct worker *worker_new(const struct loop_options *options, struct error *err);

/* A worker without a thread: calls run on `loop` (borrowed), in a later turn. For the worker that
 * shares its loop with the process's head, and for tests. NULL: `err`. */
struct worker *worker_here(struct loop *loop, struct error *err);

/* How many CPUs this process may run on: 1 ... WORKERS_MAX. */
size_t worker_cpus(void);

/* Its loop, which only its own thread may use. */
struct loop *worker_loop(const struct worker *worker);

/* From any thread; calls of one thread run in their order. False: WORKER_CALLS_MAX wait, and the
 * call stays the caller's. */
bool worker_post(struct worker *worker, struct worker_call *call) MUST_CHECK;

/* From the thread that made it, when nobody posts to it any more: tells the thread to run the calls
 * that were posted, to turn on while something on its loop is busy with its last bytes
 * (loop_linger), at most `linger_ms`, and to end. Does not wait for it: worker_free does. Nothing
 * for a worker without a thread. */
void worker_end(struct worker *worker, uint64_t linger_ms);

/* After worker_end: has its thread ended, so that worker_free does not wait? True without one. */
bool worker_is_over(const struct worker *worker);

/* From the thread that made it, when nobody posts to it any more: runs the calls that were posted,
 * then ends (if worker_end did not) and joins the thread. Everything that lives on its loop must be
 * gone by then, the last of it by those calls. NULL is allowed. */
void worker_free(struct worker *worker);

#endif
