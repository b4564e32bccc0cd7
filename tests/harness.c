/* Runs the tests whose file or name holds the words given; TAP on stdout, exit 1 on a failure.
 * culvert-tests                       everything
 * culvert-tests unit/base/span        one file
 * culvert-tests unit/base/span a_word the tests of that file whose name holds the word
 * culvert-tests --list                names only */
#include "harness.h"

#include <stdarg.h>

static struct test *tests;
static bool failed_now;

void harness_add(struct test *test)
{
    struct test **end = &tests;
    while (*end)
        end = &(*end)->next;
    *end = test;
}

void harness_fail(const char *file, int line, const char *format, ...)
{
    failed_now = true;
    printf("# %s:%d: ", file, line);
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

void harness_check_size(const char *file, int line, const char *what, size_t got, size_t want)
{
    if (got != want)
        harness_fail(file, line, "%s is %zu, not %zu", what, got, want);
}

void harness_check_span(const char *file, int line, const char *what, struct span got,
                        struct span want)
{
    if (!span_equal(got, want))
        harness_fail(file, line, "%s is \"%.*s\", not \"%.*s\"", what, SPAN_ARG(got),
                     SPAN_ARG(want));
}

const char *vector_path(const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", TEST_VECTORS, name);
    return path;
}

/* "…/tests/unit/base/span_test.c" is meant by "unit/base/span". */
static bool is_wanted(const struct test *test, int argc, char **argv)
{
    if (argc > 1) {
        char part[256];
        (void)snprintf(part, sizeof part, "/%s_test.c", argv[1]);
        if (!span_ends(span_of(test->file), span_of(part)))
            return false;
    }
    return argc < 3 || strstr(test->name, argv[2]) != NULL;
}

int main(int argc, char **argv)
{
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    size_t passed = 0;
    size_t failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (struct test *test = tests; test; test = test->next) {
        if (list) {
            printf("%s %s\n", test->file, test->name);
            continue;
        }
        if (!is_wanted(test, argc, argv))
            continue;
        failed_now = false;
        test->run();
        size_t number = ++*(failed_now ? &failed : &passed);
        (void)number;
        printf("%s %zu - %s\n", failed_now ? "not ok" : "ok", passed + failed, test->name);
    }
    if (list)
        return 0;
    printf("1..%zu\n%zu passed, %zu failed\n", passed + failed, passed, failed);
    return failed > 0 || passed == 0 ? 1 : 0;
}
