/* A histogram of latencies: steps below 1.6 %, from a microsecond to an hour. */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include "culvert/base/span.h"

enum { LATENCY_OCTAVES = 32, LATENCY_STEPS = 128 };

/* Embedded; all zero is empty. */
struct latency {
    uint64_t counts[LATENCY_OCTAVES * LATENCY_STEPS];
    uint64_t total, max_us;
};

void latency_add(struct latency *latency, uint64_t us);

/* Microseconds below which `permille` of the values lie; 0 when there is none. */
uint64_t latency_at(const struct latency *latency, unsigned permille);

/* CLOCK_MONOTONIC in microseconds: the loop's own clock is too coarse for one request. */
uint64_t now_us(void);

#endif
