/* An HTTP origin under test and the fake that it speaks to, in one loop on a turned clock. */
#ifndef CULVERT_TESTS_SUPPORT_ORIGIN_BENCH_H
#define CULVERT_TESTS_SUPPORT_ORIGIN_BENCH_H

#include "culvert/origin/http_origin.h"
#include "support/ask.h"
#include "support/fake_origin.h"
#include "support/turned_clock.h"

struct origin_bench {
    struct turned_clock clock;
    struct memory_sockets memory;
    struct loop *loop;
    struct resolver *resolver; /* app.origin and two.origin are 127.0.0.1, six.origin ::1 and it */
    struct budget budget;
    struct fake_origin fake; /* at 127.0.0.1:3000 */
    struct http_origin_options options;
    struct http_origin *origin; /* NULL before origin_bench_start */
};

/* The options speak to http://app.origin:3000 and keep two connections for 90 s. */
void origin_bench_open(struct origin_bench *bench);
/* Makes the origin from the options. */
void origin_bench_start(struct origin_bench *bench);
struct opener *origin_bench_opener(struct origin_bench *bench);

/* Sends and lets everything happen that needs no time. */
bool origin_bench_ask(struct origin_bench *bench, struct ask *ask);

/* Lets time pass. */
void origin_bench_pass(struct origin_bench *bench, uint64_t ms);

/* All asks must be released before. */
void origin_bench_close(struct origin_bench *bench);

/* Scripts that many tests need. */
#define FAKE_OK                                                                                    \
    {                                                                                              \
        {                                                                                          \
            {                                                                                      \
                FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")             \
            }                                                                                      \
        }                                                                                          \
    }

#endif
