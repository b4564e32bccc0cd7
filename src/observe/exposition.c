/* One line for each series, in an order that does not change from scrape to scrape. */
#include "culvert/observe/exposition.h"

#include "metric_tables.h"

#include <math.h>

static const char *const kind_names[] = {
    [METRIC_COUNTER] = "counter",
    [METRIC_GAUGE] = "gauge",
    [METRIC_HISTOGRAM] = "histogram",
};

/* The shortest decimal that reads back as the same number. */
static bool put_number(struct buf *out, double value)
{
    if (isnan(value))
        return buf_put_span(out, SPAN("NaN"));
    if (isinf(value))
        return buf_put_span(out, value > 0 ? SPAN("+Inf") : SPAN("-Inf"));
    if (fabs(value) < 1e15 && value == floor(value))
        return buf_printf(out, "%.0f", value);
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return buf_put_span(out, span_of(text));
}

/* `\`, newline, and in label values `"`, have a backslash in front. */
static bool put_escaped(struct buf *out, struct span text, bool in_quotes)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool ok;
        if (c == '\n')
            ok = buf_put_span(out, SPAN("\\n"));
        else if (c == '\\' || (c == '"' && in_quotes))
            ok = buf_put_char(out, '\\') && buf_put_char(out, c);
        else
            ok = buf_put_char(out, c);
        if (!ok)
            return false;
    }
    return true;
}

/* {a="1",b="2"}; with a bound also le="0.05", or le="+Inf" for the last. */
static bool put_labels(struct buf *out, const struct metric *metric, const double *bound)
{
    size_t count = metric_label_count(metric->desc);
    if (count == 0 && !bound)
        return true;
    if (!buf_put_char(out, '{'))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!buf_printf(out, "%s%s=\"", i ? "," : "", metric->desc->labels[i]) ||
            !put_escaped(out, metric->labels[i], true) || !buf_put_char(out, '"'))
            return false;
    if (bound && (!buf_printf(out, "%sle=\"", count ? "," : "") || !put_number(out, *bound) ||
                  !buf_put_char(out, '"')))
        return false;
    return buf_put_char(out, '}');
}

static bool put_sample(struct buf *out, const struct metric *metric, const char *suffix,
                       const double *bound, double value)
{
    return buf_printf(out, "%s%s", metric->desc->name, suffix) && put_labels(out, metric, bound) &&
           buf_put_char(out, ' ') && put_number(out, value) && buf_put_char(out, '\n');
}

static bool put_histogram(struct buf *out, const struct metric *metric)
{
    static const double everything = INFINITY;
    uint64_t below = 0;
    for (size_t i = 0; i < metric->desc->bound_count; i++) {
        below += metric->counts[i];
        if (!put_sample(out, metric, "_bucket", &metric->desc->bounds[i], (double)below))
            return false;
    }
    return put_sample(out, metric, "_bucket", &everything, (double)metric->count) &&
           put_sample(out, metric, "_sum", NULL, metric->value) &&
           put_sample(out, metric, "_count", NULL, (double)metric->count);
}

static int by_labels(const void *a, const void *b)
{
    const struct metric *const *left = a;
    const struct metric *const *right = b;
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++) {
        int order = span_compare((*left)->labels[i], (*right)->labels[i]);
        if (order != 0)
            return order;
    }
    return 0;
}

static bool put_series(struct buf *out, const struct metric_family *family)
{
    const struct metric **sorted = calloc(family->series.count, sizeof(struct metric *));
    if (!sorted)
        return false;
    size_t count = 0;
    LIST_EACH (link, &family->series)
        sorted[count++] = CONTAINER_OF(link, struct metric, link);
    qsort(sorted, count, sizeof(struct metric *), by_labels);
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++)
        ok = family->desc->kind == METRIC_HISTOGRAM
                 ? put_histogram(out, sorted[i])
                 : put_sample(out, sorted[i], "", NULL, sorted[i]->value);
    free(sorted);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    const struct metric_family *const *left = a;
    const struct metric_family *const *right = b;
    return strcmp((*left)->desc->name, (*right)->desc->name);
}

bool exposition_write(const struct metrics *metrics, struct buf *out)
{
    const struct metric_family *sorted[METRIC_FAMILIES_MAX] = {NULL};
    for (size_t i = 0; i < metrics->count; i++)
        sorted[i] = &metrics->families[i];
    qsort(sorted, metrics->count, sizeof sorted[0], by_name);
    for (size_t i = 0; i < metrics->count; i++) {
        const struct metric_desc *desc = sorted[i]->desc;
        if (sorted[i]->series.count == 0)
            continue;
        if (!buf_printf(out, "# HELP %s ", desc->name) ||
            !put_escaped(out, span_of(desc->help), false) ||
            !buf_printf(out, "\n# TYPE %s %s\n", desc->name, kind_names[desc->kind]) ||
            !put_series(out, sorted[i]))
            return false;
    }
    return true;
}
