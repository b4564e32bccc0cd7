#include "culvert/observe/exposition.h"

#include "harness.h"

#include <math.h>

TEST(families_are_sorted_by_name_and_empty_ones_left_out)
{
    static const struct metric_desc descs[] = {
        {"b", "Back\\slash and\nnewline.", METRIC_GAUGE},
        {"c", "Not used yet.", METRIC_COUNTER, {"l"}},
        {"a", "First.", METRIC_COUNTER},
    };
    struct metrics *metrics = metrics_new();
    for (size_t i = 0; i < ARRAY_LEN(descs); i++)
        (void)metrics_family(metrics, &descs[i]);
    struct buf out = BUF_LIMIT(1024);
    CHECK(exposition_write(metrics, &out));
    CHECK_TEXT(buf_text(&out), "# HELP a First.\n# TYPE a counter\na 0\n"
                               "# HELP b Back\\\\slash and\\nnewline.\n# TYPE b gauge\nb 0\n");
    buf_release(&out);
    metrics_free(metrics);
}

TEST(numbers_read_back_as_what_they_were)
{
    static const struct {
        double value;
        const char *want;
    } cases[] = {
        {0, "0"},
        {-1, "-1"},
        {39325696, "39325696"},
        {1795165225.4, "1795165225.4"},
        {0.07, "0.07"},
        {0.15000000000000002, "0.15000000000000002"},
        {4.050000000000001, "4.050000000000001"},
        {1.8446744073709552e+19, "1.8446744073709552e+19"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {NAN, "NaN"},
    };
    static const struct metric_desc desc = {"x", "X.", METRIC_GAUGE};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct metrics *metrics = metrics_new();
        struct buf out = BUF_LIMIT(1024);
        char want[128];
        metric_set(metrics_single(metrics, &desc), cases[i].value);
        (void)snprintf(want, sizeof want, "# HELP x X.\n# TYPE x gauge\nx %s\n", cases[i].want);
        CHECK(exposition_write(metrics, &out));
        CHECK_TEXT(buf_text(&out), want);
        buf_release(&out);
        metrics_free(metrics);
    }
}

TEST(a_text_that_does_not_fit_is_said_to_be_incomplete)
{
    static const struct metric_desc desc = {"x", "X.", METRIC_GAUGE};
    struct metrics *metrics = metrics_new();
    (void)metrics_family(metrics, &desc);
    struct buf out = BUF_LIMIT(30);
    CHECK(!exposition_write(metrics, &out));
    buf_release(&out);
    metrics_free(metrics);
}
