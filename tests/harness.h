/* TEST, CHECK and the runner. A test's name is the sentence it proves. */
#ifndef CULVERT_TESTS_HARNESS_H
#define CULVERT_TESTS_HARNESS_H

#include "culvert/base/span.h"

struct test {
    const char *file;
    const char *name;
    void (*run)(void);
    struct test *next;
};

void harness_add(struct test *test);
void harness_fail(const char *file, int line, const char *format, ...) PRINTF_LIKE(3, 4);
void harness_check_size(const char *file, int line, const char *what, size_t got, size_t want);
void harness_check_span(const char *file, int line, const char *what, struct span got,
                        struct span want);

/* Where the data under tests/vectors lies: vector_path("rpc/x.hex"). Static until the next call. */
const char *vector_path(const char *name);

#define TEST(title)                                                                                \
    static void title(void);                                                                       \
    __attribute__((constructor)) static void title##_add(void)                                     \
    {                                                                                              \
        static struct test test = {__FILE__, #title, title, NULL};                                 \
        harness_add(&test);                                                                        \
    }                                                                                              \
    static void title(void)

/* Each notes the failure and goes on; REQUIRE leaves the test function. */
#define CHECK(claim) ((claim) ? (void)0 : harness_fail(__FILE__, __LINE__, "not true: %s", #claim))
#define REQUIRE(claim)                                                                             \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            harness_fail(__FILE__, __LINE__, "not true: %s", #claim);                              \
            return;                                                                                \
        }                                                                                          \
    } while (0)
/* For table-driven tests: the text says which case. */
#define CHECK_CASE(claim, ...) ((claim) ? (void)0 : harness_fail(__FILE__, __LINE__, __VA_ARGS__))
#define CHECK_SIZE(got, want)                                                                      \
    harness_check_size(__FILE__, __LINE__, #got, (size_t)(got), (size_t)(want))
#define CHECK_SPAN(got, want) harness_check_span(__FILE__, __LINE__, #got, (got), (want))
#define CHECK_TEXT(got, want) CHECK_SPAN(span_of(got), span_of(want))

#endif
