#include "culvert/net/jobs.h"

#include "harness.h"

#include <dirent.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

struct hall {
    struct loop *loop;
    struct jobs *jobs;
    atomic_int running, most_running;
    size_t done, cancelled, run; /* run: of those that are done */
    char order[64];
    sem_t began, go_on; /* of jobs that wait */
};

struct work {
    struct job job;
    struct hall *hall;
    char letter;
    bool has_run;
    pthread_t thread;
};

static bool hall_open(struct hall *hall, size_t threads)
{
    *hall = (struct hall){0};
    (void)sem_init(&hall->began, 0, 0);
    (void)sem_init(&hall->go_on, 0, 0);
    hall->loop = loop_new(&(struct loop_options){0}, NULL);
    hall->jobs = jobs_new(hall->loop, threads, NULL);
    return hall->jobs != NULL;
}

static void hall_close(struct hall *hall)
{
    jobs_free(hall->jobs);
    loop_free(hall->loop);
    (void)sem_destroy(&hall->began);
    (void)sem_destroy(&hall->go_on);
}

static void run(struct job *job)
{
    struct work *work = CONTAINER_OF(job, struct work, job);
    int now = atomic_fetch_add(&work->hall->running, 1) + 1;
    int most = atomic_load(&work->hall->most_running);
    while (now > most && !atomic_compare_exchange_weak(&work->hall->most_running, &most, now))
        ;
    work->has_run = true;
    work->thread = pthread_self();
    (void)atomic_fetch_sub(&work->hall->running, 1);
}

static void run_when_told(struct job *job)
{
    struct work *work = CONTAINER_OF(job, struct work, job);
    (void)sem_post(&work->hall->began);
    (void)sem_wait(&work->hall->go_on);
    work->has_run = true;
}

static void done(struct job *job, bool cancelled)
{
    struct work *work = CONTAINER_OF(job, struct work, job);
    struct hall *hall = work->hall;
    hall->run += work->has_run ? 1 : 0;
    hall->cancelled += cancelled ? 1 : 0;
    if (hall->done < sizeof hall->order - 1)
        hall->order[hall->done] = work->letter;
    hall->done++;
    free(work);
}

static struct work *post(struct hall *hall, void (*how)(struct job *job), char letter)
{
    struct work *work = calloc(1, sizeof *work);
    *work = (struct work){.job = {.run = how, .done = done}, .hall = hall, .letter = letter};
    if (jobs_post(hall->jobs, &work->job))
        return work;
    free(work);
    return NULL;
}

static void turn_until(struct hall *hall, size_t count)
{
    while (hall->done < count)
        (void)loop_turn(hall->loop, 1000);
}

TEST(one_thread_runs_jobs_one_after_the_other_in_the_order_of_posting)
{
    struct hall hall;
    REQUIRE(hall_open(&hall, 1));
    for (int i = 0; i < 26; i++)
        REQUIRE(post(&hall, run, (char)('a' + i)));
    turn_until(&hall, 26);
    CHECK_TEXT(hall.order, "abcdefghijklmnopqrstuvwxyz");
    CHECK(atomic_load(&hall.most_running) == 1);
    hall_close(&hall);
}

TEST(several_threads_run_several_jobs_at_the_same_time)
{
    struct hall hall;
    REQUIRE(hall_open(&hall, 3));
    for (int i = 0; i < 3; i++)
        REQUIRE(post(&hall, run_when_told, 'x'));
    for (int i = 0; i < 3; i++)
        (void)sem_wait(&hall.began); /* would wait for ever if one thread did all */
    for (int i = 0; i < 3; i++)
        (void)sem_post(&hall.go_on);
    turn_until(&hall, 3);
    CHECK_SIZE(hall.run, 3);
    hall_close(&hall);
}

/* Of this process. */
static size_t thread_count(void)
{
    size_t count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry = tasks ? readdir(tasks) : NULL; entry; entry = readdir(tasks))
        count += entry->d_name[0] != '.' ? 1 : 0;
    if (tasks)
        (void)closedir(tasks);
    return count;
}

TEST(a_thread_is_started_when_it_is_first_needed)
{
    struct hall hall;
    size_t before = thread_count();
    REQUIRE(hall_open(&hall, 3));
    CHECK_SIZE(thread_count(), before);
    for (size_t i = 1; i <= 3; i++) {
        REQUIRE(post(&hall, run_when_told, 'x'));
        (void)sem_wait(&hall.began);
        CHECK_SIZE(thread_count(), before + i);
    }
    REQUIRE(post(&hall, run, 'x'));
    CHECK_SIZE(thread_count(), before + 3);
    for (int i = 0; i < 3; i++)
        (void)sem_post(&hall.go_on);
    turn_until(&hall, 4);
    hall_close(&hall);
}

TEST(the_result_is_told_on_the_loops_thread_in_a_later_turn)
{
    struct hall hall;
    REQUIRE(hall_open(&hall, 1));
    REQUIRE(post(&hall, run, 'x'));
    CHECK_SIZE(hall.done, 0);
    turn_until(&hall, 1);
    CHECK_SIZE(hall.cancelled, 0);
    hall_close(&hall);
}

TEST(a_job_that_is_cancelled_before_it_began_never_runs)
{
    struct hall hall;
    REQUIRE(hall_open(&hall, 1));
    REQUIRE(post(&hall, run_when_told, 'a'));
    struct work *waiting = post(&hall, run, 'b');
    REQUIRE(waiting);
    (void)sem_wait(&hall.began);
    jobs_cancel(hall.jobs, &waiting->job);
    CHECK_SIZE(hall.done, 0);
    turn_until(&hall, 1);
    CHECK_TEXT(hall.order, "b");
    CHECK_SIZE(hall.cancelled, 1);
    CHECK_SIZE(hall.run, 0);
    (void)sem_post(&hall.go_on);
    turn_until(&hall, 2);
    hall_close(&hall);
}

TEST(the_result_of_a_job_that_is_cancelled_while_it_runs_is_dropped)
{
    struct hall hall;
    REQUIRE(hall_open(&hall, 1));
    struct work *running = post(&hall, run_when_told, 'a');
    REQUIRE(running);
    (void)sem_wait(&hall.began);
    jobs_cancel(hall.jobs, &running->job);
    (void)sem_post(&hall.go_on);
    turn_until(&hall, 1);
    CHECK_SIZE(hall.cancelled, 1);
    CHECK_SIZE(hall.run, 1);
    hall_close(&hall);
}

TEST(no_more_jobs_than_the_limit_are_under_way)
{
    struct hall hall;
    REQUIRE(hall_open(&hall, 1));
    for (int i = 0; i < JOBS_QUEUE_MAX; i++)
        REQUIRE(post(&hall, run, 'x'));
    CHECK(!post(&hall, run, 'x'));
    turn_until(&hall, JOBS_QUEUE_MAX);
    CHECK(post(&hall, run, 'x'));
    hall_close(&hall);
    CHECK_SIZE(hall.done, JOBS_QUEUE_MAX + 1);
}

TEST(shutting_down_waits_for_what_runs_and_cancels_what_waits)
{
    struct hall hall;
    REQUIRE(hall_open(&hall, 1));
    REQUIRE(post(&hall, run_when_told, 'a'));
    REQUIRE(post(&hall, run, 'b'));
    (void)sem_wait(&hall.began);
    (void)sem_post(&hall.go_on);
    hall_close(&hall);
    CHECK_SIZE(hall.done, 2);
    CHECK(hall.run >= 1);
}

struct stuck {
    struct job job;
    sem_t *began, *go_on, *gone;
};

static void run_stuck(struct job *job)
{
    struct stuck *stuck = CONTAINER_OF(job, struct stuck, job);
    (void)sem_post(stuck->began);
    (void)sem_wait(stuck->go_on);
}

static void never_done(struct job *job, bool cancelled)
{
    (void)job;
    (void)cancelled;
    harness_fail(__FILE__, __LINE__, "done was called");
}

static void forget(struct job *job)
{
    struct stuck *stuck = CONTAINER_OF(job, struct stuck, job);
    sem_t *gone = stuck->gone;
    free(stuck);
    (void)sem_post(gone);
}

TEST(shutting_down_does_not_wait_for_a_job_that_may_be_orphaned)
{
    struct loop *loop = loop_new(&(struct loop_options){0}, NULL);
    struct jobs *jobs = jobs_new(loop, 1, NULL);
    sem_t began, go_on, gone;
    REQUIRE(jobs);
    (void)sem_init(&began, 0, 0);
    (void)sem_init(&go_on, 0, 0);
    (void)sem_init(&gone, 0, 0);
    struct stuck *stuck = calloc(1, sizeof *stuck);
    *stuck = (struct stuck){
        {.run = run_stuck, .done = never_done, .orphaned = forget}, &began, &go_on, &gone};
    REQUIRE(jobs_post(jobs, &stuck->job));
    (void)sem_wait(&began);
    jobs_free(jobs);
    loop_free(loop);
    (void)sem_post(&go_on);
    (void)sem_wait(&gone);
}
