#include "culvert/net/worker.h"

#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

enum { CALLS = 1000 };

struct desk_call {
    struct worker_call call;
    size_t number;
    struct list *done;
    struct link link; /* of `done` */
    pthread_t thread; /* that ran it */
};

static void note(struct worker_call *call)
{
    struct desk_call *self = CONTAINER_OF(call, struct desk_call, call);
    self->thread = pthread_self();
    list_put_last(self->done, &self->link);
}

static struct desk_call call_of(struct list *done, size_t number)
{
    return (struct desk_call){.call = {.run = note}, .number = number, .done = done};
}

static bool in_order(const struct list *done)
{
    size_t expected = 0;
    bool ok = true;
    LIST_EACH (it, done)
        ok = ok && CONTAINER_OF(it, struct desk_call, link)->number == expected++;
    return ok;
}

TEST(calls_run_on_the_workers_own_thread_once_and_in_their_order)
{
    static struct desk_call calls[CALLS];
    struct list done;
    list_init(&done);
    struct worker *worker = worker_new(&(struct loop_options){0}, NULL);
    REQUIRE(worker);
    for (size_t i = 0; i < CALLS; i++) {
        calls[i] = call_of(&done, i);
        CHECK(worker_post(worker, &calls[i].call));
    }
    worker_free(worker); /* runs what was posted */
    CHECK_SIZE(done.count, CALLS);
    CHECK(in_order(&done));
    CHECK(!pthread_equal(calls[0].thread, pthread_self()));
    CHECK(pthread_equal(calls[0].thread, calls[CALLS - 1].thread));
}

struct pair {
    struct worker *head, *other;
    size_t turns; /* how often the ball crossed */
    struct worker_call ball;
    bool is_home;
};

static void come_home(struct worker_call *call)
{
    CONTAINER_OF(call, struct pair, ball)->is_home = true;
}

static void bounce(struct worker_call *call)
{
    struct pair *pair = CONTAINER_OF(call, struct pair, ball);
    bool is_over = ++pair->turns == CALLS;
    pair->ball.run = is_over ? come_home : bounce;
    struct worker *next = is_over || pair->turns % 2 == 0 ? pair->head : pair->other;
    CHECK(worker_post(next, &pair->ball));
}

TEST(a_call_may_go_on_to_another_worker)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct pair pair = {.head = worker_here(loop, NULL),
                        .other = worker_new(&(struct loop_options){0}, NULL),
                        .ball.run = bounce};
    REQUIRE(pair.head && pair.other);
    CHECK(worker_post(pair.other, &pair.ball));
    while (!pair.is_home)
        (void)loop_turn(loop, 1000);
    CHECK_SIZE(pair.turns, CALLS);
    worker_free(pair.other);
    worker_free(pair.head);
    loop_free(loop);
}

TEST(a_worker_without_a_thread_runs_calls_in_a_later_turn_of_the_callers_loop)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct worker *worker = worker_here(loop, NULL);
    struct list done;
    list_init(&done);
    struct desk_call call = call_of(&done, 0);
    REQUIRE(worker);
    CHECK(worker_loop(worker) == loop);
    CHECK(worker_post(worker, &call.call));
    CHECK_SIZE(done.count, 0);
    (void)loop_turn(loop, 0);
    CHECK_SIZE(done.count, 1);
    CHECK(pthread_equal(call.thread, pthread_self()));
    worker_free(worker);
    loop_free(loop);
}

TEST(freeing_a_worker_without_a_thread_runs_what_was_posted)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct worker *worker = worker_here(loop, NULL);
    struct list done;
    list_init(&done);
    struct desk_call call = call_of(&done, 0);
    REQUIRE(worker);
    CHECK(worker_post(worker, &call.call));
    worker_free(worker);
    CHECK_SIZE(done.count, 1);
    loop_free(loop);
}

struct hold {
    struct worker_call call;
    sem_t began, go_on;
};

static void hold_up(struct worker_call *call)
{
    struct hold *hold = CONTAINER_OF(call, struct hold, call);
    (void)sem_post(&hold->began);
    (void)sem_wait(&hold->go_on);
}

TEST(a_worker_that_is_behind_refuses_calls_and_can_be_freed_all_the_same)
{
    struct worker *worker = worker_new(&(struct loop_options){0}, NULL);
    struct desk_call *calls = calloc(WORKER_CALLS_MAX + 1, sizeof *calls);
    struct hold hold = {.call.run = hold_up};
    struct list done;
    list_init(&done);
    REQUIRE(worker && calls);
    (void)sem_init(&hold.began, 0, 0);
    (void)sem_init(&hold.go_on, 0, 0);
    CHECK(worker_post(worker, &hold.call));
    (void)sem_wait(&hold.began);
    size_t taken = 0;
    do
        calls[taken] = call_of(&done, taken);
    while (worker_post(worker, &calls[taken].call) && ++taken <= WORKER_CALLS_MAX);
    CHECK_SIZE(taken, WORKER_CALLS_MAX);
    (void)sem_post(&hold.go_on);
    worker_free(worker);
    CHECK_SIZE(done.count, WORKER_CALLS_MAX);
    CHECK(in_order(&done));
    free(calls);
    (void)sem_destroy(&hold.began);
    (void)sem_destroy(&hold.go_on);
}

struct lodger {
    struct worker_call call;
    struct worker *worker;
    struct timer timer;
    struct reap reap;
    sem_t rang;
    atomic_bool is_reaped;
};

static void ring(void *arg)
{
    struct lodger *lodger = arg;
    (void)sem_post(&lodger->rang);
}

static void move_in(struct worker_call *call)
{
    struct lodger *lodger = CONTAINER_OF(call, struct lodger, call);
    timer_init(&lodger->timer, worker_loop(lodger->worker), ring, lodger);
    CHECK(timer_start(&lodger->timer, 1));
}

static void reaped(void *object)
{
    struct lodger *lodger = object;
    atomic_store(&lodger->is_reaped, true);
}

static void move_out(struct worker_call *call)
{
    struct lodger *lodger = CONTAINER_OF(call, struct lodger, call);
    timer_stop(&lodger->timer);
    loop_reap(worker_loop(lodger->worker), &lodger->reap, reaped, lodger);
}

TEST(what_a_call_leaves_on_the_loop_lives_there_until_a_last_call_ends_it)
{
    struct lodger lodger = {.call.run = move_in};
    lodger.worker = worker_new(&(struct loop_options){0}, NULL);
    REQUIRE(lodger.worker);
    (void)sem_init(&lodger.rang, 0, 0);
    CHECK(worker_post(lodger.worker, &lodger.call));
    (void)sem_wait(&lodger.rang); /* its thread turns the loop */
    lodger.call = (struct worker_call){.run = move_out};
    CHECK(worker_post(lodger.worker, &lodger.call));
    worker_free(lodger.worker);
    CHECK(atomic_load(&lodger.is_reaped));
    (void)sem_destroy(&lodger.rang);
}

/* Something on the worker's loop that is busy for a while. */
struct late {
    struct worker_call call;
    struct worker *worker;
    struct orphan orphan;
    struct timer timer;
    atomic_bool is_done;
};

static bool is_busy(const void *object)
{
    const struct late *late = object;
    return !atomic_load(&late->is_done);
}

static void give_up(void *object)
{
    struct late *late = object;
    timer_stop(&late->timer);
}

static void finish(void *arg)
{
    struct late *late = arg;
    atomic_store(&late->is_done, true);
}

static void begin_late(struct worker_call *call)
{
    struct late *late = CONTAINER_OF(call, struct late, call);
    struct loop *loop = worker_loop(late->worker);
    late->orphan.is_busy = is_busy;
    loop_adopt(loop, &late->orphan, give_up, late);
    timer_init(&late->timer, loop, finish, late);
    CHECK(timer_start(&late->timer, 20));
}

static bool is_finished_after(uint64_t linger_ms)
{
    struct late late = {.call.run = begin_late};
    late.worker = worker_new(&(struct loop_options){0}, NULL);
    if (!late.worker || !worker_post(late.worker, &late.call))
        return false;
    CHECK(!worker_is_over(late.worker));
    worker_end(late.worker, linger_ms);
    worker_end(late.worker, 0); /* the first word counts */
    while (!worker_is_over(late.worker))
        (void)sched_yield();
    worker_free(late.worker);
    return atomic_load(&late.is_done);
}

TEST(a_worker_that_ends_lets_what_is_busy_finish_within_the_limit)
{
    CHECK(is_finished_after(60 * 1000));
    CHECK(!is_finished_after(0));
}

TEST(there_is_at_least_one_cpu)
{
    CHECK(worker_cpus() >= 1);
    CHECK(worker_cpus() <= WORKERS_MAX);
}
