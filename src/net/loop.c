/* One thread's event loop over libevent, which only waits: timers, tasks and the reaper are ours,
 * so that a test's clock turns them and the order within a turn is known. */
#include "culvert/net/loop.h"
#include "culvert/net/sockets.h"

#include "loop_internal.h"

#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h> /* a spare block is no one's: whoever touches it is caught */
#else
#define ASAN_POISON_MEMORY_REGION(at, len)
#define ASAN_UNPOISON_MEMORY_REGION(at, len)
#endif

enum {
    TASK_ROUNDS = 32, /* tasks that post tasks run in the same turn, up to this many rounds */
    FLUSH_ROUNDS = 4, /* a session's flush hands down to its conn's, whose room wakes the session */
    WAIT_MAX_MS = 60 * 1000,
};

static void alarm_rang(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

struct loop *loop_new(const struct loop_options *options, struct error *err)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop) {
        error_memory(err);
        return NULL;
    }
    list_init(&loop->tasks[TASK_SOON]);
    list_init(&loop->tasks[TASK_FLUSH]);
    list_init(&loop->orphans);
    loop->clock = options->clock ? options->clock : clock_system();
    loop->sockets = options->sockets ? options->sockets : sockets_system();
    loop->log = options->log;
    loop->now_ms = loop->clock->monotonic_ms(loop->clock);
    loop->scratch = malloc(LOOP_SCRATCH + LOOP_RECORDS);
    loop->base = new_base();
    loop->alarm = loop->base ? event_new(loop->base, -1, 0, alarm_rang, NULL) : NULL;
    if (!loop->alarm || !loop->scratch) {
        error_set(err, ERROR_SYSTEM, 0, "the event loop cannot be made");
        loop_free(loop);
        return NULL;
    }
    return loop;
}

static bool reap_all(struct loop *loop)
{
    bool any = loop->dying != NULL;
    while (loop->dying) {
        struct reap *reap = loop->dying;
        loop->dying = reap->next;
        reap->destroy(reap->object);
    }
    return any;
}

static void end_orphans(struct loop *loop)
{
    struct link *first;
    while (loop->orphans.count > 0 && (first = list_first(&loop->orphans))) {
        struct orphan *orphan = CONTAINER_OF(first, struct orphan, link);
        list_remove(&loop->orphans, first);
        orphan->end(orphan->object);
    }
}

void loop_adopt(struct loop *loop, struct orphan *orphan, void (*end)(void *object), void *object)
{
    orphan->end = end;
    orphan->object = object;
    list_put_last(&loop->orphans, &orphan->link);
}

void loop_disown(struct loop *loop, struct orphan *orphan)
{
    if (link_is_in_list(&orphan->link))
        list_remove(&loop->orphans, &orphan->link);
}

static bool is_any_busy(const struct loop *loop)
{
    LIST_EACH (it, &loop->orphans) {
        const struct orphan *orphan = CONTAINER_OF(it, struct orphan, link);
        if (orphan->is_busy && orphan->is_busy(orphan->object))
            return true;
    }
    return false;
}

void loop_linger(struct loop *loop, uint64_t limit_ms)
{
    uint64_t until_ms = loop->clock->monotonic_ms(loop->clock) + limit_ms;
    while (is_any_busy(loop)) {
        uint64_t now_ms = loop->clock->monotonic_ms(loop->clock);
        if (now_ms >= until_ms)
            return;
        (void)loop_turn(loop, until_ms - now_ms);
    }
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    end_orphans(loop);
    (void)reap_all(loop);
    for (size_t i = 0; i < loop->signal_count; i++)
        event_free(loop->signals[i].event);
    if (loop->alarm)
        event_free(loop->alarm);
    if (loop->base)
        event_base_free(loop->base);
    timer_heap_release(&loop->timers);
    while (loop->blocks)
        free(loop_take_block(loop));
    free(loop->scratch);
    free(loop);
}

static void fire_timers(struct loop *loop)
{
    uint64_t now = loop->now_ms;
    struct timer *timer;
    while ((timer = timer_heap_first(&loop->timers)) && timer->due_ms <= now) {
        timer_stop(timer);
        loop->busy = true;
        timer->fire(timer->arg);
    }
}

/* Runs what was posted before now; returns whether there was anything. */
static bool run_round(struct loop *loop, enum task_phase phase)
{
    struct list *tasks = &loop->tasks[phase];
    size_t count = tasks->count;
    bool any = count > 0;
    while (count-- > 0 && tasks->count > 0) {
        struct task *task = CONTAINER_OF(list_first(tasks), struct task, link);
        list_remove(tasks, &task->link);
        task->run(task->arg);
    }
    return any;
}

static void run_tasks(struct loop *loop)
{
    for (int i = 0; i < TASK_ROUNDS && run_round(loop, TASK_SOON); i++)
        loop->busy = true;
}

static void run_flushes(struct loop *loop)
{
    for (int i = 0; i < FLUSH_ROUNDS && run_round(loop, TASK_FLUSH); i++)
        loop->busy = true;
}

static uint64_t wait_of(const struct loop *loop, uint64_t most)
{
    if (loop->tasks[TASK_SOON].count > 0 || loop->tasks[TASK_FLUSH].count > 0)
        return 0;
    uint64_t next = loop_next_timer_ms(loop);
    if (next < most)
        most = next;
    return most < WAIT_MAX_MS ? most : WAIT_MAX_MS;
}

bool loop_turn(struct loop *loop, uint64_t wait_ms)
{
    loop->busy = false;
    loop->now_ms = loop->clock->monotonic_ms(loop->clock);
    /* What the last flush completed is told before new bytes are read: what is free again serves
     * the next request. */
    run_tasks(loop);
    uint64_t wait = loop->busy ? 0 : wait_of(loop, wait_ms);
    if (wait == 0) {
        (void)event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    } else {
        struct timeval limit = {(time_t)(wait / 1000), (suseconds_t)(wait % 1000) * 1000};
        (void)event_add(loop->alarm, &limit);
        (void)event_base_loop(loop->base, EVLOOP_ONCE);
        (void)event_del(loop->alarm);
    }
    loop->now_ms = loop->clock->monotonic_ms(loop->clock);
    fire_timers(loop);
    run_tasks(loop);
    run_flushes(loop);
    if (reap_all(loop))
        loop->busy = true;
    return loop->busy;
}

void loop_run(struct loop *loop)
{
    while (!loop->stopped)
        (void)loop_turn(loop, WAIT_MAX_MS);
    loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
}

uint64_t loop_next_timer_ms(const struct loop *loop)
{
    const struct timer *timer = timer_heap_first(&loop->timers);
    if (!timer)
        return UINT64_MAX;
    uint64_t now = loop->clock->monotonic_ms(loop->clock);
    return timer->due_ms > now ? timer->due_ms - now : 0;
}

uint64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

int64_t loop_unix_ms(const struct loop *loop)
{
    return loop->clock->unix_ms(loop->clock);
}

const struct log *loop_log(const struct loop *loop)
{
    return loop->log;
}

const struct sockets *loop_sockets(const struct loop *loop)
{
    return loop->sockets;
}

unsigned char *loop_scratch(struct loop *loop)
{
    return loop->scratch;
}

unsigned char *loop_records(struct loop *loop)
{
    return loop->scratch + LOOP_SCRATCH;
}

void *loop_take_block(struct loop *loop)
{
    struct spare_block *block = loop ? loop->blocks : NULL;
    if (!block)
        return malloc(LOOP_BLOCK);
    ASAN_UNPOISON_MEMORY_REGION(block, LOOP_BLOCK);
    loop->blocks = block->next;
    loop->block_count--;
    return block;
}

void loop_give_block(struct loop *loop, void *block)
{
    struct spare_block *spare = block;
    if (!spare || !loop || loop->block_count == LOOP_BLOCKS_MAX) {
        free(spare);
        return;
    }
    spare->next = loop->blocks;
    loop->blocks = spare;
    loop->block_count++;
    ASAN_POISON_MEMORY_REGION(spare, LOOP_BLOCK);
}

void loop_reap(struct loop *loop, struct reap *reap, void (*destroy)(void *object), void *object)
{
    reap->destroy = destroy;
    reap->object = object;
    reap->next = loop->dying;
    loop->dying = reap;
}

void timer_init(struct timer *timer, struct loop *loop, void (*fire)(void *arg), void *arg)
{
    *timer = (struct timer){.loop = loop, .fire = fire, .arg = arg};
}

bool timer_start(struct timer *timer, uint64_t after_ms)
{
    timer_stop(timer);
    /* Never in this very turn: a timer that arms itself for "now" must not hold the turn up. */
    timer->due_ms = timer->loop->now_ms + (after_ms > 0 ? after_ms : 1);
    return timer_heap_put(&timer->loop->timers, timer);
}

void timer_stop(struct timer *timer)
{
    if (timer->place)
        timer_heap_remove(&timer->loop->timers, timer);
}

void task_init(struct task *task, struct loop *loop, enum task_phase phase, void (*run)(void *arg),
               void *arg)
{
    *task = (struct task){.loop = loop, .phase = phase, .run = run, .arg = arg};
}

void task_post(struct task *task)
{
    if (!link_is_in_list(&task->link))
        list_put_last(&task->loop->tasks[task->phase], &task->link);
}

void task_cancel(struct task *task)
{
    if (link_is_in_list(&task->link))
        list_remove(&task->loop->tasks[task->phase], &task->link);
}

static void signal_caught(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    struct signal_slot *slot = arg;
    slot->loop->busy = true;
    slot->loop->now_ms = slot->loop->clock->monotonic_ms(slot->loop->clock);
    slot->caught(slot->arg, (int)number);
}

bool loop_on_signal(struct loop *loop, int signal_number,
                    void (*caught)(void *arg, int signal_number), void *arg, struct error *err)
{
    if (loop->signal_count == LOOP_SIGNALS_MAX)
        return error_set(err, ERROR_LIMIT, 0, "more than %d signals", LOOP_SIGNALS_MAX);
    struct signal_slot *slot = &loop->signals[loop->signal_count];
    *slot = (struct signal_slot){.loop = loop, .caught = caught, .arg = arg};
    slot->event = evsignal_new(loop->base, signal_number, signal_caught, slot);
    if (!slot->event)
        return error_memory(err);
    if (event_add(slot->event, NULL) != 0) {
        event_free(slot->event);
        return error_set(err, ERROR_SYSTEM, 0, "signal %d cannot be watched", signal_number);
    }
    loop->signal_count++;
    return true;
}
