/* One thread's event loop: descriptors, timers, deferred calls, signals, and the reaper.
 *
 * A turn: tasks that the last flushes left -> wait for descriptors -> timers that are due -> tasks
 * -> flushes -> reaped memory goes.
 * Everything embedded here (watch, timer, task) is owned by who embeds it and must be stopped
 * before its memory goes. No function of this file is safe to call from another thread. */
#ifndef CULVERT_NET_LOOP_H
#define CULVERT_NET_LOOP_H

#include "culvert/base/list.h"
#include "culvert/base/log.h"
#include "culvert/net/watch.h"

struct loop;
struct sockets;

struct loop_options {
    const struct clock *clock;     /* borrowed; NULL: the system's */
    const struct sockets *sockets; /* borrowed; NULL: the system's */
    const struct log *log;         /* borrowed; NULL: silent */
};
/* The caller owns it. NULL: `err` says why. */
struct loop *loop_new(const struct loop_options *options, struct error *err);

/* Everything embedded must be stopped. Reaps what is left. NULL is allowed. */
void loop_free(struct loop *loop);
/* Turns until loop_stop, not at all when that came before. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* One turn that waits at most `wait_ms`. Returns whether anything was done. For tests: with a
 * turned clock use 0 and loop_next_timer_ms. */
bool loop_turn(struct loop *loop, uint64_t wait_ms);

/* Milliseconds until the next timer is due; UINT64_MAX: none is armed. */
uint64_t loop_next_timer_ms(const struct loop *loop);
uint64_t loop_now_ms(const struct loop *loop); /* monotonic, as of this turn */
int64_t loop_unix_ms(const struct loop *loop);
const struct log *loop_log(const struct loop *loop);
const struct sockets *loop_sockets(const struct loop *loop);

/* Two buffers, valid until the callback returns: one for what a read brings; one for TLS, which
 * holds what such a read comes to, and a record that was begun before it. */
enum { LOOP_SCRATCH = 128 * 1024, LOOP_RECORDS = LOOP_SCRATCH + 32 * 1024 };
unsigned char *loop_scratch(struct loop *loop);
unsigned char *loop_records(struct loop *loop);

/* Small blocks for what waits for the end of a turn, which are more than the C library keeps at
 * hand for a thread. Uninitialised; NULL: memory. malloc and free do too; `loop` may be NULL. */
enum { LOOP_BLOCK = 512, LOOP_BLOCKS_MAX = 64 };
void *loop_take_block(struct loop *loop);
void loop_give_block(struct loop *loop, void *block);

/* Frees `object` with `destroy` at the end of this turn, when no callback of it can be on the
 * stack. Cannot fail: the record is embedded in the object. */
struct reap {
    struct reap *next;
    void (*destroy)(void *object);
    void *object;
};
void loop_reap(struct loop *loop, struct reap *reap, void (*destroy)(void *object), void *object);

/* Something that lives on after its owner let go, at most as long as the loop, which then calls
 * `end` to let go of everything. Embedded; all zero is in no list. */
struct orphan {
    struct link link;
    bool (*is_busy)(const void *object); /* has work to finish; set before; NULL: never has */
    void (*end)(void *object);
    void *object;
};
void loop_adopt(struct loop *loop, struct orphan *orphan, void (*end)(void *object), void *object);
void loop_disown(struct loop *loop, struct orphan *orphan); /* twice is fine */

/* Turns on as long as an orphan is busy, at most `limit_ms`: for the end of a process whose last
 * bytes are still on their way. */
void loop_linger(struct loop *loop, uint64_t limit_ms);

struct timer {
    struct loop *loop;
    uint64_t due_ms;
    size_t place; /* 1 + index in the heap; 0: not armed */
    void (*fire)(void *arg);
    void *arg;
};

void timer_init(struct timer *timer, struct loop *loop, void (*fire)(void *arg), void *arg);
/* (Re)arms it; fires once, in a later turn. False: memory. */
bool timer_start(struct timer *timer, uint64_t after_ms) MUST_CHECK;
void timer_stop(struct timer *timer); /* all zero is allowed */
static inline bool timer_is_armed(const struct timer *timer)
{
    return timer->place != 0;
}

/* A call in this turn after the descriptors and timers, or in the next one when posted later. */
enum task_phase {
    TASK_SOON, /* deferred calls: completions, deliveries */
    TASK_FLUSH /* once everything of this turn is said: gathered output leaves */
};

struct task {
    struct link link;
    struct loop *loop;
    enum task_phase phase;
    void (*run)(void *arg);
    void *arg;
};

void task_init(struct task *task, struct loop *loop, enum task_phase phase, void (*run)(void *arg),
               void *arg);
void task_post(struct task *task);   /* a second post before it ran is one */
void task_cancel(struct task *task); /* all zero is allowed */

/* Calls back on `signal_number`; at most LOOP_SIGNALS_MAX signals, for the life of the loop. */
enum { LOOP_SIGNALS_MAX = 8 };
bool loop_on_signal(struct loop *loop, int signal_number,
                    void (*caught)(void *arg, int signal_number), void *arg,
                    struct error *err) MUST_CHECK;

#endif
