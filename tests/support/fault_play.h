/* A play for faults: a connector registers, guests ask for what is there and for what is not, the
 * ends drain; meanwhile one end suffers. Whatever strikes it, every guest gets a true answer, an
 * error of ours or a broken connection; once the fault is over all is well again. */
#ifndef CULVERT_TESTS_SUPPORT_FAULT_PLAY_H
#define CULVERT_TESTS_SUPPORT_FAULT_PLAY_H

#include "support/split_ends.h"

struct fault {
    enum split_party sufferer;
    size_t allocation; /* the first that fails ... */
    size_t famine;     /* ... and how many; 0: none fails */
    struct socket_plan sockets;
    /* Of all guests at once, with four HA connections and an edge of three workers; 0: in turn. */
    size_t rounds;
};

struct fault_play {
    struct ends_store store;
    size_t allocations; /* that the sufferer asked for in the last play */
    size_t struck;      /* calls of its sockets that failed */
    size_t calls;       /* of the kind that was to fail */
    size_t answered;    /* visitors that got the true answer while the fault was there */
};

void fault_play_open(struct fault_play *play);
void fault_play_close(struct fault_play *play);

/* Plays once for each allocation of the sufferer's from number `from` on, in steps of `step` up to
 * FAULT_EACH_MAX, then in steps of FAULT_SAMPLE; `famine` of them fail. */
enum { FAULT_EACH_MAX = 2000, FAULT_SAMPLE = 97 };
struct fault_sweep {
    enum split_party sufferer;
    size_t from, step, famine;
    size_t rounds;
};
void fault_play_sweep_memory(const struct fault_sweep *sweep);

/* Plays once for each call of that kind, which fails with `error`, as do the `count` - 1 behind it.
 * `unseen`: a fault that no visitor may notice. */
void fault_play_sweep_calls(enum split_party sufferer, const struct socket_plan *plan, bool unseen);

/* Plays once with a plan that goes on for ever and that no visitor may notice. */
void fault_play_lasting(enum split_party sufferer, const struct socket_plan *plan);

/* Sockets that move any number of bytes at a time; that say at every other call that one has to ask
 * once more; that say so at each call in turn. No visitor may notice. */
void fault_play_any_size(enum split_party sufferer);
void fault_play_retries_lasting(enum split_party sufferer);
void fault_play_retries(enum split_party sufferer);

/* Each single read and write breaks its connection. */
void fault_play_breaks(enum split_party sufferer);

/* Plays once and judges; a failed check names the fault. */
void fault_play_run(struct fault_play *play, const struct fault *fault);

#endif
