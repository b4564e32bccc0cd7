/* An HTTP/2 origin under test and the far end that it speaks to, on a turned clock. Each has a loop
 * of its own, so that what strikes the one spares the other. */
#ifndef CULVERT_TESTS_SUPPORT_H2_BENCH_H
#define CULVERT_TESTS_SUPPORT_H2_BENCH_H

#include "culvert/origin/http2_origin.h"
#include "support/ask.h"
#include "support/h2_far.h"
#include "support/tls_pair.h"
#include "support/turned_clock.h"

struct h2_bench {
    struct turned_clock clock;
    struct memory_sockets memory;
    struct loop *loop, *far_loop;
    struct resolver *resolver; /* app.origin is 127.0.0.1 */
    struct budget budget;
    struct h2_far far; /* at 127.0.0.1:3000 */
    struct http2_origin_options options;
    struct http2_origin *origin; /* NULL before h2_bench_start */
    struct tls_fixture fixture;
    struct tls_context
        *contexts[4]; /* with TLS: far with h2, far without, near with, near without */
};

/* The options speak to h2c://app.origin:3000 and keep two sessions for 90 s. */
void h2_bench_open(struct h2_bench *bench);
/* The same over TLS, to an origin that chooses h2. */
void h2_bench_open_tls(struct h2_bench *bench);
/* Makes the origin from the options. */
void h2_bench_start(struct h2_bench *bench);

/* A request for `target`, sent; everything happens that needs no time. */
void h2_bench_ask(struct h2_bench *bench, struct ask *ask, const char *method, const char *target);
/* `count` of them at once: GET /. */
void h2_bench_ask_all(struct h2_bench *bench, struct ask *asks, size_t count);
/* The far end answers all that it was asked and did not answer, until nothing more comes. */
void h2_bench_answer_all(struct h2_bench *bench);
void h2_bench_release_all(struct h2_bench *bench, struct ask *asks, size_t count);

/* Lets all happen that needs no time; memory is scarce for the near end only. */
void h2_bench_settle(struct h2_bench *bench);

/* Lets time pass. */
void h2_bench_pass(struct h2_bench *bench, uint64_t ms);

/* All asks must be released before. */
void h2_bench_close(struct h2_bench *bench);

#endif
