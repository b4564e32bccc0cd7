#include "culvert/observe/metrics.h"

#include "culvert/observe/exposition.h"

#include "harness.h"

static const struct metric_desc plain = {"plain", "A count.", METRIC_COUNTER};
static const struct metric_desc level = {"level", "A level.", METRIC_GAUGE};
static const struct metric_desc few = {"few", "Few sets.", METRIC_COUNTER, {"code", "rule"}, 2};
static const struct metric_desc latency = {
    "latency", "Seconds.", METRIC_HISTOGRAM, {NULL}, 0, {0.1, 1.35, 60.5}, 3};

static void check_text(struct metrics *metrics, const char *want)
{
    struct buf out = BUF_LIMIT(8192);
    CHECK(exposition_write(metrics, &out));
    CHECK_TEXT(buf_text(&out), want);
    buf_release(&out);
}

TEST(a_family_is_registered_once)
{
    struct metrics *metrics = metrics_new();
    CHECK(metrics_family(metrics, &plain) == metrics_family(metrics, &plain));
    CHECK(metrics_single(metrics, &plain) == metrics_single(metrics, &plain));
    metrics_free(metrics);
}

TEST(counters_grow_and_gauges_move)
{
    struct metrics *metrics = metrics_new();
    struct metric *counter = metrics_single(metrics, &plain);
    struct metric *gauge = metrics_single(metrics, &level);
    metric_add(counter, 1);
    metric_add(counter, 2);
    metric_set(gauge, 7);
    metric_add(gauge, -2.5);
    CHECK(metric_value(counter) == 3);
    CHECK(metric_value(gauge) == 4.5);
    metrics_free(metrics);
}

TEST(the_same_labels_are_the_same_series)
{
    struct metrics *metrics = metrics_new();
    struct metric_family *family = metrics_family(metrics, &few);
    const struct span a[] = {SPAN("200"), SPAN("1")};
    const struct span b[] = {SPAN("20"), SPAN("01")};
    CHECK(metric_with(family, a) == metric_with(family, a));
    CHECK(metric_with(family, a) != metric_with(family, b));
    metrics_free(metrics);
}

TEST(label_sets_beyond_the_limit_share_one_series)
{
    struct metrics *metrics = metrics_new();
    struct metric_family *family = metrics_family(metrics, &few);
    for (int i = 0; i < 100; i++) {
        char code[16];
        (void)snprintf(code, sizeof code, "%d", i);
        const struct span labels[] = {span_of(code), SPAN("r")};
        metric_add(metric_with(family, labels), 1);
    }
    check_text(metrics, "# HELP few Few sets.\n# TYPE few counter\n"
                        "few{code=\"0\",rule=\"r\"} 1\n"
                        "few{code=\"1\",rule=\"r\"} 1\n"
                        "few{code=\"other\",rule=\"other\"} 98\n");
    metrics_free(metrics);
}

TEST(label_values_are_escaped_cut_and_mended)
{
    static char endless[500];
    memset(endless, 'x', sizeof endless - 1);
    struct metrics *metrics = metrics_new();
    struct metric_family *family = metrics_family(metrics, &few);
    const struct span odd[] = {SPAN("a\"b\\c\nd"), SPAN("\xff\xc3\xbc\xc3")};
    metric_add(metric_with(family, odd), 1);
    const struct span cut[] = {span_of(endless), SPAN("")};
    metric_add(metric_with(family, cut), 1);
    char want[1024];
    (void)snprintf(want, sizeof want,
                   "# HELP few Few sets.\n# TYPE few counter\n"
                   "few{code=\"a\\\"b\\\\c\\nd\",rule=\"?\xc3\xbc?\"} 1\n"
                   "few{code=\"%.128s\",rule=\"\"} 1\n",
                   endless);
    check_text(metrics, want);
    metrics_free(metrics);
}

TEST(a_histogram_counts_up_to_each_bound)
{
    struct metrics *metrics = metrics_new();
    struct metric *histogram = metrics_single(metrics, &latency);
    const double seen[] = {0.05, 0.1, 0.2, 60.5, 61};
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        metric_observe(histogram, seen[i]);
    check_text(metrics, "# HELP latency Seconds.\n# TYPE latency histogram\n"
                        "latency_bucket{le=\"0.1\"} 2\n"
                        "latency_bucket{le=\"1.35\"} 3\n"
                        "latency_bucket{le=\"60.5\"} 4\n"
                        "latency_bucket{le=\"+Inf\"} 5\n"
                        "latency_sum 121.85\n"
                        "latency_count 5\n");
    metrics_free(metrics);
}

TEST(what_could_not_be_registered_is_silent)
{
    const struct span labels[] = {SPAN("a"), SPAN("b")};
    CHECK(metrics_family(NULL, &plain) == NULL);
    CHECK(metric_with(NULL, labels) == NULL);
    metric_add(NULL, 1);
    metric_set(NULL, 1);
    metric_observe(NULL, 1);
    CHECK(metric_value(NULL) == 0);
    metrics_free(NULL);
}

TEST(merging_adds_values_of_the_same_name_and_labels)
{
    struct metrics *sum = metrics_new();
    struct metrics *other = metrics_new();
    const struct span shared[] = {SPAN("200"), SPAN("0")};
    const struct span alone[] = {SPAN("404"), SPAN("1")};
    metric_add(metrics_single(sum, &plain), 2);
    metric_add(metric_with(metrics_family(sum, &few), shared), 3);
    metric_add(metrics_single(other, &plain), 5);
    metric_set(metrics_single(other, &level), -1.5);
    metric_add(metric_with(metrics_family(other, &few), shared), 4);
    metric_add(metric_with(metrics_family(other, &few), alone), 1);
    CHECK(metrics_merge(sum, other));
    check_text(sum, "# HELP few Few sets.\n# TYPE few counter\n"
                    "few{code=\"200\",rule=\"0\"} 7\nfew{code=\"404\",rule=\"1\"} 1\n"
                    "# HELP level A level.\n# TYPE level gauge\nlevel -1.5\n"
                    "# HELP plain A count.\n# TYPE plain counter\nplain 7\n");
    metrics_free(sum);
    metrics_free(other);
}

TEST(merging_adds_histograms_bucket_by_bucket)
{
    struct metrics *sum = metrics_new();
    struct metrics *other = metrics_new();
    metric_observe(metrics_single(sum, &latency), 0.05);
    metric_observe(metrics_single(other, &latency), 0.05);
    metric_observe(metrics_single(other, &latency), 1);
    metric_observe(metrics_single(other, &latency), 100);
    CHECK(metrics_merge(sum, other));
    check_text(sum, "# HELP latency Seconds.\n# TYPE latency histogram\n"
                    "latency_bucket{le=\"0.1\"} 2\nlatency_bucket{le=\"1.35\"} 3\n"
                    "latency_bucket{le=\"60.5\"} 3\nlatency_bucket{le=\"+Inf\"} 4\n"
                    "latency_sum 101.1\nlatency_count 4\n");
    metrics_free(sum);
    metrics_free(other);
}

TEST(what_is_one_label_set_too_many_in_the_sum_is_other_there_once)
{
    struct metrics *sum = metrics_new();
    struct metrics *other = metrics_new();
    static const char *const codes[] = {"200", "201", "202", "203"};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        const struct span labels[] = {span_of(codes[i]), SPAN("0")};
        metric_add(metric_with(metrics_family(i < 2 ? sum : other, &few), labels), 1);
        if (i >= 2)
            metric_add(metric_with(metrics_family(sum, &few), labels), 10);
    }
    CHECK(metrics_merge(sum, other));
    check_text(sum, "# HELP few Few sets.\n# TYPE few counter\n"
                    "few{code=\"200\",rule=\"0\"} 1\nfew{code=\"201\",rule=\"0\"} 1\n"
                    "few{code=\"other\",rule=\"other\"} 22\n");
    metrics_free(sum);
    metrics_free(other);
}
