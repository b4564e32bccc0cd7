/* One thread's loop: the order within a turn, timers by a turned clock, tasks, the reaper. */
#include "culvert/net/loop.h"
#include "harness.h"
#include "support/turned_loop.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* What happened, one letter each. */
struct diary {
    struct loop *loop;
    char text[128];
    size_t len;
    struct task task, other;
    struct timer timer;
    struct watch watch;
    size_t count;
};

static void note(struct diary *diary, char letter)
{
    if (diary->len + 1 < sizeof diary->text)
        diary->text[diary->len++] = letter;
}

static void on_task(void *arg)
{
    note(arg, 't');
}

static void on_flush(void *arg)
{
    note(arg, 'f');
}

static void on_timer(void *arg)
{
    note(arg, 'm');
}

static void on_reap(void *arg)
{
    note(arg, 'r');
}

static void post_both(void *arg)
{
    struct diary *diary = arg;
    note(diary, 'p');
    task_post(&diary->other);
    task_post(&diary->task);
}

TEST(a_turn_runs_timers_then_tasks_then_flushes_then_the_reaper)
{
    struct turned_loop turned;
    struct diary diary = {0};
    struct reap reap;
    turned_loop_init(&turned);
    task_init(&diary.task, turned.loop, TASK_SOON, on_task, &diary);
    task_init(&diary.other, turned.loop, TASK_FLUSH, on_flush, &diary);
    timer_init(&diary.timer, turned.loop, post_both, &diary);
    REQUIRE(timer_start(&diary.timer, 5));
    loop_reap(turned.loop, &reap, on_reap, &diary);
    turned_clock_add(&turned.clock, 5);
    CHECK(loop_turn(turned.loop, 0));
    CHECK_TEXT(diary.text, "ptfr");
    CHECK(!loop_turn(turned.loop, 0));
    turned_loop_release(&turned);
}

TEST(a_task_posted_twice_runs_once_and_a_cancelled_one_never)
{
    struct turned_loop turned;
    struct diary diary = {0};
    turned_loop_init(&turned);
    task_init(&diary.task, turned.loop, TASK_SOON, on_task, &diary);
    task_init(&diary.other, turned.loop, TASK_FLUSH, on_flush, &diary);
    task_post(&diary.task);
    task_post(&diary.task);
    task_post(&diary.other);
    task_cancel(&diary.other);
    task_cancel(&diary.other);
    turned_loop_settle(&turned);
    CHECK_TEXT(diary.text, "t");
    turned_loop_release(&turned);
}

static void cancel_other(void *arg)
{
    struct diary *diary = arg;
    note(diary, 'c');
    task_cancel(&diary->other);
}

TEST(a_task_may_cancel_the_one_behind_it)
{
    struct turned_loop turned;
    struct diary diary = {0};
    turned_loop_init(&turned);
    task_init(&diary.task, turned.loop, TASK_SOON, cancel_other, &diary);
    task_init(&diary.other, turned.loop, TASK_SOON, on_task, &diary);
    task_post(&diary.task);
    task_post(&diary.other);
    turned_loop_settle(&turned);
    CHECK_TEXT(diary.text, "c");
    turned_loop_release(&turned);
}

static void post_again(void *arg)
{
    struct diary *diary = arg;
    if (diary->count-- > 0)
        task_post(&diary->task);
    note(diary, 't');
}

TEST(tasks_that_post_tasks_run_in_the_same_turn)
{
    struct turned_loop turned;
    struct diary diary = {.count = 5};
    turned_loop_init(&turned);
    task_init(&diary.task, turned.loop, TASK_SOON, post_again, &diary);
    task_post(&diary.task);
    CHECK(loop_turn(turned.loop, 0));
    CHECK_TEXT(diary.text, "tttttt");
    turned_loop_release(&turned);
}

TEST(a_task_that_posts_itself_for_ever_does_not_hold_the_turn_up)
{
    struct turned_loop turned;
    struct diary diary = {.count = SIZE_MAX};
    turned_loop_init(&turned);
    task_init(&diary.task, turned.loop, TASK_SOON, post_again, &diary);
    timer_init(&diary.timer, turned.loop, on_timer, &diary);
    REQUIRE(timer_start(&diary.timer, 1));
    task_post(&diary.task);
    CHECK(loop_turn(turned.loop, 0));
    turned_clock_add(&turned.clock, 1);
    CHECK(loop_turn(turned.loop, 0));
    CHECK(memchr(diary.text, 'm', diary.len) != NULL);
    task_cancel(&diary.task);
    turned_loop_release(&turned);
}

static void flush_further(void *arg)
{
    struct diary *diary = arg;
    note(diary, 'F');
    task_post(&diary->other);
}

TEST(what_a_flush_hands_down_to_another_leaves_in_the_same_turn)
{
    struct turned_loop turned;
    struct diary diary = {0};
    turned_loop_init(&turned);
    task_init(&diary.task, turned.loop, TASK_FLUSH, flush_further, &diary);
    task_init(&diary.other, turned.loop, TASK_FLUSH, on_flush, &diary);
    task_post(&diary.task);
    CHECK(loop_turn(turned.loop, 0));
    CHECK_TEXT(diary.text, "Ff");
    turned_loop_release(&turned);
}

static void post_task(void *arg)
{
    struct diary *diary = arg;
    note(diary, 'f');
    task_post(&diary->task);
}

static void on_readable(void *arg, unsigned events)
{
    note(arg, events == WATCH_READ ? 'd' : '?');
}

TEST(what_a_flush_completed_is_told_in_the_next_turn_before_descriptors)
{
    struct turned_loop turned;
    struct raw_peer peer;
    struct diary diary = {0};
    turned_loop_init(&turned);
    int fd = raw_peer_open(&peer);
    task_init(&diary.task, turned.loop, TASK_SOON, on_task, &diary);
    task_init(&diary.other, turned.loop, TASK_FLUSH, post_task, &diary);
    REQUIRE(watch_init(&diary.watch, turned.loop, fd, on_readable, &diary));
    task_post(&diary.other);
    CHECK(loop_turn(turned.loop, 0));
    CHECK_TEXT(diary.text, "f");
    REQUIRE(watch_set(&diary.watch, WATCH_READ));
    CHECK_SIZE(raw_peer_put(&peer, SPAN("x")), 1);
    CHECK(loop_turn(turned.loop, 0));
    CHECK_TEXT(diary.text, "ftd");
    watch_release(&diary.watch);
    (void)close(fd);
    raw_peer_close(&peer);
    turned_loop_release(&turned);
}

TEST(timers_fire_in_the_order_they_are_due)
{
    enum { MANY = 500 };
    static struct timer timers[MANY];
    static uint64_t due[MANY];
    struct turned_loop turned;
    struct diary diary = {0};
    turned_loop_init(&turned);
    for (size_t i = 0; i < MANY; i++) {
        timer_init(&timers[i], turned.loop, on_timer, &diary);
        due[i] = 1 + i * 7919 % 1000;
        REQUIRE(timer_start(&timers[i], due[i]));
    }
    for (size_t i = 0; i < MANY; i += 3)
        timer_stop(&timers[i]);
    for (size_t i = 1; i < MANY; i += 3) /* armed anew: only the new time counts */
        REQUIRE(timer_start(&timers[i], due[i] += 500));
    for (uint64_t now = 0; now <= 1600; now++) {
        for (size_t i = 0; i < MANY; i++)
            CHECK_CASE(timer_is_armed(&timers[i]) == (i % 3 != 0 && due[i] > now),
                       "timer %zu, due at %llu, at %llu", i, (unsigned long long)due[i],
                       (unsigned long long)now);
        turned_clock_add(&turned.clock, 1);
        turned_loop_settle(&turned);
    }
    CHECK(loop_next_timer_ms(turned.loop) == UINT64_MAX);
    turned_loop_release(&turned);
}

static void stop_other(void *arg)
{
    struct timer **pair = arg;
    timer_stop(pair[0]);
    timer_stop(pair[1]);
    pair[2] = pair[0];
}

TEST(a_timer_may_stop_another_that_is_due_in_the_same_turn)
{
    struct turned_loop turned;
    struct timer a, b;
    struct timer *pair[3] = {&a, &b, NULL};
    turned_loop_init(&turned);
    timer_init(&a, turned.loop, stop_other, pair);
    timer_init(&b, turned.loop, stop_other, pair);
    REQUIRE(timer_start(&a, 3) && timer_start(&b, 3));
    turned_loop_pass(&turned, 10);
    CHECK(pair[2] == &a);
    CHECK(!timer_is_armed(&a) && !timer_is_armed(&b));
    turned_loop_release(&turned);
}

static void rearm(void *arg)
{
    struct diary *diary = arg;
    note(diary, 'm');
    if (!timer_start(&diary->timer, 0))
        abort();
}

TEST(a_timer_that_arms_itself_for_now_fires_in_a_later_turn)
{
    struct turned_loop turned;
    struct diary diary = {0};
    turned_loop_init(&turned);
    timer_init(&diary.timer, turned.loop, rearm, &diary);
    REQUIRE(timer_start(&diary.timer, 0));
    CHECK(!loop_turn(turned.loop, 0));
    turned_clock_add(&turned.clock, 1);
    CHECK(loop_turn(turned.loop, 0));
    CHECK_TEXT(diary.text, "m");
    timer_stop(&diary.timer);
    turned_loop_release(&turned);
}

TEST(a_stopped_or_never_started_thing_may_be_stopped)
{
    struct timer timer = {0};
    struct task task = {0};
    struct watch watch = {0};
    timer_stop(&timer);
    task_cancel(&task);
    watch_release(&watch);
    watch_release(&watch);
    loop_free(NULL);
}

static void read_some(void *arg, unsigned events)
{
    struct diary *diary = arg;
    char byte;
    note(diary, events == WATCH_READ ? 'R' : events == WATCH_WRITE ? 'W' : 'B');
    if (events & WATCH_READ)
        CHECK(read(diary->watch.fd, &byte, 1) == 1);
}

TEST(a_watch_is_level_triggered_and_waits_only_for_what_it_was_set_to)
{
    struct turned_loop turned;
    struct raw_peer peer;
    struct diary diary = {0};
    turned_loop_init(&turned);
    int fd = raw_peer_open(&peer);
    REQUIRE(watch_init(&diary.watch, turned.loop, fd, read_some, &diary));
    raw_peer_say(&peer, &turned, "abc");
    CHECK_TEXT(diary.text, "");
    REQUIRE(watch_set(&diary.watch, WATCH_READ));
    turned_loop_settle(&turned);
    CHECK_TEXT(diary.text, "RRR");
    REQUIRE(watch_set(&diary.watch, WATCH_WRITE));
    CHECK(loop_turn(turned.loop, 0));
    CHECK_TEXT(diary.text, "RRRW");
    REQUIRE(watch_set(&diary.watch, WATCH_READ | WATCH_WRITE));
    CHECK_SIZE(raw_peer_put(&peer, SPAN("d")), 1);
    CHECK(loop_turn(turned.loop, 0));
    CHECK_TEXT(diary.text, "RRRWB");
    REQUIRE(watch_set(&diary.watch, WATCH_NONE));
    CHECK(!loop_turn(turned.loop, 0));
    watch_release(&diary.watch);
    (void)close(fd);
    raw_peer_close(&peer);
    turned_loop_release(&turned);
}

static void note_news(void *arg, unsigned events)
{
    note(arg, events == WATCH_READ ? 'n' : '?');
}

TEST(a_watch_for_news_is_told_once_of_what_came)
{
    struct turned_loop turned;
    struct raw_peer peer;
    struct diary diary = {0};
    turned_loop_init(&turned);
    int fd = raw_peer_open(&peer);
    REQUIRE(watch_init(&diary.watch, turned.loop, fd, note_news, &diary));
    CHECK_SIZE(raw_peer_put(&peer, SPAN("a")), 1);
    REQUIRE(watch_set(&diary.watch, WATCH_READ | WATCH_NEWS));
    turned_loop_settle(&turned);
    CHECK_TEXT(diary.text, "n");
    raw_peer_say(&peer, &turned, "b");
    CHECK_TEXT(diary.text, "nn");
    raw_peer_end(&peer);
    turned_loop_settle(&turned);
    CHECK_TEXT(diary.text, "nnn");
    watch_release(&diary.watch);
    (void)close(fd);
    raw_peer_close(&peer);
    turned_loop_release(&turned);
}

static void release_self(void *arg, unsigned events)
{
    struct diary *diary = arg;
    (void)events;
    note(diary, 'x');
    watch_release(&diary->watch);
}

TEST(a_watch_may_be_released_from_its_own_callback)
{
    struct turned_loop turned;
    struct raw_peer peer;
    struct diary diary = {0};
    turned_loop_init(&turned);
    int fd = raw_peer_open(&peer);
    REQUIRE(watch_init(&diary.watch, turned.loop, fd, release_self, &diary));
    REQUIRE(watch_set(&diary.watch, WATCH_READ | WATCH_WRITE));
    raw_peer_say(&peer, &turned, "abc");
    CHECK_TEXT(diary.text, "x");
    (void)close(fd);
    raw_peer_close(&peer);
    turned_loop_release(&turned);
}

struct thing {
    struct reap reap;
    struct diary *diary;
    struct thing *inner;
};

static void destroy(void *object)
{
    struct thing *thing = object;
    note(thing->diary, 'd');
    if (thing->inner)
        loop_reap(thing->diary->loop, &thing->inner->reap, destroy, thing->inner);
    free(thing);
}

TEST(what_dies_may_take_others_along_and_the_loop_reaps_what_is_left)
{
    struct turned_loop turned;
    turned_loop_init(&turned);
    struct diary diary = {.loop = turned.loop};
    struct thing *outer = calloc(1, sizeof *outer);
    struct thing *late = calloc(1, sizeof *late);
    REQUIRE(outer && late);
    outer->inner = calloc(1, sizeof *outer->inner);
    REQUIRE(outer->inner);
    outer->diary = outer->inner->diary = late->diary = &diary;
    loop_reap(turned.loop, &outer->reap, destroy, outer);
    CHECK(loop_turn(turned.loop, 0));
    CHECK_TEXT(diary.text, "dd");
    loop_reap(turned.loop, &late->reap, destroy, late);
    turned_loop_release(&turned);
    CHECK_TEXT(diary.text, "ddd");
}

static void stop_loop(void *arg)
{
    struct diary *diary = arg;
    note(diary, 's');
    loop_stop(diary->loop);
}

TEST(the_loop_runs_until_it_is_stopped)
{
    struct turned_loop turned;
    turned_loop_init(&turned);
    struct diary diary = {.loop = turned.loop};
    task_init(&diary.task, turned.loop, TASK_SOON, stop_loop, &diary);
    task_post(&diary.task);
    loop_run(turned.loop);
    CHECK_TEXT(diary.text, "s");
    task_post(&diary.task);
    loop_run(turned.loop);
    CHECK_TEXT(diary.text, "ss");
    turned_loop_release(&turned);
}

TEST(a_loop_that_was_stopped_before_it_ran_does_not_run)
{
    struct turned_loop turned;
    turned_loop_init(&turned);
    loop_stop(turned.loop); /* by a start-up that failed */
    loop_run(turned.loop);
    turned_loop_release(&turned);
}

static void caught(void *arg, int signal_number)
{
    struct diary *diary = arg;
    note(diary, signal_number == SIGUSR1 ? '1' : '?');
}

TEST(a_signal_is_told_in_the_loop)
{
    struct turned_loop turned;
    struct error err = {0};
    turned_loop_init(&turned);
    struct diary diary = {.loop = turned.loop};
    REQUIRE(loop_on_signal(turned.loop, SIGUSR1, caught, &diary, &err));
    CHECK(raise(SIGUSR1) == 0);
    CHECK(loop_turn(turned.loop, 100));
    CHECK_TEXT(diary.text, "1");
    for (int i = 1; i < LOOP_SIGNALS_MAX; i++)
        CHECK(loop_on_signal(turned.loop, SIGUSR1, caught, &diary, &err));
    CHECK(!loop_on_signal(turned.loop, SIGUSR2, caught, &diary, &err));
    CHECK(err.kind == ERROR_LIMIT);
    turned_loop_release(&turned);
}

static void let_time_pass(void *arg, int signal_number)
{
    struct turned_loop *turned = arg;
    (void)signal_number;
    turned_clock_add(&turned->clock, 1234);
}

static void start_timer(void *arg, int signal_number)
{
    struct diary *diary = arg;
    (void)signal_number;
    CHECK(timer_start(&diary->timer, 1000));
}

TEST(a_timer_started_by_a_signal_runs_from_the_signal_on)
{
    struct turned_loop turned;
    struct error err = {0};
    turned_loop_init(&turned);
    struct diary diary = {.loop = turned.loop};
    timer_init(&diary.timer, turned.loop, on_timer, &diary);
    /* The first one stands for the time that the loop has waited. */
    REQUIRE(loop_on_signal(turned.loop, SIGUSR1, let_time_pass, &turned, &err));
    REQUIRE(loop_on_signal(turned.loop, SIGUSR2, start_timer, &diary, &err));
    CHECK(raise(SIGUSR1) == 0 && raise(SIGUSR2) == 0);
    turned_loop_settle(&turned);
    turned_loop_pass(&turned, 999);
    CHECK_TEXT(diary.text, "");
    turned_loop_pass(&turned, 1);
    CHECK_TEXT(diary.text, "m");
    turned_loop_release(&turned);
}

TEST(time_stands_still_within_a_turn_and_follows_the_clock_between)
{
    struct turned_loop turned;
    turned_loop_init(&turned);
    uint64_t before = loop_now_ms(turned.loop);
    turned_clock_add(&turned.clock, 1234);
    CHECK(loop_now_ms(turned.loop) == before);
    (void)loop_turn(turned.loop, 0);
    CHECK(loop_now_ms(turned.loop) == before + 1234);
    CHECK(loop_unix_ms(turned.loop) == turned.clock.calendar_ms);
    turned_loop_release(&turned);
}

TEST(a_block_that_was_given_back_is_taken_again_and_only_so_many_are_kept)
{
    struct turned_loop turned;
    void *blocks[LOOP_BLOCKS_MAX + 2];
    turned_loop_init(&turned);
    void *first = loop_take_block(turned.loop);
    REQUIRE(first);
    memset(first, 'x', LOOP_BLOCK);
    loop_give_block(turned.loop, first);
    CHECK(loop_take_block(turned.loop) == first);
    loop_give_block(turned.loop, first);
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        REQUIRE(blocks[i] = loop_take_block(turned.loop));
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
        loop_give_block(turned.loop, blocks[i]);
    for (size_t i = 0; i < LOOP_BLOCKS_MAX; i++) /* the last one that was kept is the first out */
        REQUIRE(loop_take_block(turned.loop) == blocks[LOOP_BLOCKS_MAX - 1 - i]);
    for (size_t i = 0; i < LOOP_BLOCKS_MAX; i++)
        loop_give_block(turned.loop, blocks[i]);
    turned_loop_release(&turned);
}

TEST(without_a_loop_a_block_comes_from_the_library_and_goes_there)
{
    void *block = loop_take_block(NULL);
    REQUIRE(block);
    memset(block, 'x', LOOP_BLOCK);
    loop_give_block(NULL, block);
    loop_give_block(NULL, NULL);
}
