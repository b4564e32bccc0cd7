/* The registry: families in the order of registration, series found by their label values. */
#include "culvert/observe/metrics.h"

#include "culvert/base/utf8.h"
#include "metric_tables.h"

#include <assert.h>

/* Ends a label value in the key of the map; never part of UTF-8. */
enum { VALUE_END = 0xff };

/* Room for all values of a label set and their ends. */
enum { LABELS_TEXT = METRIC_LABELS_MAX * (METRIC_LABEL_BYTES + 1) };

size_t metric_label_count(const struct metric_desc *desc)
{
    size_t count = 0;
    while (count < METRIC_LABELS_MAX && desc->labels[count])
        count++;
    return count;
}

/* Copies a value as far as it is UTF-8 and fits; a broken byte becomes '?'. Returns its length. */
static size_t clean_value(struct span value, char out[METRIC_LABEL_BYTES])
{
    size_t len = 0;
    while (value.len > 0) {
        size_t step = utf8_first(value);
        if (len + (step ? step : 1) > METRIC_LABEL_BYTES)
            break;
        if (step)
            memcpy(out + len, value.data, step);
        else
            out[len] = '?';
        len += step ? step : 1;
        value = span_skip(value, step ? step : 1);
    }
    return len;
}

/* Writes the cleaned values one behind the other, each with its end. */
static struct span labels_key(const struct metric_desc *desc, const struct span *values,
                              char out[LABELS_TEXT])
{
    size_t len = 0;
    for (size_t i = 0; i < metric_label_count(desc); i++) {
        assert(values);
        len += clean_value(values[i], out + len);
        out[len++] = (char)VALUE_END;
    }
    return span_make(out, len);
}

static struct metric *series_new(struct metric_family *family, struct span key)
{
    struct metric *metric = calloc(1, sizeof *metric + key.len);
    if (!metric)
        return NULL;
    metric->desc = family->desc;
    if (family->desc->kind == METRIC_HISTOGRAM) {
        metric->counts = calloc(family->desc->bound_count + 1, sizeof *metric->counts);
        if (!metric->counts) {
            free(metric);
            return NULL;
        }
    }
    if (key.len)
        memcpy(metric->text, key.data, key.len);
    struct span rest = span_make(metric->text, key.len);
    for (size_t i = 0; i < metric_label_count(family->desc); i++)
        (void)span_cut(&rest, (char)VALUE_END, &metric->labels[i]);
    list_put_last(&family->series, &metric->link);
    return metric;
}

static void series_free(struct metric *metric)
{
    free(metric->counts);
    free(metric);
}

/* Where everything goes that would be one label set too many; made when it is first needed. */
static struct metric *other_series(struct metric_family *family)
{
    if (!family->other) {
        struct span values[METRIC_LABELS_MAX];
        for (size_t i = 0; i < METRIC_LABELS_MAX; i++)
            values[i] = SPAN("other");
        char text[LABELS_TEXT];
        family->other = series_new(family, labels_key(family->desc, values, text));
    }
    return family->other;
}

struct metric *metric_with(struct metric_family *family, const struct span *values)
{
    if (!family)
        return NULL;
    char text[LABELS_TEXT];
    struct span key = labels_key(family->desc, values, text);
    struct metric *metric = map_find(family->by_labels, key);
    if (metric)
        return metric;
    size_t limit = family->desc->series_max ? family->desc->series_max : METRIC_SERIES_DEFAULT;
    if (map_count(family->by_labels) >= limit)
        return other_series(family);
    metric = series_new(family, key);
    if (metric && !map_put(family->by_labels, key, metric, NULL)) {
        list_remove(&family->series, &metric->link);
        series_free(metric);
        return NULL;
    }
    return metric;
}

struct metrics *metrics_new(void)
{
    return calloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (size_t i = 0; i < metrics->count; i++) {
        struct metric_family *family = &metrics->families[i];
        map_free(family->by_labels, NULL);
        LIST_EACH_SAFE (link, after, &family->series)
            series_free(CONTAINER_OF(link, struct metric, link));
    }
    free(metrics);
}

struct metric_family *metrics_family(struct metrics *metrics, const struct metric_desc *desc)
{
    if (!metrics)
        return NULL;
    for (size_t i = 0; i < metrics->count; i++)
        if (metrics->families[i].desc == desc)
            return &metrics->families[i];
    assert(desc->bound_count <= METRIC_BOUNDS_MAX);
    if (metrics->count == METRIC_FAMILIES_MAX)
        return NULL;
    struct metric_family *family = &metrics->families[metrics->count];
    size_t limit = desc->series_max ? desc->series_max : METRIC_SERIES_DEFAULT;
    *family = (struct metric_family){.desc = desc, .by_labels = map_new(limit)};
    if (!family->by_labels)
        return NULL;
    list_init(&family->series);
    metrics->count++;
    if (metric_label_count(desc) == 0)
        (void)metric_with(family, NULL);
    return family;
}

struct metric *metrics_single(struct metrics *metrics, const struct metric_desc *desc)
{
    assert(metric_label_count(desc) == 0);
    return metric_with(metrics_family(metrics, desc), NULL);
}

void metric_add(struct metric *metric, double amount)
{
    if (!metric)
        return;
    assert(metric->desc->kind == METRIC_GAUGE || amount >= 0);
    metric->value += amount;
}

void metric_set(struct metric *metric, double value)
{
    if (metric)
        metric->value = value;
}

void metric_observe(struct metric *metric, double value)
{
    if (!metric)
        return;
    assert(metric->desc->kind == METRIC_HISTOGRAM);
    size_t at = 0;
    while (at < metric->desc->bound_count && value > metric->desc->bounds[at])
        at++;
    metric->counts[at]++;
    metric->count++;
    metric->value += value;
}

double metric_value(const struct metric *metric)
{
    return metric ? metric->value : 0;
}

static void add_series(struct metric *into, const struct metric *from)
{
    into->value += from->value;
    into->count += from->count;
    for (size_t i = 0; from->counts && i <= from->desc->bound_count; i++)
        into->counts[i] += from->counts[i];
}

static bool merge_family(struct metric_family *into, const struct metric_family *from)
{
    LIST_EACH (it, &from->series) {
        const struct metric *series = CONTAINER_OF(it, struct metric, link);
        struct metric *sum =
            series == from->other ? other_series(into) : metric_with(into, series->labels);
        if (!sum)
            return false;
        add_series(sum, series);
    }
    return true;
}

bool metrics_merge(struct metrics *into, const struct metrics *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct metric_family *family = metrics_family(into, from->families[i].desc);
        if (!family || !merge_family(family, &from->families[i]))
            return false;
    }
    return true;
}
